"""An untrained layer of eight numbers a token, cut into one to eight heads, step by step."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Whole


class MultiHead(Widget):
    """Q, K and V cut into heads, the weights of each head, their outputs joined, and W^O.

    Taught in {ref}`sec-multi-head-attention`. Four tokens, eight numbers each, and four matrices
    8 × 8, all drawn from the seed; only the cut changes with the number of heads.
    """

    heads = Choice(2, (1, 2, 4, 8), help="H, into how many heads the numbers are cut").tag(
        sync=True
    )
    head = Whole(0, 0, 7, help="the head that stands out, counted from 0").tag(sync=True)
    token = Choice("thanked", ("Anna", "thanked", "her", "brother"), help="who asks").tag(sync=True)
    seed = Whole(1, 1, 999, help="which random layer").tag(sync=True)
