"""Games of two agents and one reward whose learnt values are known: what each mixer ends with, over seeds.

All joint choices are met equally often: exploration is always random, the replay holds all that was played and is drawn
from uniformly. So what a mixer learns is known: of all values that it can express, those of least mean squared error.
Payoffs are divided by the game's scale, within which no error leaves the quadratic part of Huber's loss.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np

import mamo_cli
from benchmarks.rows import Row, measured
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.parts import MIXERS, part
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.learners.schedules import piecewise_linear
from mamo_cli.runs.engine import limit_threads

SEEDS = 20
FIRST_SEED = 100  # the settings were chosen on seeds 0 to 19
STEPS = 70_000  # of each seed
COPIES = 100
DISCOUNT = 0.99
LEARNING_RATE = ((0.0, 3e-3), (0.6, 1e-3), (0.9, 3e-5), (1.0, 1e-6))
NEAR = 0.15  # within which values are a known table's


class Game(NamedTuple):
    """S states, C choices of either agent; what both see is the state, one number each."""

    name: str
    payoffs: FloatArray  # (S, C, C) of both together
    following: IntArray  # (S, C) the state after the first agent's choice; -1: the game is over
    scale: float


TWO_STEP = Game(  # Rashid et al. 2018: the first agent picks the game that both play next
    "two-step",
    np.array([np.zeros((2, 2)), np.full((2, 2), 7.0), [[0.0, 1.0], [1.0, 8.0]]]),
    np.array([[1, 2], [-1, -1], [-1, -1]]),
    8.0,
)
MATRIX = Game(  # Son et al. 2019 (QTRAN): no monotone mixer can express it
    "matrix", np.array([[[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]]]), np.full((1, 3), -1), 20.0
)
GAMES = {game.name: game for game in (TWO_STEP, MATRIX)}

# What is learnt of the first state's joint choices: of all tables that a mixer can express, those where the mean
# squared error has a minimum. The sum of [[0, 1], [1, 8]] is [[-1.5, 2.5], [2.5, 6.5]]; DISCOUNT times 6.5 is 6.435.
KNOWN = {
    ("two-step", "sum"): {"[[6.93, 6.93], [6.435, 6.435]]": [[6.93, 6.93], [6.435, 6.435]]},
    ("two-step", "monotone"): {"[[6.93, 6.93], [7.92, 7.92]]": [[6.93, 6.93], [7.92, 7.92]]},
    ("matrix", "monotone"): {
        "mean squared error 32.00": [[8.0, -6.0, -6.0], [-6.0, -6.0, -6.0], [-6.0, -6.0, -6.0]],
        "mean squared error 35.56": [[-8.0, -8.0, -8.0], [-8.0, 0.0, 0.0], [-8.0, 0.0, 0.0]],
    },
}
UPDATES = {  # gradient steps after every step of all copies: a mix of what cannot be expressed takes its time
    ("two-step", "sum"): 12,
    ("two-step", "monotone"): 12,
    ("matrix", "monotone"): 24,
}


def run(quick: bool) -> list[Row]:
    """For each game and mixer: what greedy play brings by seed, and how far values are from the nearest known table."""
    limit_threads()
    rows = []
    for (name, mixer), updates in UPDATES.items():
        play = Play(GAMES[name], mixer, range(FIRST_SEED, FIRST_SEED + (4 if quick else SEEDS)))
        play.learn(updates)
        returns, distances = play.returns(), play.distances()
        ends = [f"{count} of {len(returns)} seeds end with {each:g}" for each, count in counted(returns)]
        near = [
            f"{(apart <= NEAR).sum()} of {len(returns)} within {NEAR:g} of {table}"
            for table, apart in distances.items()
        ]
        off = np.min(list(distances.values()), 0)
        for unit, values, told in (("return", returns, ends), ("off", off, near)):
            about = {"version": mamo_cli.__version__, "members": len(values), "cores": 1, "note": "; ".join(told)}
            rows.append(measured("games", f"{name}, {mixer}", unit, values.tolist(), **about))
    return rows


def counted(returns: FloatArray) -> list[tuple[float, int]]:
    """How often each return is met."""
    return [(float(each), int(count)) for each, count in zip(*np.unique(returns, return_counts=True), strict=True)]


class Play:
    """A population in a game, E copies of it for each member."""

    def __init__(self, game: Game, mixer: str, seeds: range, steps: int = STEPS, copies: int = COPIES) -> None:
        """Args: game: which. mixer: by name. seeds: one a member. steps: of each. copies: E."""
        self._game, self._steps, self._copies = game, steps, copies
        self._states, self._choices, _ = game.payoffs.shape
        self._mixer, self._known = part(MIXERS, mixer), KNOWN[game.name, mixer]
        config = LearnerConfig(
            hidden=(32,), batch_size=128, discount=DISCOUNT, priority_exponent=0.0, replay_capacity=steps, mixer=mixer
        )
        streams = [MemberStreams(seed, "te") for seed in seeds]
        self._learner = DQN(config, Shape(self._states, 2, self._choices, 1), streams)
        self._members = len(streams)

    def learn(self, updates: int) -> None:
        """Play all steps at random, with so many gradient steps after every step of all copies."""
        turns = self._steps // self._copies
        rates = piecewise_linear(LEARNING_RATE, np.arange(turns) / turns)
        at = np.zeros((self._members, self._copies), dtype=np.int64)
        for rate, explored in zip(rates, self._learner.explorations(np.ones(turns), self._copies), strict=True):
            seen, actions = self._seen(at), explored.choices
            payoff, after = self._played(at, actions)
            over = after < 0
            objectives = np.repeat(-payoff[..., None, None] / (2 * self._game.scale), 2, 2)  # half of it to either
            follows = self._seen(np.maximum(after, 0))
            nothing = np.zeros((*over.shape, 2))
            step = Step(objectives, nothing, nothing[..., None], (~over).astype(np.float32), over, follows, follows)
            self._learner.store(seen, actions, step)
            self._learner.learn(updates, np.ones((self._members, 2, 1)), float(rate))
            at = np.where(over, 0, after)

    def values(self) -> FloatArray:
        """`(K, S, C, C)` what is learnt of every joint choice."""
        joint = np.array(list(itertools.product(range(self._choices), repeat=2)))
        seen = self._seen(np.tile(np.arange(self._states), (self._members, 1))).values
        q = self._learner.q_values(seen)
        shown = np.repeat(seen.swapaxes(2, 3).reshape(*q.shape[:2], -1), len(joint), 1)  # each state's, joint by joint
        told = np.stack((q[:, :, 0, joint[:, 0]], q[:, :, 1, joint[:, 1]]), -1).reshape(self._members, -1, 2)
        mixed = np.empty((self._members, shown.shape[1], 1), dtype=np.float32)
        own = self._learner.policies().shape[1]
        kept = np.empty(self._mixer.kept_size(shown.shape[2], 2, shown.shape[1]), dtype=np.float32)
        for k, row in enumerate(self._learner.state_dict()["networks"]["online"]):
            self._mixer.mix(row[own:], np.ascontiguousarray(shown[k]), told[k], kept, mixed[k])
        found: FloatArray = mixed.reshape(self._members, self._states, self._choices, self._choices)
        return found * self._game.scale

    def distances(self) -> dict[str, FloatArray]:
        """How far the values of the first state are from each table that is known, at most, `(K,)`."""
        found = self.values()[:, 0]
        return {name: np.abs(found - np.array(table)).max((1, 2)) for name, table in self._known.items()}

    def returns(self) -> FloatArray:
        """`(K,)` what greedy play brings."""
        at, total = np.zeros((self._members, 1), dtype=np.int64), np.zeros(self._members)
        while (at >= 0).all():
            payoff, at = self._played(at, self._learner.act(self._seen(at)))
            total += payoff[:, 0]
        return total

    def _seen(self, at: IntArray) -> Seen:
        shown = np.repeat(np.eye(self._states, dtype=np.float32)[at][:, :, None], 2, 2)
        return Seen(shown, np.ones((*at.shape, 2, self._choices), dtype=np.bool_))

    def _played(self, at: IntArray, actions: IntArray) -> Any:
        first, second = actions[..., 0], actions[..., 1]
        return self._game.payoffs[at, first, second], self._game.following[at, first]
