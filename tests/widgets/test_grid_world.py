"""The model functions that GridWorld ships, against NumPy, torch and counted steps."""

import itertools
import math

import numpy as np
import pytest
import torch
from traitlets import TraitError

from introml.widgets import GridWorld

WORLDS = ("room", "prizes", "cliff")
LONGEST = 100
#: The worlds as the book's text describes them: rows, columns, start, prizes; (row, column) from 0.
DESCRIBED = {
    "room": (3, 4, (2, 0), {(0, 3): 1}),
    "prizes": (4, 6, (3, 0), {(0, 5): 1, (3, 2): 0.3}),
    "cliff": (4, 6, (3, 0), {(3, 5): 1, **{(3, column): -1 for column in range(1, 5)}}),
}


class Oracle:
    """A world over (row, column), and Q-learning in it, with torch's tensors and given draws."""

    def __init__(self, name):
        self.rows, self.columns, self.start, self.prizes = DESCRIBED[name]

    def cell(self, place):
        return place[0] * self.columns + place[1]

    def move(self, place, action):
        down, right = [(-1, 0), (0, 1), (1, 0), (0, -1)][action]
        row, column = place[0] + down, place[1] + right
        inside = 0 <= row < self.rows and 0 <= column < self.columns
        return (row, column) if inside else place

    def learn(self, setting, draws, episodes, steps):
        """(table, returns, path, updates), two draws a step."""
        lr, epsilon = setting["rate"], setting["exploration"]
        table = torch.zeros(self.rows, self.columns, 4, dtype=torch.float64)
        returns, path, updates = [], [self.start], []
        for length in [LONGEST] * episodes + [steps] * (steps > 0):
            path, rewards = [self.start], []
            while len(rewards) < length and path[-1] not in self.prizes:
                here = path[-1]
                explore, which = next(draws), next(draws)
                best = torch.nonzero(table[here] == table[here].max())[:, 0].tolist()
                among = range(4) if explore < epsilon else best
                action = among[math.floor(which * len(among))]
                there = self.move(here, action)
                rewards.append(self.prizes.get(there, 0) - setting["cost"])
                # What the table promises from there on: nothing, where the episode has ended.
                future = table[there].max() * (there not in self.prizes)
                target = rewards[-1] + setting["discount"] * future
                old = table[here][action].item()
                table[here][action] = torch.lerp(table[here][action], target, lr)
                updates.append((here, action, old, table[here][action].item()))
                path.append(there)
            if length == LONGEST and len(returns) < episodes:
                powers = setting["discount"] ** np.arange(len(rewards))
                returns.append(float(powers @ rewards))
        return table, returns, path, updates


def setting(rate=0.5, exploration=0.1, discount=0.9, cost=0.0):
    return {"rate": rate, "exploration": exploration, "discount": discount, "cost": cost}


@pytest.fixture(scope="module")
def worlds(run_model):
    return dict(zip(WORLDS, run_model("GridWorld", "world", [(n,) for n in WORLDS]), strict=True))


@pytest.fixture(scope="module")
def settings():
    rng = np.random.default_rng(0)
    drawn = [
        setting(
            rate=float(rng.uniform(0.05, 1)),
            exploration=float(rng.choice([0, 0.1, 0.5, 1])),
            discount=float(rng.choice([0.5, 0.9, 0.95, 1])),
            cost=float(rng.choice([0, 0.01, 0.2])),
        )
        for _ in range(30)
    ]
    return [setting(), setting(rate=1, discount=1), *drawn]


@pytest.mark.parametrize("name", WORLDS)
def test_the_worlds_are_those_of_the_text(worlds, name):
    world, described = worlds[name], Oracle(name)
    assert (world["rows"], world["columns"]) == (described.rows, described.columns)
    assert world["start"] == described.cell(described.start)
    expected = {str(described.cell(place)): prize for place, prize in described.prizes.items()}
    assert world["prizes"] == expected


@pytest.mark.parametrize("name", WORLDS)
def test_a_step_goes_to_the_neighbour_and_stays_inside(run_model, worlds, name):
    oracle = Oracle(name)
    places = list(itertools.product(range(oracle.rows), range(oracle.columns), range(4)))
    cases = [(worlds[name], oracle.cell((row, column)), action) for row, column, action in places]
    found = run_model("GridWorld", "moved", cases)
    expected = [oracle.cell(oracle.move((row, column), action)) for row, column, action in places]
    assert found == expected


@pytest.mark.parametrize("name", WORLDS)
def test_every_update_equals_torchs_with_the_same_draws(run_model, worlds, settings, name):
    oracle = Oracle(name)
    runs = [(s, seed + 1, seed % 4, (0, 1, 7, 100)[seed % 3]) for seed, s in enumerate(settings)]
    most = 2 * 5 * LONGEST
    streams = run_model("GridWorld", "uniforms", [(seed, most) for _, seed, _, _ in runs])
    cases = [(worlds[name], *run) for run in runs]
    for (s, _, episodes, steps), draws, found in zip(
        runs, streams, run_model("GridWorld", "learn", cases), strict=True
    ):
        table, returns, path, updates = oracle.learn(s, iter(draws), episodes, steps)
        assert np.array(found["table"]) == pytest.approx(table.reshape(-1, 4).numpy(), abs=1e-12)
        assert found["returns"] == pytest.approx(returns, abs=1e-12)
        assert found["path"] == [oracle.cell(place) for place in path]
        assert found["ended"] == (path[-1] in oracle.prizes)
        if not updates:
            assert found["update"] is None
            continue
        place, action, before, after = updates[-1]
        last = found["update"]
        assert (last["state"], last["action"]) == (oracle.cell(place), action)
        assert (last["before"], last["after"]) == pytest.approx((before, after), abs=1e-12)
        gain = last["reward"] + s["discount"] * last["bestNext"] - last["before"]
        assert last["after"] == pytest.approx(last["before"] + s["rate"] * gain, abs=1e-12)


def test_step_by_step_is_the_same_run_as_whole_episodes(run_model, worlds):
    """All steps of episode 3 lead to the table after three episodes."""
    for name in WORLDS:
        (whole,) = run_model("GridWorld", "learn", [(worlds[name], setting(), 5, 3, 0)])
        length = len(whole["path"]) - 1
        cases = [(worlds[name], setting(), 5, 2, steps) for steps in (length - 1, length, LONGEST)]
        short, stepped, further = run_model("GridWorld", "learn", cases)
        assert stepped["table"] == further["table"] == whole["table"]
        assert (
            stepped["path"]
            == further["path"]
            == whole["path"]
            == [*short["path"], whole["path"][-1]]
        )
        assert whole["returns"] == [*stepped["returns"], whole["returns"][-1]]


def test_one_update_by_hand(run_model):
    """A corridor of three cells: ½ after the first step onto the star; then ¾, and 0.225 before."""
    corridor = {"rows": 1, "columns": 3, "start": 0, "prizes": {"2": 1}}
    tables = [
        run["table"]
        for run in run_model(
            "GridWorld", "learn", [(corridor, setting(exploration=0), 4, n, 0) for n in (1, 2)]
        )
    ]
    assert tables[0][1][1] == 0.5
    assert max(tables[0][0]) == 0
    assert tables[1][1][1] == 0.75
    assert tables[1][0][1] == pytest.approx(0.225)


def sweeps(oracle, discount, cost):
    """The best value of each cell: a thousand sweeps of Bellman's equation, in NumPy."""
    value = np.zeros((oracle.rows, oracle.columns))
    places = list(itertools.product(range(oracle.rows), range(oracle.columns)))
    for _ in range(1000):
        table = {}
        for place in places:
            ends = [oracle.move(place, action) for action in range(4)]
            table[place] = [
                oracle.prizes.get(e, 0) - cost + discount * value[e] * (e not in oracle.prizes)
                for e in ends
            ]
        value = np.array([max(table[place]) for place in places]).reshape(value.shape)
    return [table[place] for place in places]


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("discount", [0.5, 0.9, 1])
@pytest.mark.parametrize("cost", [0, 0.2])
def test_the_best_table_equals_value_iteration(run_model, worlds, name, discount, cost):
    (found,) = run_model("GridWorld", "bestTable", [(worlds[name], discount, cost)])
    expected = sweeps(Oracle(name), discount, cost)
    assert np.array(found) == pytest.approx(np.array(expected), abs=1e-9)


def test_in_the_room_the_best_value_is_the_discount_to_the_steps_that_are_left(run_model, worlds):
    (found,) = run_model("GridWorld", "bestTable", [(worlds["room"], 0.9, 0)])
    for row, column in itertools.product(range(3), range(4)):
        if (row, column) != (0, 3):
            assert max(found[4 * row + column]) == pytest.approx(0.9 ** (row + 3 - column - 1))


@pytest.mark.parametrize("name", ["room", "cliff"])
def test_learning_at_random_arrives_at_the_best_table(run_model, worlds, name):
    """Entries of all cells that a random walk visits; those of prizes are never learned."""
    case = (worlds[name], setting(rate=1, exploration=1), 3, 5000, 0)
    (run,) = run_model("GridWorld", "learn", [case])
    (best,) = run_model("GridWorld", "bestTable", [(worlds[name], 0.9, 0)])
    kept = [cell for cell in range(len(best)) if str(cell) not in worlds[name]["prizes"]]
    assert np.array(run["table"])[kept] == pytest.approx(np.array(best)[kept], abs=1e-9)


@pytest.mark.parametrize(("name", "steps"), [("room", 5), ("prizes", 8), ("cliff", 7)])
def test_the_best_arrows_lead_the_shortest_way(run_model, worlds, name, steps):
    (best,) = run_model("GridWorld", "bestTable", [(worlds[name], 0.9, 0)])
    (way,) = run_model("GridWorld", "arrowsLead", [(worlds[name], best)])
    assert way["end"] == "prize"
    assert len(way["cells"]) == steps + 1
    (earned,) = run_model("GridWorld", "returnOf", [(worlds[name], way["cells"], 0.9, 0)])
    assert earned == pytest.approx(0.9 ** (steps - 1))
    assert earned == pytest.approx(max(best[worlds[name]["start"]]))


def test_arrows_that_lead_nowhere_or_in_a_circle_are_named(run_model, worlds):
    table = np.zeros((12, 4))
    (way,) = run_model("GridWorld", "arrowsLead", [(worlds["room"], table)])
    assert way == {"cells": [8], "end": "nowhere"}
    table[8, 0] = table[4, 2] = 1  # up, and down again
    (way,) = run_model("GridWorld", "arrowsLead", [(worlds["room"], table)])
    assert way == {"cells": [8, 4], "end": "circle"}


def test_the_return_counts_costs_and_discounts(run_model, worlds):
    """Down into the edge, then the cliff: −0.1, then half of (−1 − 0.1)."""
    (found,) = run_model("GridWorld", "returnOf", [(worlds["cliff"], [18, 18, 19], 0.5, 0.1)])
    assert found == pytest.approx(-0.65)


def test_it_opens_in_the_simplest_world_with_nothing_learned():
    widget = GridWorld()
    assert (widget.world, widget.step_cost) == ("room", 0)
    assert (widget.episode, widget.step) == (0, 0)


@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("world", "maze"),
        ("learning_rate", 0),
        ("learning_rate", float("nan")),
        ("exploration", 1.1),
        ("discount", 1.01),
        ("step_cost", -0.1),
        ("seed", 0),
        ("episode", 201),
        ("step", 2.5),
    ],
)
def test_bad_values_are_refused_and_the_old_value_stays(trait, value):
    widget = GridWorld()
    before = getattr(widget, trait)
    with pytest.raises(TraitError, match="must be") as caught:
        setattr(widget, trait, value)
    assert isinstance(caught.value, ValueError)
    assert getattr(widget, trait) == before
