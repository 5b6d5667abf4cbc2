"""The networks for pictures: parameters, shapes and settings, layer by layer, by hand."""

import pytest
import torch
from torch import nn

from introml.cost import flops
from introml.models.alexnet import alexnet
from introml.models.googlenet import BLOCKS, Inception, googlenet
from introml.models.lenet import lenet
from introml.models.resnet import basic_block, bottleneck, resnet
from introml.models.vgg import vgg

#: Kernel, inputs, outputs, stride, padding of each convolution, as the papers' tables have them.
LENET = [(5, 1, 6, 1, 2), (5, 6, 16, 1, 0)]
ALEXNET = [
    (11, 3, 64, 4, 2), (5, 64, 192, 1, 2), (3, 192, 384, 1, 1), (3, 384, 256, 1, 1),
    (3, 256, 256, 1, 1),
]  # fmt: skip


def on_meta(build, *args):
    with torch.device("meta"):
        return build(*args).eval()


def convolutions(net):
    return [
        (m.kernel_size[0], m.in_channels, m.out_channels, m.stride[0], m.padding[0])
        for m in net.modules()
        if isinstance(m, nn.Conv2d)
    ]


def dense(net):
    return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]


def parameters(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("build", "of", "shape", "count", "macs"),
    [
        (lenet, (), (2, 1, 28, 28), 61_706, 416_520),
        (alexnet, (), (2, 3, 224, 224), 61_100_840, 714_188_480),
        (vgg, (16,), (2, 3, 224, 224), 138_357_544, 15_470_264_320),
        (vgg, (19,), (2, 3, 224, 224), 143_667_240, 19_632_062_464),
        (googlenet, (), (2, 3, 224, 224), 6_998_552, 1_582_671_872),
        (resnet, (18,), (2, 3, 224, 224), 11_689_512, 1_814_073_344),
        (resnet, (34,), (2, 3, 224, 224), 21_797_672, 3_663_761_408),
        (resnet, (50,), (2, 3, 224, 224), 25_557_032, 4_089_184_256),
    ],
)
def test_parameters_are_those_published(build, of, shape, count, macs):
    net = on_meta(build, *of)
    classes = 10 if build is lenet else 1000
    assert net(torch.empty(shape, device="meta")).shape == (2, classes)
    assert parameters(net) == count
    assert flops(net, (1, *shape[1:])) == 2 * macs
    assert on_meta(build, *of, 7)(torch.empty(shape, device="meta")).shape == (2, 7)


def test_lenet_by_hand():
    net = on_meta(lenet)
    assert convolutions(net) == LENET
    assert dense(net) == [(400, 120), (120, 84), (84, 10)]
    by_layer = [parameters(layer) for layer in net if parameters(layer)]
    assert by_layer == [156, 2_416, 48_120, 10_164, 850]


def test_lenet_takes_other_bends_and_poolings_with_the_same_parameters():
    net = lenet(bend=nn.ReLU, pool=nn.MaxPool2d)
    kinds = [type(layer).__name__ for layer in net]
    assert kinds.count("ReLU") == 4
    assert kinds.count("MaxPool2d") == 2
    assert not {"Tanh", "AvgPool2d"} & set(kinds)
    assert parameters(net) == 61_706


def test_alexnet_has_the_layers_of_one_weird_trick():
    net = on_meta(alexnet)
    assert convolutions(net) == ALEXNET
    assert dense(net) == [(9216, 4096), (4096, 4096), (4096, 1000)]
    by_layer = [parameters(layer) for layer in net if parameters(layer)]
    assert by_layer == [
        23_296, 307_392, 663_936, 884_992, 590_080, 37_752_832, 16_781_312, 4_097_000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "channels"),
    [
        (16, [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6),
        (19, [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8),
    ],
)
def test_vgg_has_nothing_but_three_by_three(layers, channels):
    net = on_meta(vgg, layers)
    expected = [(3, before, out, 1, 1) for before, out in zip([3, *channels], channels)]  # noqa: B905
    assert convolutions(net) == expected
    assert dense(net) == [(25088, 4096), (4096, 4096), (4096, 1000)]
    assert len(convolutions(net)) + len(dense(net)) == layers


@pytest.mark.parametrize(("build", "wrong"), [(vgg, 17), (resnet, 20)])
def test_a_number_of_layers_that_is_none_is_refused(build, wrong):
    with pytest.raises(ValueError, match=f"layers is {wrong}; it must be"):
        build(wrong)


def test_googlenets_blocks_have_the_outputs_of_the_papers_table():
    outputs = {name: one + t[1] + f[1] + p for name, (one, t, f, p) in BLOCKS.items()}
    assert outputs == {
        "3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832,
        "5b": 1024,
    }  # fmt: skip
    net = on_meta(googlenet)
    blocks = [module for module in net if isinstance(module, Inception)]
    weights = [sum(k * k * i * o for k, i, o, _, _ in convolutions(block)) for block in blocks]
    # Table 1 of the paper, column "params", whose K are 1,024. For some later blocks it does not
    # agree with the channels in its own row.
    for count, published in zip(weights, (159, 380, 364, 437), strict=False):
        assert count / 1024 == pytest.approx(published, rel=0.015)


def test_torchvisions_count_follows_when_its_two_changes_are_made():
    """3 × 3 in place of 5 × 5, and batch normalization in place of each bias: 6,624,904."""
    made = on_meta(googlenet)
    shapes = convolutions(made)
    theirs = sum(min(k, 3) ** 2 * i * o if k == 5 else k * k * i * o for k, i, o, _, _ in shapes)
    theirs += sum(2 * o for _, _, o, _, _ in shapes) + 1024 * 1000 + 1000
    assert theirs == 6_624_904


def test_inception_stacks_what_its_branches_give():
    torch.manual_seed(0)
    block = Inception(6, 2, (3, 4), (2, 3), 5).eval()
    x = torch.randn(2, 6, 7, 7)
    one, three, five, pooled = block.branches
    expected = torch.cat([one(x), three(x), five(x), pooled(x)], 1)
    torch.testing.assert_close(block(x), expected)
    assert block(x).shape == (2, 2 + 4 + 3 + 5, 7, 7)


@pytest.mark.parametrize("block", [basic_block, bottleneck])
def test_a_residual_of_zero_leaves_a_block_that_hands_on_its_input(block):
    torch.manual_seed(0)
    made = block(8, 8)
    nn.init.zeros_(made.residual[-1][1].weight)
    x = torch.rand(2, 8, 6, 6)
    torch.testing.assert_close(made(x), x)


@pytest.mark.parametrize("block", [basic_block, bottleneck])
def test_a_block_with_a_stride_halves_and_widens(block):
    made = block(8, 16, stride=2).eval()
    x = torch.randn(2, 8, 7, 7)
    assert made(x).shape == (2, 16, 4, 4)
    expected = (made.residual(x) + made.shortcut(x)).relu()
    torch.testing.assert_close(made(x), expected)
    assert convolutions(made.shortcut) == [(1, 8, 16, 2, 0)]


def test_resnet_50_takes_the_stride_in_its_three_by_three():
    strided = [shape for shape in convolutions(on_meta(resnet, 50)) if shape[3] == 2]
    assert [shape[0] for shape in strided] == [7, 3, 1, 3, 1, 3, 1]
