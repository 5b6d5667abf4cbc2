"""Five ways to time inputs and outputs of a sequence, each with a toy that does it."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, OneLine, Switch, Whole

#: As their toys: does nothing with a state, counts down, counts brackets, adds up, reverses.
PATTERNS = (
    "one_to_one", "one_to_many", "many_to_one", "many_to_many", "read_then_write",
)  # fmt: skip


class SequencePatterns(Widget):
    """A toy for each pattern, step by step: what comes in, what is kept, what goes out.

    `one_to_one` says whether a letter is a vowel; `one_to_many` counts down from a digit;
    `many_to_one` says at the end whether brackets are balanced; `many_to_many` gives the sum so far
    of digits, at each step; `read_then_write` reads letters, and then writes them in reverse.
    Taught in {ref}`sec-sequences`.
    """

    pattern = Choice("many_to_one", PATTERNS, help="which pattern").tag(sync=True)
    text = OneLine("(()", 8, help="what the toy reads").tag(sync=True)
    step = Whole(0, 0, 16, help="how many steps are done").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
