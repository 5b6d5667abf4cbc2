"""What a layer costs, counted and not timed: operations, waiting steps, reach, memory.

Letters: T positions of a sequence, d numbers at each.
"""

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def flops(layer: Callable[..., object], *shapes: tuple[int, ...]) -> int:
    """Floating-point operations of `layer` on inputs of these shapes; a multiply-add is two.

    Matrix products and convolutions count, whatever else the layer does does not. The inputs lie on
    PyTorch's `meta` device and have a shape and no numbers, so that large sizes cost nothing to
    count. A module is copied there; of a function, tensors that it brings along must lie there.
    Taught in {ref}`sec-self-attention`.
    """
    if isinstance(layer, nn.Module):
        layer = copy.deepcopy(layer).to("meta")
    with FlopCounterMode(display=False) as counter:
        layer(*(torch.empty(shape, device="meta") for shape in shapes))
    return counter.get_total_flops()


class LayerCost(NamedTuple):
    """A layer's kind, the shape that it gives to one input, its parameters and its MACs."""

    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


def layer_costs(net: nn.Sequential, *shape: int) -> list[LayerCost]:
    """What each of the network's own layers gives and costs for one input of `shape`: C, H, W.

    A layer that is itself made of layers counts as one. Nothing is computed: a copy of the network
    walks through on PyTorch's `meta` device, in its mode for use. MACs are those of convolutions
    and dense layers, each weight once for every place of its output.
    Taught in {ref}`sec-lenet-to-vgg`.
    """
    macs = 0

    def count(layer: nn.Module, inputs: object, output: Tensor) -> None:
        nonlocal macs
        weight = next(layer.parameters())
        macs += weight.numel() * (output.numel() // output.shape[1])

    y = torch.empty(1, *shape, device="meta")
    found = []
    for layer in copy.deepcopy(net).to("meta").eval():
        macs = 0
        for part in layer.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.register_forward_hook(count)
        y = layer(y)
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        found.append(LayerCost(type(layer).__name__, tuple(y.shape[1:]), parameters, macs))
    return found


def sequential_operations(output: Tensor) -> int:
    """The longest chain of operations, each waiting for the one before, that led to `output`.

    Read off autograd's graph: operations that need no gradient are not in it.
    Raises `ValueError` when `output` has no graph.
    Taught in {ref}`sec-self-attention`.
    """
    if output.grad_fn is None:
        raise ValueError("output has no graph; compute it from tensors with requires_grad=True.")
    longest: dict[object, int] = {}
    stack = [output.grad_fn]
    while stack:
        node = stack[-1]
        inputs = [one for one, _ in node.next_functions if one is not None]
        waiting = [one for one in inputs if one not in longest]
        if waiting:
            stack.extend(waiting)
            continue
        # What only hands a leaf's gradient on computed nothing on the way forward.
        own = 0 if type(node).__name__ == "AccumulateGrad" else 1
        longest[stack.pop()] = own + max((longest[one] for one in inputs), default=0)
    return longest[output.grad_fn]


def positions_reached(network: Callable[[Tensor], Tensor], T: int, d: int) -> int:
    """1 + the last of T positions whose output changes with the input at position 0.

    `network` maps (T, d) to (T, d). One pass carries the derivative along a
    random change of position 0 forward; it is zero exactly where nothing arrives.
    Taught in {ref}`sec-self-attention`.
    """
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(T, d, generator=generator)
    change = torch.zeros_like(X)
    change[0] = torch.randn(d, generator=generator)
    effect = torch.func.jvp(network, (X,), (change,))[1]
    reached = effect.abs().sum(-1).nonzero()
    return 1 + int(reached.max()) if len(reached) else 0


def kept_bytes(function: Callable[..., object], *inputs: Tensor) -> int:
    """Bytes that autograd keeps for the backward pass of `function(*inputs)`, each storage once.

    Taught in {ref}`sec-scaled-dot-product-attention`.
    """
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:  # called for each tensor that autograd keeps
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function(*inputs)  # held, so that no storage's address is used twice
    del result
    return sum(kept.values())
