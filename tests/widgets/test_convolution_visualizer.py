"""The model functions that ConvolutionVisualizer ships, against torch and its autograd."""

import math
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from bs4 import BeautifulSoup
from traitlets import TraitError

from introml.data import fashion_mnist, mnist
from introml.widgets import ConvolutionVisualizer
from introml.widgets.base import bundle_path

WIDGET = "ConvolutionVisualizer"
MODES = ("zeros", "reflect", "replicate", "circular")
COUNTING = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
REST = {
    "mode": "convolution",
    "input": COUNTING,
    "kernel": [[0, 1], [2, 3]],
    "window": [2, 2],
    "stride": [1, 1],
    "padding": [0, 0],
    "padding_mode": "zeros",
    "output_padding": [0, 0],
    "dilation": [1, 1],
    "flip": False,
    "ceil_mode": False,
    "count_include_pad": True,
}
#: The lower half of the input on the page on pooling.
POOLED = [[7, 2, 9, 8], [1, 0, 3, 4]]
#: The ends of their ids, a few of each kind.
EVERY_CONTROL = {
    "kernel-preset", "padding-0", "stride-1", "dilation-0", "padding-mode-1", "mode-1"
}  # fmt: skip


def torch_output(setting, x=None):
    """The output as torch gives it, or None where torch refuses the setting."""
    x = torch.tensor(setting["input"], dtype=torch.float64) if x is None else x
    x = x[None, None]
    size, stride, padding = setting["window"], setting["stride"], setting["padding"]
    try:
        if setting["mode"] == "max":
            y = F.max_pool2d(
                x, size, stride, padding, setting["dilation"], ceil_mode=setting["ceil_mode"]
            )
        elif setting["mode"] == "average":
            y = F.avg_pool2d(
                x, size, stride, padding, setting["ceil_mode"], setting["count_include_pad"]
            )
        elif setting["mode"] == "transposed":
            kernel = torch.tensor(setting["kernel"], dtype=torch.float64)[None, None]
            extra, dilation = setting["output_padding"], setting["dilation"]
            y = F.conv_transpose2d(x, kernel, None, stride, padding, extra, 1, dilation)
        else:
            kernel = torch.tensor(setting["kernel"], dtype=torch.float64)[None, None]
            kernel = kernel.flip(2, 3) if setting["flip"] else kernel
            mode = {"zeros": "constant"}.get(setting["padding_mode"], setting["padding_mode"])
            framed = F.pad(x, (padding[1], padding[1], padding[0], padding[0]), mode)
            y = F.conv2d(framed, kernel, stride=stride, dilation=setting["dilation"])
    except RuntimeError:
        return None
    return y[0, 0]


def matrix(rng, size, low=-9, high=10):
    return rng.integers(low, high, size=tuple(size)).tolist()


def random_setting(rng, mode=None):
    def pair(low, high):
        return rng.integers(low, high + 1, size=2).tolist()

    return REST | {
        "mode": mode or str(rng.choice(["convolution", "transposed", "max", "average"])),
        "input": matrix(rng, pair(1, 16)),
        "kernel": (rng.integers(-20, 21, size=pair(1, 7)) / 4).tolist(),
        "window": pair(1, 7),
        "stride": pair(1, 8),
        "padding": pair(0, 8) if rng.random() < 0.3 else pair(0, 3),
        "padding_mode": str(rng.choice(MODES)),
        "output_padding": pair(0, 2) if rng.random() < 0.3 else [0, 0],
        "dilation": pair(1, 8) if rng.random() < 0.2 else pair(1, 2),
        "flip": bool(rng.random() < 0.5),
        "ceil_mode": bool(rng.random() < 0.5),
        "count_include_pad": bool(rng.random() < 0.5),
    }


@pytest.fixture(scope="module")
def randoms():
    """Random settings, each with torch's output or None; well over 1,000 of them are legal."""
    rng = np.random.default_rng(0)
    settings = [random_setting(rng) for _ in range(4400)]
    return [(setting, torch_output(setting)) for setting in settings]


@pytest.fixture(scope="module")
def legal(randoms):
    found = [(setting, y) for setting, y in randoms if y is not None]
    for mode in ("convolution", "transposed"):
        assert sum(setting["mode"] == mode for setting, _ in found) >= 400
    assert len(found) >= 1500
    return found


def check_against_torch(run_model, settings, expected):
    outputs = run_model(WIDGET, "output", [(setting,) for setting in settings])
    verdicts = run_model(WIDGET, "isLegal", [(setting,) for setting in settings])
    for setting, y, output, verdict in zip(settings, expected, outputs, verdicts, strict=True):
        assert verdict == (y is not None), setting
        if y is None:
            assert "no output" in str(output)
        else:
            assert np.array(output).shape == tuple(y.shape), setting
            assert np.array(output) == pytest.approx(y.numpy(), rel=1e-12, abs=1e-12), setting


def grid_of_settings(mode):
    """Every small combination down; across, the same settings on an input one longer."""
    rng = np.random.default_rng(1)
    options = {
        "convolution": [(1, 2), MODES, (False,), (True,)],
        "transposed": [(1, 2), ("zeros",), (False,), (True,)],
        "max": [(1, 2, 3), ("zeros",), (False, True), (True,)],
        "average": [(1,), ("zeros",), (False, True), (False, True)],
    }[mode]
    for n, k, s, p in product((1, 2, 3, 4, 5, 6), (1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 2, 3)):
        for d, padding_mode, ceil_mode, count in product(*options):
            yield REST | {
                "mode": mode,
                "input": matrix(rng, (n, n + 1)),
                "kernel": matrix(rng, (k, k)),
                "window": [k, k],
                "stride": [s, s],
                "padding": [p, p],
                "padding_mode": padding_mode,
                "output_padding": [(n + p) % 3, n % 2],
                "dilation": [d, d],
                "ceil_mode": ceil_mode,
                "count_include_pad": count,
            }


@pytest.mark.parametrize("mode", ["convolution", "transposed", "max", "average"])
def test_every_small_setting_equals_torch_or_is_refused_as_by_torch(run_model, mode):
    settings = list(grid_of_settings(mode))
    expected = [torch_output(setting) for setting in settings]
    refused = sum(y is None for y in expected)
    assert 50 < refused < len(settings) - 100
    check_against_torch(run_model, settings, expected)


def test_random_settings_equal_torch_or_are_refused_as_by_torch(run_model, randoms):
    check_against_torch(run_model, *zip(*randoms, strict=True))


def test_sources_are_the_inputs_that_autograd_finds(run_model):
    rng = np.random.default_rng(2)
    cases, expected = [], []
    while len(cases) < 1500:
        setting = random_setting(
            rng, mode=str(rng.choice(["convolution", "transposed", "average"]))
        )
        # Distinct inputs and positive weights: no gradient is zero by chance.
        rows, columns = len(setting["input"]), len(setting["input"][0])
        setting["input"] = (1.0 + np.arange(rows * columns).reshape(rows, columns)).tolist()
        setting["kernel"] = np.abs(np.array(setting["kernel"]) + 5.5).tolist()
        x = torch.tensor(setting["input"], dtype=torch.float64, requires_grad=True)
        y = torch_output(setting, x)
        if y is None:
            continue
        cell = [int(rng.integers(n)) for n in y.shape]
        (gradient,) = torch.autograd.grad(y[tuple(cell)], x)
        cases.append((setting, cell))
        expected.append(gradient.nonzero().tolist())
    assert run_model(WIDGET, "sourcesOf", cases) == expected


def test_1000_more_transposed_convolutions_equal_torch(run_model):
    rng = np.random.default_rng(5)
    settings, expected = [], []
    while sum(y is not None for y in expected) < 1000:
        settings.append(random_setting(rng, "transposed"))
        expected.append(torch_output(settings[-1]))
    check_against_torch(run_model, settings, expected)


def test_a_stamp_is_where_autograd_finds_an_input_of_a_transposed_convolution(run_model):
    rng = np.random.default_rng(6)
    cases, expected = [], []
    while len(cases) < 200:
        setting = random_setting(rng, "transposed")
        setting["input"] = matrix(rng, rng.integers(1, 5, size=2))
        setting["kernel"] = np.abs(np.array(setting["kernel"]) + 5.5).tolist()
        x = torch.tensor(setting["input"], dtype=torch.float64, requires_grad=True)
        if torch_output(setting, x) is None:
            continue
        cell = [int(rng.integers(n)) for n in x.shape]
        jacobian = torch.autograd.functional.jacobian(lambda t, s=setting: torch_output(s, t), x)
        cases.append((setting, cell))
        expected.append(jacobian[..., cell[0], cell[1]].nonzero().tolist())
    assert run_model(WIDGET, "stampOf", cases) == expected


def test_sources_of_a_maximum_are_the_inputs_that_can_win(run_model):
    """Each input in turn is made huge: the output cell becomes huge exactly if it reads it."""
    rng = np.random.default_rng(3)
    cases, expected = [], []
    while len(cases) < 200:
        setting = random_setting(rng, mode="max")
        setting["input"] = matrix(rng, rng.integers(1, 6, size=2))
        y = torch_output(setting)
        if y is None:
            continue
        cell = [int(rng.integers(n)) for n in y.shape]
        found = []
        for place in np.ndindex(*np.array(setting["input"]).shape):
            x = torch.tensor(setting["input"], dtype=torch.float64)
            x[place] = 1e6
            if torch_output(setting, x)[tuple(cell)] == 1e6:
                found.append(list(place))
        cases.append((setting, cell))
        expected.append(found)
    assert run_model(WIDGET, "sourcesOf", cases) == expected


def test_frame_holds_what_torch_pads(run_model, legal):
    settings = [s for s, _ in legal if s["mode"] == "convolution"]
    frames = run_model(WIDGET, "frame", [(setting,) for setting in settings])
    for setting, frame in zip(settings, frames, strict=True):
        x = torch.tensor(setting["input"], dtype=torch.float64)[None, None]
        down, across = setting["padding"]
        mode = {"zeros": "constant"}.get(setting["padding_mode"], setting["padding_mode"])
        padded = F.pad(x, (across, across, down, down), mode)[0, 0]
        inside = F.pad(torch.ones_like(x), (across, across, down, down))[0, 0]
        assert [[cell["value"] for cell in row] for row in frame] == padded.tolist()
        kinds = [[cell["kind"] == "input" for cell in row] for row in frame]
        assert kinds == inside.bool().tolist()


def test_unread_places_are_those_without_a_gradient(run_model, legal):
    """Along each axis of the padded input, by autograd through a convolution of ones."""
    settings = [s for s, _ in legal if s["mode"] == "convolution"][:400]
    axes = run_model(WIDGET, "axes", [(setting,) for setting in settings])
    found = run_model(WIDGET, "unread", [(axis,) for pair in axes for axis in pair])
    for i, setting in enumerate(settings):
        sizes = [
            n + 2 * p
            for n, p in zip(np.array(setting["input"]).shape, setting["padding"], strict=True)
        ]
        padded = torch.zeros(1, 1, *sizes, requires_grad=True)
        kernel = torch.ones(1, 1, *np.array(setting["kernel"]).shape)
        y = F.conv2d(padded, kernel, stride=setting["stride"], dilation=setting["dilation"])
        (gradient,) = torch.autograd.grad(y.sum(), padded)
        for axis in (0, 1):
            read = gradient[0, 0].sum(1 - axis) > 0
            last = int(read.nonzero().max()) + 1
            unread = found[2 * i + axis]
            assert unread["end"] == sizes[axis] - last
            assert unread["between"] == (~read[:last]).nonzero().flatten().tolist()


def test_unread_inputs_of_a_pooling_have_no_gradient(run_model, legal):
    settings = [s for s, _ in legal if s["mode"] == "average"][:400]
    axes = run_model(WIDGET, "axes", [(setting,) for setting in settings])
    found = run_model(WIDGET, "unread", [(axis,) for pair in axes for axis in pair])
    for i, setting in enumerate(settings):
        x = torch.zeros(np.array(setting["input"]).shape, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(torch_output(setting, x).sum(), x)
        for axis in (0, 1):
            n, p, unread = x.shape[axis], setting["padding"][axis], found[2 * i + axis]
            places = [*unread["between"], *range(n + 2 * p - unread["end"], n + 2 * p)]
            inside = [place - p for place in places if 0 <= place - p < n]
            assert inside == (gradient.sum(1 - axis) == 0).nonzero().flatten().tolist()


def evaluate(text):
    """The value of a formula that the widget writes."""
    for sign, code in [("−∞", "-inf"), ("−", "-"), ("·", "*"), ("⌊", "floor("), ("⌈", "ceil(")]:
        text = text.replace(sign, code)
    names = {"floor": math.floor, "ceil": math.ceil, "inf": math.inf, "max": lambda *v: max(v)}
    return eval(text.replace("⌋", ")").replace("⌉", ")"), {"__builtins__": {}}, names)


def test_written_sums_have_the_value_of_torch(run_model, legal):
    rng = np.random.default_rng(4)
    cases = [(s, [int(rng.integers(n)) for n in y.shape]) for s, y in legal]
    texts = run_model(WIDGET, "sumText", cases)
    exact = 0
    for (_, y), (setting, cell), text in zip(legal, cases, texts, strict=True):
        expected = y[tuple(cell)].item()
        if ": " in text:
            assert evaluate(text.split(": ")[0]) == expected
            continue
        if "≈" in text:
            assert evaluate(text.split(" ≈ ")[1]) == pytest.approx(expected, abs=0.00501)
            continue
        *formulas, result = text.split(" = ")
        formula = formulas[0].split(" products")[0].split(" product")[0]
        if "with a 0" in text:
            formula = formula[: formula.rindex(" + ")]
        assert evaluate(formula) == pytest.approx(expected, abs=1e-9), (setting, cell, text)
        assert evaluate(result) == pytest.approx(expected, abs=1e-9)
        exact += 1
    assert exact > 500


@pytest.mark.parametrize(
    ("changes", "cell", "text"),
    [
        ({}, [0, 0], "0·0 + 1·1 + 3·2 + 4·3 = 19"),
        ({}, [1, 1], "4·0 + 5·1 + 7·2 + 8·3 = 43"),
        ({"flip": True}, [0, 0], "0·3 + 1·2 + 3·1 + 4·0 = 5"),
        ({"kernel": [[-1, 0.5]]}, [0, 1], "1·(−1) + 2·0.5 = 0"),
        ({"input": [[-2]], "kernel": [[1 / 9]]}, [0, 0], "−2·1/9 = −2/9"),
        ({"input": [[0.123]], "kernel": [[1]]}, [0, 0], "0.12·1 ≈ 0.12"),
        ({"mode": "transposed"}, [1, 1], "0·3 + 1·2 + 3·1 + 4·0 = 5"),
        (
            {"mode": "transposed", "stride": [3, 3], "flip": True},
            [2, 0],
            "0: no cell of the input reaches it",
        ),
        ({"mode": "max"}, [0, 0], "max(0, 1, 3, 4) = 4"),
        ({"mode": "max", "padding": [1, 1]}, [0, 0], "max(−∞, −∞, −∞, 0) = 0"),
        ({"mode": "average"}, [0, 0], "(0 + 1 + 3 + 4) / 4 = 2"),
        (
            {"mode": "average", "padding": [1, 1], "count_include_pad": False},
            [0, 1],
            "(0 + 0 + 0 + 1) / 2 = 0.5",
        ),
        (
            {"input": np.eye(5).tolist(), "kernel": np.eye(5).tolist()},
            [0, 0],
            "1·1 + 1·1 + 1·1 + 1·1 + 1·1 + 20 products with a 0 = 5",
        ),
        (
            {"input": np.zeros((5, 5)).tolist(), "kernel": np.eye(5).tolist()},
            [0, 0],
            "0: all 25 products are 0",
        ),
        (
            {
                "mode": "max",
                "input": [[1, 2], [3, 4]],
                "padding": [1, 1],
                "dilation": [4, 4],
                "stride": [3, 3],
                "ceil_mode": True,
            },
            [0, 0],
            "−∞: no cell of the input is in the window",
        ),
    ],
)
def test_sums_read_as_a_person_would_write_them(run_model, changes, cell, text):
    assert run_model(WIDGET, "sumText", [(REST | changes, cell)]) == [text]


def test_size_formulas_end_in_the_size_of_torch(run_model, legal):
    axes = run_model(WIDGET, "axes", [(setting,) for setting, _ in legal])
    modes = [setting["mode"] for setting, _ in legal]
    told = [(axis, mode) for pair, mode in zip(axes, modes, strict=True) for axis in pair]
    texts = run_model(WIDGET, "sizeText", told)
    ends = run_model(
        WIDGET,
        "endText",
        [
            (axis, i, unread)
            for pair, unreads in zip(axes, _unreads(run_model, axes), strict=True)
            for i, (axis, unread) in enumerate(zip(pair, unreads, strict=True))
        ],
    )
    for at, (setting, y) in enumerate(legal):
        for axis in (0, 1):
            text = texts[2 * at + axis]
            if setting["mode"] == "transposed":
                whole, size = text.split(" = ")
                assert evaluate(whole) == int(size) == y.shape[axis]
                assert ends[2 * at + axis] == ""
                continue
            whole, short, size = text.split(" = ")
            assert int(size) == y.shape[axis]
            assert evaluate(short) == y.shape[axis]
            assert evaluate(whole) - ("+ 1 − 1" in short) == y.shape[axis]
            n, k, d = setting["input"], setting["kernel"], setting["dilation"]
            if setting["mode"] == "convolution":
                lengths = [(len(n), len(k)), (len(n[0]), len(k[0]))][axis]
                free = lengths[0] + 2 * setting["padding"][axis] - d[axis] * (lengths[1] - 1) - 1
                rest = free % setting["stride"][axis]
                name = ("row", "column")[axis] + ("" if rest == 1 else "s")
                told = f"a remainder of {rest} {name} is never read" in ends[2 * at + axis]
                assert told == (rest > 0)


@pytest.mark.parametrize(
    ("mode", "ceil", "letters", "numbers"),
    [
        (
            "convolution",
            False,
            "⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1",
            "⌊(3 + 2·1 − 1·(2 − 1) − 1) / 2⌋",
        ),
        ("max", True, "⌈(n + 2p − d(k − 1) − 1) / s⌉ + 1", "⌈(3 + 2·1 − 1·(2 − 1) − 1) / 2⌉"),
        (
            "transposed",
            False,
            "(n − 1)s − 2p + d(k − 1) + o + 1",
            "(3 − 1)·2 − 2·1 + 1·(2 − 1) + 0",
        ),
        # An average pooling has no dilation.
        ("average", False, "⌊(n + 2p − k) / s⌋ + 1", "⌊(3 + 2·1 − 2) / 2⌋"),
        ("average", True, "⌈(n + 2p − k) / s⌉ + 1", "⌈(3 + 2·1 − 2) / 2⌉"),
    ],
)
def test_size_formulas_hold_what_the_mode_has(run_model, mode, ceil, letters, numbers):
    setting = REST | {
        "mode": mode, "input": np.ones((3, 3)).tolist(), "kernel": np.ones((2, 2)).tolist(),
        "window": [2, 2], "stride": [2, 2], "padding": [1, 1], "ceil_mode": ceil,
    }  # fmt: skip
    ((axis, _),) = run_model(WIDGET, "axes", [(setting,)])
    assert run_model(WIDGET, "sizeFormula", [(axis, mode)]) == [letters]
    (text,) = run_model(WIDGET, "sizeText", [(axis, mode)])
    assert text.startswith(f"{numbers} + 1 = ")


def _unreads(run_model, axes):
    found = run_model(WIDGET, "unread", [(axis,) for pair in axes for axis in pair])
    return [found[i : i + 2] for i in range(0, len(found), 2)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kernel": np.ones((4, 1)).tolist()}, "kernel spans 4 rows, but the input has only 3"),
        ({"dilation": [1, 3]}, "kernel, spread by dilation 3, spans 4 columns"),
        ({"padding": [3, 0], "padding_mode": "reflect"}, "needs an input of at least 4 rows"),
        ({"padding": [0, 4], "padding_mode": "circular"}, "around more than once"),
        ({"mode": "transposed", "output_padding": [0, 1]}, "smaller than the stride, 1, or the"),
        ({"mode": "transposed", "padding": [2, 0]}, "takes 4 rows away, and there are only 4"),
        ({"mode": "max", "padding": [2, 0]}, "at most half of it, 1; it is 2"),
        ({"mode": "average", "padding": [0, 2]}, "at most half of it, 1; it is 2"),
        ({"mode": "average", "window": [1, 5], "padding": [0, 0]}, "window spans 5 columns"),
    ],
)
def test_refusals_say_why(run_model, changes, words):
    assert torch_output(REST | changes) is None
    (sentences,) = run_model(WIDGET, "problems", [(REST | changes,)])
    assert words in " ".join(sentences)


def test_there_is_a_reason_exactly_where_torch_refuses(run_model, randoms):
    found = run_model(WIDGET, "problems", [(setting,) for setting, _ in randoms])
    for (setting, y), sentences in zip(randoms, found, strict=True):
        assert bool(sentences) == (y is None), setting


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("2 × 2 kernel", [[19, 25], [37, 43]]),
        ("padding 1", [[0, 3, 8, 4], [9, 19, 25, 10], [21, 37, 43, 16], [6, 7, 8, 0]]),
        ("stride 3, 2", [[0, 8], [6, 8]]),
        ("max pool", [[4, 5], [7, 8]]),
        ("average pool", [[2, 3], [5, 6]]),
        ("transposed", [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]]),
    ],
)
def test_examples_give_the_numbers_worked_by_hand(run_model, example, expected):
    (presets,) = run_model(WIDGET, "presets", [()])
    assert run_model(WIDGET, "output", [(presets["examples"][example],)]) == [expected]


def test_kernels_do_what_they_are_named_for(run_model):
    (presets,) = run_model(WIDGET, "presets", [()])
    kernels = {name: np.array(kernel) for name, kernel in presets["kernels"].items()}
    for name in ("identity", "blur", "sharpen"):
        assert kernels[name].sum() == pytest.approx(1), f"{name} must keep an even area"
    slope = np.arange(3.0)[None, :].repeat(3, 0)
    left, top = kernels["edges, left to right (Sobel)"], kernels["edges, top to bottom (Sobel)"]
    assert (left * slope).sum() == (top * slope.T).sum() == 8
    assert (left * slope.T).sum() == (top * slope).sum() == left.sum() == top.sum() == 0
    # The discrete Laplacian of x² + y² is 4 everywhere.
    squares = (np.arange(3.0)[None, :] - 1) ** 2 + (np.arange(3.0)[:, None] - 1) ** 2
    assert (kernels["edges, all ways (Laplace)"] * squares).sum() == 4


def test_pictures_are_the_real_ones_in_ten_grey_levels(run_model):
    (presets,) = run_model(WIDGET, "presets", [()])
    digits, clothes = mnist.load("train")[0], fashion_mnist.load("train")[0]
    for name, image in [
        ("digit 7 (crop)", digits[68][8:24, 6:22]),
        ("digit 3", F.avg_pool2d(digits[23][None], 2)[0]),
        ("boot", F.avg_pool2d(clothes[122][None], 2)[0]),
        ("bag", F.avg_pool2d(clothes[100][None], 2)[0]),
    ]:
        assert max(image.shape) <= 16
        assert presets["inputs"][name] == (9 * image).round().int().tolist(), name


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), (" −0.5 ", -0.5), ("-2,5", -2.5), ("1/9", 1 / 9), ("1e2", 100), ("−3/4", -0.75)],
)
def test_typed_numbers(run_model, text, value):
    assert run_model(WIDGET, "parseNumber", [(text,)]) == [pytest.approx(value, rel=1e-15)]


@pytest.mark.parametrize("text", ["", "x", "1/0", "1/2/3", "/3", "--2", "∞"])
def test_what_is_no_number_is_none(run_model, text):
    (value,) = run_model(WIDGET, "parseNumber", [(text,)])
    assert math.isnan(value)


def test_numbers_in_cells(run_model):
    values = [3, -4, 0, -0.001, 1 / 9, -2 / 9, 3 / 16, 0.25, 1.234, -math.inf]
    expected = ["3", "−4", "0", "0", "1/9", "−2/9", "3/16", "0.25", "1.23", "−∞"]
    assert run_model(WIDGET, "shortNumber", [(value,) for value in values]) == expected
    assert run_model(WIDGET, "isExact", [(1 / 9,), (0.25,), (0.123,), (-math.inf,)]) == [
        True,
        True,
        False,
        True,
    ]


def test_the_size_that_a_published_report_has_wrong(run_model):
    """pytorch issue 172560 says 509 for 128 cells, a kernel of 4 and stride 4; torch gives 512."""
    assert (
        F.conv_transpose1d(torch.zeros(1, 1, 128), torch.zeros(1, 1, 4), stride=4).shape[-1] == 512
    )
    axis = {"n": 128, "k": 4, "s": 4, "p": 0, "d": 1, "op": 0, "size": 512}
    (text,) = run_model(WIDGET, "sizeText", [(axis, "transposed")])
    assert evaluate(text.split(" = ")[0]) == 512


def test_resizing_keeps_what_fits_and_adds_zeros(run_model):
    assert run_model(WIDGET, "resized", [([[1, 2], [3, 4]], 1, 3), ([[1]], 2, 2)]) == [
        [[1, 2, 0]],
        [[1, 0], [0, 0]],
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"input": [[1], [2, 3]]},
        {"input": "7"},
        {"input": np.zeros((17, 2)).tolist()},
        {"kernel": []},
        {"kernel": [[None]]},
        {"stride": [0, 1]},
        {"stride": [1.5, 1]},
        {"padding": [1]},
        {"padding": None},
        {"window": [8, 1]},
        {"mode": "median"},
        {"flip": 1},
        {"cell": [-1, 0]},
    ],
)
def test_a_mangled_link_is_refused_in_words(stills, changes):
    widget = ConvolutionVisualizer()
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    request = {"bundle": str(bundle_path(WIDGET, ".mjs")), "anchor": "a"}
    assert "html" in stills.ask(request | {"state": state})
    error = stills.ask(request | {"state": state | changes})["error"]
    assert f"{next(iter(changes))} must be" in str(error)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("input", [[1, 2], [3]]),
        ("input", np.zeros((17, 17))),
        ("input", [[float("nan")]]),
        ("kernel", np.zeros((8, 1))),
        ("kernel", []),
        ("mode", "median"),
        ("flip", 1),
        ("window", (0, 2)),
        ("stride", 0),
        ("stride", (1.5, 1)),
        ("stride", (1, 1, 1)),
        ("padding", -1),
        ("padding", True),
        ("padding_mode", "constant"),
        ("dilation", 9),
        ("cell", (0, -1)),
        ("controls", "few"),
        ("question", "why"),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = ConvolutionVisualizer()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


@pytest.mark.parametrize(
    ("controls", "shown"),
    [
        ("kernel", {"kernel-preset"}),
        ("border", {"padding-0", "stride-1", "dilation-0", "padding-mode-1"}),
        ("pooling", {"mode-1", "stride-1"}),
        ("all", EVERY_CONTROL),
    ],
)
def test_what_a_page_does_not_begin_with_is_folded(stills, controls, shown):
    widget = ConvolutionVisualizer(controls=controls)
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    request = {"bundle": str(bundle_path(WIDGET, ".mjs")), "anchor": "a", "state": state}
    page = BeautifulSoup(stills.ask(request)["html"], "html.parser")
    nodes = {name: page.find(id=f"a-{name}") for name in EVERY_CONTROL}
    assert all(node is not None for node in nodes.values())
    seen = {name for name, node in nodes.items() if not node.find_parent("details")}
    assert seen == shown
    assert not any(fold.has_attr("open") for fold in page.find_all("details"))


def test_what_the_questions_say_is_so(run_model):
    """The middle under four windows, one with a 0 on it; a stride of 2 on 5 columns; a loser."""
    changed = [[0, 1, 2], [3, 14, 5], [6, 7, 8]]
    before, after = run_model(WIDGET, "output", [(REST,), (REST | {"input": changed},)])
    assert (np.array(before) != np.array(after)).sum() == 3
    (output,) = run_model(WIDGET, "output", [(REST | {"padding": [1, 1], "stride": [1, 2]},)])
    assert np.array(output).shape[1] == 2
    pool = REST | {"mode": "max", "stride": [2, 2]}
    outputs = [
        run_model(WIDGET, "output", [(pool | {"input": [[1, v, 2, 1], [4, 6, 5, 0], *POOLED]},)])
        for v in (3, 5, 7)
    ]
    assert outputs == [[[[6, 5], [7, 9]]], [[[6, 5], [7, 9]]], [[[7, 5], [7, 9]]]]


def test_pairs_and_arrays_are_taken_as_torch_takes_them():
    widget = ConvolutionVisualizer(input=torch.eye(3), stride=2, padding=(3, 1))
    assert widget.input == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert (widget.stride, widget.padding) == ([2, 2], [3, 1])
