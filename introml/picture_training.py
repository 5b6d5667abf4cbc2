"""Training networks on pictures, several of them at a time, each from its own seed.

Letters: n examples, C channels, H × W pixels.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Judged = TypeVar("Judged")


def standardized(X: Tensor, like: Tensor) -> Tensor:
    """Grey pictures as one channel, with the mean 0 and the standard deviation 1 of `like`.

    (n, H, W) -> (n, 1, H, W). `like` are the training pictures, for others as well.
    Taught in {ref}`sec-lenet-to-vgg`.
    """
    return ((X - like.mean()) / like.std())[:, None]


def train(
    net: nn.Module,
    X: Tensor,
    y: Tensor,
    *,
    epochs: int = 2,
    batch_size: int = 32,
    lr: float = 5e-3,
    groups: list[dict] | None = None,
    seed: int = 0,
) -> nn.Module:
    """The network after `epochs` passes over the pictures X (n, C, H, W) with classes y (n,).

    The loss is the mean cross-entropy, minus the logarithm of the probability that the right class
    is given. Steps are those of `torch.optim.Adam`; its rate rises to `lr` over the first fifth of
    all steps and then falls to nearly zero along a cosine. `groups` are as in torch's optimizers,
    the "params" to train, each group with its own "lr"; without them all learn at the one `lr`.
    `seed` is that of the order of examples.
    Taught in {ref}`sec-lenet-to-vgg`.
    """
    generator = torch.Generator().manual_seed(seed)
    groups = groups or [{"params": list(net.parameters()), "lr": lr}]
    optimizer = torch.optim.Adam(groups, fused=True)
    steps = epochs * -(-len(X) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [group["lr"] for group in groups],
        total_steps=steps,
        pct_start=0.2,
        cycle_momentum=False,
    )
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(X), generator=generator).split(batch_size):
            loss = F.cross_entropy(net(X[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


@torch.no_grad()
def accuracy(net: nn.Module, X: Tensor, y: Tensor) -> float:
    """The share of pictures X (n, C, H, W) whose class y (n,) has the largest score.

    Taught in {ref}`sec-lenet-to-vgg`.
    """
    net.eval()
    return (net(X).argmax(dim=1) == y).float().mean().item()


def over_seeds(
    build: Callable[[], nn.Module], judge: Callable[[nn.Module, int], Judged], seeds: Iterable[int]
) -> list[Judged]:
    """[judge(network, seed)]: a network built anew from each seed, two judged at a time.

    `build` draws its weights from torch's random state, which is put back afterwards; `judge` must
    draw from generators of its own.
    Taught in {ref}`sec-lenet-to-vgg`.
    """
    seeds = list(seeds)
    nets = []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            nets.append(build())
    # One thread each: how sums are split over threads would change their last digits.
    with ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(judge, nets, seeds))
