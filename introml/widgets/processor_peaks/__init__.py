"""Processors on a chart: the peak of each against the bandwidth of its memory."""

from typing import Any

from introml.hardware import processors
from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Records, Switch, Whole

#: Kinds of processors and number formats, counted from 1 in the records.
KINDS = ("CPU", "GPU", "TPU")
FORMATS = ("fp32", "tf32", "bf16")


class ProcessorPeaks(Widget):
    """A chart of CPUs, GPUs and a TPU: peak FLOPs a second against memory bandwidth, both in logs.

    The reader chooses the number format, and whether products with skipped zeros are counted
    ("sparse"). `measured` draws beside a peak what somebody reached. The read-out multiplies the
    factors of the chosen processor's peak. Taught in {ref}`sec-cpus-and-gpus`.
    """

    format = Choice("fp32", FORMATS, help="the numbers that are multiplied").tag(sync=True)
    sparse = Switch(False, help="whether skipped products with zero are counted").tag(sync=True)
    measured = Switch(False, help="whether the fastest measured products are drawn").tag(sync=True)
    chosen = Whole(
        -1, -1, 99, help="which processor is looked at; −1: the one with the highest peak"
    ).tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
    machines = Records(
        ("name", "kind", "bandwidth"), help="the processors; `kind` counts from 1 in `KINDS`"
    ).tag(sync=True)
    peaks = Records(
        ("name", "format", "density", "flops"),
        help="peaks in FLOP/s; `format` counts from 1 in `FORMATS`, density is 1 dense or 2 sparse",
    ).tag(sync=True)
    factors = Records(
        ("name", "format", "density", "units", "clock", "per_cycle"),
        help="what a peak is the product of, where it is published",
    ).tag(sync=True)
    reached = Records(("name", "flops"), help="the fastest measured dense bf16 products").tag(
        sync=True
    )

    def __init__(self, **traits: Any):
        super().__init__(**_facts() | traits)
        if self.chosen >= len(self.machines):
            raise BadValue(
                f"ProcessorPeaks.chosen is {self.chosen}; of {len(self.machines)} processors the "
                f"last is {len(self.machines) - 1}"
            )


def _facts() -> dict[str, list[dict[str, Any]]]:
    machines, peaks, factors, reached = [], [], [], []
    for each in processors():
        machines.append(
            {"name": each.name, "kind": 1 + KINDS.index(each.kind), "bandwidth": each.bandwidth}
        )
        for (number, density), peak in each.peaks.items():
            if number not in FORMATS:
                continue
            which = {
                "name": each.name,
                "format": 1 + FORMATS.index(number),
                "density": 1 + ("dense", "sparse").index(density),
            }
            peaks.append(which | {"flops": peak.flops})
            if peak.product is not None:
                parts = {"units": peak.units, "clock": peak.clock, "per_cycle": peak.per_cycle}
                factors.append(which | parts)
        if each.reached is not None:
            reached.append({"name": each.name, "flops": each.reached})
    return {"machines": machines, "peaks": peaks, "factors": factors, "reached": reached}
