"""Record how long a training step takes at each batch size: `throughput.json`.

    .venv/bin/python tools/recordings/record_throughput.py

A small network trains on real digits. A step gathers the batch, runs forward and backward, and
updates the weights by SGD. One thread runs it, and the clock counts that thread's processor time,
so that other programs which wait for the same core do not count. Passes over all sizes are repeated
and the fastest step of each size is kept: what slows a step down (cold caches, interrupts) is not
the step's own. Timings differ a little from run to run.

Also recorded: the bytes that autograd keeps from the forward pass for the backward pass.
"""

import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from introml.book.paths import ROOT
from introml.data import mnist

OUT = ROOT / "assets" / "recordings" / "throughput.json"
SIZES = [2**k for k in range(13)]
PASSES = 12
SECONDS = 0.35  # a size, a pass


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def training_step(net: nn.Module, X: Tensor, y: Tensor, lr: float) -> Callable[[Tensor], None]:
    """A function of the batch's indices that does one whole step of SGD."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    loss = nn.CrossEntropyLoss()

    def step(batch: Tensor) -> None:
        optimizer.zero_grad()
        loss(net(X[batch]), y[batch]).backward()
        optimizer.step()

    return step


def fastest(step: Callable[[Tensor], None], batch: Tensor, seconds: float) -> float:
    """The least processor time of a step, in seconds, over as many as fit into `seconds`."""
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.thread_time()
        step(batch)
        best = min(best, time.thread_time() - begin)
    return best


def saved_bytes(net: nn.Module, X: Tensor, y: Tensor, batch: Tensor) -> int:
    """The bytes that the forward pass keeps for the backward pass, the weights not counted."""
    weights = {weight.untyped_storage().data_ptr() for weight in net.parameters()}
    kept: dict[int, Tensor] = {}  # the tensor too: a freed address could come twice

    def keep(saved: Tensor) -> Tensor:
        if saved.untyped_storage().data_ptr() not in weights:
            kept[saved.untyped_storage().data_ptr()] = saved
        return saved

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda saved: saved):
        nn.functional.cross_entropy(net(X[batch]), y[batch])
    return sum(saved.untyped_storage().nbytes() for saved in kept.values())


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def recording() -> dict:
    """All that `throughput.json` holds; `assets/recordings/README.md` says what each part means."""
    torch.manual_seed(0)
    X, y = mnist.load("train")
    X = X.flatten(1)
    net = network()
    step = training_step(net, X, y, lr=0.01)
    order = torch.randperm(len(X))
    seconds = dict.fromkeys(SIZES, float("inf"))
    for _ in range(PASSES):
        for size in SIZES:
            seconds[size] = min(seconds[size], fastest(step, order[:size], SECONDS))
    return {
        "provenance": {
            "script": "tools/recordings/record_throughput.py",
            "network": "784-256-10, ReLU, cross entropy, SGD, float32, on MNIST",
            "processor": processor(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "measure": (
                f"fastest step of {PASSES} passes of {SECONDS} s each, processor time of the thread"
            ),
        },
        "batch_size": SIZES,
        "seconds": [float(f"{seconds[size]:.4g}") for size in SIZES],
        "saved_bytes": [saved_bytes(net, X, y, order[:size]) for size in SIZES],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    result = recording()
    OUT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for size, seconds in zip(result["batch_size"], result["seconds"], strict=True):
        print(f"{size:5d} examples: {1e3 * seconds:8.3f} ms, {size / seconds:9.0f} examples/s")
