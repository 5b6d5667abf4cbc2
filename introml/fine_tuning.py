"""Fine-tuning: some layers of a trained network copied, then frozen or trained on, the rest new.

Letters: n examples, C channels, H × W pixels.
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from introml.data import fashion_mnist, mnist, small_digits
from introml.picture_training import standardized, train
from introml.transfer import Examples

ENDS = (0, 3, 7, 9, 11)
"""Where in `picture_network`, without batch norm, the first 0, 1, 2, 3, 4 layers end."""
SOURCE, TARGETS = "digits", ("scanned", "clothes")


def picture_network(seed: int, *, classes: int = 10, batch_norm: bool = False) -> nn.Sequential:
    """LeNet with ReLU and max pooling, untrained: (n, 1, 28, 28) -> scores (n, classes).

    Five layers with weights: two convolutions, then dense layers to 120, 84 and `classes` numbers.
    With `batch_norm` one follows each of them but the last.
    Taught in {ref}`sec-transfer-learning`.
    """

    def bend(size: int, norm: type[nn.Module]) -> list[nn.Module]:
        return [norm(size), nn.ReLU()] if batch_norm else [nn.ReLU()]

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), *bend(6, nn.BatchNorm2d), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), *bend(16, nn.BatchNorm2d), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), *bend(120, nn.BatchNorm1d),
            nn.Linear(120, 84), *bend(84, nn.BatchNorm1d),
            nn.Linear(84, classes),
        )  # fmt: skip


def pictures(name: str) -> tuple[Examples, Examples]:
    """The training and the test pictures of "digits", "scanned" or "clothes": X (n, 1, 28, 28).

    "digits" are MNIST's, "clothes" Fashion-MNIST's. "scanned" are the coarse digits of 8 × 8,
    drawn larger: 20 × 20 in the middle, as in MNIST. All are standardized by MNIST's mean and
    standard deviation, for that is what a network trained on MNIST has seen.
    Raises `ValueError` for another name.
    Taught in {ref}`sec-transfer-learning`.
    """
    if name not in (SOURCE, *TARGETS):
        allowed = ", ".join(map(repr, (SOURCE, *TARGETS)))
        raise ValueError(f"name is {name!r}; it must be one of {allowed}.")
    like, _ = mnist.load("train")
    if name == "scanned":
        parts = [small_digits.load(part) for part in ("train", "choose", "test")]
        X, y = (torch.cat(column) for column in zip(*parts, strict=True))
        squares = F.interpolate(X.view(-1, 1, 8, 8), size=20, mode="bilinear")[:, 0]
        X = standardized(F.pad(squares, (4, 4, 4, 4)), like)
        return Examples(X[:1200], y[:1200]), Examples(X[1200:], y[1200:])
    data = mnist if name == SOURCE else fashion_mnist
    (X, y), (X_test, y_test) = data.load("train"), data.load("test")
    return Examples(standardized(X, like), y), Examples(standardized(X_test, like), y_test)


def draw_of_each(pool: Examples, each: int, seed: int) -> Examples:
    """So many examples of every class, drawn without replacement, class by class.

    Raises `ValueError` when a class has fewer.
    Taught in {ref}`sec-transfer-learning`.
    """
    order = torch.randperm(len(pool.y), generator=torch.Generator().manual_seed(seed))
    rows = []
    for label in pool.y.unique():
        of_class = order[pool.y[order] == label][:each]
        if len(of_class) < each:
            raise ValueError(f"class {label} has {len(of_class)} examples, {each} were asked for.")
        rows.append(of_class)
    chosen = torch.cat(rows)
    return Examples(pool.X[chosen], pool.y[chosen])


def copy_layers(source: nn.Sequential, layers: int, seed: int) -> nn.Sequential:
    """A new `picture_network` whose first `layers` (0 to 4) layers have the weights of `source`.

    Raises `ValueError` for another number of layers.
    Taught in {ref}`sec-transfer-learning`.
    """
    if layers not in range(len(ENDS)):
        raise ValueError(f"layers is {layers}; it must be from 0 to {len(ENDS) - 1}.")
    net = picture_network(seed)
    end = ENDS[layers]
    net[:end].load_state_dict(source[:end].state_dict())
    return net


def epochs_for(examples: int, batch_size: int = 32) -> int:
    """How often to go through so few examples: at least 450 steps, and at least twelve times.

    Taught in {ref}`sec-transfer-learning`.
    """
    return max(12, -(-450 // -(-examples // batch_size)))


def fine_tune(
    source: nn.Sequential,
    few: Examples,
    layers: int,
    body_lr: float,
    seed: int,
    *,
    lr: float = 5e-3,
    epochs: int | None = None,
) -> nn.Sequential:
    """`source`'s first `layers` layers and new ones, trained on the few examples.

    The new layers learn at the rate `lr`, the copied ones at `body_lr`; with 0 they are frozen: run
    once, and the rest is trained on what comes out. Without `epochs`, those of `epochs_for`.
    Raises `ValueError` for a negative rate, or a number of layers that is not from 0 to 4.
    Taught in {ref}`sec-transfer-learning`.
    """
    if body_lr < 0:
        raise ValueError(f"body_lr is {body_lr}; it must be 0 (frozen) or positive.")
    net = copy_layers(source, layers, seed)
    body, top = net[: ENDS[layers]], net[ENDS[layers] :]
    epochs = epochs or epochs_for(len(few.y))
    if body_lr == 0:
        with torch.no_grad():
            features = body(few.X)
        train(top, features, few.y, epochs=epochs, lr=lr, seed=seed)
        return net.eval()
    groups = [{"params": list(body.parameters()), "lr": body_lr}] if layers else []
    groups.append({"params": list(top.parameters()), "lr": lr})
    train(net, few.X, few.y, epochs=epochs, groups=groups, seed=seed)
    return net


def new_head(net: nn.Sequential, classes: int, seed: int) -> nn.Sequential:
    """A copy of `net` whose last layer is new: the body as it was, and scores for `classes`.

    Raises `TypeError` unless the last layer is dense.
    Taught in {ref}`sec-transfer-learning`.
    """
    last = net[-1]
    if not isinstance(last, nn.Linear):
        raise TypeError(f"the last layer is {last}; to be replaced, it must be nn.Linear.")
    made = copy.deepcopy(net)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made[-1] = nn.Linear(last.in_features, classes)
    return made
