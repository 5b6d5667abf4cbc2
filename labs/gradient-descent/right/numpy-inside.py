"""The lab on gradient descent solved in NumPy, in objects that are called, and by mapped functions.

It must pass every check: a check that fails here is about the way of writing, not about the result.
"""
# ruff: noqa: F821

# %% mean_loss
import numpy as np


def predict(X, w, b):
    return torch.from_numpy(np.einsum("nd,d->n", X.numpy(), w.numpy()) + b.numpy())


@torch.no_grad()
def mean_loss(X, y, w, b, reduction="mean"):
    return predict(X, w, b).sub_(y).pow_(2).mul_(0.5).mean()


# %% gradient
class Gradient:
    """Each example's gradient by vmap, and their mean."""

    @torch.inference_mode()
    def __call__(self, X, y, w, b):
        def of_one(x, target):
            error = (x * w).sum() + b - target
            return error * x, error

        δw, δb = torch.vmap(of_one)(X, y)
        return δw.mean(0), δb.mean()


gradient = Gradient()


# %% update
update = lambda X, y, w, b, lr: tuple(  # noqa: E731
    torch.sub(p, g, alpha=lr) for p, g in zip((w, b), gradient(X, y, w, b), strict=False)
)


# %% descend
def descend(X, y, w, b, lr, steps):
    from functools import reduce

    def longer(path, _):
        return [*path, update(X, y, *path[-1], lr)]

    path = reduce(longer, range(steps), [(w, b)])
    return torch.from_numpy(np.array([np.append(w.numpy(), b.numpy()) for w, b in path]))


# %% shuffled_batches
def shuffled_batches(n, batch_size, epochs):
    def epoch():
        order = torch.multinomial(torch.ones(n), n)  # without replacement
        return [*map(torch.as_tensor, np.split(order.numpy(), range(batch_size, n, batch_size)))]

    return [epoch() for _ in range(epochs)]


# %% learning_rate
def learning_rate(t, peak, warmup, total):
    return np.interp(t + 1, [0, warmup + 1, total + 1], [0, peak, 0])


# %% train
def train(X, y, batch_size, epochs, peak, warmup):
    total = epochs * math.ceil(len(X) / batch_size)
    rates = (learning_rate(t, peak, warmup, total) for t in range(total))
    w, b, losses = torch.zeros_like(X[0]), torch.zeros_like(y[0]), []
    for batches in shuffled_batches(len(X), batch_size, epochs):
        for batch, rate in zip(batches, rates, strict=False):
            losses += [mean_loss(X[batch], y[batch], w, b)]
            w, b = update(X[batch], y[batch], w, b, float(rate))
    return w, b, torch.as_tensor(losses, dtype=X.dtype)
