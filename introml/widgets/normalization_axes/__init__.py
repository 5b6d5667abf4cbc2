"""A block of numbers, and which of them share a mean and a variance under each normalization."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Numbers, Switch

EXAMPLES, CHANNELS, POSITIONS = 3, 4, 4
LARGEST = 99

#: Example by example, channel by channel, position by position.
VALUES = [
    1, 3, 2, 4,  6, 8, 7, 5,  0, 2, 1, 1,  5, 9, 4, 6,
    4, 5, 6, 7,  3, 2, 4, 3,  1, 0, 3, 2,  8, 7, 9, 8,
    7, 8, 6, 9,  5, 6, 4, 7,  2, 4, 3, 5,  2, 1, 3, 0,
]  # fmt: skip


class NormalizationAxes(Widget):
    """3 examples × 4 channels × 4 positions: which numbers are averaged, and what becomes of one.

    `method` is the normalization; `groups` counts those of group norm; with `each_position` layer
    and RMS norm average each position of an example alone, as language models do, not the whole
    example. `cell` is the picked place. Results equal torch's functional forms with γ = 1, β = 0.
    Taught in {ref}`sec-normalization`.
    """

    method = Choice(
        "batch", ("batch", "layer", "instance", "group", "rms"), help="which normalization"
    ).tag(sync=True)
    groups = Choice(2, (1, 2, 4), help="of channels, in group norm").tag(sync=True)
    each_position = Switch(
        False, help="whether layer and RMS norm treat an example's positions one by one"
    ).tag(sync=True)
    cell = Numbers(
        [0, 0, 0], low=0, high=3, least=3, most=3, whole=True, help="example, channel, position"
    ).tag(sync=True)
    values = Numbers(
        VALUES,
        low=-LARGEST,
        high=LARGEST,
        least=len(VALUES),
        most=len(VALUES),
        help="all numbers of the block, the last axis running fastest",
    ).tag(sync=True)
    show = Choice("before", ("before", "after"), help="what the cells hold").tag(sync=True)
    question = Switch(False, help="whether the reader is asked before moving anything").tag(
        sync=True
    )
