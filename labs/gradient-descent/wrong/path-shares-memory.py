"""Changes one tensor in place and appends it again and again: all rows show the last point.

Caught by: path_of_the_descent
"""
# ruff: noqa: F821


# %% descend
def descend(X, y, w, b, lr, steps):
    theta = torch.cat([w, b[None]])
    path = [theta]
    for _ in range(steps):
        dw, db = gradient(X, y, theta[:-1], theta[-1])
        theta -= lr * torch.cat([dw, db[None]])
        path.append(theta)
    return torch.stack(path)
