"""The lab on convolution: its solution, other right ones, wrong ones, its numbers, its digits."""

import re
import time

import pytest
import torch
import torch.nn.functional as F
from in_process import names_of, not_passed, outcomes
from torch_threads import one_thread

from introml.data import mnist
from introml.grader.lab.lab import load_lab
from introml.grader.run.checker import load_all_checks
from introml.grader.wire.withdrawal import LibraryAnswer, Withdrawal
from introml.models.lenet import lenet

LAB = load_lab("convolution")
TEXT = (LAB.folder / "lab.md").read_text(encoding="utf-8")
RIGHT = {right.name: right for right in LAB.right_solutions()}
WRONG = {wrong.name: wrong for wrong in LAB.wrong_solutions()}
LEARNS = "learns_to_read_digits"


def test_each_style_is_there():
    """Loops, one matrix for the whole batch, strided views."""
    assert {"loops", "one-matrix", "strided-views"} <= set(RIGHT)


@pytest.mark.parametrize("style", ["solution", *RIGHT])
def test_right_answers_pass_at_twenty_seeds(style):
    names = names_of(LAB, {} if style == "solution" else RIGHT[style].cells)
    for seed in range(20):
        slow = () if seed == 0 else (LEARNS,)
        assert not_passed(outcomes(LAB, names, seed, without=slow)) == {}, f"seed {seed}"


def test_the_starter_fails_every_check():
    found = outcomes(LAB, names_of(LAB, starter=True), seed=0)
    assert len(found) == len(LAB.check_list())
    assert set(not_passed(found)) == set(found)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution_fails_the_checks_that_it_names(name):
    names, caught_by = names_of(LAB, WRONG[name].cells), set(WRONG[name].caught_by) - {LEARNS}
    for seed in range(3):
        found = outcomes(LAB, names, seed, only=caught_by)
        assert set(not_passed(found)) == caught_by, f"seed {seed}"
        # A wrong answer is told in the check's own words, it never breaks the check.
        assert not any(one.flags for one in found.values())


#: A wrong function, the tasks that it spoils, and those that are another's work.
OWN = {
    "output_size": ("sizes_of_outputs", "gradients_to_winners"),
    "max_pool": ("largest_and_winners", "gradients_of_convolution"),
    "max_pool_backward": ("gradients_to_winners", "largest_and_winners"),
    "col2im": ("columns_added_back", "convolution_equals_torch"),
    "conv_backward": ("gradients_of_convolution", "columns_added_back"),
    "lenet": ("lenet_equals_torch", "gradients_of_convolution"),
}


@pytest.mark.parametrize("cell", OWN)
def test_a_task_that_is_not_done_costs_its_own_points(cell):
    names = names_of(LAB, {cell: LAB.answers[cell].starter})
    failing, passing = OWN[cell]
    found = not_passed(outcomes(LAB, names, 0, only={failing, passing}))
    assert set(found) == {failing}


def test_a_network_that_learns_the_wrong_way_fails_the_check_on_digits():
    names = names_of(LAB, WRONG["lenet-learns-nothing"].cells)
    digits = names["train"]
    names["train"] = lambda X, y: digits(X[:640], y[:640], epochs=1)
    found = outcomes(LAB, names, 0, only={LEARNS})
    assert "less than 97% of new digits" in found[LEARNS].hint


def test_the_check_on_digits_stops_when_the_text_says():
    (check,) = (one for one in load_all_checks(LAB) if one.name == LEARNS)
    assert check.time_s == 2 * 60
    assert "stops after two minutes" in TEXT


def digits_read(names: dict, seed: int, count: int = 8000) -> tuple[float, float]:
    """The share of the book's 2,000 held-out digits that are read, and the seconds of training."""
    (X, y), (new, answers) = (mnist.load(split) for split in ("train", "test"))
    torch.manual_seed(seed)
    began = time.process_time()
    parameters = names["train"](X[:count, None], y[:count])
    seconds = time.process_time() - began
    read = names["scores_of"](parameters, new[:, None]).argmax(1)
    return (read == answers).double().mean().item(), seconds


def test_five_seeds_read_97_percent_of_held_out_digits():
    names = names_of(LAB)
    with one_thread():
        found = [digits_read(names, seed) for seed in range(5)]
    assert min(share for share, _ in found) >= 0.97, found


def test_each_style_is_fast_enough():
    """A tenth of the digits, in a twentieth of the time that the check allows."""
    with one_thread():
        for style, right in RIGHT.items():
            _, seconds = digits_read(names_of(LAB, right.cells), 0, count=800)
            assert seconds < 6, style


def test_steps_are_as_many_as_the_text_says():
    names, steps = names_of(LAB), []
    own = names["lenet_backward"]
    names["lenet_backward"] = lambda *given: steps.append(1) or own(*given)
    X, y = mnist.load("train")
    names["train"](X[:500, None], y[:500])
    assert len(steps) == 64
    assert "only 64 steps" in TEXT
    assert 4 * 8000 / 32 == 1000
    assert "runs 1,000 times" in TEXT


X, K, B = torch.randn(2, 3, 6, 6), torch.randn(4, 3, 3, 3), torch.zeros(4)
COLUMNS = torch.randn(2, 27, 16)
REFUSED = {
    "conv2d": lambda: F.conv2d(X, K),
    "a layer": lambda: torch.nn.Conv2d(3, 4, 3)(X),
    "in one dimension": lambda: torch.conv1d(X[0], K[:, :, 0]),
    "transposed": lambda: F.conv_transpose2d(X, K.transpose(0, 1)),
    "the operator": lambda: torch.ops.aten.convolution(
        X, K, B, [1, 1], [0, 0], [1, 1], False, [0, 0], 1
    ),
    "its derivative": lambda: torch.ops.aten.convolution_backward(
        torch.randn(2, 4, 4, 4), X, K, [4], [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True] * 3
    ),
    "gradients of torch.nn.grad": lambda: torch.nn.grad.conv2d_weight(
        X, K.shape, torch.randn(2, 4, 4, 4)
    ),
    "slow": lambda: torch.ops.aten._slow_conv2d_forward(X, K, [3, 3], B, [1, 1], [0, 0]),
    "mkldnn": lambda: torch.ops.aten.mkldnn_convolution(X, K, B, [0, 0], [1, 1], [1, 1], 1),
    "unfold": lambda: F.unfold(X, 3),
    "a layer of unfold": lambda: torch.nn.Unfold(3)(X),
    "im2col": lambda: torch.ops.aten.im2col(X, [3, 3], [1, 1], [0, 0], [1, 1]),
    "fold": lambda: F.fold(COLUMNS, (6, 6), 3),
    "col2im": lambda: torch.ops.aten.col2im(COLUMNS, [6, 6], [3, 3], [1, 1], [0, 0], [1, 1]),
    "max_pool2d": lambda: F.max_pool2d(X, 2),
    "with indices": lambda: torch.ops.aten.max_pool2d_with_indices(X, [2, 2]),
    "its derivative, with indices": lambda: torch.ops.aten.max_pool2d_with_indices_backward(
        X[:, :, ::2, ::2], X, [2, 2], [2, 2], [0, 0], [1, 1], False, X[:, :, ::2, ::2].long()
    ),
    "max_pool1d": lambda: F.max_pool1d(X[0], 2),
    "adaptive": lambda: F.adaptive_max_pool2d(X, 2),
    "avg_pool2d": lambda: F.avg_pool2d(X, 2),
    "unpooled": lambda: F.max_unpool2d(X, X.abs().long(), 2),
    "autograd": lambda: torch.func.vjp(torch.relu, X),
    "the derivative of unfold": lambda: torch.ops.aten.unfold_backward(
        torch.randn(2, 3, 3, 6, 2), [2, 3, 6, 6], 2, 2, 2
    ),
    "the derivative of a ReLU": lambda: torch.ops.aten.threshold_backward(X, X, 0),
}


@pytest.fixture(scope="module")
def withheld():
    one = Withdrawal()
    one.withdraw(LAB.settings.families)
    yield one
    one.put_back()


@pytest.mark.parametrize("way", REFUSED)
@pytest.mark.usefixtures("withheld")
def test_what_the_lab_is_about_is_withheld(way):
    with pytest.raises(LibraryAnswer):
        REFUSED[way]()


@pytest.mark.usefixtures("withheld")
def test_views_and_other_operators_are_allowed():
    windows = X.unfold(2, 3, 1).unfold(3, 3, 1)
    strides = (108, 36, 6, 1, 6, 1)
    assert torch.equal(X.as_strided((2, 3, 4, 4, 3, 3), strides), windows)
    assert F.pad(X, [1] * 4).shape == (2, 3, 8, 8)
    assert torch.relu(X).min() == 0
    assert torch.einsum("nchwab,ocab->nohw", windows, K).shape == (2, 4, 4, 4)
    assert torch.softmax(X, 1).sum(1).allclose(torch.ones(2, 6, 6))


def test_the_numbers_in_the_text_are_right():
    names, picture = names_of(LAB), torch.arange(9.0).reshape(1, 1, 3, 3)
    kernel = torch.arange(4.0).reshape(1, 1, 2, 2)
    size = names["output_size"]
    assert (size(28, 5), size(28, 5, padding=2), size(5, 2, 2)) == (24, 28, 2)
    columns = names["im2col"](picture, 2, 2)
    assert columns[0].T.tolist() == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    assert columns[0, 0].tolist() == [0, 1, 3, 4]
    conv = names["conv"]
    assert conv(picture, kernel, torch.zeros(1))[0, 0].tolist() == [[19, 25], [37, 43]]
    assert conv(picture, kernel, torch.ones(1))[0, 0].tolist() == [[20, 26], [38, 44]]
    back = names["col2im"](columns, (1, 1, 3, 3), 2, 2)
    assert back[0, 0].tolist() == [[0, 2, 2], [6, 16, 10], [6, 14, 8]]
    u = torch.tensor([[[[1.0, 2], [3, 4]]]])
    to_x, to_weight, to_bias = names["conv_backward"](u, picture, kernel)
    assert to_weight[0, 0].tolist() == [[27, 37], [57, 67]]
    assert to_bias.tolist() == [10]
    assert to_x[0, 0].tolist() == [[0, 1, 2], [2, 10, 10], [6, 17, 12]]
    rows = [[1.0, 3, 2, 1], [4, 6, 5, 0], [7, 2, 9, 8], [1, 0, 3, 4]]
    picture = torch.tensor(rows)[None, None]
    y, winners = names["max_pool"](picture, 2, 2)
    assert (y.flatten().tolist(), winners.flatten().tolist()) == ([6, 5, 7, 9], [5, 6, 8, 10])
    assert names["max_pool"](0 * picture, 2, 2)[1].flatten().tolist() == [0, 2, 8, 10]
    u = torch.tensor([4.0, 8, 12, 16]).reshape(1, 1, 2, 2)
    back = names["max_pool_backward"](u, winners, (1, 1, 4, 4)).flatten()
    assert {place: n for place, n in enumerate(back.tolist()) if n} == {5: 4, 6: 8, 8: 12, 10: 16}
    _, winners = names["max_pool"](picture, 2, 1)
    back = names["max_pool_backward"](torch.ones(1, 1, 3, 3), winners, (1, 1, 4, 4))
    assert {picture.flatten()[p].item(): n for p, n in enumerate(back.flatten().tolist()) if n} == {
        6: 2, 5: 1, 7: 2, 9: 4
    }  # fmt: skip
    for words in (
        "are 24 places, with padding 2 there are 28", "has 2 places on 5 cells",
        "(0, 1, 3, 4), (1, 2, 4, 5), (3, 4, 6, 7) and (4, 5, 7, 8)", "0, 1, 3, 4. It is a slice",
        "(19, 25) and (37, 43)", "(20, 26) and (38, 44)", "(0, 2, 2), (6, 16, 10) and (6, 14, 8)",
        "(27, 37) and (57, 67), that of the bias is 10", "(0, 1, 2), (2, 10, 10) and (6, 17, 12)",
        "are 6, 5, 7 and 9, and the winners are 5, 6, 8 and 10", "they are 0, 2, 8 and 10",
        "cell 5 of the picture gets 4, cell 6 gets 8, cell 8 gets 12 and cell 10 gets 16",
        "the 6 gets 2, the 5 gets 1, the 7 gets 2 and the 9 gets 4",
    ):  # fmt: skip
        assert words in TEXT, words


def test_the_table_and_the_count_of_parameters_are_those_of_lenet():
    names = names_of(LAB)
    parameters = names["new_parameters"]()
    pairs = [a.numel() + b.numel() for a, b in zip(parameters[::2], parameters[1::2], strict=True)]
    words = " + ".join(f"{one:,}" for one in pairs) + f" = {sum(pairs):,} parameters"
    assert words in TEXT
    assert sum(pairs) == sum(one.numel() for one in lenet().parameters())
    sizes, X = [], torch.randn(1, 1, 28, 28)
    for name in ("conv", "max_pool"):
        own = names[name]

        def noted(*given, own=own, **settings):
            y = own(*given, **settings)
            sizes.append((y if isinstance(y, torch.Tensor) else y[0]).shape[1:])
            return y

        names[name] = noted
    names["lenet"](parameters, X)
    said = [tuple(map(int, x)) for x in re.findall(r"\| (\d+) channels of (\d+) × (\d+)", TEXT)]
    assert said == [tuple(one) for one in sizes]
    assert [one[1] for one in (parameters[4].shape, parameters[6].shape, parameters[8].shape)] == [
        120, 84, 10
    ]  # fmt: skip
