"""A multiply–accumulate unit with fixed-point numbers of as many bits as the reader gives it."""

from introml.widgets.base import Widget
from introml.widgets.traits import Switch, Whole


class FixedPointMac(Widget):
    """Six products of fixed-point numbers, summed one after the other in an accumulator.

    The twelve numbers are uniform in ±4, drawn from the seed. Each is rounded to the nearest with
    `integer` bits before the point and `fraction` bits behind it, besides its sign; the
    accumulator has `accumulator` bits and wraps around.
    Taught in {ref}`sec-fpga`.
    """

    integer = Whole(2, 0, 4, help="bits before the point").tag(sync=True)
    fraction = Whole(2, 0, 8, help="bits behind the point").tag(sync=True)
    accumulator = Whole(24, 6, 32, help="bits of the accumulator").tag(sync=True)
    seed = Whole(0, 0, 99, help="which numbers").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
