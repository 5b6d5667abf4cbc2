"""Sums over the examples one by one, and the rate inside of the sum."""
# ruff: noqa: F821


# %% loss
def loss(w, x, y):
    return sum((row @ w - target) ** 2 for row, target in zip(x, y, strict=True)) / len(y)


# %% gradient
def gradient(w, x, y):
    slopes = [2 * (row @ w - target) * row for row, target in zip(x, y, strict=True)]
    return sum(slopes) / len(slopes)


# %% descent
class Descent:
    def __init__(self, dimensions, rate=0.1):
        self.now = [0.0] * dimensions
        self.rate = rate

    def step(self, x, y):
        slope = gradient(torch.tensor(self.now), x, y)
        self.now = [a - self.rate * float(b) for a, b in zip(self.now, slope, strict=True)]
        return torch.tensor(self.now)
