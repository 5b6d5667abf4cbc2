"""The schedules and training runs that ScheduleComposer ships, against torch."""

import warnings
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler
from traitlets import TraitError

from introml import schedules
from introml.widgets import ScheduleComposer
from introml.widgets.schedule_composer import DECAYS


def schedule(peak, warm_up, decay, end, factor, every, steps):
    return {
        **{"peak": peak, "warmUp": warm_up, "decay": decay, "end": end},
        **{"factor": factor, "every": every, "steps": steps},
    }


@pytest.fixture(scope="module")
def cases():
    grid = [
        schedule(peak, warm_up, decay, end, factor, every, steps)
        for decay, peak, warm_up, end, (factor, every), steps in product(
            DECAYS, (0.1, 2), (0, 1, 7, 30), (0, 0.25, 1), ((0.5, 10), (0.1, 1)), (20, 31)
        )
    ]
    rng = np.random.default_rng(0)
    for i in range(1200):
        grid.append(
            schedule(
                peak=float(np.round(rng.uniform(0.02, 2.4), 3)),
                warm_up=int(rng.choice([0, rng.integers(0, 60)])),
                decay=DECAYS[i % len(DECAYS)],
                end=float(np.round(rng.uniform(0, 1), 2)),
                factor=float(np.round(rng.uniform(0.01, 1), 2)),
                every=int(rng.integers(1, 60)),
                steps=int(rng.integers(20, 80)),
            )
        )
    return grid


def scheduler_of(optimizer, case):
    """The same schedule put together from torch's parts."""
    left = max(1, case["steps"] - case["warmUp"])
    peak, warm_up, end = case["peak"], case["warmUp"], case["end"]
    decay = {
        "constant": lambda: lr_scheduler.LambdaLR(optimizer, lambda step: 1.0),
        "linear": lambda: lr_scheduler.LinearLR(optimizer, 1.0, end, total_iters=left),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, left, eta_min=end * peak),
        "step": lambda: lr_scheduler.StepLR(optimizer, case["every"], gamma=case["factor"]),
        "exponential": lambda: lr_scheduler.ExponentialLR(
            optimizer, gamma=case["factor"] ** (1 / case["every"])
        ),
    }[case["decay"]]
    if warm_up == 0:
        return decay()
    rise = lr_scheduler.LinearLR(optimizer, 1 / (warm_up + 1), 1.0, total_iters=warm_up)
    return lr_scheduler.SequentialLR(optimizer, [rise, decay()], milestones=[warm_up])


def torch_rates(case):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=case["peak"])
    with warnings.catch_warnings():
        # SequentialLR calls its parts in a way that torch itself warns of.
        warnings.simplefilter("ignore")
        scheduler = scheduler_of(optimizer, case)
        rates = []
        for _ in range(case["steps"]):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return rates


def test_rates_equal_torch_schedulers(run_model, cases):
    found = run_model("ScheduleComposer", "rates", [(case,) for case in cases])
    for case, rates in zip(cases, found, strict=True):
        assert rates == pytest.approx(torch_rates(case), rel=1e-9, abs=1e-12), case


def test_rates_equal_the_books_own_schedules(run_model, cases):
    """`introml.schedules`, through torch's LambdaLR."""
    found = run_model("ScheduleComposer", "rates", [(case,) for case in cases])
    for case, rates in zip(cases, found, strict=True):
        warm_up, left = case["warmUp"], max(1, case["steps"] - case["warmUp"])
        decay = {
            "constant": schedules.constant,
            "linear": partial(schedules.linear_decay, total=left, end=case["end"]),
            "cosine": partial(schedules.cosine_decay, total=left, end=case["end"]),
            "step": partial(schedules.step_decay, every=case["every"], factor=case["factor"]),
            "exponential": partial(
                schedules.exponential_decay, rate=case["factor"] ** (1 / case["every"])
            ),
        }[case["decay"]]
        if warm_up:
            rise = partial(schedules.linear_warmup, total=warm_up, start=1 / (warm_up + 1))
            decay = schedules.join(rise, decay, at=warm_up)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=case["peak"])
        scheduler = lr_scheduler.LambdaLR(optimizer, decay)
        for rate in rates:
            assert rate == pytest.approx(scheduler.get_last_lr()[0], rel=1e-9, abs=1e-12), case
            optimizer.step()
            scheduler.step()


def test_a_schedule_by_hand(run_model):
    """Three steps up to 1, then half as much every two steps; and a line from 1 to 0 over four."""
    case = schedule(1, 3, "step", 0, 0.5, 2, 8)
    assert run_model("ScheduleComposer", "rates", [(case,)]) == [
        [0.25, 0.5, 0.75, 1, 1, 0.5, 0.5, 0.25]
    ]
    case = schedule(1, 0, "linear", 0, 0.5, 2, 4)
    assert run_model("ScheduleComposer", "rates", [(case,)]) == [[1, 0.75, 0.5, 0.25]]


def test_packing_is_undone_by_unpacking(run_model, cases):
    packed = run_model("ScheduleComposer", "pack", [(case,) for case in cases])
    arguments = [(numbers, case["steps"]) for numbers, case in zip(packed, cases, strict=True)]
    assert run_model("ScheduleComposer", "unpack", arguments) == cases


def torch_loss(theta):
    """½(θ₁² + θ₂²/20) + θ₁⁴/16 of each row, as the widget's docstring has it."""
    steep, flat = theta[..., 0], theta[..., 1]
    return 0.5 * (steep**2 + flat**2 / 20) + steep**4 / 16


def test_loss_and_gradient_equal_autograd(run_model):
    points = torch.tensor(np.random.default_rng(1).normal(size=(1000, 2)) * 4, requires_grad=True)
    expected = torch_loss(points)
    expected.sum().backward()
    cases = [(point,) for point in points.detach().numpy()]
    losses = run_model("ScheduleComposer", "loss", cases)
    gradients = run_model("ScheduleComposer", "gradient", cases)
    assert losses == pytest.approx(expected.tolist(), rel=1e-12)
    assert np.array(gradients) == pytest.approx(points.grad.numpy(), rel=1e-12, abs=1e-12)


def test_the_bound_is_where_a_step_stops_bringing_the_steep_side_nearer(run_model):
    places = np.random.default_rng(2).uniform(-5, 5, size=1000)
    bounds = run_model("ScheduleComposer", "bound", [(place**2,) for place in places])
    points = torch.tensor(np.stack([places, 0 * places], 1), requires_grad=True)
    torch_loss(points).sum().backward()
    slope, at = points.grad[:, 0], torch.tensor(places)
    for scale, nearer in ((0.999, True), (1.001, False)):
        after = at - scale * torch.tensor(bounds) * slope
        assert ((after.abs() < at.abs()) == nearer).all()


def test_noise_is_standard_normal_and_repeats_with_its_seed(run_model):
    once, again, other = run_model(
        "ScheduleComposer", "noise", [(1, 24, 400), (1, 24, 400), (2, 24, 400)]
    )
    assert once == again != other
    draws = np.array(once)
    assert draws.shape == (24, 400, 2)
    assert abs(draws.mean()) < 0.03
    assert abs(draws.std() - 1) < 0.02
    assert abs(np.corrcoef(draws[..., 0].ravel(), draws[..., 1].ravel())[0, 1]) < 0.04
    assert abs(np.mean(draws**4) - 3) < 0.25
    between_runs = np.corrcoef(draws.reshape(24, -1)) - np.eye(24)
    assert abs(between_runs).max() < 0.15
    (fewer,) = run_model("ScheduleComposer", "noise", [(1, 24, 100)])
    assert fewer == draws[:, :100].tolist()  # more steps continue the same runs


def torch_run(rates, draws, sigma):
    """Every run's points by torch's own SGD, with the noise added to its gradient."""
    theta = torch.nn.Parameter(torch.tensor([[3.0, 4.0]] * len(draws), dtype=torch.float64))
    optimizer = torch.optim.SGD([theta], lr=1.0)
    path = [theta.detach().clone()]
    for step, rate in enumerate(rates):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        torch_loss(theta).sum().backward()
        theta.grad += sigma * torch.tensor(draws[:, step])
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path, dim=1)  # (runs, steps + 1, 2)


def test_training_equals_torch_sgd_with_the_same_noise(run_model, cases):
    rng = np.random.default_rng(3)
    picked = [cases[i] for i in rng.permutation(len(cases))[:1000]]
    rates = run_model("ScheduleComposer", "rates", [(case,) for case in picked])
    arguments = []
    for rate in rates:
        draws = rng.normal(size=(3, len(rate), 2))
        arguments.append((rate, draws, float(rng.choice([0, 0.1, 0.5]))))
    seen = set()
    for (rate, draws, sigma), found in zip(
        arguments, run_model("ScheduleComposer", "train", arguments), strict=True
    ):
        path = torch_run(rate, draws, sigma)
        lost = ~((path.abs() <= 1e4).all(dim=2).all(dim=1))
        assert found["lost"] == int(lost.sum())
        seen.add(found["lost"])
        counted = path if lost.all() else path[~lost]
        losses = torch_loss(counted).mean(dim=0)
        bounds = 2 / (1 + counted[..., 0].square().mean(dim=0) / 4)
        # A run that was lost stays where it was lost, so that the picture's numbers stay finite.
        before = (counted.abs() <= 1e4).all(dim=2).all(dim=0).cumprod(dim=0).bool()
        upto = int(before.sum())
        # Just before being lost the steps amplify rounding a great deal.
        close = {"rel": 1e-6, "abs": 1e-12}
        assert found["losses"][:upto] == pytest.approx(losses[:upto].tolist(), **close)
        assert found["bounds"][:upto] == pytest.approx(bounds[:upto].tolist(), **close)
        assert np.isfinite(np.array(found["losses"], dtype=float)).all()
    assert {0, 3} <= seen
    assert seen & {1, 2}


def test_what_the_page_says_of_the_picture(run_model):
    """Too big diverges, warm-up saves it, decay lowers the floor, too small has not arrived."""
    (draws,) = run_model("ScheduleComposer", "noise", [(1, 24, 200)])

    def ends(peak, warm_up, decay):
        (rates,) = run_model(
            "ScheduleComposer", "rates", [(schedule(peak, warm_up, decay, 0, 0.5, 50, 200),)]
        )
        (found,) = run_model("ScheduleComposer", "train", [(rates, draws, 0.1)])
        return found["lost"], np.mean(found["losses"][-20:])

    assert ends(1.2, 0, "cosine")[0] == ends(2.3, 20, "cosine")[0] == 24
    lost, decayed = ends(1.2, 20, "cosine")
    assert lost == 0
    assert decayed < 0.3 * ends(1.2, 20, "constant")[1]
    assert decayed < 0.03 * ends(0.05, 0, "constant")[1]


def test_the_tail_is_the_last_tenth(run_model):
    cases = [([5, 4, 3],), (list(range(201)),), ([7],)]
    assert run_model("ScheduleComposer", "tail", cases) == [3, np.mean(range(181, 201)), 7]


def test_an_unknown_decay_is_refused_in_words(run_model):
    (error,) = run_model("ScheduleComposer", "rates", [(schedule(1, 0, "root", 0, 1, 1, 20),)])
    assert 'the decay is "root"' in str(error)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("peak", 0),
        ("peak", float("nan")),
        ("warm_up", -1),
        ("warm_up", 2.5),
        ("decay", "root"),
        ("end", 1.5),
        ("factor", 0),
        ("every", 0),
        ("steps", 10_000),
        ("noise", float("inf")),
        ("seed", 0),
        ("ghost", "both"),
        ("kept", [1.2, 0, 0]),
        ("kept", [1.2, 0, 5, 0, 0.5, 50]),
        ("kept", [1.2, 0.5, 0, 0, 0.5, 50]),
        ("kept", [9, 0, 0, 0, 0.5, 50]),
        ("question", "yes"),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = ScheduleComposer()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
