"""introml.grid_world against counted steps, a linear system and independent updates."""

import numpy as np
import pytest

from introml.grid_world import MOVES, ROOM, TWO_PRIZES, World, best_table, follow, move, q_learning

CORRIDOR = World(1, 3, (0, 0), {(0, 2): 1.0})


def test_moves_go_to_the_neighbour_and_stay_inside():
    assert [move(ROOM, (1, 1), action) for action in range(4)] == [(0, 1), (1, 2), (2, 1), (1, 0)]
    assert move(ROOM, (0, 0), 0) == move(ROOM, (0, 0), 3) == (0, 0)
    assert move(ROOM, (2, 3), 1) == move(ROOM, (2, 3), 2) == (2, 3)
    assert len(MOVES) == 4


def test_the_corridor_by_hand():
    """B halves what it lacks to 1, A moves half of the way to 0.9·B: 0.5; 0.75, 0.225."""
    for episodes, (a, b) in enumerate([(0, 0), (0, 0.5), (0.225, 0.75), (0.45, 0.875)]):
        table = q_learning(CORRIDOR, episodes, 0, exploration=0, longest=10_000).table
        # Only steps to the right lead on; with ties drawn at random, others may be tried as well.
        assert table[0, 1, 1] == b
        if episodes <= 2:
            assert table[0, 0, 1] <= a + 1e-12
    assert (table[0, 2] == 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_every_update_follows_the_formula(seed, monkeypatch):
    """The learner's own moves, taken again: the table is worked out entry by entry."""
    made = []

    def watched(world, cell, action):
        made.append((cell, action, move(world, cell, action)))
        return made[-1][2]

    monkeypatch.setattr("introml.grid_world.move", watched)
    lr, discount, cost = 0.3, 0.8, 0.02
    run = q_learning(TWO_PRIZES, 6, seed, lr, 0.4, discount, cost)
    moves, table = iter(made), {}
    for steps, returned in zip(run.steps, run.returns, strict=True):
        earned, at = 0.0, TWO_PRIZES.start
        for taken in range(steps):
            cell, action, after = next(moves)
            assert cell == at
            reward = {(3, 2): 0.3, (0, 5): 1.0}.get(after, 0) - cost
            future = max(table.get((after, other), 0.0) for other in range(4))
            old = table.get((cell, action), 0.0)
            table[cell, action] = (1 - lr) * old + lr * (reward + discount * future)
            earned, at = earned + discount**taken * reward, after
        assert returned == pytest.approx(earned)
        assert at in TWO_PRIZES.prizes or steps == 100
    assert next(moves, None) is None
    for (cell, action), value in table.items():
        assert run.table[cell][action] == pytest.approx(value)
    assert np.count_nonzero(run.table) == sum(value != 0 for value in table.values())


def test_without_exploring_only_the_best_actions_are_taken(monkeypatch):
    chosen = []

    def watched(world, cell, action):
        chosen.append((cell, action))
        return move(world, cell, action)

    run = q_learning(ROOM, 30, seed=0, exploration=0)
    monkeypatch.setattr("introml.grid_world.move", watched)
    again = q_learning(ROOM, 31, seed=0, exploration=0)
    last = chosen[sum(again.steps[:30]) :]
    assert last
    assert all(run.table[cell][action] == run.table[cell].max() for cell, action in last)
    explored = q_learning(ROOM, 300, seed=0, exploration=1, longest=10_000)
    actions = np.bincount([action for _, action in chosen[-sum(explored.steps) :]], minlength=4)
    assert actions / sum(explored.steps) == pytest.approx([0.25] * 4, abs=0.02)


def test_the_best_table_of_the_room_counts_steps():
    table = best_table(ROOM, discount=0.9)
    for row in range(3):
        for column in range(4):
            away = row + 3 - column
            assert table[row, column].max() == pytest.approx(0.9 ** (away - 1) if away else 0)


@pytest.mark.parametrize(("discount", "cost"), [(0.9, 0), (0.5, 0.1), (0.9, 0.05)])
def test_the_best_values_solve_the_linear_system_of_their_own_policy(discount, cost):
    """v = r + γPv for the moves that the table calls best, and no other move is better."""
    for world in (ROOM, TWO_PRIZES):
        table = best_table(world, discount, cost)
        cells = [c for c in np.ndindex(world.rows, world.columns) if c not in world.prizes]
        system, rewards = np.eye(len(cells)), np.zeros(len(cells))
        for i, cell in enumerate(cells):
            after = move(world, cell, int(table[cell].argmax()))
            rewards[i] = world.prizes.get(after, 0) - cost
            if after in cells:
                system[i, cells.index(after)] -= discount
        values = dict(zip(cells, np.linalg.solve(system, rewards), strict=True))
        for cell in cells:
            for action in range(4):
                after = move(world, cell, action)
                earns = world.prizes.get(after, 0) - cost + discount * values.get(after, 0)
                assert table[cell][action] == pytest.approx(earns, abs=1e-9)
                assert earns <= values[cell] + 1e-9


def test_exploring_always_learns_the_best_table():
    run = q_learning(ROOM, 1500, seed=0, exploration=1)
    assert run.table == pytest.approx(best_table(ROOM), abs=1e-6)


def test_the_best_way_is_the_shortest():
    assert len(follow(ROOM, best_table(ROOM))) - 1 == 5
    way = follow(TWO_PRIZES, best_table(TWO_PRIZES))
    assert (len(way) - 1, way[-1]) == (8, (0, 5))


def test_following_an_empty_table_is_broken_off():
    assert follow(ROOM, np.zeros((3, 4, 4)), longest=10)[-1] == (0, 0)
    assert len(follow(ROOM, np.zeros((3, 4, 4)), longest=10)) == 11


def test_an_episode_is_broken_off_and_returns_are_discounted():
    far = World(1, 50, (0, 0), {(0, 49): 1.0})
    run = q_learning(far, 3, seed=0, longest=10, step_cost=1, discount=0.5)
    assert run.steps == [10, 10, 10]
    assert run.returns == pytest.approx([-(2 - 0.5**9)] * 3)


def test_a_seed_gives_the_same_run_and_others_differ():
    tables = [q_learning(ROOM, 5, seed).table for seed in (1, 1, 2)]
    assert np.array_equal(tables[0], tables[1])
    assert not np.array_equal(tables[0], tables[2])
