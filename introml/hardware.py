"""What processors can do: peaks from data sheets, and what this machine's CPU really does."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch

from introml.book.facts import facts_below, whole_fact

_NAMES = {
    "xeon_8558": ("Xeon 8558", "CPU"),
    "grace_superchip": ("Grace Superchip", "CPU"),
    "rtx_4090": ("RTX 4090", "GPU"),
    "a100_sxm": ("A100 SXM", "GPU"),
    "h100_pcie": ("H100 PCIe", "GPU"),
    "h100_sxm": ("H100 SXM", "GPU"),
    "h200_sxm": ("H200 SXM", "GPU"),
    "b200_sxm": ("B200 SXM", "GPU"),
    "tpu_v5e": ("TPU v5e", "TPU"),
}
_PEAK = re.compile(r"(?P<format>\w+)_(?P<density>dense|sparse)")
#: Bits of the widest vectors that PyTorch uses on a CPU, by the name that it gives them.
_VECTOR_BITS = {"AVX512": 512, "AVX2": 256, "SVE256": 256, "SVE": 256, "NEON": 128}


@dataclass(frozen=True)
class Peak:
    """The most FLOPs a second that a data sheet names for one number format.

    `units` (cores, tensor cores or matrix units), `clock` in Hz and `per_cycle`, the FLOPs that
    each unit does in a cycle, are its factors; they are None where no vendor publishes them.
    `at` names the clock. Taught in {ref}`sec-cpus-and-gpus`.
    """

    flops: float
    units: int | None = None
    clock: float | None = None
    per_cycle: int | None = None
    at: str = ""

    @property
    def product(self) -> float | None:
        """units · clock · FLOPs a cycle, in FLOP/s; None where a factor isn't published.

        Taught in {ref}`sec-cpus-and-gpus`.
        """
        if self.units is None or self.clock is None or self.per_cycle is None:
            return None
        return self.units * self.clock * self.per_cycle


@dataclass(frozen=True)
class Processor:
    """A CPU, GPU or TPU with the figures of `assets/facts/hardware.toml`.

    `peaks` has a `Peak` by number format and density, e.g. `peaks["bf16", "sparse"]`; `bandwidth`
    is that of its memory in B/s; `reached` is the fastest product of bf16 matrices that was
    measured and published, in FLOP/s, or None.
    Taught in {ref}`sec-cpus-and-gpus`.
    """

    name: str
    kind: str
    form_factor: str
    peaks: dict[tuple[str, str], Peak]
    bandwidth: float
    reached: float | None


def processor(name: str) -> Processor:
    """The figures of one processor, e.g. `processor("H100 SXM")`.

    Raises `ValueError`, naming those that there are, for another name.
    Taught in {ref}`sec-cpus-and-gpus`.
    """
    keys = {shown: key for key, (shown, _) in _NAMES.items()}
    if name not in keys:
        raise ValueError(
            f"there is no processor {name!r} among the facts; there are {', '.join(keys)}"
        )
    key = keys[name]
    facts = {each: whole_fact(f"hardware.{key}.{each}") for each in facts_below(f"hardware.{key}")}
    peaks = {}
    for each, entry in facts.items():
        if found := _PEAK.fullmatch(each):
            factors = {k: entry[k] for k in ("units", "clock", "per_cycle", "at") if k in entry}
            peaks[found["format"], found["density"]] = Peak(float(entry["value"]), **factors)
    reached = facts.get("bf16_reached")
    return Processor(
        name,
        _NAMES[key][1],
        facts["form_factor"]["value"],
        peaks,
        float(facts["bandwidth"]["value"]),
        None if reached is None else float(reached["value"]),
    )


def processors() -> list[Processor]:
    """All processors among the facts: CPUs, GPUs from the oldest to the newest, and a TPU.

    Taught in {ref}`sec-cpus-and-gpus`.
    """
    return [processor(name) for name, _ in _NAMES.values()]


@dataclass(frozen=True)
class ThisCpu:
    """What the system tells of the CPU that runs this program.

    `clock` is in Hz, the nominal or the momentary one as the system likes, or None where it says
    nothing; `lanes` is how many 32-bit numbers one of the vectors holds that PyTorch uses.
    Taught in {ref}`sec-cpus-and-gpus`.
    """

    name: str
    clock: float | None
    lanes: int


def this_cpu() -> ThisCpu:
    """The name, the clock and the vector width of this machine's CPU, as far as they are known.

    Taught in {ref}`sec-cpus-and-gpus`.
    """
    path = Path("/proc/cpuinfo")
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    name = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    clock = re.search(r"^cpu MHz\s*: ([\d.]+)$", text, re.MULTILINE)
    return ThisCpu(
        name[1] if name else platform.processor() or platform.machine(),
        float(clock[1]) * 1e6 if clock else None,
        _VECTOR_BITS.get(torch.backends.cpu.get_cpu_capability(), 32) // 32,
    )


def seconds(run: Callable[[], object], times: int = 5) -> list[float]:
    """How long each of so many calls of `run()` took, in seconds, after one that isn't counted.

    Raises `ValueError` if `times` is not positive.
    Taught in {ref}`sec-cpus-and-gpus`.
    """
    if times < 1:
        raise ValueError(f"times is {times}; at least one call must be timed.")
    run()
    took = []
    for _ in range(times):
        start = perf_counter()
        run()
        took.append(perf_counter() - start)
    return took


def matmul_rates(
    side: int, dtype: torch.dtype = torch.float32, threads: int = 1, times: int = 5
) -> list[float]:
    """FLOP/s of so many products of two matrices, (side, side) each, on this machine's CPU.

    The number of threads that PyTorch had before is set again afterwards.
    Raises `ValueError` unless side, threads and times are positive.
    Taught in {ref}`sec-cpus-and-gpus`.
    """
    if min(side, threads) < 1:
        raise ValueError(f"side is {side} and threads is {threads}; both must be at least 1.")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        A, B = torch.randn(2, side, side).to(dtype)
        return [2 * side**3 / took for took in seconds(lambda: A @ B, times)]
    finally:
        torch.set_num_threads(before)
