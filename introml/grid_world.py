"""Reinforcement learning in a small grid: Q-learning with a table, and the best that there is."""

from typing import NamedTuple

import numpy as np

#: Up, right, down, left, as (rows, columns).
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))

Cell = tuple[int, int]


class World(NamedTuple):
    """A grid with a start and with prizes, each of which ends the episode."""

    rows: int
    columns: int
    start: Cell
    prizes: dict[Cell, float]


class Run(NamedTuple):
    """The learned table (rows, columns, 4), and of each episode its return and its steps."""

    table: np.ndarray
    returns: list[float]
    steps: list[int]


#: 3 × 4, a prize of 1 in the corner opposite to the start.
ROOM = World(3, 4, (2, 0), {(0, 3): 1.0})
#: 4 × 6, a prize of 0.3 two steps from the start, and one of 1 eight steps away.
TWO_PRIZES = World(4, 6, (3, 0), {(3, 2): 0.3, (0, 5): 1.0})


def move(world: World, cell: Cell, action: int) -> Cell:
    """The cell that an action leads to; a step off the grid stays where it is.

    Taught in {ref}`sec-ways-of-learning`.
    """
    row, column = cell[0] + MOVES[action][0], cell[1] + MOVES[action][1]
    return min(max(row, 0), world.rows - 1), min(max(column, 0), world.columns - 1)


def q_learning(
    world: World,
    episodes: int,
    seed: int,
    lr: float = 0.5,
    exploration: float = 0.1,
    discount: float = 0.9,
    step_cost: float = 0.0,
    longest: int = 100,
) -> Run:
    """Q-learning: after each step, Q(s, a) moves by `lr` towards r + γ·max Q(s′, ·).

    The share `exploration` of the actions is drawn at random, and so are ties; an episode is broken
    off after `longest` steps. The return of an episode is Σ γᵗ·reward.
    Source: Watkins and Dayan, Q-Learning (1992).
    Taught in {ref}`sec-ways-of-learning`.
    """
    random = np.random.default_rng(seed)
    table = np.zeros((world.rows, world.columns, 4))
    returns: list[float] = []
    steps: list[int] = []
    for _ in range(episodes):
        cell, earned, taken = world.start, 0.0, 0
        while cell not in world.prizes and taken < longest:
            entries = table[cell]
            explore = random.random() < exploration
            among = np.arange(4) if explore else np.flatnonzero(entries == entries.max())
            action = int(among[random.integers(len(among))])
            after = move(world, cell, action)
            reward = world.prizes.get(after, 0.0) - step_cost
            # No entry of a prize is ever changed, so that an end promises nothing more.
            entries[action] += lr * (reward + discount * table[after].max() - entries[action])
            cell, earned, taken = after, earned + discount**taken * reward, taken + 1
        returns.append(earned)
        steps.append(taken)
    return Run(table, returns, steps)


def best_table(world: World, discount: float = 0.9, step_cost: float = 0.0) -> np.ndarray:
    """What each action earns if the best ones follow, by value iteration: (rows, columns, 4).

    The rows of prizes are 0: there is nothing after the end.
    Source: Sutton and Barto, Reinforcement Learning (2018), section 4.4.
    Taught in {ref}`sec-ways-of-learning`.
    """
    table = np.zeros((world.rows, world.columns, 4))
    while True:
        better = np.zeros_like(table)
        for cell in np.ndindex(world.rows, world.columns):
            for action in range(4 * (cell not in world.prizes)):
                after = move(world, cell, action)
                reward = world.prizes.get(after, 0.0) - step_cost
                better[cell][action] = reward + discount * table[after].max()
        if np.abs(better - table).max() < 1e-12:
            return better
        table = better


def follow(world: World, table: np.ndarray, longest: int = 100) -> list[Cell]:
    """The cells from the start along the first best action of each, to a prize or `longest` steps.

    Taught in {ref}`sec-ways-of-learning`.
    """
    cells = [world.start]
    while cells[-1] not in world.prizes and len(cells) <= longest:
        cells.append(move(world, cells[-1], int(table[cells[-1]].argmax())))
    return cells
