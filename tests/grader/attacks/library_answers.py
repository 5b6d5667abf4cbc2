"""The forbidden function by ways that the text shows, and by ways that only a patch meets."""
# ruff: noqa

# %% before
import operator

print("attempted")


# %% loss
def loss(w, x, y):
    return getattr(torch.nn.functional, "".join(["mse", "_loss"]))(x @ w, y)


# %% gradient
def gradient(w, x, y):
    w = w.clone().requires_grad_()
    value = ((x @ w - y) ** 2).mean()
    return operator.attrgetter(bytes([103, 114, 97, 100]).decode())(torch.autograd)(value, w)[0]
