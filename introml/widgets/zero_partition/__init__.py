"""What each rank holds of a model in training, and sends in a step, by the stage of ZeRO."""

from dataclasses import asdict
from typing import Any

from introml.compute import gpus
from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Real, Records, Switch, Whole


class ZeroPartition(Widget):
    """A bar a rank: bytes of parameters, gradients and optimizer states, against a GPU's memory.

    "mixed" keeps 2 + 2 + (4 + 4 + 4) bytes a parameter, as training in bf16 with Adam does, "fp32"
    4 + 4 + (4 + 4). What a stage divides is divided as evenly as can be; the bars are those of a
    rank with ⌈Ψ/n⌉. Activations are not counted. Taught in {ref}`sec-zero`.
    """

    stage = Choice(0, (0, 1, 2, 3), help="of ZeRO; 0 is plain data parallel").tag(sync=True)
    ranks = Whole(4, 1, 64, help="n, the ranks, each a GPU").tag(sync=True)
    parameters = Real(7e9, 1e6, 1e12, help="Ψ, the model's parameters").tag(sync=True)
    recipe = Choice("mixed", ("mixed", "fp32"), help="the formats of the numbers").tag(sync=True)
    gpu = Choice("H100 SXM", [gpu.name for gpu in gpus()], help="the kind of GPU").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
    catalogue = Records(("name", "memory"), help="the GPUs with their memory in bytes").tag(
        sync=True
    )

    def __init__(self, **traits: Any):
        figures = [asdict(each) for each in gpus()]
        catalogue = [{"name": each["name"], "memory": each["memory"]} for each in figures]
        super().__init__(**{"catalogue": catalogue} | traits)
        names = [each["name"] for each in self.catalogue]
        if self.gpu not in names:
            raise BadValue(
                f"ZeroPartition.gpu is {self.gpu!r}, which is not in the catalogue; it has "
                + ", ".join(names)
            )
