"""A network of layers whose widths the reader sets: its shapes and its parameters, counted."""

from introml.widgets.base import Widget
from introml.widgets.traits import Numbers, Switch, Whole

MOST_LAYERS = 5


class ParameterCounter(Widget):
    """Layers of neurons with all arrows between them, their shapes, and how many numbers they hold.

    `widths` lists the inputs, the hidden layers and the outputs; between two of them is a layer
    with a weight for each arrow and a bias for each neuron that arrows lead to. A batch of `batch`
    examples is followed through `layer` of them. The counts and shapes are those of `nn.Sequential`
    with `nn.Linear` layers and a ReLU after each but the last; the line of code says which.
    Taught in {ref}`sec-multilayer-perceptrons`.
    """

    widths = Numbers(
        [2, 2, 1],
        low=1,
        high=4096,
        least=2,
        most=MOST_LAYERS + 1,
        whole=True,
        help="how many numbers go in, how many neurons each layer has",
    ).tag(sync=True)
    batch = Whole(4, 1, 1024, help="how many examples go through at once").tag(sync=True)
    layer = Whole(0, 0, MOST_LAYERS, help="through how many layers they are followed").tag(
        sync=True
    )
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
