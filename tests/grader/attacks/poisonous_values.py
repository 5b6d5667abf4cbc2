"""Legal values that upset careless checks: graphs, views, odd scalars, huge and tiny numbers."""
# ruff: noqa

# %% before
kept = []


# %% loss
def loss(w, x, y):
    odd = [
        np.float64("nan"), 2**62, -0.0, 5e-324, True, None, "\x1b[2J\x00", {"": {"__class__": 1}},
        torch.tensor(1.0, requires_grad=True) * 2, torch.bfloat16, np.bool_(True), [[[[]]]],
        torch.ones(1).expand(1000, 1000), torch.ones(3).as_strided((2, 2), (1, 1)), np.uint64(7),
        torch.tensor([1 + 2j]).conj(), torch.empty(0, 2**20), 10**400, "x" * (1 << 21),
    ]  # fmt: skip
    kept.append(1)
    return odd[len(kept) % len(odd)]


gradient = loss


# %% descent
class Descent:
    def __init__(self, dimensions, rate=0.1):
        pass

    def step(self, x, y):
        return loss(0, 0, 0)


# %% classify
def classify(x, labels, new):
    return torch.full((len(new),), -1, dtype=torch.int64)
