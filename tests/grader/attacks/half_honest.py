"""A right loss, and hostile code elsewhere: it gets the points of the loss, and no more.

Score: 6
"""
# ruff: noqa

# %% before
import os

print("attempted")


# %% loss
def loss(w, x, y):
    return ((x @ w - y) ** 2).mean()


# %% gradient
def gradient(w, x, y):
    os._exit(0)


# %% classify
def classify(x, labels, new):
    os.kill(1, 9)
    return labels
