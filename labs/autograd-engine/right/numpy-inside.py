"""The walk through arrays and the sums with NumPy's arrays inside.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% sum_to
def sum_to(u, shape):
    import numpy as np

    total = u.numpy()
    total = total.sum(axis=tuple(range(total.ndim - len(shape))))
    ones = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return torch.from_numpy(np.asarray(total.sum(axis=ones, keepdims=True)))


# %% backward_arrays
def backward_arrays(result):
    received = {result: [np_like(result.data)]}
    for box in reversed(topological_order(result)):
        total = torch.stack(received[box]).sum(0)
        if not box.inputs:
            earlier = [] if box.grad is None else [box.grad]
            box.grad = torch.stack([total, *earlier]).sum(0)
            continue
        shares = dict(enumerate(box.pull(total, *box.saved)))
        for place, one in enumerate(box.inputs):
            received.setdefault(one, []).append(sum_to(shares[place], one.shape))


def np_like(data):
    import numpy as np

    return torch.from_numpy(np.ones_like(data.numpy()))
