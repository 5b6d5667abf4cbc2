"""introml.gradient_descent against torch.optim.SGD, and its stability bound as a property."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from introml.gradient_descent import descend, largest_stable_lr, minibatches, sgd, steps_to_gain


def regression(seed: int, n: int = 12, d: int = 3):
    """A design with its ones column, targets, and the gradient of the sum of half squares."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, d, generator=generator, dtype=torch.float64)
    y = torch.randn(n, generator=generator, dtype=torch.float64)
    A = torch.cat([X, torch.ones(n, 1, dtype=X.dtype)], dim=1)
    return X, A, y


def torch_path(losses, start, rates):
    """The path of torch's own SGD: one loss and one rate a step."""
    w = start.clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=1.0)
    path = [start.clone()]
    for loss, rate in zip(losses, rates, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
        path.append(w.detach().clone())
    return torch.stack(path)


def test_one_step_on_a_parabola_by_hand():
    # L = w², so the gradient is 2w: 3 - 0.25 * 6 = 1.5, then 0.75.
    path = descend(lambda w: 2 * w, torch.tensor([3.0]), lr=0.25, steps=2)
    assert path.tolist() == [[3.0], [1.5], [0.75]]


@pytest.mark.parametrize("lr", [0.01, lambda step: 0.02 / (1 + step)], ids=["number", "schedule"])
def test_descend_equals_torch_sgd_step_for_step(lr):
    _, A, y = regression(0)
    start = torch.zeros(4, dtype=torch.float64)
    path = descend(lambda w: A.T @ (A @ w - y), start, lr, steps=50)
    rates = [lr(t) if callable(lr) else lr for t in range(50)]
    expected = torch_path([lambda w: 0.5 * ((A @ w - y) ** 2).sum()] * 50, start, rates)
    torch.testing.assert_close(path, expected, rtol=0, atol=1e-12)


def test_descend_reaches_the_least_squares_solution():
    X, A, y = regression(1)
    lr = 0.5 * largest_stable_lr(X)
    path = descend(lambda w: A.T @ (A @ w - y), torch.zeros(4, dtype=A.dtype), lr, 2000)
    torch.testing.assert_close(path[-1], torch.linalg.lstsq(A, y[:, None]).solution[:, 0])


def test_no_steps_return_the_start_and_negative_steps_are_refused():
    start = torch.tensor([1.0, 2.0])
    assert descend(lambda w: w, start, 0.1, 0).tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="steps is -1"):
        descend(lambda w: w, start, 0.1, -1)


def test_largest_stable_lr_equals_a_hand_worked_example():
    # A = [[1, 1], [1, -1]], so AᵀA = 2I and the bound is 2 / 2; without the ones column too.
    X = torch.tensor([[1.0], [-1.0]])
    assert largest_stable_lr(X) == pytest.approx(1.0)
    assert largest_stable_lr(X, intercept=False) == pytest.approx(1.0)
    # A = [[1, 2], [1, 2]]: λmax(AᵀA) = 2 + 8; without the ones column 8.
    X = torch.tensor([[2.0], [2.0]])
    assert largest_stable_lr(X) == pytest.approx(2 / 10)
    assert largest_stable_lr(X, intercept=False) == pytest.approx(2 / 8)


def test_flat_loss_has_no_largest_stable_lr():
    with pytest.raises(ValueError, match="all zeros"):
        largest_stable_lr(torch.zeros(3, 2), intercept=False)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_just_under_the_bound_converges_and_just_over_diverges(seed, d, mean):
    X, A, y = regression(seed, n=10, d=d)
    share = len(X) if mean else 1
    bound = share * largest_stable_lr(X)
    best = torch.linalg.lstsq(A, y[:, None]).solution[:, 0]
    start = best + torch.ones_like(best)
    steepest = torch.linalg.svd(A).Vh[0]

    def gradient(w):
        return A.T @ (A @ w - y) / share

    under = descend(gradient, start, 0.99 * bound, 1000) - best
    over = descend(gradient, start, 1.01 * bound, 1000) - best
    # Each step multiplies the error along the steepest direction by 1 - 2 · 0.99 = -0.98 or -1.02.
    assert (under @ steepest)[-1].abs() <= (under @ steepest)[0].abs() * 0.98**1000 + 1e-6
    assert (under.norm(dim=1).diff() <= 1e-9).all()
    assert (over @ steepest)[-1].abs() >= (over @ steepest)[0].abs() * 1.02**999


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 50), st.data())
def test_minibatches_visit_each_example_once(n, data):
    batch_size = data.draw(st.integers(1, n))
    batches = list(minibatches(n, batch_size, torch.Generator().manual_seed(0)))
    assert sorted(torch.cat(batches).tolist()) == list(range(n))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert len(batches) == -(-n // batch_size)


def test_minibatches_differ_between_epochs_and_repeat_with_the_seed():
    def two_epochs(seed):
        generator = torch.Generator().manual_seed(seed)
        return [torch.cat(list(minibatches(20, 5, generator))).tolist() for _ in range(2)]

    first, second = two_epochs(1)
    assert first != second
    assert first != list(range(20))
    assert two_epochs(1) == [first, second]


@pytest.mark.parametrize("batch_size", [0, 11])
def test_batch_size_out_of_range_is_refused_at_once(batch_size):
    with pytest.raises(ValueError, match="it must be 1 to 10"):
        minibatches(10, batch_size, torch.Generator())


@pytest.mark.parametrize("lr", [0.05, lambda step: 0.1 * 0.9**step], ids=["number", "schedule"])
def test_sgd_equals_torch_sgd_on_the_same_batches(lr):
    _, A, y = regression(2, n=10)
    start, seen = torch.zeros(4, dtype=A.dtype), []

    def gradient(w, batch):
        seen.append(batch)
        return A[batch].T @ (A[batch] @ w - y[batch]) / len(batch)

    path = sgd(gradient, start, lr, 10, 4, epochs=5, generator=torch.Generator().manual_seed(3))
    assert [len(batch) for batch in seen] == [4, 4, 2] * 5
    losses = [lambda w, b=b: 0.5 * ((A[b] @ w - y[b]) ** 2).mean() for b in seen]
    rates = [lr(t) if callable(lr) else lr for t in range(15)]
    torch.testing.assert_close(path, torch_path(losses, start, rates), rtol=0, atol=1e-12)


def test_sgd_on_the_whole_batch_is_gradient_descent():
    _, A, y = regression(4, n=6)
    start = torch.ones(4, dtype=A.dtype)
    whole = descend(lambda w: A.T @ (A @ w - y), start, 0.01, 8)
    generator = torch.Generator().manual_seed(0)
    path = sgd(lambda w, b: A[b].T @ (A[b] @ w - y[b]), start, 0.01, 6, 6, 8, generator)
    torch.testing.assert_close(path, whole)


@pytest.mark.parametrize("seed", range(5))
def test_steps_to_gain_are_those_that_a_walk_takes(seed):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(30, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 2.0, 4.0])
    A = torch.cat([X, torch.ones(30, 1)], dim=1).double()
    y = X @ torch.tensor([1.0, -1.0, 0.5]).double() + torch.randn(30, generator=generator).double()
    best = torch.linalg.solve(A.T @ A, A.T @ y)
    values = torch.linalg.eigvalsh(A.T @ A)
    start = torch.tensor([0, 0, 0, y.mean()])
    path = descend(lambda t: A.T @ (A @ t - y), start, 1 / values[-1].item(), 4000)
    losses = 0.5 * (path @ A.T - y).square().sum(dim=1) - 0.5 * (A @ best - y).square().sum()
    walked = (losses <= 0.01 * losses[0]).nonzero()[0].item()
    found = steps_to_gain(A, y)
    assert found.steps == walked
    assert found.condition == pytest.approx((values[-1] / values[0]).item())
    left = (path[walked] - best).norm() / (start - best).norm()
    assert found.error_left == pytest.approx(left.item())


@pytest.mark.parametrize("share", [0.0, 1.0, -1, 2])
def test_a_share_that_no_walk_makes_is_refused(share):
    with pytest.raises(ValueError, match="it must lie between 0 and 1"):
        steps_to_gain(torch.ones(2, 1), torch.ones(2), share)
