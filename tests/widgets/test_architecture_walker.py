"""The model functions that ArchitectureWalker ships, against modules that PyTorch runs."""

import copy
import random
import re

import pytest
import torch
from bs4 import BeautifulSoup
from torch import nn

from introml.cost import flops
from introml.models.alexnet import alexnet
from introml.models.googlenet import Inception, googlenet
from introml.models.lenet import lenet
from introml.models.resnet import Residual, resnet
from introml.models.vgg import vgg
from introml.widgets import ArchitectureWalker
from introml.widgets.architecture_walker import BRANCHED, PLAIN
from introml.widgets.base import bundle_path

WIDGET = "ArchitectureWalker"
NETWORKS = {
    "LeNet": lenet,
    "AlexNet": alexnet,
    "VGG-16": lambda: vgg(16),
    "VGG-19": lambda: vgg(19),
    "GoogLeNet": googlenet,
    "ResNet-18": lambda: resnet(18),
    "ResNet-34": lambda: resnet(34),
    "ResNet-50": lambda: resnet(50),
}
#: As torchvision's documentation states them; LeNet by hand, GoogLeNet as in Caffe's model.
PARAMETERS = {
    "LeNet": 61_706,
    "AlexNet": 61_100_840,
    "VGG-16": 138_357_544,
    "VGG-19": 143_667_240,
    "GoogLeNet": 6_998_552,
    "ResNet-18": 11_689_512,
    "ResNet-34": 21_797_672,
    "ResNet-50": 25_557_032,
}
COUNTED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Linear)
BLOCKS = (Inception, Residual)
every_network = pytest.mark.parametrize("name", NETWORKS)


def built(name):
    with torch.device("meta"):
        return NETWORKS[name]().eval()


def picture(name):
    return (1, 1, 28, 28) if name == "LeNet" else (1, 3, 224, 224)


def top_level(net):
    """The modules that are a row of the figure: layers that count, and whole blocks."""
    for module in net.children():
        if isinstance(module, (*COUNTED, *BLOCKS)):
            yield module
        elif isinstance(module, nn.Sequential):
            yield from top_level(module)


def run(net, shape):
    """[(module, input, output)] in the order in which they ran, on the meta device."""
    ran = []

    def note(module, inputs, output):
        ran.append((module, tuple(inputs[0].shape), tuple(output.shape)))

    handles = [
        module.register_forward_hook(note)
        for module in net.modules()
        if isinstance(module, (*COUNTED, *BLOCKS, nn.BatchNorm2d))
    ]
    net(torch.empty(shape, device="meta"))
    for handle in handles:
        handle.remove()
    return ran


def costs(ran):
    """[module, output, parameters, MACs] of each layer; a normalization joins the one before."""
    found = []
    for module, given, output in ran:
        if isinstance(module, COUNTED):
            macs = flops(module, given) // 2 if isinstance(module, nn.Conv2d | nn.Linear) else 0
            found.append([module, output, own_parameters(module), macs])
        elif isinstance(module, nn.BatchNorm2d):
            found[-1][2] += own_parameters(module)
    return found


def own_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def shape_of(maps):
    return (1, maps["channels"]) if maps["flat"] else (1, maps["channels"], *[maps["size"]] * 2)


def layers(rows):
    """The rows with blocks opened: in each, its parts."""
    return [part for row in rows for part in (row["parts"] or [row])]


@every_network
def test_shapes_parameters_and_macs_are_those_of_the_real_module_layer_by_layer(name, run_model):
    [rows] = run_model(WIDGET, "walk", [(name,)])
    net = built(name)
    ran = run(net, picture(name))
    real = costs(ran)
    shown = layers(rows)
    assert len(shown) == len(real)
    for row, (module, output, parameters, macs) in zip(shown, real, strict=True):
        pooled = isinstance(module, nn.AdaptiveAvgPool2d)
        assert shape_of(row["after"]) == output or (pooled and output[2:] == (1, 1))
        assert (row["parameters"], row["macs"]) == (parameters, macs), module
    outputs = {module: output for module, _, output in ran}
    for row, module in zip(rows, top_level(net), strict=True):
        assert shape_of(row["after"]) == outputs[module]
        assert row["parameters"] == own_parameters(module) + norm_behind(net, module)
    [totals] = run_model(WIDGET, "totals", [(rows,)])
    assert totals["parameters"] == own_parameters(net) == PARAMETERS[name]
    assert totals["macs"] == flops(net, picture(name)) // 2


def norm_behind(net, module):
    """The parameters of the normalization that stands behind a convolution outside of blocks."""
    for parent in net.children():
        if isinstance(parent, nn.Sequential) and len(parent) > 1 and parent[0] is module:
            return own_parameters(parent[1])
    return 0


class Summed(nn.Module):
    """A convolution's windows with weights of one, over all channels: what it reads."""

    def __init__(self, k, s=1, p=0):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, k, stride=s, padding=p, bias=False)
        nn.init.ones_(self.conv.weight)

    def forward(self, x):
        return self.conv(x.sum(1, keepdim=True))


def thin(module, sizes):
    """The module's windows alone: ones as weights, means for maxima, nothing bent or normalized."""
    if isinstance(module, nn.Conv2d):
        return Summed(module.kernel_size, module.stride, module.padding)
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        padding = module.padding
        return nn.AvgPool2d(module.kernel_size, module.stride, padding, module.ceil_mode)
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.Linear):
        return Summed(sizes.get(module, 1))
    if not list(module.children()):
        return nn.Identity()
    made = copy.copy(module)
    made._modules = {name: thin(child, sizes) for name, child in module.named_children()}
    return made


def field_of(x, y):
    """(first row, rows) that the cell in the middle of y reads of x, measured by a gradient."""
    middle = y.shape[-1] // 2
    target = y[0, :, middle, middle].sum()
    [gradient] = torch.autograd.grad(target, x, retain_graph=True)
    reached = gradient.abs().sum((0, 1)) > 0
    rows, columns = reached.any(1).nonzero(), reached.any(0).nonzero()
    assert torch.equal(rows, columns)
    first, last = int(rows[0]), int(rows[-1])
    assert first > 0, "the picture is too small to measure it"
    assert last < x.shape[-1] - 1, "the picture is too small to measure it"
    return first, last - first + 1, middle


@every_network
def test_fields_are_those_that_gradients_measure_on_the_real_module(name, run_model):
    [rows] = run_model(WIDGET, "walk", [(name,)])
    net = built(name)
    before, last = {}, 1
    for module, given, output in run(net, picture(name)):
        if isinstance(module, nn.AdaptiveAvgPool2d | nn.Linear):
            before[module] = given[-1] if isinstance(module, nn.AdaptiveAvgPool2d) else last
        last = output[-1] if len(output) == 4 else 1
    windows = thin(net, before).double()
    outputs = []
    for module in top_level_of_thin(windows, net):
        module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    wide = rows[-1]["after"]["field"] + 100  # a wrong field fails below, whatever the size
    x = torch.ones(1, 1, wide, wide, dtype=torch.float64, requires_grad=True)
    windows(x)
    assert len(outputs) == len(rows)
    for row, y in zip(rows, outputs, strict=True):
        first, field, middle = field_of(x, y)
        after = row["after"]
        assert field == after["field"]
        assert first == after["start"] + middle * after["jump"]


def top_level_of_thin(made, net):
    """The thin modules that stand where `top_level` finds the real ones."""
    for one, real in zip(made.children(), net.children(), strict=True):
        if isinstance(real, (*COUNTED, *BLOCKS)):
            yield one
        elif isinstance(real, nn.Sequential):
            yield from top_level_of_thin(one, real)


# --- random small architectures -------------------------------------------------------------------


def random_window(rng, kinds):
    kind = rng.choice(kinds)
    k = rng.choice([1, 2, 3, 3, 5])
    layer = {"kind": kind, "k": k, "s": rng.choice([1, 1, 1, 2, 3]), "p": rng.randint(0, k // 2)}
    if kind == "conv":
        layer |= {"out": rng.randint(1, 6)}
        layer |= {"bias": rng.random() < 0.7, "norm": rng.random() < 0.4}
    elif kind == "max":
        layer |= {"ceil": rng.random() < 0.4}
    return layer


def same(rng, k, s=1, out=None):
    layer = {"kind": "conv", "k": k, "s": s, "p": k // 2, "out": out or rng.randint(1, 5)}
    return layer | {"bias": rng.random() < 0.5, "norm": rng.random() < 0.5}


def random_block(rng, channels):
    if rng.random() < 0.5:
        branches = [[same(rng, k) for k in rng.choices([1, 3, 5], k=rng.randint(1, 2))]]
        pool = {"kind": "max", "k": 3, "s": 1, "p": 1}
        branches += [[same(rng, 1)], [pool, same(rng, 1)], []][: rng.randint(1, 3)]
        return {"kind": "block", "name": "block", "join": "stack", "branches": branches}
    s, out = rng.choice([(1, channels), (1, 4), (2, 3), (2, channels)])
    residual = [same(rng, 3, s), same(rng, rng.choice([1, 3]), 1, out)]
    shortcut = [] if (s, out) == (1, channels) else [same(rng, 1, s, out)]
    return {"kind": "block", "name": "block", "join": "add", "branches": [residual, shortcut]}


def random_network(rng):
    channels = rng.randint(1, 4)
    network = {"channels": channels, "size": rng.randint(6, 40), "layers": []}
    for _ in range(rng.randint(1, 5)):
        if rng.random() < 0.3:
            layer = random_block(rng, channels)
            outs = [branch[-1]["out"] if branch else channels for branch in layer["branches"]]
            channels = sum(outs) if layer["join"] == "stack" else outs[0]
        else:
            layer = random_window(rng, ["conv", "conv", "max", "mean"])
            channels = layer.get("out", channels)
        network["layers"].append(layer)
    if rng.random() < 0.3:
        network["layers"].append({"kind": "global"})
    if rng.random() < 0.6:
        wide = rng.randint(1, 2)
        network["layers"] += [{"kind": "dense", "out": rng.randint(1, 9)} for _ in range(wide)]
    return network


class Joined(nn.Module):
    """Branches side by side, stacked or added."""

    def __init__(self, branches, join):
        super().__init__()
        self.branches, self.join = nn.ModuleList(branches), join

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, 1) if self.join == "stack" else sum(outputs)


def torchs(layer, before):
    """A layer of a description as a module, from the shape (1, C, H, W) before it."""
    kind = layer["kind"]
    if kind == "conv":
        k, s, p, out = (layer[key] for key in ("k", "s", "p", "out"))
        conv = nn.Conv2d(before[1], out, k, stride=s, padding=p, bias=layer["bias"])
        return nn.Sequential(conv, nn.BatchNorm2d(out)) if layer["norm"] else conv
    if kind == "max":
        return nn.MaxPool2d(layer["k"], layer["s"], layer["p"], ceil_mode=layer.get("ceil", False))
    if kind == "mean":
        return nn.AvgPool2d(layer["k"], layer["s"], layer["p"])
    if kind == "global":
        return nn.AdaptiveAvgPool2d(1)
    if kind == "dense":
        inputs = torch.Size(before).numel()
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, layer["out"]))
    branches = []
    for branch in layer["branches"]:
        shape, parts = before, []
        for part in branch:
            parts.append(torchs(part, shape))
            shape = tuple(parts[-1].eval()(torch.zeros(shape)).shape)
        branches.append(nn.Sequential(*parts))
    return Joined(branches, layer["join"])


@pytest.fixture(scope="module")
def random_cases(run_model):
    """(description, what the figure says, modules, shapes) of random networks."""
    rng = random.Random(0)
    networks = [random_network(rng) for _ in range(2000)]
    said = run_model(WIDGET, "measure", [(network,) for network in networks])
    cases = []
    for network, rows in zip(networks, said, strict=True):
        shape = (1, network["channels"], network["size"], network["size"])
        modules, shapes = [], [shape]
        try:
            for layer in network["layers"]:
                modules.append(torchs(layer, shape))
                # Numbers, not the meta device: that lets kernels pass which are too large.
                shape = tuple(modules[-1].eval()(torch.zeros(shape)).shape)
                shapes.append(shape)
        except (RuntimeError, ValueError):
            assert isinstance(rows, Exception), network
            continue
        assert not isinstance(rows, Exception), (network, rows)
        cases.append((network, rows, modules, shapes))
    return cases


def test_random_networks_have_torchs_shapes_parameters_and_macs(random_cases):
    assert len(random_cases) >= 1000
    for network, rows, modules, shapes in random_cases:
        for row, module, before, after in zip(rows, modules, shapes, shapes[1:], strict=False):
            assert shape_of(row["after"]) == after, network
            assert row["parameters"] == own_parameters(module), network
            convolves = row["layer"]["kind"] in ("conv", "dense", "block")
            assert row["macs"] == (flops(module, before) // 2 if convolves else 0), network


def test_random_networks_see_what_gradients_measure(random_cases):
    measured = 0
    for network, rows, modules, shapes in random_cases:
        if rows[-1]["after"]["field"] > 60 or rows[-1]["after"]["jump"] > 12:
            continue
        sizes = {}
        for module, before in zip(modules, shapes, strict=False):
            for part in module.modules():
                if isinstance(part, nn.AdaptiveAvgPool2d | nn.Linear):
                    sizes[part] = before[-1] if len(before) == 4 else 1
        x = y = torch.ones(1, 1, 160, 160, dtype=torch.float64, requires_grad=True)
        for row, module in zip(rows, modules, strict=True):
            y = thin(module, sizes).double()(y)
            first, field, middle = field_of(x, y)
            after = row["after"]
            assert (first, field) == (after["start"] + middle * after["jump"], after["field"]), (
                network
            )
        measured += 1
    assert measured >= 500


# --- what the figure says -------------------------------------------------------------------------


def said(stills, network, layer):
    widget = ArchitectureWalker(network=network, layer=layer)
    state = {trait: getattr(widget, trait) for trait in (*widget.public_traits(), "_forms")}
    request = {"bundle": str(bundle_path(WIDGET, ".mjs")), "anchor": "a", "state": state}
    page = BeautifulSoup(stills.ask(request)["html"], "html.parser")
    return page.select_one("[data-readout]").text, [li.text for li in page.select("li")]


def value(sum_):
    python = sum_.replace("·", "*").replace("−", "-").replace("⌊", "int(").replace("⌋", ")")
    python = python.replace("⌈", "-int(-").replace("⌉", "//1)")
    assert re.fullmatch(r"[\d+*/() int-]+", python), sum_
    return eval(python)


@every_network
def test_the_sums_that_are_shown_come_to_what_is_said_and_counted(name, stills, run_model):
    [rows] = run_model(WIDGET, "walk", [(name,)])
    shown = 0
    for at, row in enumerate(rows, start=1):
        text, items = said(stills, name, at)
        for sum_, total in re.findall(r": (\d[\d·+ ]+) = ([\d,]+)", " ".join([text, *items])):
            assert value(sum_) == int(total.replace(",", "")), text
            shown += 1
        parts = [re.search(r"= ([\d,]+) parameters", item) for item in items]
        inside = sum(int(found[1].replace(",", "")) for found in parts if found)
        if row["parts"]:
            assert inside == row["parameters"]
            assert f"{row['parameters']:,} parameters" in text
        elif row["parameters"]:
            assert f"= {row['parameters']:,}. MACs" in text
            assert f"= {row['macs']:,}; FLOPs" in text
        rule = re.search(r"since (.+?) = (\d+)\.", text)
        if rule and "⌈" not in rule[1]:
            assert value(rule[1]) == int(rule[2]) == row["after"]["size"]
        elif rule:  # ⌈a/b⌉ + 1
            up, down = re.fullmatch(r"⌈\((.+)\)/(\d+)⌉ \+ 1", rule[1]).groups()
            assert -(-value(up) // int(down)) + 1 == int(rule[2]) == row["after"]["size"]
    assert shown >= 10
    text, _ = said(stills, name, 0)
    assert f"{PARAMETERS[name]:,} parameters" in text


def test_lenets_second_convolution_says_the_sums_of_the_page(stills):
    text, _ = said(stills, "LeNet", 3)
    for part in (
        "5·5·6·16 + 16 = 2,416", "5·5·6·16 · 10·10 = 240,000", "16 × 10 × 10", "14 × 14 of the 28",
    ):  # fmt: skip
        assert part in text


def test_a_window_larger_than_its_maps_is_refused_in_words(run_model):
    layer = {"kind": "conv", "k": 7, "out": 1}
    [refused] = run_model(WIDGET, "measure", [({"channels": 1, "size": 4, "layers": [layer]},)])
    assert "does not fit into 4 + 2 · 0 cells" in str(refused)


def test_the_menu_has_every_network_that_python_knows(run_model):
    assert list(NETWORKS) == [*PLAIN, *BRANCHED]
    found = run_model(WIDGET, "networkOf", [(name,) for name in NETWORKS])
    most = max(len(network["layers"]) for network in found)
    assert most <= ArchitectureWalker.class_traits()["layer"].high
