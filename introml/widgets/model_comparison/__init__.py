"""Networks for pictures side by side: accuracy, size, work, and which is best within limits."""

from dataclasses import asdict
from typing import Any

from introml.book.facts import fact
from introml.model_comparison import image_models
from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Real, Records, Switch, Whole

#: The kinds of networks, each with a colour of its own.
KINDS = ("early", "residual", "small", "later", "transformer")


class ModelComparison(Widget):
    """A chart of networks: accuracy against MACs or parameters, the other as the bubble.

    Limits on both leave some networks out; of the others, the most accurate is named. The line is
    the Pareto front: its networks are beaten by no other in both directions. `retrained` shows some
    again after a longer training. Taught in {ref}`sec-comparing-models`.
    """

    axis = Choice("macs", ("macs", "parameters"), help="what the horizontal axis shows").tag(
        sync=True
    )
    most_parameters = Real(200e6, 1e6, 200e6, help="networks with more are left out").tag(sync=True)
    most_macs = Real(50e9, 0.05e9, 50e9, help="networks with more are left out").tag(sync=True)
    chosen = Whole(-1, -1, 99, help="which network is looked at; −1: the best one").tag(sync=True)
    retrained = Switch(False, help="whether longer trainings are shown too").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
    networks = Records(
        ("name", "kind", "parameters", "macs", "top1", "retrained", "resolution"),
        help="their figures; `kind` counts from 1 in `KINDS`",
    ).tag(sync=True)
    pictures = Whole(50_000, 1, 10**9, help="how many the accuracy was measured on").tag(sync=True)

    def __init__(self, **traits: Any):
        networks = [
            asdict(each)
            | {"kind": 1 + KINDS.index(each.kind), "retrained": each.retrained or each.top1}
            for each in image_models()
        ]
        pictures = fact("image_models.imagenet.validation")
        super().__init__(**{"networks": networks, "pictures": pictures} | traits)
        if self.chosen >= len(self.networks):
            raise BadValue(
                f"ModelComparison.chosen is {self.chosen}; of {len(self.networks)} networks the "
                f"last is {len(self.networks) - 1}"
            )
