"""What each stage of a pipeline does when, and how long it waits."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Switch, Whole

SCHEDULES = ("GPipe", "1F1B", "interleaved", "zero bubble")


class PipelineSchedule(Widget):
    """The chart of a pipeline schedule: a row for each rank, a cell for each thing that it does.

    Each operation starts as soon as its rank is free and what it needs is there. Times are those
    of one microbatch on all layers of a rank, equal on all ranks; the whole backward takes
    `backward` + `weight`. If microbatches can't be interleaved, the widget says so.
    Taught in {ref}`sec-pipeline-parallel`.
    """

    schedule = Choice("GPipe", SCHEDULES, help="in which order each rank computes").tag(sync=True)
    ranks = Whole(2, 1, 8, help="how many ranks, p").tag(sync=True)
    microbatches = Whole(2, 1, 32, help="into how many microbatches a batch is cut, m").tag(
        sync=True
    )
    chunks = Whole(2, 1, 4, help="chunks of layers on each rank, v, if interleaved").tag(sync=True)
    forward = Real(1, 0.5, 4, help="the time of a forward").tag(sync=True)
    backward = Real(1, 0.5, 4, help="the time of the gradient of a stage's input").tag(sync=True)
    weight = Real(1, 0.5, 4, help="the time of the gradient of a stage's weights").tag(sync=True)
    moment = Whole(0, 0, 2048, help="after how many ends the line of time stands; 0, no line").tag(
        sync=True
    )
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
