"""Transfer: features that a network learned on one task, used for another with few examples."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from introml.data import mnist


class Examples(NamedTuple):
    """Inputs `X` (n, d) and classes `y` (n,), counted from 0."""

    X: Tensor
    y: Tensor


class Tasks(NamedTuple):
    """A task with much data, and another one: a pool to draw its few from, and its test set."""

    source: Examples
    pool: Examples
    test: Examples


def new_network(inputs: int, hidden: int, classes: int, seed: int) -> nn.Sequential:
    """An untrained network: `hidden` features, each max(0, a weighted sum of inputs), then a head.

    The head makes one score a class, a weighted sum of the features: (n, inputs) -> (n, classes).
    Taught in {ref}`sec-ways-of-learning`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def train(
    network: nn.Sequential, examples: Examples, passes: int, batch_size: int = 100, seed: int = 0
) -> nn.Sequential:
    """`network` itself, after `passes` over the examples with Adam, in batches of random order.

    Taught in {ref}`sec-ways-of-learning`.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    X, y = examples
    for _ in range(passes):
        for batch in torch.randperm(len(X), generator=generator).split(batch_size):
            optimizer.zero_grad()
            cross_entropy(network(X[batch]), y[batch]).backward()
            optimizer.step()
    return network


@torch.no_grad()
def accuracy(model: nn.Module, examples: Examples) -> float:
    """The share of the examples for whose class the model has its largest score.

    Taught in {ref}`sec-ways-of-learning`.
    """
    return (model(examples.X).argmax(dim=1) == examples.y).double().mean().item()


@torch.no_grad()
def features(network: nn.Sequential, X: Tensor) -> Tensor:
    """What a network hands to its head: (n, inputs) -> (n, hidden).

    Taught in {ref}`sec-ways-of-learning`.
    """
    return network[:-1](X)


def logistic_head(examples: Examples) -> nn.Linear:
    """The head with the least summed cross-entropy plus ½ Σ weights², found by L-BFGS from zeros.

    Taught in {ref}`sec-ways-of-learning`.
    """
    F, y = examples
    head = nn.Linear(F.shape[1], int(y.max()) + 1)
    for parameter in head.parameters():
        nn.init.zeros_(parameter)
    optimizer = torch.optim.LBFGS(
        head.parameters(), max_iter=500, tolerance_grad=1e-3, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = cross_entropy(head(F), y, reduction="sum") + head.weight.square().sum() / 2
        total.backward()
        return total

    optimizer.step(loss)
    return head


def head_accuracy(few: Examples, test: Examples, network: nn.Sequential | None = None) -> float:
    """The accuracy on `test` of a new head, fitted to the features of `few`; the network is frozen.

    Without a network, the pixels are the features. All are divided by one number, the standard
    deviation of those of `few`, so that the head's penalty weighs alike on all.
    Taught in {ref}`sec-ways-of-learning`.
    """
    inputs, outputs = (e.X if network is None else features(network, e.X) for e in (few, test))
    scale = inputs.std()
    head = logistic_head(Examples(inputs / scale, few.y))
    return accuracy(head, Examples(outputs / scale, test.y))


def scattered(images: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Each image moved by up to `reach` pixels, down and to the right; what leaves comes back.

    `images` (n, height, width) -> the same shape. MNIST's have four empty pixels on every side.
    Taught in {ref}`sec-ways-of-learning`.
    """
    n, height, width = images.shape
    down, right = torch.randint(-reach, reach + 1, (2, n, 1, 1), generator=generator)
    rows = (torch.arange(height)[:, None] - down) % height  # (n, height, 1)
    columns = (torch.arange(width) - right) % width  # (n, 1, width)
    return images[torch.arange(n)[:, None, None], rows, columns]


def digit_tasks(seed: int, reach: int) -> Tasks:
    """Five digits of MNIST as the source, the five others as the new task; which five, `seed` says.

    The images, moved by up to `reach` pixels, are halved to 14 × 14: `X` is (n, 196).
    Taught in {ref}`sec-ways-of-learning`.
    """
    generator = torch.Generator().manual_seed(seed)
    place = torch.randperm(10, generator=generator)  # of each digit: 0 … 4 is the source
    parts = []
    for split in ("train", "test"):
        images, digit = mnist.load(split)
        order = torch.randperm(len(images), generator=generator)
        moved = scattered(images[order], reach, generator)
        X = avg_pool2d(moved[:, None], 2).flatten(1)
        y = place[digit[order]]
        parts += [Examples(X[y < 5], y[y < 5]), Examples(X[y >= 5], y[y >= 5] - 5)]
    source, pool, _, test = parts
    return Tasks(source, pool, test)


def first_of_each(pool: Examples, each: int) -> Examples:
    """The first `each` examples of every class of the pool.

    Taught in {ref}`sec-ways-of-learning`.
    """
    classes = range(int(pool.y.max()) + 1)
    rows = torch.cat([torch.nonzero(pool.y == one)[:each, 0] for one in classes])
    return Examples(pool.X[rows], pool.y[rows])
