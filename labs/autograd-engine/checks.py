"""Public checks of the lab on the autograd engine: what a student can run while working.

Expected values come from PyTorch's autograd and from sums on paper, never from the lab's solution.
"""

import operator

import torch
from torch import Tensor

from introml.grader.checks import assert_close, assert_inputs_kept, check, randn, require

# What the lab's text states.
EXACT = {"rtol": 1e-8, "atol": 1e-9}
NEAR = {
    torch.float32: {"rtol": 1e-3, "atol": 1e-4},
    torch.float64: {"rtol": 1e-8, "atol": 1e-9},
}
TWO_INPUTS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "@": operator.matmul,
}


def by_torch(steps: list, leaves: list[Tensor]) -> list[Tensor]:
    """The leaves, and after them the result of each step, by PyTorch's operators."""
    boxes = list(leaves)
    for name, *places in steps:
        given = [boxes[place] for place in places]
        made = TWO_INPUTS[name](*given) if name in TWO_INPUTS else getattr(given[0], name)()
        boxes.append(made)
    return boxes


def expected_gradients(steps: list, tensors: list[Tensor], walks: int = 1):
    """The result and the leaves' gradients, by PyTorch."""
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    result = by_torch(steps, leaves)[-1]
    found = torch.autograd.grad(result.sum(), leaves, allow_unused=True)
    return result.detach(), [None if g is None else walks * g for g in found]


def numbers_of(answer: object, count: int, name: str) -> Tensor:
    """What a locked function returned, once it is so many numbers."""
    require(
        type(answer) is list
        and len(answer) == count
        and all(type(one) in (int, float) for one in answer),
        f"{name}: data, slopes and grad of a Value are Python numbers.",
    )
    return torch.tensor(answer, dtype=torch.float64)


def same_numbers(submission, steps: list, numbers: list[float], hint: str, walks: int = 1) -> None:
    """Result and gradients of a graph of numbers equal PyTorch's, and inner boxes have none."""
    answer = submission.run_numbers(steps, numbers, walks)
    count = len(numbers)
    found = numbers_of(answer, 1 + count + len(steps), "backward_numbers")
    leaves = [torch.tensor(number, dtype=torch.float64) for number in numbers]
    value, gradients = expected_gradients(steps, leaves, walks)
    assert_close(found[0], value, **EXACT, hint="A result differs. Look at task 1.")
    gradients = [torch.zeros(()).double() if g is None else g for g in gradients]
    expected = torch.stack(gradients)
    assert_close(found[1 : 1 + count], expected, **EXACT, hint=hint)
    inner = found[1 + count :] if steps else found[:0]
    require(bool((inner == 0).all()), "Only leaves get a grad; other boxes keep theirs of 0.0.")


def same_arrays(submission, steps: list, tensors: list[Tensor], hint: str, walks: int = 1) -> None:
    """Result and gradients of a graph of arrays equal PyTorch's, and inner boxes have none."""
    answer = submission.run_arrays(steps, tensors, walks)
    require(
        type(answer) is tuple and len(answer) == 3 and type(answer[1]) is list,
        "run_arrays is given; leave it as it is.",
    )
    value, gradients = expected_gradients(steps, tensors, walks)
    near = NEAR[tensors[0].dtype]
    assert_close(answer[0], value, **near, hint="A result differs. Look at task 5.")
    assert_close(answer[1], gradients, **near, hint=hint)
    require(answer[2] == 0, "Only leaves get a grad; other boxes keep None.")


@check(points=2, title="Each operator has its value and its slopes")
def slopes_of_each_operator(submission, rng):
    cases = [("*", [3.0, 4.0]), ("/", [3.0, 4.0]), ("relu", [0.0])]
    for name in ("+", "-", "*", "/"):
        a, b = (float(one) for one in rng.uniform(0.5, 2, 2) * rng.choice([-1, 1], 2))
        cases.append((name, [a, b]))
    for name in ("exp", "tanh", "relu"):
        cases += [(name, [float(rng.uniform(0.1, 2))]), (name, [-float(rng.uniform(0.1, 2))])]
    for name, numbers in cases:
        answer = submission.slopes_of(name, numbers)
        found = numbers_of(answer, 1 + len(numbers), name)
        leaves = [torch.tensor(one, dtype=torch.float64) for one in numbers]
        value, slopes = expected_gradients([[name, *range(len(numbers))]], leaves)
        assert_close(found[0], value, **EXACT, hint=f"The data of {name} is wrong.")
        hint = f"A slope of {name} is wrong. Nudge an input a little: how much does the data move?"
        assert_close(found[1:], torch.stack(slopes), **EXACT, hint=hint)


def in_order(answer: object, steps: list, leaves: int) -> None:
    """Each box behind the result stands in the list once, after its inputs."""
    require(
        type(answer) is list and all(type(place) is int for place in answer),
        "topological_order returns a list of boxes.",
    )
    inputs = dict(enumerate((places for _, *places in steps), leaves))
    behind, waiting = set(), [leaves + len(steps) - 1]
    while waiting:
        place = waiting.pop()
        if place not in behind:
            behind.add(place)
            waiting += inputs.get(place, [])
    require(len(set(answer)) == len(answer), "A box stands in the list more than once.")
    require(set(answer) == behind, "The list has all boxes behind the result, and no others.")
    at = {place: index for index, place in enumerate(answer)}
    hint = "A box comes before one of its inputs."
    for place in behind:
        require(all(at[one] < at[place] for one in inputs.get(place, [])), hint)
    require(answer[-1] == leaves + len(steps) - 1, "The result is the last of the list.")


SQUARE_OF_SUM = [["+", 0, 1], ["*", 2, 2]]
#: a is used at once and, by a long way, again: whoever goes by distance hands it on too early.
NEAR_AND_FAR = [["tanh", 0], ["*", 2, 1], ["exp", 3], ["relu", 4], ["*", 5, 2], ["+", 6, 1]]


@check(points=2, title="Each box comes once, after its inputs")
def each_box_after_its_inputs(submission, rng):
    for steps in (SQUARE_OF_SUM, NEAR_AND_FAR, [["*", 0, 1], ["-", 2, 1]]):
        in_order(submission.order_of(steps, [1.0, 2.0]), steps, 2)
    in_order(submission.order_of([], [1.0]), [], 1)


@check(points=2, title="Numbers: gradients equal PyTorch's")
def gradients_of_numbers(submission, rng):
    hint = "A gradient differs. Is what comes from several boxes added?"
    same_numbers(submission, [["+", 0, 1], ["*", 3, 2]], [-2.0, 5.0, -4.0], hint)
    a, b = (float(one) for one in rng.uniform(0.5, 2, 2))
    for steps in (SQUARE_OF_SUM, NEAR_AND_FAR, [["-", 0, 1], ["/", 2, 0], ["*", 3, 3]]):
        same_numbers(submission, steps, [a, b], hint)
    hint = "After two walks a leaf's grad is twice as large. Is it added to, and nothing else kept?"
    same_numbers(submission, NEAR_AND_FAR, [a, b], hint, walks=2)


@check(points=2, title="A gradient is summed to the smaller shape")
def summed_to_the_smaller_shape(submission, rng):
    u = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    for shape in ((3,), (2, 1), (1, 3), (1, 1), (1,), (), (2, 3)):
        hint = (
            f"A gradient of shape (2, 3) for an input of shape {shape}: add up what was repeated."
        )
        assert_close(submission.sum_to(u, shape), u.sum_to_size(shape), hint=hint)
    hint = "sum_to changes a tensor that it is given."
    assert_inputs_kept(submission, "sum_to", u, (1, 3), hint=hint)


def same_pull(submission, name: str, tensors: list[Tensor], u: Tensor) -> None:
    answer = submission.pulled(name, tensors, u)
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    value = by_torch([[name, *range(len(leaves))]], leaves)[-1]
    gradients = torch.autograd.grad(value, leaves, u)
    require(type(answer) is list and len(answer) == 1 + len(leaves), "pulled is given.")
    near = NEAR[u.dtype]
    assert_close(answer[0], value.detach(), **near, hint=f"The data of {name} is wrong.")
    hint = f"What the pull of {name} returns is wrong, summed up to the shape of the input."
    assert_close(answer[1:], list(gradients), **near, hint=hint)


@check(points=3, title="Each operator of arrays pulls back as PyTorch does")
def pulls_of_each_operator(submission, rng):
    A, B = torch.tensor([[2.0, 1, -1]]), torch.tensor([[1.0, -1], [2, 1], [0, 3]])
    same_pull(submission, "@", [A, B], torch.tensor([[3.0, -1]]))
    for dtype in (torch.float32, torch.float64):
        a, b, u = (randn(rng, 3, 4, dtype=dtype) for _ in range(3))
        for name in ("+", "-", "*"):
            same_pull(submission, name, [a, b], u)
            same_pull(submission, name, [a, b[0]], u)
            same_pull(submission, name, [a[:, :1], b], u)
        same_pull(
            submission, "@", [a, randn(rng, 4, 5, dtype=dtype)], randn(rng, 3, 5, dtype=dtype)
        )
        a[0, 0] = 0
        for name in ("tanh", "relu"):
            same_pull(submission, name, [a], u)
        same_pull(submission, "sum", [a], randn(rng, dtype=dtype))


SCALED = [["*", 1, 0], ["+", 2, 0], ["sum", 3]]
#: relu(XW + b), the sum of its squares.
LAYER = [["@", 0, 1], ["+", 3, 2], ["relu", 4], ["*", 5, 5], ["sum", 6]]


@check(points=3, title="Arrays: gradients equal PyTorch's")
def gradients_of_arrays(submission, rng):
    hint = "A gradient differs. Is what comes from several boxes added, and never in place?"
    same_arrays(submission, SCALED, [torch.tensor([1.0, 2]), torch.tensor(3.0)], hint)
    for dtype in (torch.float32, torch.float64):
        layer = [randn(rng, *s, dtype=dtype) for s in ((4, 3), (3, 2), (2,))]
        same_arrays(submission, LAYER, layer, hint)
    twice = "After two walks a leaf's grad is twice as large. Is it added to, and never in place?"
    same_arrays(submission, LAYER, layer, twice, walks=2)
    # A sum hands one tensor to both of its inputs, here two leaves.
    steps = [["+", 0, 1], ["tanh", 2], ["sum", 3]]
    same_arrays(submission, steps, [randn(rng, 3), randn(rng, 3)], twice, walks=2)
    # … and here each of them gets more from elsewhere.
    steps = [["+", 0, 1], ["*", 0, 1], ["+", 2, 3], ["tanh", 0], ["+", 4, 5], ["sum", 6]]
    same_arrays(submission, steps, [randn(rng, 3), randn(rng, 3)], hint)


def kept(submission, steps: list, tensors: list[Tensor], expected: int, hint: str) -> None:
    answer = submission.kept_by(steps, tensors)
    require(type(answer) is int, "saved_bytes returns a whole number, a Python int.")
    require(answer == expected, hint, f"{answer} bytes, not {expected}.")


@check(points=2, title="What the graph keeps is counted, each tensor once")
def kept_bytes_are_counted(submission, rng):
    layer = [randn(rng, *s) for s in ((4, 3), (3, 2), (2,))]
    hint = "relu(XW + b) keeps X, W and the relu's result: 104 bytes."
    kept(submission, LAYER[:3], layer, 104, hint)
    kept(submission, [["*", 0, 0]], layer[:1], 48, "X · X keeps one tensor, X: 48 bytes.")
    hint = "The relu's result is kept by the relu and by the square, and is there once: 104 bytes."
    kept(submission, LAYER, layer, 104, hint)
    kept(submission, [], layer[:1], 0, "A leaf keeps nothing.")
