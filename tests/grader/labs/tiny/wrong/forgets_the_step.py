"""Returns the new weights without keeping them: every step starts again from zero.

Caught by: steps_go_on
"""
# ruff: noqa: F821


# %% descent
class Descent:
    def __init__(self, dimensions, rate=0.1):
        self.w = torch.zeros(dimensions)
        self.rate = rate

    def step(self, x, y):
        return self.w - self.rate * gradient(self.w, x, y)
