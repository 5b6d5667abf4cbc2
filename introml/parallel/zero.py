"""ZeRO from scratch: Adam on n ranks that don't keep n copies of everything.

A model is a row of layers; the parameters of each lie in one row of numbers, of which rank r owns
part r of n. Each stage changes one thing of the one before it. Letters: n ranks, Ψ parameters.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from introml.optimizers import Adam
from introml.parallel.collectives import (
    Communicator,
    parts_of,
    ring_all_gather,
    ring_all_reduce,
    ring_reduce_scatter,
)

KINDS = ("parameters", "gradients", "states")


class FlatLayer:
    """A layer whose parameters are views of one row of numbers, `flat`: (count,).

    `free` gives the row's memory back and `allocate` takes it again, with numbers that are not
    filled in; the layer can then be used as soon as they are.
    Raises `ValueError` for a layer without parameters, or with some of several dtypes.
    Taught in {ref}`sec-zero`.
    """

    def __init__(self, module: nn.Module) -> None:
        params = list(module.parameters())
        if len({p.dtype for p in params}) != 1:
            raise ValueError(
                f"{module} has parameters of {len({p.dtype for p in params})} dtypes; a row of "
                "numbers needs one. Join it with a layer that has some, or convert it."
            )
        self.module = module
        self.flat = torch.cat([p.detach().reshape(-1) for p in params])
        self.count = self.flat.numel()
        row = self.flat
        for p in params:
            p.data, row = row[: p.numel()].view_as(p), row[p.numel() :]
        self._through: tuple[Tensor, Tensor] | None = None

    def forward(self, X: Tensor) -> Tensor:
        """The layer's output, cut off from the graph of the layers before it."""
        X = X.detach().requires_grad_(X.is_floating_point())
        self._through = X, self.module(X)
        return self._through[1].detach()

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the input and, in one row, of the parameters, from the output's."""
        if self._through is None:
            raise RuntimeError("backward comes after forward, and once; there was no forward.")
        X, y = self._through
        self._through = None
        params = list(self.module.parameters())
        if not X.requires_grad:
            return X, _row(torch.autograd.grad(y, params, grad))
        found = torch.autograd.grad(y, [X, *params], grad)
        return found[0], _row(found[1:])

    def free(self) -> None:
        """Give the memory of the parameters back."""
        self.flat.untyped_storage().resize_(0)

    def allocate(self) -> None:
        """Take memory for the parameters again."""
        self.flat.untyped_storage().resize_(self.count * self.flat.element_size())


def _row(grads: Sequence[Tensor]) -> Tensor:
    return torch.cat([g.reshape(-1) for g in grads])


class AdamPart:
    """What Adam keeps of some parameters: v and s, and the parameters in fp32 if they are shorter.

    Taught in {ref}`sec-zero`.
    """

    def __init__(self, part: Tensor, adam: Adam) -> None:
        self.adam = adam
        adam.v = torch.zeros_like(part, dtype=torch.promote_types(part.dtype, torch.float32))
        adam.s = torch.zeros_like(adam.v)
        self.master = part.to(adam.v.dtype) if part.dtype != adam.v.dtype else None

    def step(self, part: Tensor, grad: Tensor) -> None:
        """One step of Adam on `part`, in place; `grad` has its shape."""
        theta = part if self.master is None else self.master
        theta.copy_(self.adam.step(theta, grad.to(theta.dtype)))
        if self.master is not None:
            part.copy_(self.master)

    def tensors(self) -> list[Tensor]:
        """All that is kept."""
        kept = [self.adam.v, self.adam.s, self.master]
        return [x for x in kept if isinstance(x, Tensor)]


class Replicated:
    """Stage 0, plain data parallel: every rank keeps all, and all-reduces the gradients.

    `loss(output, y)` is a mean over the rank's own rows, equally many on each rank. `make_adam`
    makes one optimizer for each layer. `held` and `peak` count the bytes of the storages that this
    rank keeps; not the activations, nor what one operation or message needs while it runs.
    Taught in {ref}`sec-zero`.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        loss: Callable[[Tensor, Tensor], Tensor],
        comm: Communicator,
        make_adam: Callable[[], Adam],
    ) -> None:
        self.layers = [FlatLayer(layer) for layer in layers]
        self.loss, self.comm = loss, comm
        self.grads: list[Tensor | None] = [None] * len(layers)
        self.arriving: list[Tensor] = []
        self.own: list[Tensor] = []  # parts with a memory of their own: in stage 3
        self.states = [AdamPart(self.owned(i), make_adam()) for i in range(len(layers))]
        self.peak = 0

    def owned(self, i: int) -> Tensor:
        """The parameters of layer `i` that this rank updates."""
        return self.layers[i].flat

    def before(self, i: int) -> None:
        """What is done before layer `i` is used."""

    def after(self, i: int) -> None:
        """What is done as soon as layer `i` has been used."""

    def take(self, i: int, grad: Tensor) -> None:
        """What is done with the gradient of layer `i` during the backward pass."""
        self.grads[i] = grad

    def update(self, i: int) -> None:
        """The step of layer `i` after the backward pass."""
        grad = ring_all_reduce(self.gradient(i), self.comm)
        self.states[i].step(self.layers[i].flat, grad / self.comm.size)

    def gradient(self, i: int) -> Tensor:
        """What this rank keeps of layer `i`'s gradient; there is some between backward and step."""
        grad = self.grads[i]
        if grad is None:
            raise RuntimeError(f"layer {i} has no gradient; backward comes before update.")
        return grad

    def backward(self, X: Tensor, y: Tensor) -> Tensor:
        """Forward and backward on this rank's rows; returns its loss."""
        for i, layer in enumerate(self.layers):
            self.before(i)
            X = layer.forward(X)
            self.note()
            self.after(i)
        X.requires_grad_()
        loss = self.loss(X, y)
        (grad,) = torch.autograd.grad(loss, X)
        for i, layer in reversed(list(enumerate(self.layers))):
            self.before(i)
            grad, of_layer = layer.backward(grad)
            self.arriving = [of_layer]
            self.note()
            self.after(i)
            self.take(i, of_layer)
            self.note()
            self.arriving = []
            del of_layer  # the last name of a gradient that `take` didn't keep
        return loss.detach()

    def step(self, X: Tensor, y: Tensor) -> Tensor:
        """Forward, backward and one step of Adam; returns this rank's loss."""
        loss = self.backward(X, y)
        for i in range(len(self.layers)):
            self.update(i)
            self.note()
        self.grads = [None] * len(self.layers)
        return loss

    def held(self) -> dict[str, int]:
        """Bytes that this rank holds now, by kind: parameters, gradients, states."""
        states = [x for state in self.states for x in state.tensors()]
        gradients = self.arriving + [grad for grad in self.grads if grad is not None]
        parameters = self.own + [layer.flat for layer in self.layers]
        kept = zip(KINDS, (parameters, gradients, states), strict=True)
        return {kind: _bytes(tensors) for kind, tensors in kept}

    def note(self) -> None:
        """Raise `peak` to what is held now, if that is more."""
        self.peak = max(self.peak, sum(self.held().values()))

    def full_parameters(self) -> list[Tensor]:
        """A copy of each layer's parameters, whole, on every rank."""
        found = []
        for i, layer in enumerate(self.layers):
            self.before(i)
            found.append(layer.flat.clone())
            self.after(i)
        return found


class Zero1(Replicated):
    """Stage 1: a rank keeps Adam's states of its own part, and updates that part alone.

    A reduce-scatter brings it the summed gradient of the part, an all-gather the others' new ones.
    Source: Rajbhandari et al., ZeRO (2020), section 5.
    Taught in {ref}`sec-zero`.
    """

    def owned(self, i: int) -> Tensor:
        """This rank's part of the layer's row."""
        return parts_of(self.layers[i].flat, self.comm.size)[self.comm.rank]

    def update(self, i: int) -> None:
        """Reduce-scatter, the step of the own part, all-gather."""
        grad = ring_reduce_scatter(self.gradient(i), self.comm)
        self.states[i].step(self.owned(i), grad / self.comm.size)
        ring_all_gather(self.layers[i].flat, self.comm)


class Zero2(Zero1):
    """Stage 2: a layer's gradient is reduced as soon as it is there, and only the own part kept.

    Source: Rajbhandari et al., ZeRO (2020), section 5.
    Taught in {ref}`sec-zero`.
    """

    def take(self, i: int, grad: Tensor) -> None:
        """Reduce-scatter during the backward pass; the clone is all that stays."""
        self.grads[i] = ring_reduce_scatter(grad, self.comm).clone()

    def update(self, i: int) -> None:
        """The step of the own part, then all-gather."""
        self.states[i].step(self.owned(i), self.gradient(i) / self.comm.size)
        ring_all_gather(self.layers[i].flat, self.comm)


class Zero3(Zero2):
    """Stage 3: of the parameters too a rank keeps its part, and gathers a layer while it is used.

    Source: Rajbhandari et al., ZeRO (2020), section 5; as in Zhao et al., PyTorch FSDP (2023).
    Taught in {ref}`sec-zero`.
    """

    def owned(self, i: int) -> Tensor:
        """This rank's part, which has a memory of its own: the layer's row is freed."""
        if len(self.own) == i:
            self.own.append(super().owned(i).clone())
            self.layers[i].free()
        return self.own[i]

    def before(self, i: int) -> None:
        """Gather the layer, which is used now, from all ranks."""
        flat = self.layers[i].flat
        self.layers[i].allocate()
        parts_of(flat, self.comm.size)[self.comm.rank].copy_(self.own[i])
        ring_all_gather(flat, self.comm)

    def after(self, i: int) -> None:
        """Give the layer's memory back."""
        self.layers[i].free()

    def update(self, i: int) -> None:
        """The step of the own part; nobody else needs it before the next forward pass."""
        self.states[i].step(self.owned(i), self.gradient(i) / self.comm.size)


STAGES: tuple[type[Replicated], ...] = (Replicated, Zero1, Zero2, Zero3)
"""The four, by the number of the stage."""


def _bytes(tensors: list[Tensor]) -> int:
    storages = {x.untyped_storage()._cdata: x.untyped_storage().nbytes() for x in tensors}
    return sum(storages.values())


def norm_over_ranks(parts: Sequence[Tensor], comm: Communicator) -> Tensor:
    """The norm of a vector whose parts lie on all ranks, √ of the sum of all squares: () on each.

    Taught in {ref}`sec-zero`.
    """
    squares = sum((part.float().square().sum() for part in parts), torch.zeros(()))
    return ring_all_reduce(squares.view(1), comm)[0].sqrt()


def part_sizes(count: int, ranks: int) -> list[int]:
    """How many of `count` numbers each rank owns: ⌈count/n⌉ at most, the first ranks one more.

    Taught in {ref}`sec-zero`.
    """
    return [count // ranks + (rank < count % ranks) for rank in range(ranks)]


def held_bytes(
    counts: Sequence[int], ranks: int, rank: int, stage: int, size: int = 4
) -> dict[str, int]:
    """Bytes that a rank holds between backward pass and step, by kind, from the layers' counts.

    `size` is that of a parameter and its gradient: 4 in fp32, where Adam keeps 8 more, or 2, where
    it keeps 12. Divided are the states from stage 1 on, gradients from 2, parameters in 3.
    Source: Rajbhandari et al., ZeRO (2020), figure 1.
    Taught in {ref}`sec-zero`.
    """
    whole = sum(counts)
    own = sum(part_sizes(count, ranks)[rank] for count in counts)
    kept = 8 if size >= 4 else 12
    return {
        "parameters": size * (own if stage >= 3 else whole),
        "gradients": size * (own if stage >= 2 else whole),
        "states": kept * (own if stage >= 1 else whole),
    }


def sent_elements(counts: Sequence[int], ranks: int, rank: int, stage: int) -> int:
    """Numbers that a rank sends in a step: 2(n−1)/n·Ψ, in stage 3 3(n−1)/n·Ψ, if n divides counts.

    A reduce-scatter sends all parts but the own, an all-gather all but the next rank's.
    Taught in {ref}`sec-zero`.
    """
    if ranks == 1:
        return 0
    total = 0
    for count in counts:
        parts = part_sizes(count, ranks)
        gathered = count - parts[(rank + 1) % ranks]
        total += count - parts[rank] + gathered * (2 if stage == 3 else 1)
    return total
