"""Notes the point after each update only, so the start is not in the path.

Caught by: path_of_the_descent, converges_up_to_the_bound
"""
# ruff: noqa: F821


# %% descend
def descend(X, y, w, b, lr, steps):
    path = []
    for _ in range(steps):
        w, b = update(X, y, w, b, lr)
        path.append(torch.cat([w, b[None]]))
    return torch.stack(path)
