"""introml.multilayer_perceptron against torch.nn, and against numbers worked by hand."""

import itertools

import pytest
import torch
from torch import nn

from introml.multilayer_perceptron import forward, parameter_count, sequential, without_activation

#: How many switches are up, how many beyond the first, and the light: one less two of those.
STAIRCASE = [
    (torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([0.0, -1.0])),
    (torch.tensor([[1.0, -2.0]]), torch.tensor([0.0])),
]
SWITCHES = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def random_widths(generator):
    many = int(torch.randint(2, 7, (), generator=generator))
    return torch.randint(1, 20, (many,), generator=generator).tolist()


def layers_of(net):
    return [(part.weight, part.bias) for part in net if isinstance(part, nn.Linear)]


def test_the_staircase_by_hand():
    assert forward(STAIRCASE, SWITCHES).flatten().tolist() == [0, 1, 1, 0]
    W, b = without_activation(STAIRCASE)
    assert (W.tolist(), b.tolist()) == ([[-1, -1]], [2])


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_equal_those_of_torchs_modules(seed, dtype):
    generator = torch.Generator().manual_seed(seed)
    widths = random_widths(generator)
    torch.manual_seed(seed)
    modules = []
    for n, m in itertools.pairwise(widths):
        modules += [nn.Linear(n, m, dtype=dtype), nn.ReLU()]
    net = nn.Sequential(*modules[:-1])
    X = torch.randn(7, widths[0], generator=generator, dtype=dtype, requires_grad=True)
    found, expected = forward(layers_of(net), X), net(X)
    assert found.dtype == dtype
    torch.testing.assert_close(found, expected)
    upstream = torch.randn(expected.shape, generator=generator, dtype=dtype)
    wanted = [X, *net.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad(found, wanted, upstream),
        torch.autograd.grad(expected, wanted, upstream),
    )


def test_gradients_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    flat = [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
            for shape in ((5, 3), (5,), (2, 5), (2,), (4, 3))]  # fmt: skip
    assert torch.autograd.gradcheck(
        lambda W1, b1, W2, b2, X: forward([(W1, b1), (W2, b2)], X), tuple(flat)
    )


@pytest.mark.parametrize("seed", range(50))
def test_layers_without_activation_are_one_layer(seed):
    widths = random_widths(torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    net = sequential(widths, activation=False).double()
    assert [type(part) for part in net] == [nn.Linear] * (len(widths) - 1)
    W, b = without_activation(layers_of(net))
    X = torch.randn(9, widths[0], dtype=torch.float64)
    torch.testing.assert_close(forward([(W, b)], X), net(X))


@pytest.mark.parametrize("seed", range(50))
def test_parameters_are_as_many_as_torch_has(seed):
    widths = random_widths(torch.Generator().manual_seed(seed))
    net = sequential(widths)
    assert parameter_count(widths) == sum(p.numel() for p in net.parameters())
    kinds = [nn.Linear, nn.ReLU] * (len(widths) - 1)
    assert [type(part) for part in net] == kinds[:-1]


def test_what_does_not_fit_is_refused_in_words():
    with pytest.raises(ValueError, match="layers is empty"):
        forward([], SWITCHES)
    turned = [(W.T, b) for W, b in STAIRCASE]
    with pytest.raises(ValueError, match=r"layer 1 takes 1 numbers, W being \(2, 1\), but gets 2"):
        forward(turned, SWITCHES)
