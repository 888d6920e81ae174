"""Tiny runs for the tests: a short trace, small networks, few steps."""

import numpy as np

from mamo_cli.training.shards import ShardSpec
from mamo_cli.core.settings import AdaptationConfig, LearnerConfig, MamoConfig, PhaseConfig, TrainConfig
from tests.domains.faas.nodes import made_trace

LEARNER = LearnerConfig(hidden=(16,), replay_capacity=128)
PHASE = PhaseConfig(iterations=12, iteration_steps=2, environments=16, updates_per_step=1, window=10)
MAMO = MamoConfig(
    learner=LEARNER,
    phase=PHASE,
    wa_learner=LearnerConfig(hidden=(16,), discount=0.0, replay_capacity=64),
    adaptation=AdaptationConfig(cycles=3, updates=4),
)


def mamo_spec(seeds, functions=1, config=MAMO):
    return ShardSpec(config, made_trace(functions, caps=True), tuple(seeds))


def train_spec(seeds, alphas):
    config = TrainConfig(learner=LEARNER, phase=PHASE, alpha=tuple(sorted(set(alphas))))
    return ShardSpec(config, made_trace(), tuple(seeds), tuple(alphas))


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
