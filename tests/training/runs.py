"""Tiny runs for the tests: a short trace, small networks, few steps."""

import numpy as np

from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.strategies.wa_dqn.settings import AdaptationConfig
from mamo_cli.training.settings import PhaseConfig
from mamo_cli.training.shards import ShardSpec
from tests.domains.faas.nodes import made_trace

CYCLES = 3
LEARNER = LearnerConfig(hidden=(16,), replay_capacity=128)
PHASE = PhaseConfig(iterations=12, iteration_steps=2, environments=16, updates_per_step=1, window=10)
SECTIONS = {
    "adaptation": AdaptationConfig(cycles=CYCLES, updates=4),
    "wa_learner": LearnerConfig(hidden=(16,), discount=0.0, replay_capacity=64),
}


def mamo_spec(seeds, functions=1, **changes):
    settings = {"strategy": "wa-dqn", "sections": SECTIONS, **changes}
    return ShardSpec(
        "faas", InstanceConfig(), made_trace(functions, caps=True), LEARNER, PHASE, tuple(seeds), **settings
    )


def train_spec(seeds, alphas):
    return ShardSpec("faas", InstanceConfig(), made_trace(), LEARNER, PHASE, tuple(seeds), alphas=tuple(alphas))


def rounds_of(loop):
    """The tables of every round of a whole run."""
    rounds = []
    while not loop.done:
        rounds.append(loop.advance())
    return rounds


def columns(rounds, table, names):
    """A table of a whole run as arrays by column name."""
    rows = [row for one in rounds for row in one[table]]
    return {name: np.array([row[place] for row in rows]) for place, name in enumerate(names)}
