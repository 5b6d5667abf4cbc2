"""The model functions that NormalizationAxes ships, against torch's own normalizations."""

import itertools
import random

import pytest
import torch
import torch.nn.functional as F

from introml.widgets import NormalizationAxes
from introml.widgets.normalization_axes import CHANNELS, EXAMPLES, POSITIONS, VALUES

EPSILON = 1e-5


def by_torch(setting, x):
    """What torch makes of x (N, C, P)."""
    method, (_, C, _) = setting["method"], x.shape
    if method == "batch":
        return F.batch_norm(x, None, None, training=True, eps=EPSILON)
    if method == "instance":
        return F.instance_norm(x, eps=EPSILON)
    if method == "group":
        return F.group_norm(x, setting["groups"], eps=EPSILON)
    norm = F.layer_norm if method == "layer" else F.rms_norm
    if setting["positions"] == "together":
        return norm(x, x.shape[1:], eps=EPSILON)
    return norm(x.movedim(1, -1), (C,), eps=EPSILON).movedim(-1, 1)


def settings(channels):
    for method in ("batch", "instance"):
        yield {"method": method, "groups": 1, "positions": "together"}
    for groups in range(1, channels + 1):
        if channels % groups == 0:
            yield {"method": "group", "groups": groups, "positions": "together"}
    for method, positions in itertools.product(("layer", "rms"), ("together", "alone")):
        yield {"method": method, "groups": 1, "positions": positions}


@pytest.fixture(scope="module")
def cases():
    """(setting, shape, values): a grid of small shapes, and random larger ones with far numbers."""
    rng = random.Random(0)
    shapes = list(itertools.product((2, 3), (1, 2, 4), (2, 3, 4)))
    shapes += [(rng.randint(2, 6), rng.randint(1, 8), rng.randint(2, 7)) for _ in range(150)]
    found = []
    for shape in shapes:
        for setting in settings(shape[1]):
            size, offset = 10 ** rng.uniform(-2, 2), rng.choice([0, rng.uniform(-99, 99)])
            count = shape[0] * shape[1] * shape[2]
            values = [offset + size * rng.gauss(0, 1) for _ in range(count)]
            if rng.random() < 0.1:
                values = [float(rng.randint(0, 1)) for _ in values]
            if rng.random() < 0.05:
                values = [offset] * count  # nothing but the mean
            found.append((setting, shape, values))
    return found


def test_results_equal_torchs(run_model, cases):
    assert len(cases) >= 1000
    for (setting, shape, values), said in zip(
        cases, run_model("NormalizationAxes", "normalized", [(s, p, v) for s, p, v in cases]),
        strict=True,
    ):  # fmt: skip
        x = torch.tensor(values, dtype=torch.float64).view(shape)
        found = torch.tensor(said, dtype=torch.float64).view(shape)
        torch.testing.assert_close(found, by_torch(setting, x), rtol=1e-6, atol=1e-6)


def test_groups_are_the_numbers_on_which_a_result_depends(run_model, cases):
    """A cell's group is found again from torch's derivatives: they vanish outside it."""
    compared = 0
    for setting, shape, values in cases[::7]:
        x = torch.tensor(values, dtype=torch.float64).view(shape)
        x = x + torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        [groups] = run_model(
            "NormalizationAxes", "groupsOf", [(setting, shape, x.flatten().tolist())]
        )
        assert sorted(m for g in groups for m in g["members"]) == list(range(x.numel()))
        leaf = x.clone().requires_grad_()
        outputs = by_torch(setting, leaf).flatten()
        for group in groups:
            own = x.flatten()[group["members"]]
            centre = 0 if setting["method"] == "rms" else own.mean().item()
            assert group["mean"] == pytest.approx(centre, rel=1e-6, abs=1e-9)
            assert group["variance"] == pytest.approx(
                (own - centre).square().mean().item(), rel=1e-6, abs=1e-9
            )
            if len(own) < 3:
                continue  # of two numbers the results are −1 and 1, whatever they are
            [slopes] = torch.autograd.grad(outputs[group["members"][0]], leaf, retain_graph=True)
            touched = slopes.flatten().nonzero().flatten().tolist()
            assert touched == sorted(group["members"])
            compared += 1
    assert compared > 300


def test_groups_that_do_not_divide_the_channels_are_refused(run_model):
    setting = {"method": "group", "groups": 3, "positions": "together"}
    [said] = run_model("NormalizationAxes", "normalized", [(setting, (2, 4, 2), [0.0] * 16)])
    assert "3 equal groups" in str(said)


def test_the_widget_holds_a_whole_block():
    assert len(VALUES) == EXAMPLES * CHANNELS * POSITIONS
    with pytest.raises(ValueError, match="48"):
        NormalizationAxes(values=[1.0])
    assert NormalizationAxes(each_position=True).each_position is True
    with pytest.raises(ValueError, match="one of"):
        NormalizationAxes(groups=3)
