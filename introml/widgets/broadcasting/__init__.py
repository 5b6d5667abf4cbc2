"""Two shapes that the reader sets, stretched onto each other, and the shape of the sum."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Numbers, Switch

MOST_AXES = 3
LARGEST_SIZE = 5


class Broadcasting(Widget):
    """The sum of two tensors: their shapes aligned from the right, and which element lands where.

    Shapes are lists of one to three sizes from 1 to 5. `A` holds 1, 2, 3, … and `B` 10, 20, 30, …
    in the order of memory, so that each sum shows what it was made of. Where shapes don't fit, the
    reason is PyTorch's own.
    Taught in {ref}`sec-pytorch-in-ten-lines`.
    """

    a = Numbers(
        [2, 3], low=1, high=LARGEST_SIZE, most=MOST_AXES, whole=True, help="the shape of A"
    ).tag(sync=True)
    b = Numbers(
        [3], low=1, high=LARGEST_SIZE, most=MOST_AXES, whole=True, help="the shape of B"
    ).tag(sync=True)
    cell = Numbers(
        [0, 0, 0],
        low=0,
        high=LARGEST_SIZE - 1,
        least=MOST_AXES,
        most=MOST_AXES,
        whole=True,
        help="block, row and column of the marked place, counted from 0",
    ).tag(sync=True)
    tensor = Choice("result", ("a", "b", "result"), help="whose element is marked there").tag(
        sync=True
    )
    question = Switch(False, help="whether the reader is asked before moving anything").tag(
        sync=True
    )
