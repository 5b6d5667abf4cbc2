"""What training costs: FLOPs, bytes, and the GPUs that bring them, with their published figures."""

from __future__ import annotations

from dataclasses import dataclass

from introml.book.facts import fact

_GPUS = {
    "A100 SXM": "a100_sxm",
    "H100 PCIe": "h100_pcie",
    "H100 SXM": "h100_sxm",
    "H200 SXM": "h200_sxm",
    "B200 SXM": "b200_sxm",
}
_MODELS = {
    "GPT-3 Small": "gpt3_small",
    "GPT-3": "gpt3",
    "Chinchilla": "chinchilla",
    "PaLM": "palm",
    "Llama 3.1 405B": "llama3_405b",
}


@dataclass(frozen=True)
class Gpu:
    """A GPU's figures from its data sheet, of `assets/facts/hardware.toml`.

    `peak` is its dense bfloat16 peak in FLOP/s, `sparse_peak` the one that counts skipped zeros,
    `bandwidth` that of its memory in B/s, `memory` in B, `power` the rated maximum in W.
    Taught in {ref}`sec-machine-learning-and-hpc`.
    """

    name: str
    peak: float
    sparse_peak: float
    bandwidth: float
    memory: float
    power: float


@dataclass(frozen=True)
class TrainedModel:
    """A model with its parameters, training tokens and training FLOPs as its authors state them.

    The figures are those of `assets/facts/models.toml`.
    Taught in {ref}`sec-machine-learning-and-hpc`.
    """

    name: str
    parameters: float
    tokens: float
    flops: float


def gpu(name: str) -> Gpu:
    """The figures of one GPU, e.g. `gpu("H100 SXM")`.

    Raises `ValueError`, naming those that there are, for another name.
    Taught in {ref}`sec-machine-learning-and-hpc`.
    """
    if name not in _GPUS:
        raise ValueError(f"there is no GPU {name!r} among the facts; there are {', '.join(_GPUS)}")
    entries = ("bf16_dense", "bf16_sparse", "bandwidth", "memory", "power")
    return Gpu(name, *(float(fact(f"hardware.{_GPUS[name]}.{entry}")) for entry in entries))


def gpus() -> list[Gpu]:
    """All GPUs among the facts, from the oldest to the newest.

    Taught in {ref}`sec-machine-learning-and-hpc`.
    """
    return [gpu(name) for name in _GPUS]


def trained_models() -> list[TrainedModel]:
    """Models whose training FLOPs are published, from the smallest training to the largest.

    Taught in {ref}`sec-machine-learning-and-hpc`.
    """
    entries = ("parameters", "tokens", "flops")
    return [
        TrainedModel(name, *(float(fact(f"models.{key}.{entry}")) for entry in entries))
        for name, key in _MODELS.items()
    ]
