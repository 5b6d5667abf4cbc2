"""An activation function, its slope at a point, and what depth leaves of a gradient."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Real, Switch, Whole

#: By the name under which the figure and PyTorch know them; the figure shows the first three first.
FUNCTIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "gelu", "silu")


class ActivationExplorer(Widget):
    """A point on the function's curve, and a network of 64 units a layer, forward and backward.

    The network is computed in the page. Its weights are normal with mean 0 and variance 1/64
    (`weights="xavier"`), 2/64 (`"he"`) or 1/192 (`"pytorch"`, the variance of `nn.Linear`), its
    biases 0, its input is standard normal. Shown after each layer is the norm of a small
    difference between two inputs, to first order, and before each layer that of the gradient,
    both relative to where they set out. They are autograd's, with the same weights.
    Taught in {ref}`sec-activations`.
    """

    activation = Choice("sigmoid", FUNCTIONS, help="the function after every layer").tag(sync=True)
    point = Real(1, -6, 6, help="x, where the tangent touches").tag(sync=True)
    depth = Whole(30, 1, 30, help="how many layers").tag(sync=True)
    weights = Choice("xavier", ("xavier", "he", "pytorch"), help="how they are drawn").tag(
        sync=True
    )
    seed = Whole(0, 0, 99, help="which draw of the weights").tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
