"""Lets the function call itself for each input, which Python ends after about 1,000 calls.

Caught by: long_chains_and_many_paths
"""


# %% topological_order
def topological_order(result):
    order, seen = [], set()

    def visit(box):
        if box not in seen:
            seen.add(box)
            for one in box.inputs:
                visit(one)
            order.append(box)

    visit(result)
    return order
