"""introml.cost against counts made by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from introml.cost import (
    flops,
    kept_bytes,
    layer_costs,
    positions_reached,
    sequential_operations,
)  # fmt: skip


def test_flops_of_a_product_are_two_a_multiplication():
    assert flops(lambda A, B: A @ B, (3, 4), (4, 5)) == 2 * 3 * 4 * 5


def test_flops_of_modules_by_hand():
    assert flops(nn.Linear(4, 5), (3, 4)) == 2 * 3 * 4 * 5
    # 7 places, 3 of the kernel, 2 channels to 6.
    assert flops(nn.Conv1d(2, 6, 3, padding=1), (2, 7)) == 2 * 7 * 3 * 2 * 6


def test_a_layers_costs_by_hand():
    net = nn.Sequential(
        nn.Conv2d(2, 3, 5, stride=2, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6, 4)
    )
    assert layer_costs(net, 2, 9, 7) == [
        ("Conv2d", (3, 4, 3), 5 * 5 * 2 * 3 + 3, 5 * 5 * 2 * 3 * 4 * 3),
        ("MaxPool2d", (3, 2, 1), 0, 0),
        ("Flatten", (6,), 0, 0),
        ("Linear", (4,), 6 * 4 + 4, 6 * 4),
    ]


@pytest.mark.parametrize("groups", [1, 2])
def test_layer_costs_are_half_of_torchs_flops(groups):
    block = nn.Sequential(
        nn.Conv2d(4, 6, 3, padding=1, groups=groups, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2d(6, 2, (1, 3), stride=(2, 1), dilation=2),
    )  # fmt: skip
    net = nn.Sequential(block, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 5))
    found = layer_costs(net, 4, 9, 8)
    assert [one.kind for one in found] == ["Sequential", "AvgPool2d", "Flatten", "Linear"]
    assert 2 * sum(one.macs for one in found) == flops(net.eval(), (1, 4, 9, 8))
    assert sum(one.parameters for one in found) == sum(p.numel() for p in net.parameters())
    assert net[0][0].weight.device.type == "cpu"
    assert not net[0][0]._forward_hooks


def test_counting_leaves_the_module_where_it_was():
    layer = nn.Linear(4, 5)
    flops(layer, (3, 4))
    assert layer.weight.device.type == "cpu"


def test_chain_of_operations_by_hand():
    x = torch.ones(3, requires_grad=True)
    y = (x * 2).exp()
    assert sequential_operations(y) == 2
    assert sequential_operations(y + x) == 3  # the longer of the two ways
    z = x
    for _ in range(5000):  # deeper than Python may recurse
        z = z.sin()
    assert sequential_operations(z) == 5000


def test_diamonds_are_not_walked_once_a_path():
    z = torch.ones(2, requires_grad=True)
    for _ in range(200):
        z = z + z
    assert sequential_operations(z) == 200


def test_output_without_a_graph_is_refused():
    with pytest.raises(ValueError, match="requires_grad=True"):
        sequential_operations(torch.ones(2))


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_convolution_reaches_half_its_kernel(kernel):
    layer = nn.Conv1d(2, 2, kernel, padding=kernel // 2)
    assert positions_reached(lambda X: layer(X.T).T, 16, 2) == 1 + kernel // 2


def test_what_does_not_look_reaches_nothing():
    assert positions_reached(torch.zeros_like, 4, 2) == 0
    assert positions_reached(lambda X: X.cumsum(0), 9, 2) == 9


def test_kept_bytes_by_hand():
    x = torch.randn(100, requires_grad=True)
    assert kept_bytes(torch.exp, x) == 400  # its own result
    assert kept_bytes(lambda a: a * a, x) == 400  # one storage, kept twice
    assert kept_bytes(lambda a: a + 1, x) == 0
    weight = torch.randn(10, 10, requires_grad=True)
    assert kept_bytes(lambda a: F.softmax(a @ weight, -1), x.view(10, 10)) == 3 * 400
