"""What training a model and writing one token cost, in FLOPs, bytes, days and energy."""

from dataclasses import asdict
from typing import Any

from introml.compute import gpus, trained_models
from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Real, Records, Switch, Whole


class TrainingCompute(Widget):
    """A calculator: 6ND FLOPs of training as days of GPUs, 16N bytes of state, 2N FLOPs a token.

    It has three pictures. "training" is a map over tokens and parameters on which the trainings of
    known models lie; "memory" holds the bytes of weights and training state against the GPUs';
    "token" holds the time that reading the weights takes against that of the products.
    Peaks are dense bfloat16 ones from data sheets. Taught in {ref}`sec-machine-learning-and-hpc`.
    """

    view = Choice("training", ("training", "memory", "token"), help="what is drawn").tag(sync=True)
    parameters = Real(175e9, 1e6, 1e13, help="N, the model's parameters").tag(sync=True)
    tokens = Real(300e9, 1e8, 1e14, help="D, the tokens that it is trained on").tag(sync=True)
    gpu = Choice("H100 SXM", [gpu.name for gpu in gpus()], help="the kind of GPU").tag(sync=True)
    count = Whole(1, 1, 100_000, help="how many GPUs").tag(sync=True)
    utilization = Real(0.4, 0.01, 1, help="the share of the peak that training reaches").tag(
        sync=True
    )
    batch = Whole(1, 1, 1024, help="texts that are written at once, a token each").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
    catalogue = Records(
        ("name", "peak", "bandwidth", "memory", "power"), help="the GPUs with their figures"
    ).tag(sync=True)
    models = Records(
        ("name", "parameters", "tokens", "flops"), help="known models and their training"
    ).tag(sync=True)

    def __init__(self, **traits: Any):
        traits = {
            "catalogue": [asdict(each) for each in gpus()],
            "models": [asdict(each) for each in trained_models()],
        } | traits
        super().__init__(**traits)
        names = [each["name"] for each in self.catalogue]
        if self.gpu not in names:
            raise BadValue(
                f"TrainingCompute.gpu is {self.gpu!r}, which is not in the catalogue; it has "
                + ", ".join(names)
            )
