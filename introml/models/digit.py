"""A small network that tells digits apart, and the preparation that its pictures have had.

Letters: `n` examples; a picture is 28 × 28 with 0 for paper and 1 for ink.
"""

import base64
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 28
BOX = 20
"""MNIST fits each digit's ink into 20 × 20 pixels."""


def train_digit_net(
    X: Tensor, y: Tensor, hidden: int = 64, steps: int = 1000, seed: int = 0
) -> nn.Sequential:
    """Flatten → Linear → ReLU → Linear, trained to give the digit `y` the largest of ten outputs.

    `X` (n, 28, 28), `y` (n,) in 0 … 9. Each of the `steps` looks at 64 examples drawn afresh in
    every pass through the data. Seeded, without touching torch's own random state. Its steps are
    those of `torch.optim.Adam` at a learning rate of 0.002, written out because pages train dozens.
    Raises `ValueError` when there are fewer than 64 examples.
    Taught in {ref}`sec-what-is-machine-learning`.
    """
    batch = 64
    if len(X) < batch:
        raise ValueError(f"X has {len(X)} examples; give at least {batch}, one batch.")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(SIDE * SIDE, hidden), nn.ReLU(), nn.Linear(hidden, 10)
        )
        parameters = list(net.parameters())
        flat = torch.cat([parameter.flatten() for parameter in parameters])
        slopes = torch.zeros_like(flat)
        sizes = [parameter.numel() for parameter in parameters]
        for parameter, place in zip(parameters, flat.split(sizes), strict=True):
            parameter.data = place.view_as(parameter)
        W1, b1, W2, b2 = parameters
        places = zip(parameters, slopes.split(sizes), strict=True)
        dW1, db1, dW2, db2 = (place.view_as(parameter) for parameter, place in places)
        step = _adam(flat, slopes, lr=2e-3)
        X, targets = X.flatten(1), F.one_hot(y, 10).to(X.dtype)
        waiting: list[Tensor] = []
        for _ in range(steps):
            if not waiting:
                waiting = list(torch.randperm(len(X))[: len(X) // batch * batch].split(batch))
            chosen = waiting.pop()
            x = X[chosen]
            h = torch.addmm(b1, x, W1.T).relu_()
            # The loss is the mean cross-entropy: its slope in the outputs is softmax minus target.
            g = torch.addmm(b2, h, W2.T).softmax(1).sub_(targets[chosen]).div_(batch)
            torch.mm(g.T, h, out=dW2)
            torch.sum(g, 0, out=db2)
            g = (g @ W2).mul_(h > 0)
            torch.mm(g.T, x, out=dW1)
            torch.sum(g, 0, out=db1)
            step()
    return net.eval()


def _adam(flat: Tensor, slopes: Tensor, lr: float) -> Callable[[], None]:
    """The step of torch's Adam on one vector: twice as quick, and no second spent on its import."""
    mean, square, root = (torch.zeros_like(flat) for _ in range(3))
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1
        mean.lerp_(slopes, 0.1)
        square.mul_(0.999).addcmul_(slopes, slopes, value=0.001)
        torch.sqrt(square, out=root).div_(math.sqrt(1 - 0.999**taken)).add_(1e-8)
        flat.addcdiv_(mean, root, value=-lr / (1 - 0.9**taken))

    return step


def learn_digits(
    pictures: np.ndarray, labels: np.ndarray, steps: int = 1000, seed: int = 0
) -> Callable[[np.ndarray], np.ndarray]:
    """`train_digit_net` for NumPy: the program that it found, (n, 28, 28) -> ten outputs (n, 10).

    `pictures` (n, 28, 28) in [0, 1], `labels` (n,) in 0 … 9; `steps` and `seed` as there.
    Raises `ValueError` when there are fewer than 64 examples.
    Taught in {ref}`sec-what-is-machine-learning`.
    """
    X, y = torch.from_numpy(pictures).float(), torch.from_numpy(labels).long()
    net = train_digit_net(X, y, steps=steps, seed=seed)

    def program(asked: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(asked).float()).numpy()

    return program


def normalized(picture: Tensor) -> Tensor:
    """The picture as MNIST prepares one: its ink scaled into 20 × 20, its centre of mass at 14, 14.

    `picture` (h, w) in [0, 1] -> (28, 28). The longer side of the ink's box becomes 20 pixels; a
    new pixel is the mean of the area that it covers; the picture then moves by whole pixels.
    A blank picture stays blank, and nearly all of MNIST, being so prepared, stays as it is.
    Source: LeCun, Bottou, Bengio and Haffner (1998), section III.A.
    Taught in {ref}`sec-what-is-machine-learning`.
    """
    out = picture.new_zeros(SIDE, SIDE)
    rows, columns = (picture > 0).any(1).nonzero(), (picture > 0).any(0).nonzero()
    if len(rows) == 0:
        return out
    ink = picture[rows[0, 0] : rows[-1, 0] + 1, columns[0, 0] : columns[-1, 0] + 1]
    scale = BOX / max(ink.shape)
    height, width = (max(1, math.floor(side * scale + 0.5)) for side in ink.shape)
    small = _area_means(ink.shape[0], height) @ ink.double() @ _area_means(ink.shape[1], width).T
    top, left = _offset(small.sum(1)), _offset(small.sum(0))
    out[top : top + height, left : left + width] = small.to(picture.dtype)
    return out


@cache
def _area_means(old: int, new: int) -> Tensor:
    """A (new, old): row i averages the pixels that [i·old/new, (i + 1)·old/new) covers."""
    edges = torch.arange(new + 1, dtype=torch.float64) * old / new
    pixel = torch.arange(old, dtype=torch.float64)
    covered = torch.minimum(edges[1:, None], pixel + 1) - torch.maximum(edges[:-1, None], pixel)
    return covered.clamp(min=0) * new / old


def _offset(mass: Tensor) -> int:
    """Where a side with this much ink in each row starts, for its centre to fall into pixel 14."""
    centre = ((torch.arange(len(mass)) + 0.5) * mass).sum() / mass.sum()
    # A symmetric drawing has its centre on an edge between pixels: rounding must not decide.
    start = SIDE // 2 - math.floor(float(centre) + 1e-6)
    return min(max(start, 0), SIDE - len(mass))


def pack(net: nn.Sequential) -> dict[str, Any]:
    """The network as plain data: 8 bits a weight, one scale for each row of a weight matrix.

    -> {"layers": [{"shape": [out, in], "weight": base64 of int8, "scale": [out], "bias": [out]}]}.
    A weight is int8 × scale of its row.
    Raises `ValueError` unless the network is linear layers from 784 numbers to 10, with a ReLU
    between each two.
    Taught in {ref}`sec-what-is-machine-learning`.
    """
    layers = [layer for layer in net if not isinstance(layer, nn.Flatten)]
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    alternating = [type(layer) for layer in layers] == ([nn.Linear, nn.ReLU] * len(linear))[:-1]
    sizes = [SIDE * SIDE, *(layer.out_features for layer in linear)]
    if not alternating or [layer.in_features for layer in linear] != sizes[:-1] or sizes[-1] != 10:
        raise ValueError(
            f"the network is {layers}; it must be Linear layers from 784 numbers to 10, with a "
            "ReLU between each two."
        )
    return {"layers": [_pack_layer(layer) for layer in linear]}


def _pack_layer(layer: nn.Linear) -> dict[str, Any]:
    weight = layer.weight.detach().double()
    scale = weight.abs().amax(1).clamp(min=1e-12) / 127
    levels = torch.round(weight / scale[:, None]).to(torch.int8)
    return {
        "shape": list(weight.shape),
        "weight": base64.b64encode(levels.numpy().tobytes()).decode("ascii"),
        "scale": scale.tolist(),
        "bias": layer.bias.detach().double().tolist(),
    }


def unpack(packed: dict[str, Any]) -> nn.Sequential:
    """The network that `pack` stored, in float64, its weights as rounded to 8 bits.

    Taught in {ref}`sec-what-is-machine-learning`.
    """
    net = nn.Sequential(nn.Flatten())
    for number, stored in enumerate(packed["layers"]):
        outputs, inputs = stored["shape"]
        levels = torch.frombuffer(
            bytearray(base64.b64decode(stored["weight"])), dtype=torch.int8
        ).reshape(outputs, inputs)
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(levels * torch.tensor(stored["scale"], dtype=torch.float64)[:, None])
            layer.bias.copy_(torch.tensor(stored["bias"], dtype=torch.float64))
        net.extend([nn.ReLU(), layer] if number else [layer])
    return net.eval()
