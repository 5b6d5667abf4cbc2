"""A recurrent layer unfolded over a text: its states forward, its gradients back through time."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, OneLine, Real, Switch, Whole

#: "linear" is the plain layer without its tanh.
CELLS = ("rnn", "linear", "lstm", "gru")


class Unroller(Widget):
    """The same small layer at every character of a text, with its state of 16 numbers.

    The layer is untrained: its weights are drawn from the seed, those between states of an "rnn"
    scaled to the spectral radius, and the gate that keeps (an LSTM's f, a GRU's z) has the bias
    `keep`. With `gradients`, the gradient of the last state's sum, divided by √16, is walked back:
    shown is its norm by each character's four numbers, as autograd has it. It is cut before every
    character whose number is a multiple of `window` (0: nowhere), and all of it is scaled so that
    the norm of the weights' gradient is at most `clip` (0: no limit).
    Taught in {ref}`sec-recurrent-networks`.
    """

    text = OneLine("hello", 40, help="what is read, a character a step").tag(sync=True)
    step = Whole(0, 0, 40, help="how many characters are read").tag(sync=True)
    cell = Choice("rnn", CELLS, help="the kind of layer").tag(sync=True)
    radius = Real(0.9, 0.1, 2, help="the spectral radius of an RNN's W_h").tag(sync=True)
    keep = Real(0, -3, 6, help="the bias of the gate that keeps").tag(sync=True)
    window = Whole(0, 0, 40, help="steps between two cuts of the gradient; 0 for none").tag(
        sync=True
    )
    clip = Real(0, 0, 10, help="the largest norm of the weights' gradient; 0 for any").tag(
        sync=True
    )
    seed = Whole(0, 0, 99, help="which draw of the weights").tag(sync=True)
    gradients = Switch(False, help="whether the gradient is shown").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
