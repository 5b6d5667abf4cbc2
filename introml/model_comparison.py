"""What networks buy and cost: published figures, the Pareto front, the error of a score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from introml.book.facts import fact

#: Name and kind of each network among the facts, by its key there.
_NETWORKS = {
    "alexnet": ("AlexNet", "early"),
    "vgg16": ("VGG-16", "early"),
    "vgg19": ("VGG-19", "early"),
    "googlenet": ("GoogLeNet", "early"),
    "resnet18": ("ResNet-18", "residual"),
    "resnet34": ("ResNet-34", "residual"),
    "resnet50": ("ResNet-50", "residual"),
    "resnet101": ("ResNet-101", "residual"),
    "resnet152": ("ResNet-152", "residual"),
    "densenet121": ("DenseNet-121", "residual"),
    "squeezenet": ("SqueezeNet", "small"),
    "mobilenet_v2": ("MobileNetV2", "small"),
    "shufflenet_v2": ("ShuffleNetV2", "small"),
    "mobilenet_v3_small": ("MobileNetV3-S", "small"),
    "mobilenet_v3_large": ("MobileNetV3-L", "small"),
    "efficientnet_b0": ("EfficientNet-B0", "later"),
    "efficientnet_b2": ("EfficientNet-B2", "later"),
    "efficientnet_b4": ("EfficientNet-B4", "later"),
    "efficientnet_b7": ("EfficientNet-B7", "later"),
    "efficientnet_v2_s": ("EfficientNetV2-S", "later"),
    "convnext_tiny": ("ConvNeXt-T", "later"),
    "convnext_base": ("ConvNeXt-B", "later"),
    "vit_b_16": ("ViT-B/16", "transformer"),
    "swin_t": ("Swin-T", "transformer"),
}
#: Those whose weights were trained anew by the longer recipe.
_RETRAINED = ("resnet50", "resnet101", "resnet152", "mobilenet_v3_large")


@dataclass(frozen=True)
class ImageModel:
    """A network for pictures, with the figures of `assets/facts/image_models.toml`.

    `parameters` and `macs` are counts, the latter for one picture that is
    `resolution` pixels high and wide; `top1` is the percentage of ImageNet's validation pictures
    whose class it names first, `retrained` the same after a longer training, or None.
    Taught in {ref}`sec-comparing-models`.
    """

    name: str
    kind: str
    parameters: int
    macs: float
    top1: float
    resolution: int
    retrained: float | None


def image_models() -> list[ImageModel]:
    """All networks among the facts, kind by kind.

    Taught in {ref}`sec-comparing-models`.
    """
    return [_model(key) for key in _NETWORKS]


def image_model(name: str) -> ImageModel:
    """The figures of one network, e.g. `image_model("ResNet-50")`.

    Raises `ValueError`, naming those that there are, for another name.
    Taught in {ref}`sec-comparing-models`.
    """
    names = {shown: key for key, (shown, _) in _NETWORKS.items()}
    if name not in names:
        raise ValueError(
            f"there is no network {name!r} among the facts; there are {', '.join(names)}"
        )
    return _model(names[name])


def _model(key: str) -> ImageModel:
    def of(entry: str) -> float:
        return fact(f"image_models.{key}.{entry}")

    name, kind = _NETWORKS[key]
    return ImageModel(
        name,
        kind,
        parameters=int(of("parameters")),
        macs=of("macs"),
        top1=of("top1"),
        resolution=int(of("resolution")),
        retrained=of("top1_retrained") if key in _RETRAINED else None,
    )


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[int]:
    """Which entries no other one beats, the cheapest first.

    One entry beats another that costs no less and scores no more, unless both are equal.
    Raises `ValueError` when there are more of the one than of the other.
    Taught in {ref}`sec-comparing-models`.
    """
    if len(costs) != len(scores):
        raise ValueError(f"there are {len(costs)} costs and {len(scores)} scores; each needs both.")
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -scores[i])):
        best = front[-1] if front else None
        if (
            best is None
            or scores[i] > scores[best]
            or (costs[i], scores[i]) == (costs[best], scores[best])
        ):
            front.append(i)
    return front


def standard_error(share: float, n: int) -> float:
    """√(p(1 − p)/n): how far a share p of n examples typically lies from that of all there are.

    Raises `ValueError` for a share outside [0, 1] or without examples.
    Taught in {ref}`sec-comparing-models`.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share is {share}; it must lie between 0 and 1 (0.76, not 76).")
    if n < 1:
        raise ValueError(f"n is {n}; a share needs at least one example.")
    return math.sqrt(share * (1 - share) / n)
