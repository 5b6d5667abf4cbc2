"""The lab on attention: its solution, another right one, the wrong ones, its numbers, its GPU tier.

The check of memory needs a process whose memory is limited; it runs in the box, once.
"""

import math
from types import SimpleNamespace

import pytest
import torch
from in_process import names_of, not_passed, outcomes

from introml.grader.authoring.release import solution_notebook
from introml.grader.lab.lab import load_lab
from introml.grader.run.checker import Checker, Setup

LAB = load_lab("attention")
RIGHT = {right.name: right for right in LAB.right_solutions()}
WRONG = {wrong.name: wrong for wrong in LAB.wrong_solutions()}
ODD = """
def softmax(*_, **__):
    return ODD

attention = positions = blockwise_attention = learn_lookups = softmax
causal_mask = padding_mask = softmax

class MultiHeadAttention(nn.Module):
    def __init__(self, *_):
        super().__init__()

    def forward(self, *_, **__):
        return ODD

class LookupModel(MultiHeadAttention):
    pass
"""
LEARNS, SMALL = "learns_to_look_up", "blocks_keep_memory_small"


@pytest.mark.parametrize("style", ["solution", *RIGHT])
def test_right_answers_pass_at_twenty_seeds(style):
    answers = {} if style == "solution" else RIGHT[style].cells
    names = names_of(LAB, answers)
    for seed in range(20):
        slow = () if seed == 0 else (LEARNS, SMALL)
        assert not_passed(outcomes(LAB, names, seed, without=slow)) == {}, f"seed {seed}"


def test_the_starter_fails_every_check():
    found = outcomes(LAB, names_of(LAB, starter=True), seed=0)
    assert len(found) == 19
    assert set(not_passed(found)) == set(found)


@pytest.mark.parametrize("name", sorted(set(WRONG) - {"blocks-in-name-only"}))
def test_a_wrong_solution_fails_the_checks_that_it_names(name):
    names, caught_by = names_of(LAB, WRONG[name].cells), set(WRONG[name].caught_by)
    found = outcomes(LAB, names, 0, without={LEARNS, SMALL} - caught_by)
    assert caught_by <= set(not_passed(found))
    # A wrong answer is told in the check's own words, it never breaks the check.
    assert not any(one.flags for one in found.values())
    for seed in (1, 2):
        found = outcomes(LAB, names, seed, only=caught_by - {LEARNS})
        assert set(not_passed(found)) == caught_by - {LEARNS}, f"seed {seed}"


def test_in_the_box_the_whole_table_of_scores_is_too_large_and_blocks_are_not():
    with Checker(Setup(lab=str(LAB.folder), seed=5)) as checker:
        right = checker.grade("right", "0" * 64, solution_notebook(LAB))
        wrong = WRONG["blocks-in-name-only"]
        naive = checker.grade("naive", "0" * 64, solution_notebook(LAB, wrong.cells))
        ran = {one.name for one in right.checks if one.tier == "cpu" or checker.cuda}
    assert {one.name for one in right.checks if one.outcome == "passed"} == ran
    # Without a GPU its checks are not run, and count neither as passed nor as failed.
    rest = [one for one in right.checks if one.name not in ran]
    assert all(one.outcome == "not run" for one in rest)
    failed = {one.name: one.outcome for one in naive.checks if one.tier == "cpu"}
    assert {name for name, outcome in failed.items() if outcome != "passed"} == set(wrong.caught_by)


@pytest.mark.parametrize("odd", ["None", "'a text'", "(1, 2)", "(None, None)", "torch.zeros(2)"])
def test_odd_values_fail_and_break_no_check(odd):
    names = names_of(LAB)
    exec(ODD.replace("ODD", odd), names)
    found = outcomes(LAB, names, seed=0)
    assert set(not_passed(found)) == set(found)
    assert not any(one.flags for one in found.values())


def test_a_layer_of_odd_outputs_breaks_no_check():
    """Its parameters are right, so that the checks come to its outputs."""
    names = names_of(LAB)
    odd = (
        "class Odd(MultiHeadAttention):\n    def forward(self, *_, **__):\n        return 1, None\n"
    )
    exec(odd + "MultiHeadAttention = Odd\n", names)
    found = outcomes(LAB, names, seed=0, without=(SMALL, LEARNS))
    assert not any(one.flags for one in found.values())
    assert {"heads_equal_torch", "nothing_from_later", "shuffled_in_shuffled_out"} <= set(
        not_passed(found)
    )


@pytest.fixture
def pretended_gpu(monkeypatch):
    """The checks of the GPU's tier, run on the CPU: a small device, and no move to it."""
    device = SimpleNamespace(total_memory=4_000_000)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: device)
    monkeypatch.setattr(torch.nn.Module, "cuda", lambda self, *_: self)


@pytest.mark.parametrize("style", ["solution", *RIGHT])
@pytest.mark.usefixtures("pretended_gpu")
def test_the_checks_for_the_gpu_pass_right_answers_on_a_cpu(style):
    names = names_of(LAB, {} if style == "solution" else RIGHT[style].cells)
    found = outcomes(LAB, names, seed=0, tier="cuda")
    assert len(found) == 3
    assert not_passed(found) == {}


@pytest.mark.usefixtures("pretended_gpu")
@pytest.mark.parametrize(
    ("name", "failing"),
    [
        ("divided-by-d", {"attention_on_the_gpu", "heads_on_the_gpu"}),
        ("heads-interleaved", {"heads_on_the_gpu"}),
        ("blocks-averaged", {"blocks_on_the_gpu"}),
    ],
)
def test_the_checks_for_the_gpu_fail_wrong_answers(name, failing):
    found = outcomes(LAB, names_of(LAB, WRONG[name].cells), seed=0, tier="cuda")
    assert set(not_passed(found)) == failing


def test_the_numbers_in_the_text_are_right():
    names = names_of(LAB)
    text = (LAB.folder / "lab.md").read_text()
    assert names["softmax"](torch.tensor([[math.log(3), 0.0]])).tolist()[0] == pytest.approx(
        [0.75, 0.25]
    )

    q, v = torch.ones(1, 4), torch.tensor([[10.0], [0.0]])
    k = torch.tensor([[2.0, 2.0, 0.0, 0.0], [0.0] * 4])
    output, weights = names["attention"](q, k, v)
    assert [round(one, 2) for one in weights[0].tolist()] == [0.88, 0.12]
    said = [output.item()]
    for mistake in ("not-divided", "divided-by-d"):
        said.append(names_of(LAB, WRONG[mistake].cells)["attention"](q, k, v)[0].item())
    words = "The output is {:.2f}. ({:.2f} would come out without the division, and {:.2f} on"
    assert words.format(*said) in text

    two_rows = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    outputs = {}
    for heads in (1, 2):
        layer = names["MultiHeadAttention"](2, heads)
        state = {name: torch.zeros_like(part) for name, part in layer.state_dict().items()}
        state |= {name: torch.eye(2) for name in state if name.endswith("weight")}
        layer.load_state_dict(state)
        output, weights = layer(two_rows)
        outputs[heads] = output[0].tolist()
    assert [round(one, 3) for one in weights[0, 0, 0].tolist()] == [0.731, 0.269]
    assert weights[0, 1, 0].tolist() == [0.5, 0.5]
    words = "row 0 of the output is ({:.3f}, {:.3f}), and row 1 is ({:.3f}, {:.3f})"
    assert words.format(*outputs[2][0], *outputs[2][1]) in text
    assert "row 0 would be ({:.3f}, {:.3f})".format(*outputs[1][0]) in text

    row = names["positions"](2, 4)[1].tolist()
    assert "= ({:.3f}, {:.3f}, {:.3f}, {:.3f})".format(*row) in text
    assert names["causal_mask"](3).tolist() == [[s <= t for s in range(3)] for t in range(3)]
    real = names["padding_mask"](torch.tensor([2, 0]), 3)
    assert real.tolist() == [[[[True, True, False]]], [[[False] * 3]]]

    m, total, mixed = 1.0, 1.0, 10.0
    for score, value in ((3.0, 20.0), (2.0, 30.0)):
        new = max(m, score)
        total = total * math.exp(m - new) + math.exp(score - new)
        mixed, m = mixed * math.exp(m - new) + value * math.exp(score - new), new
        assert f"= {total:.3f} |" in text
        assert f"= {mixed:.2f} |" in text
    assert f"is {mixed:.2f}/{total:.3f} = {mixed / total:.2f}," in text
    run = torch.tensor([[1.0, 3.0, 2.0]])
    values = torch.tensor([[10.0], [20.0], [30.0]])
    online = names["blockwise_attention"](torch.ones(1, 1), run.T, values, 1)
    assert online.item() == pytest.approx(mixed / total)


SCRIPTED = """
@torch.jit.script
def softmax(x: Tensor) -> Tensor:
    top = x.amax(-1, keepdim=True)
    top = torch.where(torch.isinf(top), torch.zeros_like(top), top)
    e = torch.exp(x - top)
    return e / e.sum(-1, keepdim=True).clamp(min=1.0)
"""


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_a_scripted_function_passes_too():
    names = names_of(LAB, {"softmax": SCRIPTED})
    for seed in range(3):
        assert not_passed(outcomes(LAB, names, seed, without=(LEARNS, SMALL))) == {}


#: Wrong answers, and the words that name the property which each breaks.
NAMED = {
    "lookup-padding-zeroed": "Filling that is set to zero still takes part in the softmax",
    "lookup-of-one-width": "the d and the num_heads that it gets",
    "lookup-with-one-head": "num_heads plays no part",
    "lookup-without-question": "do not depend on the questions",
    "blocks-of-one-size": "Read the keys in blocks of `size`",
    "blocks-of-single-queries": "going through the queries one after another",
    "blocks-of-queries": "A tensor is larger than the inputs",
    "blocks-of-size-queries": "A tensor is larger than the inputs",
    "blocks-out-of-the-whole-table": "A tensor is larger than the inputs",
    "blocks-always-float32": "The dtype should be torch.bfloat16",
    "causal-mask-of-numbers": "The dtype should be torch.bool",
    "padding-mask-without-its-dimensions": "The shape is wrong",
    "queries-scaled-in-place": "changes a tensor that it is given",
}


@pytest.mark.parametrize("name", NAMED)
def test_the_hint_names_the_property_that_is_broken(name):
    caught_by = set(WRONG[name].caught_by)
    for seed in range(3):
        found = outcomes(LAB, names_of(LAB, WRONG[name].cells), seed, only=caught_by)
        assert set(found) == caught_by
        assert all(NAMED[name] in one.hint for one in found.values()), [
            one.hint for one in found.values()
        ]


def test_the_work_of_blocks_is_counted_as_the_text_says():
    names = names_of(LAB)
    q, k, v = torch.randn(30, 4), torch.randn(2000, 4), torch.randn(2000, 3)
    few, many = (names["work_of_blocks"](q, k, v, size) for size in (200, 20))
    assert many[0] - few[0] >= 100 - 10
    assert max(few[1], many[1]) <= k.numel()
    assert names["work_of_blocks"](q, k, v, 2000)[1] == 30 * 2000
