"""introml.autograd against torch's autograd, finite differences and a layer by hand."""

import random

import pytest
import torch

from introml.autograd import Array, sum_to

BENDS = ("exp", "tanh", "sigmoid", "relu")
NEAR = {
    torch.float64: {"rtol": 1e-9, "atol": 1e-9},
    torch.float32: {"rtol": 1e-3, "atol": 1e-3},
    torch.bfloat16: {"rtol": 0.1, "atol": 0.1},
}


def draw_shape(draw, shape):
    """A shape that broadcasts to `shape`: some axes of size 1, some left out in front."""
    cut = tuple(1 if draw.random() < 0.3 else size for size in shape)
    return cut[draw.randrange(len(cut) + 1) :] if draw.random() < 0.4 else cut


def leaves_of(seed, dtype):
    """Tensors whose shapes broadcast together."""
    draw = random.Random(seed)
    shape = tuple(draw.randrange(1, 5) for _ in range(draw.randrange(2, 5)))
    generator = torch.Generator().manual_seed(seed)
    shapes = [shape, *(draw_shape(draw, shape) for _ in range(3))]
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes]


def dims(a):
    return len(a.data.shape)


def graph(seed, leaves, steps=10):
    """A random expression of any of the operators, the same for arrays and for tensors."""
    draw, boxes = random.Random(seed), list(leaves)
    for _ in range(draw.randrange(1, steps)):
        a, b = draw.choice(boxes), draw.choice(boxes)
        kind = draw.choice(("+", "-", "*", "/", "@", "sum", "reshape", *BENDS, "log"))
        fits = _broadcast(a, b)
        if kind == "+" and fits:
            made = a + b
        elif kind == "-" and fits:
            made = a - b
        elif kind == "*" and fits:
            made = a * b.tanh()
        elif kind == "/" and fits:
            made = a / b.tanh().exp()
        elif kind == "@" and _multiplies(a, b):
            made = a.tanh() @ b.mT.tanh()
        elif kind == "sum" and dims(a):
            axis, keep = draw.randrange(-dims(a), dims(a)), draw.random() < 0.7
            made = a.sum(axis, keep)
        elif kind == "reshape" and dims(a):
            made = a.reshape(1, *a.data.shape).tanh().reshape(*a.data.shape)
        elif kind == "exp":
            made = a.tanh().exp()
        elif kind == "log":
            made = a.tanh().exp().log()
        elif kind in BENDS:
            made = getattr(a, kind)()
        else:
            continue
        boxes.append(made)
    total = boxes[-1].tanh().sum()
    for at, box in enumerate(boxes):
        total = total + (box.sigmoid() * box).sum() if at % 2 else total - box.tanh().sum()
    return total


def _broadcast(a, b):
    try:
        torch.broadcast_shapes(a.data.shape, b.data.shape)
    except RuntimeError:
        return False
    return True


def _multiplies(a, b):
    """Whether a @ b.mT is a product of (batches of) matrices."""
    return min(dims(a), dims(b)) > 1 and _broadcast(a, b) and a.data.shape[-1] == b.data.shape[-1]


def both(function, tensors):
    """Value and gradients, ours and torch's."""
    ours = [Array(t) for t in tensors]
    theirs = [t.clone().requires_grad_() for t in tensors]
    result, expected = function(ours), function(theirs)
    result.backward()
    expected.backward()
    return (result.data, [a.grad for a in ours]), (expected.detach(), [t.grad for t in theirs])


@pytest.mark.parametrize("lot", range(10))
def test_values_and_gradients_of_random_graphs_equal_torchs(lot):
    for seed in range(120 * lot, 120 * (lot + 1)):
        found, expected = both(lambda t, s=seed: graph(s, t), leaves_of(seed, torch.float64))
        torch.testing.assert_close(found, expected, **NEAR[torch.float64])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dtypes_are_kept_and_near_torchs(dtype):
    for seed in range(200):
        found, expected = both(lambda t, s=seed: graph(s, t, 5), leaves_of(seed, dtype))
        torch.testing.assert_close(found, expected, **NEAR[dtype])


def test_gradients_are_those_of_nudges():
    h = 1e-5
    for seed in range(60):
        tensors = leaves_of(seed, torch.float64)
        arrays = [Array(t) for t in tensors]
        graph(seed, arrays).backward()
        draw = random.Random(seed)
        which = draw.randrange(len(tensors))
        place = draw.randrange(tensors[which].numel())
        ends = []
        for sign in (1, -1):
            moved = [t.clone() for t in tensors]
            moved[which].view(-1)[place] += sign * h
            ends.append(graph(seed, [Array(t) for t in moved]).data)
        nudged = (ends[0] - ends[1]) / (2 * h)
        found = arrays[which].grad.reshape(-1)[place]
        torch.testing.assert_close(found, nudged, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("a", "b"),
    [((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((1, 5, 2, 3), (6, 1, 3, 4))],
)
def test_matrix_products_of_batches(a, b):
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(s, generator=generator, dtype=torch.float64) for s in (a, b)]
    found, expected = both(lambda t: (t[0] @ t[1]).tanh().sum(), tensors)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, -3])
def test_sums(axis, keepdim):
    tensors = [torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)).double()]

    def total(t):
        part = t[0].sum() if axis is None else t[0].sum(axis, keepdim)
        return (part * part).sum()

    torch.testing.assert_close(*both(total, tensors))


def test_reshape_and_transpose():
    tensors = [torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0)).double()]
    found, expected = both(lambda t: (t[0].mT @ t[0].reshape(2, 3, 4).exp()).sum(), tensors)
    torch.testing.assert_close(found, expected)


def test_layer_by_hand():
    W = Array(torch.tensor([[1.0, 2, 0], [-1, 1, 3]]))
    x, b = Array(torch.tensor([[2.0], [1], [-1]])), Array(torch.tensor([[0.0], [1]]))
    y = W @ x + b
    (Array(torch.tensor([[3.0, -1]])) @ y).sum().backward()
    assert y.data.flatten().tolist() == [4, -3]
    assert x.grad.flatten().tolist() == [4, 5, -3]
    assert W.grad.tolist() == [[6, 3, -3], [-2, -1, 1]]
    assert b.grad.flatten().tolist() == [3, -1]


def test_an_intercept_is_summed_over_the_batch():
    b = Array(torch.zeros(2))
    (Array(torch.ones(64, 2)) * b).sum().backward()
    assert b.grad.tolist() == [64, 64]


@pytest.mark.parametrize("seed", range(50))
def test_sum_to_is_torchs(seed):
    draw = random.Random(seed)
    large = tuple(draw.randrange(0, 5) for _ in range(draw.randrange(0, 5)))
    small = draw_shape(draw, large)
    u = torch.randn(large, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch.testing.assert_close(sum_to(u, small), u.sum_to_size(small))


def test_relu_at_zero_is_torchs():
    torch.testing.assert_close(*both(lambda t: t[0].relu().sum(), [torch.zeros(3)]))


def test_gradients_of_a_leaf_add_up_over_walks_and_inner_ones_do_not():
    a = Array(torch.tensor([2.0, 3.0]))
    inner = a * a
    for times in (1, 2):
        inner.sum().backward()
        assert a.grad.tolist() == [4 * times, 6 * times]
    assert inner.grad is None


def test_inputs_stay_as_they_are_and_have_no_part_in_torchs_graph():
    t = torch.ones(2, 2, requires_grad=True)
    a = Array(t)
    ((a @ a) * a).sum().backward()
    assert t.grad is None
    assert torch.equal(t, torch.ones(2, 2))
    assert not a.grad.requires_grad


def test_an_empty_batch_has_gradients_of_zero():
    found, expected = both(
        lambda t: (t[0] @ t[1] + t[2]).sum(), [torch.ones(0, 3), torch.ones(3, 2), torch.ones(2)]
    )
    torch.testing.assert_close(found, expected)


def test_a_result_of_several_numbers_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\); sum it first"):
        Array(torch.ones(2)).backward()


def test_vectors_are_no_matrices():
    with pytest.raises(ValueError, match="both need two axes or more"):
        Array(torch.ones(2, 2)) @ Array(torch.ones(2))


def test_dtypes_that_differ_are_refused():
    with pytest.raises(TypeError, match="meets"):
        Array(torch.ones(2)) + Array(torch.ones(2, dtype=torch.float64))


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="convert it first"):
        Array(torch.tensor([1, 2]))
