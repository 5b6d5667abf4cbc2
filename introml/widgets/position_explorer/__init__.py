"""Four ways of telling attention where a token stands, and what each does to two positions."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Whole


class PositionExplorer(Widget):
    """The encoding of 48 positions, and the score of one query position with every key position.

    Taught in {ref}`sec-positional-encoding`. Sin–cos and learned: the dot product of the two
    positions' vectors. RoPE: that of one vector, (1, 0, 1, 0, …), turned at both positions. ALiBi:
    what is added to the score. Positions count from 0. The learned table is untrained, has 32
    rows, and depends on nothing but its width.
    """

    encoding = Choice(
        "sin-cos", ("sin-cos", "learned", "rope", "alibi"), help="how positions are told"
    ).tag(sync=True)
    query = Whole(20, 0, 47, help="the position that asks").tag(sync=True)
    key = Whole(17, 0, 47, help="the position that is asked").tag(sync=True)
    width = Choice(8, (4, 8, 16), help="numbers of a position, or of a query").tag(sync=True)
    base = Real(10_000, 2, 10_000, help="the slowest pair turns about so much slower").tag(
        sync=True
    )
    back = Whole(0, 0, 12, help="how many positions the query is turned back first").tag(sync=True)
    head = Whole(2, 1, 8, help="whose slope ALiBi takes, of 8 heads").tag(sync=True)
