"""The runs that OptimizerRace ships, against torch.optim and autograd on losses written anew."""

from itertools import pairwise

import contourpy
import numpy as np
import pytest
import torch
from traitlets import TraitError

from introml.widgets import OptimizerRace

RUNNERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
ADAPTIVE = RUNNERS[3:]
NAMES = ("valley", "rosenbrock", "saddle", "minima")
STARTS = {
    "valley": (-2.4, 0.6),
    "rosenbrock": (-1.3, 1.9),
    "saddle": (-1.4, 0.02),
    "minima": (4.0, 3.4),
}
STEPS = 100
LOST = 1e3


def loss_of(name, degrees, point):
    """The four losses in torch; numpy's polynomial roots find the lowest point of the last."""
    angle = torch.tensor(np.deg2rad(degrees))
    x = torch.cos(angle) * point[0] + torch.sin(angle) * point[1]
    y = torch.cos(angle) * point[1] - torch.sin(angle) * point[0]
    if name == "valley":
        return x**2 / 8 + 12.5 * y**2
    if name == "rosenbrock":
        return 0.25 * (1 - x) ** 2 + 2.5 * (y - x**2) ** 2
    if name == "saddle":
        return 2 * x**2 + 0.5 * (y**2 - 1) ** 2
    deepest = np.roots([4, 0, -32, 5]).real.min()
    floor = np.polyval([1, 0, -16, 5, 0], deepest)
    return (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y - 2 * floor) / 8


def optimizer_of(runner, parameter, rate, rho, decay):
    optim = torch.optim
    return {
        "sgd": lambda: optim.SGD([parameter], lr=rate),
        "momentum": lambda: optim.SGD([parameter], lr=rate, momentum=rho),
        "nesterov": lambda: optim.SGD([parameter], lr=rate, momentum=rho, nesterov=True),
        "adagrad": lambda: optim.Adagrad([parameter], lr=rate),
        "rmsprop": lambda: optim.RMSprop([parameter], lr=rate),
        "adam": lambda: optim.Adam([parameter], lr=rate),
        "adamw": lambda: optim.AdamW([parameter], lr=rate, weight_decay=decay),
    }[runner]()


def torch_run(runner, name, degrees, starts, settings, draws):
    """torch's paths from `starts` (runs, 2), each with its own `draws` (steps, runs, 2).

    Returns (steps + 1, runs, 2); what is past the first lost point of a run does not count.
    """
    parameter = torch.nn.Parameter(torch.tensor(starts, dtype=torch.float64))
    rho = settings["rho"]
    if runner == "nesterov" and rho == 0:
        runner = "sgd"  # torch refuses Nesterov without momentum; the formula is then SGD's
    optimizer = optimizer_of(runner, parameter, settings["rate"], rho, settings["decay"])
    path = [parameter.detach().clone()]
    for draw in torch.as_tensor(draws):
        loss = loss_of(name, degrees, parameter.T).sum()
        (gradient,) = torch.autograd.grad(loss, parameter)
        parameter.grad = gradient + draw
        optimizer.step()
        path.append(parameter.detach().clone())
    return torch.stack(path).numpy()


def ends(path):
    """How many points of a path (steps + 1, 2) count: up to the first that is lost."""
    lost = ~(np.linalg.norm(path, axis=1) <= LOST)
    return lost.argmax() + 1 if lost.any() else len(path)


def compare(run_model, settings_of_runs):
    """How many paths were compared, and of how many.

    `settings_of_runs` is [(runner, name, degrees, settings, starts, draws)].

    A path counts if it is a matter of arithmetic and not of luck: a start that is moved by 1e-12 of
    its size must move no point by 1e-8 of its size or more. Where it does (the run is chaotic, or
    on its way to infinity), rounding alone would make torch differ from torch.
    """
    cases, expected = [], []
    for runner, name, degrees, settings, starts, draws in settings_of_runs:
        both = np.concatenate([starts, starts * (1 + 1e-12)])
        paths = torch_run(runner, name, degrees, both, settings, np.tile(draws, (1, 2, 1)))
        for run, start in enumerate(starts):
            one, two = paths[:, run], paths[:, run + len(starts)]
            points = ends(one)
            size = np.maximum(np.abs(one[:points]).max(axis=1, keepdims=True), 1e-3)
            off = np.abs(one[:points] - two[:points]) / size
            if ends(two) == points and (off < 1e-8).all():
                cases.append((runner, name, degrees, start, settings, draws[:, run]))
                expected.append(one[:points])
    found = run_model("OptimizerRace", "run", cases)
    for case, path, right in zip(cases, found, expected, strict=True):
        assert np.shape(path) == right.shape, case[:5]
        # 1e-6 of the distance from the origin; below 1e-9, what is left is rounding.
        size = np.maximum(np.abs(right).max(axis=1, keepdims=True), 1e-9)
        assert (np.abs(np.array(path) - right) / size < 1e-6).all(), case[:5]
    return len(cases), sum(len(each[4]) for each in settings_of_runs)


def test_every_runner_equals_torch_on_a_grid(run_model):
    cases = []
    still = np.zeros((STEPS, 1, 2))
    for name in NAMES:
        start = np.array([STARTS[name]])
        for runner in RUNNERS:
            for rate in (0.003, 0.02, 0.07) if runner not in ADAPTIVE else (0.01, 0.1, 0.5):
                for rho in (0.5, 0.9) if runner in ("momentum", "nesterov") else (0.9,):
                    settings = {"rate": rate, "rho": rho, "decay": 0.1}
                    cases.append((runner, name, 0, settings, start, still))
    compared, of = compare(run_model, cases)
    assert compared > 0.9 * of


def test_every_runner_equals_torch_in_a_thousand_random_settings(run_model):
    """140 settings, each from ten starts with noise of their own."""
    rng = np.random.default_rng(0)
    cases = []
    for i in range(140):
        runner, name = RUNNERS[i % 7], NAMES[i // 7 % 4]
        degrees = int(rng.integers(0, 91)) if name == "valley" else 0
        settings = {
            "rate": 10 ** rng.uniform(-3, -1 if runner not in ADAPTIVE else 0),
            "rho": rng.choice([0.0, rng.uniform(0, 0.99)]),
            "decay": rng.uniform(0, 1),
        }
        starts = np.round(rng.uniform(-2, 2, size=(10, 2)), 2)
        draws = rng.normal(size=(STEPS, 10, 2)) * rng.choice([0, 0.1, 1])
        cases.append((runner, name, degrees, settings, starts, draws))
    compared, of = compare(run_model, cases)
    assert of == 1400
    assert compared >= 1000


def test_any_gradients_at_all_move_every_runner_as_torch_is_moved(run_model):
    """Where the gradients are given there is no chaos: nothing is left out, however wild."""
    rng = np.random.default_rng(1)
    cases, expected = [], []
    for i in range(105):
        settings = {
            "rate": 10 ** rng.uniform(-3, 0.4),
            "rho": rng.uniform(0.01, 0.99),
            "decay": rng.uniform(0, 1),
        }
        scale = 10.0 ** rng.uniform(-5, 3, size=(10, 2))
        gradients = scale * rng.normal(size=(STEPS, 10, 2))
        starts = rng.normal(size=(10, 2))
        parameter = torch.nn.Parameter(torch.tensor(starts))
        optimizer = optimizer_of(
            RUNNERS[i % 7], parameter, *(settings[k] for k in ("rate", "rho", "decay"))
        )
        path = [starts]
        for gradient in gradients:
            parameter.grad = torch.tensor(gradient)
            optimizer.step()
            path.append(parameter.detach().numpy().copy())
        for run in range(10):
            cases.append((RUNNERS[i % 7], starts[run], gradients[:, run], settings))
            expected.append(np.array(path)[:, run])
    found = run_model("OptimizerRace", "follow", cases)
    for case, path, right in zip(cases, found, expected, strict=True):
        assert (np.abs(np.array(path) - right) <= 1e-6 * np.abs(right).max(axis=0)).all(), case[0]


def test_losses_and_gradients_equal_autograds(run_model):
    rng = np.random.default_rng(2)
    cases = [
        (NAMES[i % 4], int(rng.integers(0, 91)), rng.uniform(-4, 4, size=2)) for i in range(1000)
    ]
    for case, found in zip(cases, run_model("OptimizerRace", "at", cases), strict=True):
        point = torch.tensor(case[2], requires_grad=True)
        loss = loss_of(*case[:2], point)
        (gradient,) = torch.autograd.grad(loss, point)
        assert found["loss"] == pytest.approx(loss.item(), rel=1e-9, abs=1e-9)
        assert found["gradient"] == pytest.approx(gradient.tolist(), rel=1e-9, abs=1e-9)


def test_the_lowest_points_are_lowest(run_model):
    lowest = {
        "valley": [(0, 0)],
        "rosenbrock": [(1, 1)],
        "saddle": [(0, 1), (0, -1)],
        "minima": [(-2.903534, -2.903534)],
    }
    cases = [(name, 0, point) for name in NAMES for point in lowest[name]]
    for found in run_model("OptimizerRace", "at", cases):
        assert found["loss"] == pytest.approx(0, abs=1e-10)
        assert found["gradient"] == pytest.approx([0, 0], abs=1e-5)
    grid = [(name, 0, (x, y)) for name in NAMES for x in range(-4, 5) for y in range(-4, 5)]
    assert all(found["loss"] >= -1e-12 for found in run_model("OptimizerRace", "at", grid))


def test_a_run_that_diverges_ends_with_its_first_lost_point(run_model):
    settings = {"rate": 1.0, "rho": 0.9, "decay": 0.0}
    case = ("sgd", "valley", 0, (-2.4, 0.6), settings, np.zeros((STEPS, 2)))
    (path,) = run_model("OptimizerRace", "run", [case])
    assert 1 < len(path) < STEPS
    sizes = np.linalg.norm(path, axis=1)
    assert sizes[-1] > LOST >= sizes[:-1].max()
    assert path[1] == pytest.approx([-2.4 * 0.75, 0.6 * -24])


def test_noise_is_seeded_normal_and_scales(run_model):
    one, again, other, wide = run_model(
        "OptimizerRace", "noise", [(3, 1, 5000), (3, 1, 5000), (4, 1, 5000), (3, 2.5, 5000)]
    )
    assert one == again
    assert one != other
    assert np.array(wide) == pytest.approx(2.5 * np.array(one))
    assert np.mean(one, axis=0) == pytest.approx([0, 0], abs=0.06)
    assert np.cov(np.array(one).T) == pytest.approx(np.eye(2), abs=0.08)
    assert run_model("OptimizerRace", "noise", [(3, 0, 2)]) == [[[0, 0], [0, 0]]]


@pytest.mark.parametrize("runner", RUNNERS)
def test_no_other_of_the_rates_is_better_than_the_best(run_model, runner):
    """Each of the 31 is run by torch and scored by the mean loss of the last tenth of 60 steps."""
    rates = [float(f"{1e-3 * 3000 ** (i / 30):.3g}") for i in range(31)]
    draws = np.random.default_rng(5).normal(size=(60, 1, 2)) * 0.3
    name = NAMES[RUNNERS.index(runner) % 4]
    case = (runner, name, 0, STARTS[name], {"rho": 0.9, "decay": 0.01}, draws[:, 0])
    (best,) = run_model("OptimizerRace", "bestRate", [case])
    scores = []
    for rate in rates:
        settings = {"rate": rate, "rho": 0.9, "decay": 0.01}
        path = torch_run(runner, name, 0, np.array([STARTS[name]]), settings, draws)[:, 0]
        last = [loss_of(name, 0, torch.tensor(point)).item() for point in path[-6:]]
        scores.append(np.mean(last) if ends(path) == 61 and np.isfinite(last).all() else np.inf)
    assert best["rate"] == rates[int(np.argmin(scores))]
    assert best["score"] == pytest.approx(min(scores), rel=1e-6)


def shoelace(ring):
    x, y = np.array(ring).T
    return (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2


def test_contours_enclose_what_contourpy_encloses(run_model):
    """Areas of regions at most a level, holes taken out, on smooth random hills."""
    rng = np.random.default_rng(3)
    cases = []
    for _ in range(200):
        rows, columns = rng.integers(6, 30, size=2)
        y, x = np.mgrid[0:rows, 0:columns]
        a, b, c, d = rng.uniform(0.1, 0.6, size=4)
        values = np.sin(a * x + b * y) + np.cos(c * x - d * y) + 0.01 * rng.normal(size=x.shape)
        cases.append((values, rng.uniform(-1.5, 1.5)))
    for (values, level), rings in zip(
        cases, run_model("OptimizerRace", "contours", cases), strict=True
    ):
        lines, _ = contourpy.contour_generator(z=values).filled(-1e9, level)
        outlines = contourpy.contour_generator(z=values, fill_type="OuterOffset").filled(
            -1e9, level
        )
        expected = 0.0
        for points, offsets in zip(*outlines, strict=True):
            pieces = [points[a:b] for a, b in pairwise(offsets)]
            expected += abs(shoelace(pieces[0])) - sum(abs(shoelace(hole)) for hole in pieces[1:])
        assert sum(shoelace(ring) for ring in rings) == pytest.approx(expected, abs=1.0)
        assert (len(rings) == 0) == (len(lines) == 0)
        for i, j in (point for ring in rings for point in ring):
            left, low = int(np.floor(i)), int(np.floor(j))
            along = min(left + 1, values.shape[1] - 1), min(low + 1, values.shape[0] - 1)
            near = (1 - (i - left)) * values[low, left] + (i - left) * values[low, along[0]]
            far = (1 - (i - left)) * values[along[1], left] + (i - left) * values[
                along[1], along[0]
            ]
            there = (1 - (j - low)) * near + (j - low) * far
            at_edge = i in (0, values.shape[1] - 1) or j in (0, values.shape[0] - 1)
            assert there == pytest.approx(level, abs=1e-9) or (at_edge and there <= level + 1e-9)


def test_it_opens_with_two_runners_in_the_valley_and_nothing_else():
    race = OptimizerRace()
    others = (race.nesterov, race.adagrad, race.rmsprop, race.adam, race.adamw)
    assert race.sgd is race.momentum is True
    assert not any(others)
    assert (race.landscape, tuple(race.start)) == ("valley", STARTS["valley"])
    assert (race.noise, race.turn, race.tuned) == (0, 0, False)
    assert 0 < race.step < race.steps
    assert race.rho == 0.9
    assert race.learning_rate < 2 / 25 < race.adaptive_rate
    assert (
        race.decay
        == torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))]).defaults["weight_decay"]
    )


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("landscape", "mountain"),
        ("start", [0.0, 6.0]),
        ("learning_rate", 0),
        ("rho", 1.0),
        ("turn", 91),
        ("adam", 1),
        ("steps", 301),
        ("seed", -1),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    race = OptimizerRace()
    before = getattr(race, trait)
    with pytest.raises(TraitError, match="must be"):
        setattr(race, trait, value)
    assert getattr(race, trait) == before
