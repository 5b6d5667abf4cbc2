"""The roofline: how fast a computation can be, by its FLOPs for each byte that it moves."""

from __future__ import annotations

from introml.book.facts import whole_fact

_REACHED = {
    "RTX 4090": "rtx_4090",
    "A100 SXM": "a100_sxm",
    "H100 PCIe": "h100_pcie",
    "H100 SXM": "h100_sxm",
}


def attainable(intensity: float, peak: float, bandwidth: float) -> float:
    """FLOP/s that a computation with so many FLOPs a byte can reach at most.

    min(peak, intensity · bandwidth), peak in FLOP/s and bandwidth in B/s.
    Raises `ValueError` unless all three are positive.
    Source: Williams, Waterman, Patterson, Roofline (2009).
    Taught in {ref}`sec-roofline`.
    """
    if not (intensity > 0 and peak > 0 and bandwidth > 0):
        raise ValueError(
            f"intensity is {intensity}, peak {peak} and bandwidth {bandwidth}; all three must be "
            "positive, in FLOPs a byte, FLOP/s and B/s."
        )
    return min(peak, intensity * bandwidth)


def matmul_intensity(m: int, k: int, n: int, bytes_each: float) -> float:
    """FLOPs a byte of (m, k) times (k, n), if each number is read or written once.

    2mkn / (bytes_each · (mk + kn + mn)).
    Raises `ValueError` unless all four are positive.
    Taught in {ref}`sec-roofline`.
    """
    if min(m, k, n, bytes_each) <= 0:
        raise ValueError(
            f"m, k, n are {m}, {k}, {n} and a number has {bytes_each} bytes; all must be positive."
        )
    return 2 * m * k * n / (bytes_each * (m * k + k * n + m * n))


def best_products() -> dict[str, tuple[float, float]]:
    """The fastest published bf16 products: intensity in FLOPs a byte and FLOP/s, by processor.

    From `assets/facts/hardware.toml`, each number counted with two bytes.
    Taught in {ref}`sec-roofline`.
    """
    found = {}
    for name, key in _REACHED.items():
        entry = whole_fact(f"hardware.{key}.bf16_reached")
        m, n, k = entry["shape"]
        found[name] = (matmul_intensity(m, k, n, 2), float(entry["value"]))
    return found
