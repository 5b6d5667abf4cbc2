"""Networks for pictures, layer by layer: shapes, parameters, multiplications, how far each sees."""

from introml.widgets.base import Widget
from introml.widgets.traits import Choice, Switch, Whole

PLAIN = ("LeNet", "AlexNet", "VGG-16", "VGG-19")
BRANCHED = ("GoogLeNet", "ResNet-18", "ResNet-34", "ResNet-50")


class ArchitectureWalker(Widget):
    """A network as a row of blocks, and how each layer's numbers come about.

    A block is as wide as it has channels and as high and deep as its maps. Parameters are counted
    with biases and batch normalization, MACs are the multiply–accumulates of convolutions and dense
    layers, twice as many FLOPs; the field is what one output cell reads of the picture, its padding
    included. All of it equals what the modules of `introml.models` have and do.
    Taught in {ref}`sec-lenet-to-vgg`.
    """

    network = Choice("LeNet", PLAIN + BRANCHED, help="which network").tag(sync=True)
    layer = Whole(1, 0, 30, help="which layer; 0 is the picture").tag(sync=True)
    offered = Choice(
        "all", ("plain", "branched", "all"), help="which networks the menu offers"
    ).tag(sync=True)
    question = Switch(False, help="whether the reader is asked for a guess first").tag(sync=True)
