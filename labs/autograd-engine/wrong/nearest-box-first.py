"""Goes by the distance from the result, so that a box may hand on before all has arrived.

Caught by: each_box_after_its_inputs, gradients_of_numbers, random_graphs_of_numbers
"""


# %% topological_order
def topological_order(result):
    found = {result: None}
    for box in (waiting := [result]):
        for one in box.inputs:
            if one not in found:
                found[one] = None
                waiting.append(one)
    return list(found)[::-1]
