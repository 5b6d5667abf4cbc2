"""Minibatch gradients of a line's loss: their spread, the path they make, and what they cost."""

import random
from typing import Any

import traitlets

from introml.book.recordings import throughput as recorded
from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Numbers, Real, Switch, Whole

MOST_EXAMPLES = 1000


def noisy_line(n: int = 512) -> tuple[list[float], list[float]]:
    """`n` points around y = x + ½, with normal noise of variance 1: the same at every call."""
    source = random.Random(0)
    x = [round(source.gauss(0.4, 0.9), 2) for _ in range(n)]
    return x, [round(value + 0.5 + source.gauss(0, 1), 2) for value in x]


class Throughput(traitlets.TraitType):
    """What `recordings.throughput.load()` returns, or a dictionary of the same form."""

    columns = ("batch_size", "seconds", "saved_bytes")

    def form(self) -> dict[str, Any]:
        return {"kind": "record", "fields": list(self.columns)}

    def validate(self, obj: Any, value: Any) -> dict:
        try:
            lists = [
                Numbers((), low=1e-12, high=1e15).validate(obj, value[c]) for c in self.columns
            ]
            sizes = lists[0]
            if len({len(column) for column in lists}) > 1:
                raise ValueError("its lists differ in length")
            if sizes[0] != 1 or sizes != sorted(set(sizes)):
                raise ValueError("its batch sizes must grow from 1")
        except (IndexError, KeyError, TypeError, ValueError) as problem:
            raise BadValue(
                f"{type(obj).__name__}.{self.name} must be a dictionary with equally long lists of "
                f"positive numbers {', '.join(self.columns)}, the batch sizes growing from 1: "
                f"{problem!s:.300}"
            ) from None
        return value


class BatchSize(Widget):
    """SGD on L(w, b): 60 minibatch steps from the point reached, their spread, the loss, the cost.

    The loss of a batch is the mean of ½(ŷ−y)² over its examples. Batches of s of the n examples
    leave the share (1/s)·(n−s)/(n−1) of the variance of the single examples' gradients.
    Time and memory are not those of the line but recorded ones, of a small network.
    Taught in {ref}`sec-minibatch-sgd`.
    """

    batch_size = Whole(8, 1, MOST_EXAMPLES, help="s, examples in a batch").tag(sync=True)
    learning_rate = Real(0.4, 0.01, 2, help="η, the length of a step").tag(sync=True)
    scaled = Switch(False, help="use η·s/32 instead of η").tag(sync=True)
    seed = Whole(1, 1, 9999, help="which random draws and shuffles").tag(sync=True)
    progress = Whole(0, 0, 128, help="how much of the run is shown, in 128ths").tag(sync=True)
    epochs = Whole(2, 1, 10, help="passes over the data").tag(sync=True)
    start = Numbers([-1.4, 2.4], low=-10, high=10, least=2, most=2, help="(w, b)").tag(sync=True)
    x = Numbers(noisy_line()[0], least=2, most=MOST_EXAMPLES, help="the inputs").tag(sync=True)
    y = Numbers(noisy_line()[1], least=2, most=MOST_EXAMPLES, help="the targets").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
    throughput = Throughput(help="recorded time and memory of a network's step").tag(sync=True)

    def __init__(self, **traits: Any):
        if "throughput" not in traits:
            traits["throughput"] = recorded.load()
        super().__init__(**traits)
        if len(self.x) != len(self.y):
            raise BadValue(
                f"BatchSize.x has {len(self.x)} values and BatchSize.y has {len(self.y)}; "
                "give as many of the one as of the other"
            )
        if self.batch_size > len(self.x):
            raise BadValue(
                f"BatchSize.batch_size is {self.batch_size}; with {len(self.x)} examples it must "
                f"be 1 to {len(self.x)}"
            )
