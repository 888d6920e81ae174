"""The Blind Cliffwalk of Schaul et al. (2016, section 3.1): how much sooner prioritised replay learns than uniform.

In each of n states one choice is right and leads on, from the last one to a reward of 1; any other choice ends the
episode with nothing. The replay holds every transition of all 2^n sequences of choices, `2^(n + 1) - 2` of them, of
which a single one brings the reward. Tabular Q-learning replays them one at a time, by the sum tree of this package's
learner, until the mean squared error over all states and choices is below 0.001. Which choice is right matters only to
function approximation; here it is always choice 1.

As in the paper the discount is `1 - 1/n` and the step size 1/4; initial values have a standard deviation of 0.1, and
there are no importance weights. A reference implementation whose priorities have a floor of 1e-4 found proportional
replay 8.2 times sooner at n = 10. Here the floor is the learner's own, 1e-3, and so somewhat nearer to uniform replay.
"""

from statistics import median
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.core.seeding import stream
from mamo_cli.learners.dqn.equations import PRIORITY_FLOOR
from mamo_cli.learners.dqn.priorities import draw, set_priorities

STEP_SIZE = 0.25
TOLERANCE = 1e-3
PROPORTIONAL, UNIFORM = 0.6, 0.0  # priority exponents; 0.6 is the paper's for proportional replay
BLOCK = 4096  # updates between two draws of random numbers


class Replay(NamedTuple):
    """All transitions, in the order they came about, each `(N,)`."""

    states: IntArray
    choices: IntArray
    rewards: FloatArray
    following: IntArray
    continues: FloatArray  # 0 where the episode ended


def replay_of(n: int) -> Replay:
    """What all 2^n sequences of choices bring: choice 1 leads on, choice 0 ends the episode, as the last state does."""
    episodes = [[(number >> state) & 1 for state in range(n)] for number in range(2**n)]
    walked = [
        (state, choice)
        for episode in episodes
        for state, choice in enumerate(episode)
        if all(episode[:state])  # until the first wrong choice
    ]
    states, choices = np.array(walked).T
    arrived = (states == n - 1) & (choices == 1)
    continues = (choices == 1) & ~arrived
    return Replay(states, choices, arrived * 1.0, np.where(continues, states + 1, 0), continues * 1.0)


def truth_of(n: int) -> FloatArray:
    """Values `(n, 2)`: of the right choice, the reward as far as it is discounted; of the wrong one, nothing."""
    steps_to_go = np.arange(n)[::-1]
    return np.stack((np.zeros(n), (1.0 - 1.0 / n) ** steps_to_go), -1)


@compiled
def learn(
    q: FloatArray, truth: FloatArray, replay: Replay, tree: FloatArray, uniforms: FloatArray, exponent: float
) -> int:
    """Updates made until the values are right, or one for each of the uniforms.

    Args:
        q: `(n, 2)`, moved.
        truth: `(n, 2)`.
        replay: `(N,)` each.
        tree: sum tree of the priorities, mended.
        uniforms: `(U,)` in [0, 1): where in the sum of priorities each update's transition falls.
        exponent: of the priorities, 0 for uniform replay.
    """
    place, probability, priority = np.empty(1, dtype=np.int64), np.empty(1), np.empty(1)
    discount = 1.0 - 1.0 / len(q)
    for u in range(uniforms.size):
        draw(tree, uniforms[u : u + 1], place, probability)
        i = place[0]
        state, choice = replay.states[i], replay.choices[i]
        goal = replay.rewards[i] + replay.continues[i] * discount * q[replay.following[i]].max()
        error = goal - q[state, choice]
        q[state, choice] += STEP_SIZE * error
        priority[0] = (abs(error) + PRIORITY_FLOOR) ** exponent
        set_priorities(tree, place, priority)
        if np.square(q - truth).mean() < TOLERANCE:
            return u + 1
    return int(uniforms.size)


def updates_needed(n: int, exponent: float, seed: int) -> int:
    """Updates until the values of n states are right, by replay of a priority exponent."""
    rng = stream(seed, "cliffwalk")
    replay, truth = replay_of(n), truth_of(n)
    size = len(replay.states)
    tree = np.zeros(2 << (size - 1).bit_length())
    set_priorities(tree, np.arange(size), np.ones(size))
    q, total = rng.normal(0.0, 0.1, (n, 2)), 0
    while np.square(q - truth).mean() >= TOLERANCE:
        total += learn(q, truth, replay, tree, rng.random(BLOCK), exponent)
    return total


def speed_up(n: int, seeds: range) -> tuple[list[int], list[int], float]:
    """Updates of every seed by uniform and by proportional replay, and how many times the median is less."""
    uniform, proportional = (
        [updates_needed(n, exponent, seed) for seed in seeds] for exponent in (UNIFORM, PROPORTIONAL)
    )
    return uniform, proportional, median(uniform) / median(proportional)
