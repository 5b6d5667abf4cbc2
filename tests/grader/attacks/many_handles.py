"""Objects without number, recursive values, iterators without end."""
# ruff: noqa


# %% descent
class Descent:
    def __init__(self, dimensions, rate=0.1):
        self.rate = self

    def step(self, x, y):
        endless = []
        endless.append(endless)
        return endless

    def __getattr__(self, name):
        return self


# %% loss
def loss(w, x, y):
    return (n for n in iter(int, 1))


# %% gradient
def gradient(w, x, y):
    return [[]] * 1_000_000


# %% classify
def classify(x, labels, new):
    return {str(n): n for n in range(200_000)}


# %% after
print("attempted")
