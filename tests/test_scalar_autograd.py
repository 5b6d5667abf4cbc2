"""introml.scalar_autograd against torch's autograd, finite differences and a graph by hand."""

import math
import random

import pytest
import torch

from introml.scalar_autograd import Value, topological_order

BENDS = ("exp", "log", "tanh", "sigmoid", "relu")


def graph(seed, leaves):
    """A random expression of any of the operators, the same for values and for tensors."""
    draw, boxes = random.Random(seed), list(leaves)
    for _ in range(draw.randrange(1, 25)):
        a, b = draw.choice(boxes), draw.choice(boxes)
        kind = draw.choice(("+", "-", "*", "/", *BENDS))
        if kind == "+":
            made = a + b
        elif kind == "-":
            made = a - b
        elif kind == "*":
            made = a * b.tanh()
        elif kind == "/":
            made = a / b.tanh().exp()
        elif kind == "exp":
            made = a.tanh().exp()
        elif kind == "log":
            made = a.tanh().exp().log()
        else:
            made = getattr(a, kind)()
        boxes.append(made)
    last = boxes[-1] * boxes[draw.randrange(len(boxes))]
    for leaf in leaves:
        last = last + leaf * boxes[-1].tanh()
    return last


def numbers(seed):
    draw = random.Random(10**6 + seed)
    return [draw.uniform(-3, 3) for _ in range(draw.randrange(1, 5))]


@pytest.mark.parametrize("lot", range(10))
def test_values_and_gradients_of_random_graphs_equal_torchs(lot):
    for seed in range(150 * lot, 150 * (lot + 1)):
        ours = [Value(number) for number in numbers(seed)]
        theirs = [
            torch.tensor(number, dtype=torch.float64, requires_grad=True)
            for number in numbers(seed)
        ]
        result, expected = graph(seed, ours), graph(seed, theirs)
        result.backward()
        expected.backward()
        assert result.data == pytest.approx(expected.item(), rel=1e-10, abs=1e-10)
        for one, other in zip(ours, theirs, strict=True):
            assert one.grad == pytest.approx(other.grad.item(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("operator", [*BENDS, "__add__", "__sub__", "__mul__", "__truediv__"])
def test_each_slope_is_that_of_a_nudge(operator):
    draw, h = random.Random(0), 1e-6
    for _ in range(100):
        a, b = draw.uniform(0.1, 3), draw.choice((-1, 1)) * draw.uniform(0.1, 3)
        if operator in ("tanh", "sigmoid", "relu", "exp"):
            a = draw.choice((-1, 1)) * a
        given = (a,) if operator in BENDS else (a, b)

        def value(*at):
            boxes = [Value(number) for number in at]
            return getattr(boxes[0], operator)(*boxes[1:])

        slopes = [slope for _, slope in value(*given).inputs]
        for place, slope in enumerate(slopes):
            up, down = list(given), list(given)
            up[place] += h
            down[place] -= h
            nudged = (value(*up).data - value(*down).data) / (2 * h)
            assert slope == pytest.approx(nudged, rel=1e-5, abs=1e-7)


def test_graph_by_hand():
    w, x, b, v, y = (Value(number) for number in (2.0, -1.0, 3.0, 3.0, 1.0))
    e = v * (w * x + b).relu() - y
    (e * e).backward()
    assert [leaf.grad for leaf in (w, x, b, v, y)] == [-12, 24, 12, 4, -4]


def test_gradients_of_a_leaf_add_up_over_walks_as_torchs_do():
    a, square = Value(3.0), None
    for times in (1, 2, 3):
        square = a * a
        square.backward()
        assert a.grad == 6 * times
    assert square.grad == 0  # no leaf


def test_a_leaf_is_its_own_result():
    a = Value(2.0)
    a.backward()
    assert a.grad == 1


def test_a_box_keeps_nothing_of_an_earlier_walk():
    a = Value(2.0)
    inner = a * a
    (inner * inner).backward()
    (inner * inner).backward()  # 4a³ each time, whatever the first walk left
    assert a.grad == 64


@pytest.mark.parametrize("at", [-800.0, -40.0, 0.0, 40.0, 800.0])
def test_sigmoid_neither_overflows_nor_loses_small_values(at):
    a = Value(at)
    result = a.sigmoid()
    result.backward()
    t = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    expected = torch.sigmoid(t)
    expected.backward()
    assert result.data == pytest.approx(expected.item(), rel=1e-12, abs=0)
    assert a.grad == pytest.approx(t.grad.item(), rel=1e-12, abs=0)


def test_relu_at_zero_is_torchs():
    a = Value(0.0)
    a.relu().backward()
    t = torch.zeros((), requires_grad=True)
    torch.relu(t).backward()
    assert a.grad == t.grad.item() == 0


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Value(-1.0).log(), ValueError),
        (lambda: Value(1.0) / Value(0.0), ZeroDivisionError),
        (lambda: Value(1000.0).exp(), OverflowError),
    ],
)
def test_what_python_refuses_is_refused(make, error):
    with pytest.raises(error):
        make()


def test_topological_order_has_each_box_once_after_its_inputs():
    for seed in range(200):
        leaves = [Value(number) for number in numbers(seed)]
        result = graph(seed, leaves)
        order = topological_order(result)
        place = {box: at for at, box in enumerate(order)}
        assert len(place) == len(order)
        assert order[-1] is result
        assert set(leaves) <= set(order)
        assert all(place[one] < place[box] for box in order for one, _ in box.inputs)


def test_a_long_chain_needs_no_deep_recursion():
    a = box = Value(1.0)
    for _ in range(100_000):
        box = box + a
    box.backward()
    assert (a.grad, box.data) == (100_001, 100_001)


def test_many_paths_take_no_more_time_than_boxes():
    a = box = Value(1.0)
    for _ in range(200):
        box = box + box  # 2²⁰⁰ paths
    box.backward()
    assert a.grad == math.pow(2, 200)
