"""A layer on the roofline: what sets its pace, the memory or the arithmetic."""

from typing import Any

from introml.hardware import processors
from introml.roofline import best_products
from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Records, Switch, Whole

FORMATS = ("fp32", "tf32", "bf16")


class Roofline(Widget):
    """The roofline of a processor in logs: FLOPs a second against FLOPs for each byte moved.

    A batch of rows is multiplied by a square matrix of weights; the dot is at its intensity and
    at the rate that the roof allows. Measured products are drawn as crosses. If `machines` has a
    single entry, the reader's own for instance, that is drawn, whatever `machine` says.
    Taught in {ref}`sec-roofline`.
    """

    machine = Choice(
        "H100 SXM", [each.name for each in processors()], help="whose roof is drawn"
    ).tag(sync=True)
    format = Choice("bf16", FORMATS, help="the numbers that are multiplied").tag(sync=True)
    batch = Whole(1, 1, 65_536, help="rows that are multiplied at once").tag(sync=True)
    width = Whole(4096, 64, 16_384, help="rows and columns of the matrix of weights").tag(sync=True)
    measured = Switch(False, help="whether measured products are drawn").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
    machines = Records(("name", "bandwidth"), help="the processors, with their memory's B/s").tag(
        sync=True
    )
    peaks = Records(
        ("name", "format", "flops"), help="dense peaks in FLOP/s; `format` counts from 1"
    ).tag(sync=True)
    dots = Records(
        ("name", "format", "intensity", "flops"), help="measured products, by processor"
    ).tag(sync=True)

    def __init__(self, **traits: Any):
        super().__init__(**_facts() | traits)
        names = [each["name"] for each in self.machines]
        if len(names) > 1 and self.machine not in names:
            raise BadValue(
                f"Roofline.machine is {self.machine!r}, which is not in machines; it has "
                + ", ".join(names)
            )


def _facts() -> dict[str, list[dict[str, Any]]]:
    machines = [{"name": each.name, "bandwidth": each.bandwidth} for each in processors()]
    peaks = [
        {"name": each.name, "format": 1 + FORMATS.index(number), "flops": peak.flops}
        for each in processors()
        for (number, density), peak in each.peaks.items()
        if number in FORMATS and density == "dense"
    ]
    dots = [
        {"name": name, "format": 1 + FORMATS.index("bf16"), "intensity": at, "flops": flops}
        for name, (at, flops) in best_products().items()
    ]
    return {"machines": machines, "peaks": peaks, "dots": dots}
