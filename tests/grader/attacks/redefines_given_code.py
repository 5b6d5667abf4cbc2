"""Gives a given function another meaning from a later cell, and patches what it is made of."""
# ruff: noqa


# %% after
def given_scale(x):
    return x * 0


torch.optim.SGD.step = lambda *_: None
torch.nn.Module.__call__ = lambda self, *a, **k: a[0]
print("attempted")
