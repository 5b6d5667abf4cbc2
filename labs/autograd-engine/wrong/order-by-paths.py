"""Follows every path from the result, of which there may be more than can be walked.

Caught by: long_chains_and_many_paths
"""


# %% topological_order
def topological_order(result):
    paths, waiting = [], [result]
    while waiting:
        box = waiting.pop()
        paths.append(box)
        waiting.extend(box.inputs)
    return list(dict.fromkeys(paths))[::-1]
