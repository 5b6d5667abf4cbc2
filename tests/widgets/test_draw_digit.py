"""DrawDigit's shipped JavaScript against the Python rules, torch and numpy: digits and strokes."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from traitlets import TraitError

from introml.data import mnist
from introml.digit_rules import RULES, examine, is_seven
from introml.models.digit import normalized, pack, unpack
from introml.widgets import DrawDigit
from introml.widgets.draw_digit import EXAMPLES, default_network, picture_text

NAME = "DrawDigit"
MEASURES = ("bar", "slope", "thin", "reach", "gap")
KEYS = {"bar_row": "barRow", "bar_start": "barStart", "bar_end": "barEnd"}


def as_bytes(pictures):
    return (pictures * 255).round().int().flatten(1).tolist()


def as_picture(pixels):
    return torch.tensor(pixels, dtype=torch.float64).reshape(28, 28) / 255


@pytest.fixture(scope="module")
def digits():
    """2,000 digits that the limits were not chosen on, and 1,000 that they were."""
    (X, _), (X_test, _) = mnist.load("train"), mnist.load("test")
    return as_bytes(torch.cat([X_test, X[:1000]]))


@pytest.fixture(scope="module")
def strokes(run_model):
    """1,000 pictures of one to three strokes of the shipped pen, some of them partly erased."""
    rng = np.random.default_rng(0)
    pictures = [[0] * 784 for _ in range(1000)]
    for turn in range(3):
        chosen = [i for i in range(len(pictures)) if turn == 0 or rng.random() < 0.6]
        cases = []
        for i in chosen:
            a, b = rng.uniform(-1, 29, 2).tolist(), rng.uniform(-1, 29, 2).tolist()
            erase = turn > 0 and rng.random() < 0.3
            cases.append((pictures[i], a, b, rng.uniform(0.6, 2.5), erase))
        for i, drawn in zip(chosen, run_model(NAME, "stroke", cases), strict=True):
            pictures[i] = drawn
    return pictures


def test_rules_agree_with_python_on_digits_and_strokes(run_model, digits, strokes):
    pictures = digits + strokes
    found = run_model(NAME, "examine", [(pixels,) for pixels in pictures])
    verdicts = run_model(NAME, "verdicts", [(evidence,) for evidence in found])
    sevens = 0
    for pixels, evidence, verdict in zip(pictures, found, verdicts, strict=True):
        expected = examine(as_picture(pixels))
        if expected is None:
            assert evidence is None
            assert verdict == [False, False, False]
            continue
        assert all(evidence[js] == getattr(expected, py) for py, js in KEYS.items())
        for name in MEASURES:
            # To the last bit, so that no verdict can differ: both divide the same whole numbers.
            value = getattr(expected, name)
            assert evidence[name] == value or (math.isnan(value) and math.isnan(evidence[name]))
        assert verdict == [rule(expected) for rule in RULES]
        sevens += all(verdict)
    assert sevens > 200  # the agreement is not only about pictures that all rules refuse


def test_preparation_agrees_with_torch(run_model, digits, strokes):
    pictures = digits[:400] + strokes[:600]
    found = run_model(NAME, "normalized", [(pixels,) for pixels in pictures])
    expected = torch.stack([normalized(as_picture(pixels)).flatten() for pixels in pictures])
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), expected, atol=1e-12, rtol=0
    )


def test_logits_agree_with_torch_from_the_drawing_on(run_model, digits, strokes):
    pictures = digits[:1000] + strokes
    texts = [bytes(pixels).hex() for pixels in pictures]
    packed = default_network()
    as_drawn = torch.stack([as_picture(pixels) for pixels in pictures])
    as_prepared = torch.stack([normalized(picture) for picture in as_drawn])
    for scaled, inputs in ((True, as_prepared), (False, as_drawn)):
        (found,) = run_model(NAME, "logits", [(packed, texts, scaled)])
        with torch.no_grad():
            expected = unpack(packed)(inputs)
        found = torch.tensor(found, dtype=torch.float64)
        torch.testing.assert_close(found, expected, atol=1e-9, rtol=0)


def test_logits_of_deeper_networks_agree_with_torch(run_model):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 6), nn.ReLU(), nn.Linear(6, 7), nn.ReLU(), nn.Linear(7, 10)
    )
    inputs = torch.randint(0, 256, (50, 784))
    texts = [bytes(pixels).hex() for pixels in inputs.tolist()]
    (found,) = run_model(NAME, "logits", [(pack(net), texts, False)])
    with torch.no_grad():
        expected = unpack(pack(net))(inputs.double() / 255)
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), expected, atol=1e-9, rtol=0
    )


def test_softmax_agrees_with_torch(run_model):
    values = torch.randn(200, 10, dtype=torch.float64) * torch.logspace(-1, 3, 200)[:, None]
    found = run_model(NAME, "softmax", [(row,) for row in values])
    expected = values.softmax(1)
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64), expected, atol=1e-12, rtol=0
    )


def test_strokes_cover_what_is_near_the_path(run_model):
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:28, :28] + 0.5
    cases, expected = [], []
    for _ in range(60):
        a, b, radius = rng.uniform(0, 28, 2), rng.uniform(0, 28, 2), rng.uniform(0.6, 2.5)
        before, erase = rng.integers(0, 256, 784), bool(rng.random() < 0.5)
        # Distance by brute force: the nearest of many points on the path.
        path = a + np.linspace(0, 1, 800)[:, None] * (b - a)
        away = np.hypot(columns[..., None] - path[:, 0], rows[..., None] - path[:, 1]).min(-1)
        ink = 255 * np.clip(radius + 0.5 - away, 0, 1).flatten()
        expected.append(np.minimum(before, 255 - ink) if erase else np.maximum(before, ink))
        cases.append((before.tolist(), a.tolist(), b.tolist(), radius, erase))
    found = run_model(NAME, "stroke", cases)
    np.testing.assert_allclose(found, expected, atol=1.6)  # rounding to bytes, and the brute force


def test_text_and_pixels_are_the_same_picture(run_model, digits):
    texts = run_model(NAME, "toText", [(pixels,) for pixels in digits[:200]])
    X, _ = mnist.load("test")
    assert texts == [picture_text(x) for x in X[:200]]
    assert run_model(NAME, "fromText", [(text,) for text in texts]) == digits[:200]
    for error in run_model(NAME, "fromText", [("00",), ("zz" * 784,), (None,), ("0" * 1569,)]):
        assert "28 × 28" in str(error)


def test_shades_cover_each_inked_pixel_once(run_model, digits):
    for (drawn,) in zip(run_model(NAME, "shades", [([v / 255 for v in p],) for p in digits[:50]])):
        cells = [cell for _, path in drawn for cell in path.split("M")[1:]]
        assert len(cells) == len(set(cells))
        assert len(drawn) <= 16
    (drawn,) = run_model(NAME, "shades", [([0, 0.5, *[0] * 28, 1, *[0] * 753],)])
    assert drawn == [[0.5, "M1 0h1v1h-1z"], [1, "M2 1h1v1h-1z"]]


def test_a_layer_of_the_wrong_size_is_refused_in_words(run_model):
    packed = pack(nn.Sequential(nn.Linear(784, 10)))
    packed["layers"][0]["shape"] = [10, 783]
    (error,) = run_model(NAME, "unpack", [(packed,)])
    assert "10 × 783 weights came with 7840 bytes" in str(error)


def test_examples_show_both_kinds_of_error_of_the_rules():
    X, y = mnist.load("test")
    said = {i: is_seven(X[i]) for i in EXAMPLES}
    missed = [examine(X[i]) for i in EXAMPLES if y[i] == 7 and not said[i]]
    assert said[EXAMPLES[0]]
    assert y[EXAMPLES[0]] == 7
    assert {int(y[i]) for i in EXAMPLES if said[i]} >= {1, 3, 5, 7, 8, 9}
    for rule in RULES:
        assert any(
            [not other(found) for other in RULES].count(True) == 1 and not rule(found)
            for found in missed
        ), f"no example of a seven that only {rule.__name__} refuses"
    assert [example["digit"] for example in DrawDigit().examples] == y[list(EXAMPLES)].tolist()


def test_default_network_knows_digits_it_was_not_trained_on():
    X, y = mnist.load("test")
    with torch.no_grad():
        said = unpack(default_network())(X.double()).argmax(1)
    assert (said == y).float().mean() > 0.92


def test_picture_is_what_the_pad_shows():
    X, _ = mnist.load("test")
    widget = DrawDigit(drawing=X[3])
    torch.testing.assert_close(widget.picture(), X[3], atol=1e-6, rtol=0)
    widget.drawing = ""
    torch.testing.assert_close(widget.picture(), X[EXAMPLES[0]], atol=1e-6, rtol=0)
    widget.drawing = X[4].numpy()
    assert widget.drawing == picture_text(X[4])


def test_a_network_of_ones_own_is_taken():
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert DrawDigit(network=net).network == pack(net)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("drawing", "zz" * 784),
        ("drawing", "00"),
        ("drawing", None),
        ("drawing", 7),
        ("drawing", [[0.0] * 28] * 27),
        ("drawing", [[2.0] * 28] * 28),
        ("drawing", [[math.nan] * 28] * 28),
        ("example", len(EXAMPLES)),
        ("example", -1),
        ("example", 1.5),
        ("pen", "brush"),
        ("normalized", 1),
        ("network", None),
        ("network", {}),
        ("network", {"layers": []}),
        ("network", nn.Sequential(nn.Linear(784, 9))),
        ("network", nn.Linear(784, 10)),
        ("examples", []),
        ("examples", [{"digit": 10, "picture": "00" * 784}]),
        ("examples", [{"digit": True, "picture": "00" * 784}]),
        ("examples", [{"digit": 7, "picture": "00"}]),
        ("examples", [{"digit": 7}]),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = DrawDigit()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


def test_networks_that_overflow_are_refused():
    packed = pack(nn.Sequential(nn.Linear(784, 10)))
    packed["layers"][0]["bias"][3] = math.inf
    with pytest.raises(ValueError, match="must be a network"):
        DrawDigit(network=packed)
