"""The lab on gradient descent solved in quite another way: one vector θ = (w, b), einsum, lists.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821


# %% mean_loss
def predict(X, w, b):
    return torch.einsum("nd,d->n", X, w).add(b)


def mean_loss(X, y, w, b):
    residuals = y - predict(X, w, b)
    return torch.dot(residuals, residuals) / (2 * X.shape[0])


# %% gradient
def gradient(X, y, w, b):
    A = torch.cat([X, torch.ones_like(X[:, :1])], dim=1)
    theta = torch.cat([w, b.reshape(1)])
    # The two sides of the normal equations, instead of the errors.
    slope = A.T @ (A @ theta) / len(A) - A.T @ y / len(A)
    return slope[:-1], slope[-1]


# %% update
def update(X, y, w, b, lr):
    moved = [p.sub(g, alpha=lr) for p, g in zip((w, b), gradient(X, y, w, b), strict=True)]
    return tuple(moved)


# %% descend
def descend(X, y, w, b, lr, steps):
    path = torch.empty(steps + 1, len(w) + 1, dtype=X.dtype)
    path[0, :-1], path[0, -1] = w, b
    for step in range(steps):
        new_w, new_b = update(X, y, path[step, :-1], path[step, -1], lr)
        path[step + 1, :-1], path[step + 1, -1] = new_w, new_b
    return path


# %% shuffled_batches
def shuffled_batches(n, batch_size, epochs):
    result = []
    for _ in range(epochs):
        order = torch.rand(n).argsort()  # the ranks of random numbers are a permutation
        starts = range(0, n, batch_size)
        result.append([order[start : min(start + batch_size, n)] for start in starts])
    return result


# %% learning_rate
def learning_rate(t, peak, warmup, total):
    rise = (t + 1) / (warmup + 1)
    fall = (total - t) / (total - warmup)
    return peak * max(0.0, min(rise, fall))


# %% train
def train(X, y, batch_size, epochs, peak, warmup):
    n, d = X.shape
    w, b = torch.zeros(d, dtype=X.dtype), torch.zeros((), dtype=X.dtype)
    total = epochs * (-(-n // batch_size))
    losses = torch.zeros(total, dtype=X.dtype)
    batches = [batch for epoch in shuffled_batches(n, batch_size, epochs) for batch in epoch]
    for t, batch in enumerate(batches):
        rows, targets = X.index_select(0, batch), y.index_select(0, batch)
        losses[t] = mean_loss(rows, targets, w, b)
        w, b = update(rows, targets, w, b, learning_rate(t, peak, warmup, total))
    return w, b, losses
