"""A pad to draw a digit on, and what three hand-written rules and a learned network say of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import traitlets
from torch import Tensor, nn

from introml.models.digit import SIDE, pack, train_digit_net, unpack
from introml.widgets.base import Widget
from introml.widgets.traits import BadValue, Choice, Switch, Whole

EXAMPLES = (57, 654, 460, 235, 961, 1047, 1649, 316, 995, 438, 806, 639)
"""Indices of test digits: sevens that the rules know or miss, others that they take for a seven."""

#: What is raised by taking something for a picture or a network that is none.
UNFIT = (
    *(AttributeError, IndexError, KeyError, OverflowError, RuntimeError, TypeError, ValueError),
)


def picture_text(picture: Any) -> str:
    """A picture (28, 28) in [0, 1] as text: two hexadecimal digits a pixel, row after row.

    Raises `ValueError` for another shape or a value outside [0, 1].
    """
    pixels = torch.as_tensor(picture, dtype=torch.float64)
    if pixels.shape != (SIDE, SIDE):
        raise ValueError(f"it has shape {tuple(pixels.shape)}, not (28, 28)")
    if not bool(((pixels >= 0) & (pixels <= 1)).all()):
        raise ValueError("it has values that are not from 0 to 1")
    return bytes((pixels * 255).round().flatten().int().tolist()).hex()


class Picture(traitlets.TraitType):
    """A picture as text, or "" for none; an array or tensor (28, 28) in [0, 1] is taken too."""

    default_value = ""

    def validate(self, obj: Any, value: Any) -> str:
        try:
            if not isinstance(value, str):
                return picture_text(value)
            if value and len(bytes.fromhex(value)) != SIDE * SIDE:
                raise ValueError(f"the text has {len(value)} characters, not {2 * SIDE * SIDE}")
            return value.lower()
        except UNFIT as problem:
            raise BadValue(
                f"{type(obj).__name__}.{self.name} must be a picture, 28 × 28 numbers from 0 to 1, "
                f'or "" for the example: {problem!s:.200}'
            ) from None


class Network(traitlets.TraitType):
    """A network as `introml.models.digit.pack` returns it; an `nn.Sequential` is taken too."""

    default_value: Any = None

    def form(self) -> dict[str, Any]:
        return {"kind": "record", "fields": ["layers"]}

    def validate(self, obj: Any, value: Any) -> dict[str, Any]:
        try:
            packed = pack(value) if isinstance(value, nn.Sequential) else value
            with torch.no_grad():
                output = unpack(packed)(torch.zeros(1, SIDE, SIDE, dtype=torch.float64))
            if output.shape != (1, 10) or not bool(output.isfinite().all()):
                raise ValueError(f"a blank picture gives it {output.tolist()}")
            return packed
        except UNFIT as problem:
            raise BadValue(
                f"{type(obj).__name__}.{self.name} must be a network from 784 numbers to 10, an "
                f"nn.Sequential of Linear and ReLU or what `pack` makes of it: {problem!s:.200}"
            ) from None


class Examples(traitlets.TraitType):
    """Pictures with their digits: [{"digit": 7, "picture": text}, …]."""

    default_value: Any = None

    def form(self) -> dict[str, Any]:
        return {"kind": "record", "fields": ["digit", "picture"], "many": True}

    def validate(self, obj: Any, value: Any) -> list[dict[str, Any]]:
        try:
            if not isinstance(value, list | tuple) or not value:
                raise TypeError(f"{value!r} is not a list with something in it")
            return [self._checked(**example) for example in value]
        except UNFIT as problem:
            raise BadValue(
                f"{type(obj).__name__}.{self.name} must be a list of "
                f'{{"digit": 0 to 9, "picture": text}}: {problem!s:.200}'
            ) from None

    @staticmethod
    def _checked(digit: int, picture: str) -> dict[str, Any]:
        if digit not in range(10) or isinstance(digit, bool):
            raise ValueError(f"{digit!r} is not a digit")
        if not isinstance(picture, str) or len(bytes.fromhex(picture)) != SIDE * SIDE:
            raise ValueError(f"{picture!r} is not the text of a picture")
        return {"digit": int(digit), "picture": picture}


@cache
def default_network() -> dict[str, Any]:
    """The network trained on the book's digits; it takes about two seconds, once a process."""
    from introml.data import mnist

    return pack(train_digit_net(*mnist.load("train")))


@cache
def default_examples() -> list[dict[str, Any]]:
    """The test digits numbered in `EXAMPLES`."""
    from introml.data import mnist

    X, y = mnist.load("test")
    return [{"digit": int(y[i]), "picture": picture_text(X[i])} for i in EXAMPLES]


class DrawDigit(Widget):
    """A drawing, the verdict of three rules for a 7, the verdict of a network, and their reasons.

    Taught in {ref}`sec-what-is-machine-learning`. The rules are those of `introml.digit_rules`. The
    network sees the drawing scaled and centred as MNIST's digits were, unless `normalized` is off.
    """

    drawing = Picture(help='what is on the pad; "" shows an example').tag(sync=True)
    example = Whole(0, 0, 999, help="which example is shown when there is no drawing").tag(
        sync=True
    )
    pen = Choice("draw", ("draw", "erase"), help="what a stroke does").tag(sync=True)
    normalized = Switch(True, help="scale and centre the picture for the network").tag(sync=True)
    reasons = Switch(False, help="whether what each of the two goes by is shown").tag(sync=True)
    network = Network(help="the learned network").tag(sync=True, file=True)
    examples = Examples(help="real digits to load").tag(sync=True, file=True)

    def __init__(self, **traits: Any):
        traits.setdefault("network", default_network())
        traits.setdefault("examples", default_examples())
        super().__init__(**traits)

    @traitlets.validate("example")
    def _an_example_that_is_there(self, proposal: dict[str, Any]) -> int:
        if self.examples is not None and proposal["value"] >= len(self.examples):
            raise BadValue(
                f"DrawDigit.example must be under {len(self.examples)}, the number of examples; "
                f"it was given {proposal['value']}"
            )
        return proposal["value"]

    def picture(self) -> Tensor:
        """What the pad shows, for a model of one's own: (28, 28), 0 for paper and 1 for ink."""
        text = self.drawing or self.examples[self.example]["picture"]
        return (
            torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
            .float()
            .div(255)
            .reshape(SIDE, SIDE)
        )
