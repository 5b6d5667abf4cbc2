"""Measures how long a box takes from the request to the worker's first reply.

    python tests/bench/box_start.py [COUNT]

The bar is 30 ms for the median and 60 ms for the 95th percentile, on a machine with nothing else
to do; a bare fork of a process with torch, measured between, says how busy this one is. Where a lab
withholds operators, a box may take 5 ms more.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence

import torch

from introml.grader.box.limits import Limits
from introml.grader.box.template import Template

#: Families as the two labs withhold them: of all, autograd has the most kernels.
WITHHELD = ("softmax", "attention", "losses", "autograd")


def bare_fork() -> float:
    """Seconds until a forked child with torch in its memory has written a byte."""
    read, write = os.pipe()
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"x")
        os._exit(0)
    os.read(read, 1)
    taken = time.perf_counter() - began
    os.waitpid(pid, 0)
    os.close(read)
    os.close(write)
    return taken


def box_start(template: Template, families: Sequence[str] = ()) -> tuple[float, float]:
    """Seconds until the first reply, and until the box is gone again."""
    began = time.perf_counter()
    with template.box(Limits(wall_s=30), families) as box:
        box.send({"op": "has", "name": "x"}, 20)
        started = time.perf_counter()
    return started - began, time.perf_counter() - began


def row(name: str, seconds: list[float]) -> str:
    percentile = statistics.quantiles(seconds, n=20)[-1]
    return (
        f"{name:34} median {1e3 * statistics.median(seconds):6.1f} ms   "
        f"p95 {1e3 * percentile:6.1f} ms   least {1e3 * min(seconds):6.1f} ms"
    )


def main(count: int) -> None:
    torch.set_num_threads(1)
    starts, withheld, whole, forks = [], [], [], []
    began = time.perf_counter()
    with Template() as template, Template() as other:
        print(f"templates warm in {time.perf_counter() - began:.1f} s; {template.in_force}")
        once = box_start(other, WITHHELD)[0]
        print(f"the first box with families withheld: {1e3 * once:.0f} ms")
        for _ in range(count):
            started, ended = box_start(template)
            starts.append(started)
            whole.append(ended)
            withheld.append(box_start(other, WITHHELD)[0])
            forks.append(bare_fork())
    print(row("box: request to first reply", starts))
    print(row("the same with families withheld", withheld))
    print(row("box: request to gone", whole))
    print(row("bare fork of a process with torch", forks))
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
