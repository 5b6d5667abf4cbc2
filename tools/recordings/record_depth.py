"""Record how deep networks learn small digits with and without shortcuts: `depth.json`."""

import json
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from introml.book.paths import ROOT
from introml.data import small_digits
from introml.picture_training import accuracy, over_seeds, standardized, train

OUT = ROOT / "assets" / "recordings" / "depth.json"
BLOCKS = [2, 4, 8, 16]
RATES = [0.0003, 0.001, 0.003, 0.01]
SEEDS = range(5)
Parts = dict[str, tuple[Tensor, Tensor]]
WAYS: dict[str, dict] = {
    "plain": {},
    "matched": {"start": "matched"},
    "batch norm": {"norm": True},
    "copying": {"start": "copying"},
    "rotating": {"start": "rotating"},
    "residual": {"shortcut": 1.0},
    "residual, batch norm": {"shortcut": 1.0, "norm": True},
    "half": {"shortcut": 0.5},
}


class Block(nn.Module):
    """ReLU(g(x) + shortcut · x), g two 3 × 3 convolutions: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int, shortcut: float, norm: bool):
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.Conv2d(channels, channels, 3, padding=1)]
            layers += [nn.BatchNorm2d(channels)] if norm else []
            layers += [nn.ReLU()]
        self.g = nn.Sequential(*layers[:-1])
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.g(x)
        return (y + self.shortcut * x if self.shortcut else y).relu()


def network(
    blocks: int,
    *,
    shortcut: float = 0.0,
    norm: bool = False,
    start: str = "torch",
    channels: int = 16,
) -> nn.Sequential:
    """A convolution to maps of 4 × 4, `blocks` blocks, a dense layer: (N, 1, 8, 8) -> (N, 10).

    `start` sets the first weights in the blocks: "torch" leaves PyTorch's, "matched" keeps the size
    of what passes a ReLU (He et al., 2015), and "copying" takes 0.3 of PyTorch's and adds 1 in the
    middle of the kernel from each channel to itself. "rotating" adds, in place of the copy, a
    random rotation of the channels, times √2 for the half that a ReLU takes away.
    """
    stack = [Block(channels, shortcut, norm) for _ in range(blocks)]
    for conv in (layer for block in stack for layer in block.g if isinstance(layer, nn.Conv2d)):
        if start == "matched":
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        elif start != "torch":
            middle = torch.eye(channels)
            if start == "rotating":
                middle = 2**0.5 * nn.init.orthogonal_(middle)
            conv.weight.data *= 0.3
            conv.weight.data[:, :, 1, 1] += middle
            conv.bias.data *= 0.3  # type: ignore[union-attr]
    first = nn.Conv2d(1, channels, 3, stride=2, padding=1)
    return nn.Sequential(first, nn.ReLU(), *stack, nn.Flatten(), nn.Linear(channels * 16, 10))


def at_the_start(net: nn.Module, X: Tensor, y: Tensor) -> tuple[float, float, float]:
    """What the blocks hand on before training, for pictures X (n, 1, 8, 8) with classes y (n,).

    The norms of the loss's gradient with respect to the first weights of the first and of the last
    block, and the mean cosine of what two pictures have become after the last block.
    """
    layers = cast(nn.Sequential, net)
    blocks = [layer for layer in layers if isinstance(layer, Block)]
    weights = [cast(nn.Conv2d, block.g[0]).weight for block in (blocks[0], blocks[-1])]
    first, last = torch.autograd.grad(F.cross_entropy(net(X), y), weights)
    with torch.no_grad():
        unit = F.normalize(layers[:-1](X), dim=1)
    n = len(X)
    alike = (unit.sum(0).square().sum() - n) / (n * n - n)
    return first.norm().item(), last.norm().item(), alike.item()


def started(settings: dict, blocks: int, X: Tensor, y: Tensor) -> dict[str, list[float]]:
    """What `at_the_start` finds in networks of all seeds."""
    build = partial(network, blocks, **settings)
    found = over_seeds(build, lambda net, _: at_the_start(net, X, y), SEEDS)
    names = ("first", "last", "alike")
    return {
        name: [float(f"{value:.2g}") for value in values]
        for name, values in zip(names, zip(*found, strict=True), strict=True)
    }


def trained(settings: dict, blocks: int, rate: float, data: Parts) -> dict[str, list[float]]:
    """The accuracies on all parts of the digits of networks of all seeds, trained at one rate."""

    def judge(net: nn.Module, seed: int) -> list[float]:
        train(net, *data["train"], epochs=4, lr=rate, seed=seed)
        return [round(accuracy(net, *part), 4) for part in data.values()]

    found = over_seeds(partial(network, blocks, **settings), judge, SEEDS)
    return {part: list(values) for part, values in zip(data, zip(*found, strict=True), strict=True)}


def recording() -> dict:
    """All that `depth.json` holds; `assets/recordings/README.md` says what each part means."""
    torch.set_num_threads(1)
    parts = {part: small_digits.load(part) for part in ("train", "choose", "test")}
    like = parts["train"][0].view(-1, 8, 8)
    data = {part: (standardized(X.view(-1, 8, 8), like), y) for part, (X, y) in parts.items()}
    X, y = (each[:256] for each in data["train"])
    ways = {
        way: [
            started(settings, blocks, X, y)
            | {"right": [trained(settings, blocks, rate, data) for rate in RATES]}
            for blocks in BLOCKS
        ]
        for way, settings in WAYS.items()
    }
    return {
        "provenance": {
            "script": "tools/recordings/record_depth.py",
            "torch": torch.__version__,
        },
        "blocks": BLOCKS,
        "rates": RATES,
        "ways": ways,
    }


if __name__ == "__main__":
    OUT.write_text(json.dumps(recording(), indent=1) + "\n", encoding="utf-8")
