"""introml.optimizers against torch.optim, step for step."""

import pytest
import torch

from introml.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp, walk

optim = torch.optim

#: Ours and torch's from the same settings: η, ρ or β, λ.
PAIRS = {
    "SGD": (
        lambda lr, b, wd: SGD(lr, wd),
        lambda p, lr, b, wd: optim.SGD(p, lr=lr, weight_decay=wd),
    ),
    "Momentum": (
        lambda lr, b, wd: Momentum(lr, b, wd),
        lambda p, lr, b, wd: optim.SGD(p, lr=lr, momentum=b, weight_decay=wd),
    ),
    "Nesterov": (
        lambda lr, b, wd: Nesterov(lr, b, wd),
        lambda p, lr, b, wd: optim.SGD(p, lr=lr, momentum=b, nesterov=True, weight_decay=wd),
    ),
    "AdaGrad": (
        lambda lr, b, wd: AdaGrad(lr, weight_decay=wd),
        lambda p, lr, b, wd: optim.Adagrad(p, lr=lr, weight_decay=wd),
    ),
    "RMSProp": (
        lambda lr, b, wd: RMSProp(lr, b, weight_decay=wd),
        lambda p, lr, b, wd: optim.RMSprop(p, lr=lr, alpha=b, weight_decay=wd),
    ),
    "Adam": (
        lambda lr, b, wd: Adam(lr, b, 0.999, weight_decay=wd),
        lambda p, lr, b, wd: optim.Adam(p, lr=lr, betas=(b, 0.999), weight_decay=wd),
    ),
    "AdamW": (
        lambda lr, b, wd: AdamW(lr, 0.9, b, weight_decay=wd),
        lambda p, lr, b, wd: optim.AdamW(p, lr=lr, betas=(0.9, b), weight_decay=wd),
    ),
}


def torch_walk(make, start, gradients):
    """torch's path through a given list of gradients."""
    parameter = torch.nn.Parameter(start.clone())
    optimizer = make([parameter])
    path = [start]
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        path.append(parameter.detach().clone())
    return torch.stack(path)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("seed", range(20))
def test_a_hundred_steps_equal_torchs(name, seed):
    """Gradients of all sizes, decay on and off."""
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = PAIRS[name]
    start = torch.randn(3, 2, generator=generator, dtype=torch.float64)
    scale = 10.0 ** (6 * torch.rand(3, 2, generator=generator, dtype=torch.float64) - 4)
    gradients = scale * torch.randn(100, 3, 2, generator=generator, dtype=torch.float64)
    lr, beta = 10 ** (-3 * torch.rand(2, generator=generator)).double()
    settings = lr.item(), 1 - 0.5 * beta.item(), (0.0, 0.01, 0.3)[seed % 3]
    given = iter(gradients)
    found = walk(ours(*settings), lambda theta: next(given), start, 100)
    expected = torch_walk(lambda p: theirs(p, *settings), start, gradients)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_kept_and_the_parameters_are_not_changed_in_place(name, dtype):
    theta = torch.ones(4, dtype=dtype)
    after = PAIRS[name][0](0.1, 0.9, 0.1).step(theta, torch.full((4,), 2.0, dtype=dtype))
    assert after.dtype == dtype
    assert torch.equal(theta, torch.ones(4, dtype=dtype))
    assert (after < 1).all()


@pytest.mark.parametrize("name", PAIRS)
def test_runs_at_rates_of_their_own_equal_runs_one_by_one(name):
    generator = torch.Generator().manual_seed(0)
    rates = torch.tensor([0.003, 0.05, 0.4], dtype=torch.float64)
    starts = torch.randn(3, 2, generator=generator, dtype=torch.float64)
    bowl = torch.tensor([1.0, 4.0], dtype=torch.float64)
    make = PAIRS[name][0]
    together = walk(make(rates[:, None], 0.8, 0.01), lambda x: bowl * x, starts, 25)
    for run, lr in enumerate(rates.tolist()):
        alone = walk(make(lr, 0.8, 0.01), lambda x: bowl * x, starts[run], 25)
        torch.testing.assert_close(together[:, run], alone)


def test_momentum_by_hand():
    """ρ = 0.9: a gradient that stays 1 makes v = 1, 1.9, 2.71; one that flips 1, −0.1, 0.91."""
    for signs, expected in (((1, 1, 1), (1, 1.9, 2.71)), ((1, -1, 1), (1, -0.1, 0.91))):
        optimizer, velocities = Momentum(lr=1.0), []
        for sign in signs:
            optimizer.step(torch.zeros(()), torch.tensor(float(sign)))
            velocities.append(float(optimizer.v))
        assert velocities == pytest.approx(expected)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_adams_first_step_is_the_learning_rate_times_the_sign(size):
    gradient = size * torch.tensor([1.0, -1.0], dtype=torch.float64)
    for optimizer in (Adam(lr=0.1), AdaGrad(lr=0.1), AdamW(lr=0.1)):
        moved = optimizer.step(torch.zeros(2, dtype=torch.float64), gradient)
        torch.testing.assert_close(moved, -0.1 * gradient.sign(), rtol=1e-4, atol=0)


def test_without_its_correction_adams_first_step_is_too_long_by_the_root_of_ten():
    """0.1 g / √(0.001 g²) = √10 times the sign of g."""
    moved = Adam(lr=0.1, corrected=False).step(torch.zeros(1), torch.ones(1))
    assert moved.item() == pytest.approx(-0.1 * 10**0.5, rel=1e-5)


def test_adamw_decays_the_parameters_from_before_the_step():
    """With a gradient of 1, θ = 2, η = 0.1 and λ = 0.5: 2 − 0.1 − 0.1 · 0.5 · 2."""
    moved = AdamW(lr=0.1, weight_decay=0.5).step(torch.tensor([2.0]), torch.ones(1))
    assert moved.item() == pytest.approx(1.8, rel=1e-6)


def test_a_negative_number_of_steps_is_refused():
    with pytest.raises(ValueError, match="steps is -1"):
        walk(SGD(0.1), lambda x: x, torch.zeros(1), -1)
