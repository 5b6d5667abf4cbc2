"""Hidden checks of the lab on the autograd engine: random graphs, other sizes, training.

None of them asks for more than the text of a task says.
"""

import torch
from checks import (
    EXACT,
    NEAR,
    in_order,
    kept,
    numbers_of,
    same_arrays,
    same_numbers,
    same_pull,
)
from torch import Tensor

from introml.grader.checks import assert_close, assert_inputs_kept, check, randn, require

CANARY = "introml-canary-8e1f60c9d27ab354"


def random_steps(rng, leaves: int, count: int) -> list:
    """A graph of numbers in which values are used several times; divisors lie in (0.3, 3)."""
    steps: list = []
    place = leaves
    for _ in range(count):
        name = str(rng.choice(["+", "-", "*", "/", "exp", "tanh", "relu"]))
        a, b = (int(one) for one in rng.integers(0, place, 2))
        if name in ("*", "/", "exp"):  # tame one of the inputs first
            steps.append(["tanh", b])
            place += 1
            b = place - 1
        if name == "/":
            steps.append(["exp", b])
            place += 1
            b = place - 1
        steps.append([name, b] if name in ("exp", "tanh", "relu") else [name, a, b])
        place += 1
    for leaf in range(leaves):
        steps.append(["+", place - 1, leaf])
        place += 1
    return steps


@check(points=3, title="Numbers: random graphs, used again and again")
def random_graphs_of_numbers(submission, rng):
    hint = "On a random graph a gradient differs. Which of its values is used more than once?"
    for _ in range(12):
        leaves = int(rng.integers(1, 5))
        steps = random_steps(rng, leaves, int(rng.integers(3, 20)))
        numbers = [float(one) for one in rng.uniform(-2, 2, leaves)]
        in_order(submission.order_of(steps, numbers), steps, leaves)
        same_numbers(submission, steps, numbers, hint, walks=int(rng.integers(1, 4)))
    same_numbers(submission, [], [1.5], "The derivative of a leaf by itself is 1.")
    steps = [["*", 0, 0], ["tanh", 1]]
    same_numbers(submission, steps, [0.7, 2.0], "A leaf that is not used keeps its grad of 0.0.")


@check(points=2, title="Numbers: long chains, and very many paths", time_s=30)
def long_chains_and_many_paths(submission, rng):
    length = 20_000 + int(rng.integers(100))
    steps = [["+", place, 0] for place in range(length)]
    answer = numbers_of(submission.run_numbers(steps, [0.5]), length + 2, "backward_numbers")
    hint = "A chain of 20,000 sums has another value or gradient."
    assert_close(answer[0], torch.tensor(0.5 * (length + 1)).double(), **EXACT, hint=hint)
    assert_close(answer[1], torch.tensor(length + 1.0).double(), **EXACT, hint=hint)
    steps = [["+", place, place] for place in range(60)]
    answer = numbers_of(submission.run_numbers(steps, [1.0]), 62, "backward_numbers")
    hint = "With 60 doublings the gradient is 2 to the power 60."
    assert_close(answer[1], torch.tensor(2.0**60).double(), **EXACT, hint=hint)


def smaller(rng, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to `shape`."""
    ones = tuple(1 if rng.random() < 0.4 else size for size in shape)
    return ones[int(rng.integers(0, len(ones) + 1)) :]


@check(points=2, title="Sums to any smaller shape, in any dtype")
def sums_at_other_shapes(submission, rng):
    for dtype in (torch.float32, torch.float64):
        for _ in range(10):
            large = tuple(int(one) for one in rng.integers(1, 5, int(rng.integers(1, 5))))
            u, shape = randn(rng, *large, dtype=dtype), smaller(rng, large)
            hint = "At some shapes sum_to differs. Axes in front and axes of size 1 are added up."
            assert_close(
                submission.sum_to(u, shape), u.sum_to_size(shape), **NEAR[dtype], hint=hint
            )
    assert_inputs_kept(
        submission, "sum_to", randn(rng, 2, 3, 4), (1, 4), hint="sum_to changes what it is given."
    )


@check(points=2, title="Pulls at other shapes")
def pulls_at_other_shapes(submission, rng):
    for dtype in (torch.float32, torch.float64):
        for name in ("+", "-", "*"):
            large = tuple(int(one) for one in rng.integers(2, 5, 3))
            a, b = randn(rng, *large, dtype=dtype), randn(rng, *smaller(rng, large), dtype=dtype)
            u = randn(rng, *large, dtype=dtype)
            same_pull(submission, name, [a, b], u)
            same_pull(submission, name, [b, a], u)
        for name, shapes in (("@", [(3, 3)] * 3), ("*", [(3, 3)] * 3), ("-", [(3, 3)] * 3),
                             ("tanh", [(3, 3)] * 2), ("relu", [(3, 3)] * 2)):  # fmt: skip
            *given, u = (randn(rng, *shape, dtype=dtype) for shape in shapes)
            hint = f"{name} or its pull changes a tensor that it is given. Make new ones."
            assert_inputs_kept(submission, "pulled", name, given, u, hint=hint)
        n, k, m, B = (int(one) for one in rng.integers(2, 6, 4))
        for front, other in (((B,), ()), ((), (B,)), ((2, 1), (B,)), ((B,), (B,))):
            a = randn(rng, *front, n, k, dtype=dtype)
            b = randn(rng, *other, k, m, dtype=dtype)
            same_pull(submission, "@", [a, b], randn(rng, *(a @ b).shape, dtype=dtype))
        for name in ("tanh", "relu"):
            a = randn(rng, 2, 3, 2, dtype=dtype)
            a[1, 2, 0] = 0
            same_pull(submission, name, [a], randn(rng, 2, 3, 2, dtype=dtype))
        same_pull(submission, "sum", [randn(rng, 2, 3, 2, dtype=dtype)], randn(rng, dtype=dtype))
        same_pull(submission, "sum", [randn(rng, dtype=dtype)], randn(rng, dtype=dtype))


def random_arrays(rng, dtype: torch.dtype) -> tuple[list, list[Tensor]]:
    """Steps and leaves of a graph of arrays that broadcast and multiply; the last step is a sum."""
    n, d = (int(one) for one in rng.integers(2, 5, 2))
    shapes = [(n, d), (n, d), (d, d), (d,), (n, 1), ()]
    tensors = [randn(rng, *shape, dtype=dtype) for shape in shapes]
    places = [0, 1]  # of shape (n, d)
    steps: list = []
    place = len(shapes)
    for _ in range(int(rng.integers(3, 12))):
        name = str(rng.choice(["+", "-", "*", "@", "tanh", "relu"]))
        a = int(rng.choice(places))
        other = int(rng.choice([*places, 3, 4, 5]))
        if name in ("tanh", "relu"):
            steps.append([name, a])
        elif name == "@":
            steps += [["tanh", a], ["@", place, 2]]
            place += 1
        elif name == "*":
            steps += [["tanh", a], ["*", other, place]]
            place += 1
        else:
            steps.append([name, a, other] if rng.random() < 0.5 else [name, other, a])
        places.append(place)
        place += 1
    for leaf in range(len(shapes)):
        if leaf == 2:
            steps += [["tanh", place - 1], ["@", place, 2]]
            place += 2
        else:
            steps.append(["+", place - 1, leaf])
            place += 1
    steps.append(["sum", place - 1])
    return steps, tensors


@check(points=4, title="Arrays: random graphs, broadcast and used again")
def random_graphs_of_arrays(submission, rng):
    hint = "On a random graph of arrays a gradient differs."
    for dtype in (torch.float64, torch.float32):
        for _ in range(8):
            steps, tensors = random_arrays(rng, dtype)
            same_arrays(submission, steps, tensors, hint, walks=int(rng.integers(1, 3)))
    same_arrays(
        submission, [["*", 0, 0]], [randn(rng, 1, 1)], "The result may have the shape (1, 1)."
    )
    same_arrays(submission, [], [randn(rng).double()], "The derivative of a leaf by itself is 1.")
    steps, tensors = random_arrays(rng, torch.float32)
    hint = "The walk changes a tensor of the leaves. Add with a + b, never in place."
    assert_inputs_kept(submission, "run_arrays", steps, tensors, hint=hint)


def bytes_kept(steps: list, tensors: list[Tensor]) -> int:
    """The rules of the text, box by box: which boxes' numbers are kept, counted once."""
    sizes = [tensor.shape for tensor in tensors]
    keeps: list[set[int]] = [set() for _ in tensors]
    inputs: list[list[int]] = [[] for _ in tensors]
    for name, *places in steps:
        given = [torch.empty(sizes[place]) for place in places]
        if name == "@":
            sizes.append((given[0] @ given[1]).shape)
        elif name == "sum":
            sizes.append(torch.Size())
        else:
            sizes.append(torch.broadcast_shapes(*(one.shape for one in given)))
        keeps.append(
            set(places) if name in "*@" else {len(sizes) - 1} if name in ("tanh", "relu") else set()
        )
        inputs.append(places)
    behind, waiting = set(), [len(sizes) - 1]
    while waiting:
        place = waiting.pop()
        if place not in behind:
            behind.add(place)
            waiting += inputs[place]
    held = set().union(*(keeps[place] for place in behind))
    return sum(sizes[place].numel() for place in held) * tensors[0].element_size()


@check(points=3, title="What random graphs keep, to the byte")
def kept_by_random_graphs(submission, rng):
    for name, words in (
        ("+", "A sum keeps nothing."),
        ("-", "A difference keeps nothing."),
        ("*", "A product keeps both factors, as they are."),
        ("@", "A matrix product keeps both matrices, as they are."),
        ("tanh", "tanh keeps its result and nothing else."),
        ("relu", "relu keeps its result and nothing else."),
        ("sum", "The sum of all numbers keeps nothing."),
    ):
        n = int(rng.integers(2, 6))
        tensors = [randn(rng, n, n), randn(rng, n, n)]
        steps = [[name, 0, 1] if name in "+-*@" else [name, 0]]
        kept(submission, steps, tensors, bytes_kept(steps, tensors), words)
        if name in "+-*":
            tensors[1] = tensors[1][:1]
            kept(submission, steps, tensors, bytes_kept(steps, tensors), words)
    hint = "On a random graph the bytes differ. Each tensor counts once; only what is kept counts."
    for dtype in (torch.float32, torch.float64):
        for _ in range(6):
            steps, tensors = random_arrays(rng, dtype)
            kept(submission, steps, tensors, bytes_kept(steps, tensors), hint)


@check(points=3, title="Training with the engine equals training with PyTorch")
def training_equals_torch(submission, rng):
    n, d, m, k = (int(one) for one in rng.integers(2, 9, 4))
    X, Y = randn(rng, n, d).double(), randn(rng, n, k).double()
    weights = [randn(rng, *s).double() for s in ((d, m), (m,), (m, k), (k,))]
    steps, lr = int(rng.integers(3, 8)), float(rng.uniform(0.05, 0.2))
    answer = submission.train(X, Y, weights, lr, steps)
    require(type(answer) is tuple and len(answer) == 2, "train is given; leave it as it is.")
    losses, W = [], [weight.clone().requires_grad_() for weight in weights]
    optimizer = torch.optim.SGD(W, lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        hidden = torch.tanh(X @ W[0] + W[1])
        loss = torch.nn.functional.mse_loss(hidden @ W[2] + W[3], Y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    hint = "After some steps of training the weights or the losses differ from PyTorch's."
    require(type(answer[0]) is list and len(answer[0]) == steps, hint)
    found = torch.tensor(answer[0], dtype=torch.float64)
    assert_close(found, torch.tensor(losses, dtype=torch.float64), rtol=1e-7, atol=1e-8, hint=hint)
    expected = [weight.detach() for weight in W]
    assert_close(answer[1], expected, rtol=1e-7, atol=1e-8, hint=hint)
