"""The model functions that PositionExplorer ships, against torch in float64."""

import numpy as np
import pytest
import torch
from scipy import stats
from traitlets import TraitError

from introml.widgets import PositionExplorer

WIDGET = "PositionExplorer"
WIDTHS = (4, 8, 16)
EVERY = list(range(48))


def hands(positions, width, base):
    """e^(iωt) of each pair by torch.polar: (…, width / 2), complex."""
    i = torch.arange(width // 2, dtype=torch.float64)
    omega = torch.pow(torch.tensor(base, dtype=torch.float64), -2 * i / width)
    angles = torch.as_tensor(positions, dtype=torch.float64)[..., None] * omega
    return torch.polar(torch.ones_like(angles), angles)


@pytest.fixture(scope="module")
def cases():
    """(position, width, base): a grid, then random ones."""
    made = [(t, w, b) for t in range(-12, 48, 5) for w in WIDTHS for b in (2, 50, 10_000)]
    rng = np.random.default_rng(0)
    while len(made) < 1200:
        base = float(10 ** rng.uniform(0.31, 4))
        made.append((int(rng.integers(-12, 48)), int(rng.choice(WIDTHS)), base))
    return made


def test_sines_and_cosines_equal_torchs(run_model, cases):
    for (t, width, base), row in zip(cases, run_model(WIDGET, "sinCos", cases), strict=True):
        z = hands(t, width, base)
        expected = torch.stack([z.imag, z.real], -1).flatten()
        assert row == pytest.approx(expected.tolist(), abs=1e-9)


def test_turned_vectors_equal_complex_multiplication(run_model, cases):
    rng = np.random.default_rng(1)
    made = [(rng.normal(size=width), t, base) for t, width, base in cases]
    for (x, t, base), row in zip(made, run_model(WIDGET, "turned", made), strict=True):
        z = torch.view_as_complex(torch.tensor(x).view(-1, 2)) * hands(t, len(x), base)
        assert row == pytest.approx(torch.view_as_real(z).flatten().tolist(), abs=1e-9)


def setting(encoding="sin-cos", width=8, base=10_000, back=0, head=2):
    return {
        "encoding": encoding, "width": width, "base": base, "back": back, "head": head,
    }  # fmt: skip


def test_scores_of_waves_equal_torchs(run_model, cases):
    rng = np.random.default_rng(2)
    made = []
    for n, (_, width, base) in enumerate(cases):
        encoding = ("sin-cos", "rope")[n % 2]
        now = setting(encoding, width, base, back=int(rng.integers(0, 13)))
        made.append((now, int(rng.integers(48)), EVERY))
    for (now, query, keys), found in zip(made, run_model(WIDGET, "scores", made), strict=True):
        width, base = now["width"], now["base"]
        # Turned back by a conjugate factor, as W^Q would, and then to its position.
        asked = hands(query, width, base) * hands(now["back"], width, base).conj()
        keyed = hands(keys, width, base)
        if now["encoding"] == "rope":
            start = torch.tensor([1, 0] * (width // 2), dtype=torch.float64)
            start = torch.view_as_complex(start.view(-1, 2))
            asked, keyed = start * asked, start * keyed
        expected = (asked.real * keyed.real + asked.imag * keyed.imag).sum(-1)
        assert found == pytest.approx(expected.tolist(), abs=1e-9)


def test_scores_of_alibi_are_slope_times_distance(run_model):
    made = [(setting("alibi", head=h), q, EVERY) for h in range(1, 9) for q in range(48)]
    for (now, q, keys), found in zip(made, run_model(WIDGET, "scores", made), strict=True):
        distance = (torch.tensor(keys) - q).abs().double()
        assert found == pytest.approx((-distance / 2 ** now["head"]).tolist(), abs=1e-12)
    slopes = run_model(WIDGET, "slope", [(h, n) for n in (1, 2, 4, 8, 16) for h in range(1, n + 1)])
    ratio = [2 ** (-8 / n) for n in (1, 2, 4, 8, 16) for _ in range(n)]
    power = [h for n in (1, 2, 4, 8, 16) for h in range(1, n + 1)]
    assert slopes == pytest.approx([r**h for r, h in zip(ratio, power, strict=True)], rel=1e-12)


def test_the_learned_table_is_normal_and_ends(run_model):
    tables = run_model(WIDGET, "learned", [(w,) for w in WIDTHS])
    numbers = np.concatenate([np.ravel(rows) for rows in tables])
    assert stats.kstest(numbers, "norm").pvalue > 0.001
    for width, rows in zip(WIDTHS, tables, strict=True):
        assert np.shape(rows) == (32, width)
        P = torch.tensor(rows, dtype=torch.float64)
        made = [(setting("learned", width), q, EVERY) for q in range(48)]
        for (_, q, _), found in zip(made, run_model(WIDGET, "scores", made), strict=True):
            assert found[32:] == [None] * 16
            expected = (P @ P[q]).tolist() if q < 32 else [None] * 32
            assert found[:32] == (pytest.approx(expected, abs=1e-9) if q < 32 else expected)


def test_what_is_drawn_is_what_is_scored(run_model):
    made = [(setting(e, w), q) for e in ("sin-cos", "learned") for w in WIDTHS for q in (0, 30)]
    for (now, _), found in zip(made, run_model(WIDGET, "table", made), strict=True):
        assert np.shape(found) == (now["width"], 48)
        columns = np.array(found, dtype=float).T  # None becomes nan
        scores = run_model(WIDGET, "scores", [(now, q, EVERY) for q in range(32)])
        products = columns[:32] @ columns.T
        mine = np.array(scores, dtype=float)
        assert np.array_equal(np.isnan(products), np.isnan(mine))
        assert np.nan_to_num(products) == pytest.approx(np.nan_to_num(mine), abs=1e-9)
    (found,) = run_model(WIDGET, "table", [(setting("alibi"), 20)])
    for head in range(1, 9):
        (bias,) = run_model(WIDGET, "scores", [(setting("alibi", head=head), 20, EVERY)])
        assert found[head - 1] == pytest.approx(np.exp(bias), rel=1e-12)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("encoding", "rotary"), ("query", 48), ("key", -1), ("width", 6), ("base", 1),
        ("base", float("nan")), ("back", 13), ("head", 0),
    ],
)  # fmt: skip
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = PositionExplorer()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
