"""Small learners and populations for the tests, and what of them is compared."""

import io

import numpy as np
import torch

from mamo_cli.core.settings import InstanceConfig, LearnerConfig, PhaseConfig
from mamo_cli.learners.dqn.learner import PopulationLearner
from mamo_cli.training.agents import TaskPopulation
from mamo_cli.domains.faas.node import build_case
from mamo_cli.core.seeding import MemberStreams
from tests.domains.faas.nodes import made_trace

SMALL = LearnerConfig(hidden=(30, 16), batch_size=24, replay_capacity=64, target_interval=7)
SHORT = PhaseConfig(iterations=4, iteration_steps=5, environments=10, updates_per_step=2)
CASES = {count: build_case(InstanceConfig(), made_trace(count, caps=True)) for count in (1, 2)}


def learner(seeds=(0,), size=2, branches=1, actions=4, objectives=1, device="cpu", **settings):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    config = SMALL.model_copy(update=settings)
    return PopulationLearner(config, size, branches, actions, objectives, streams, device)


def feed(agent, shape, count=60, seed=0):
    """Store random transitions in every member's replay, a third of them the end of an episode.

    Args:
        shape: (members, observation, branches, actions, objectives) of the learner.
    """
    members, size, branches, actions, objectives = shape
    rng = np.random.default_rng(seed)
    before, after = rng.normal(size=(2, members, count, size)).astype(np.float32)
    chosen = rng.integers(0, actions, (members, count, branches))
    outcome = rng.normal(size=(members, count, branches, objectives))
    ends = (rng.random((members, count)) > 1 / 3).astype(np.float32)
    agent.replay.add(before, chosen, outcome, after, ends)


def population(seeds, functions=1, device="cpu"):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    return TaskPopulation(CASES[functions].training, 0.2, SMALL, SHORT, streams, device)


def train(agents, seeds, iterations, functions=1):
    """Train for some iterations, each member at an alpha of its own; returns the summaries."""
    alpha = np.array([[0.05 * (seed % 20) + 0.02] * functions for seed in seeds])
    return [agents.train_iteration(iteration, alpha) for iteration in iterations]


def through_a_file(state):
    """The state as it comes back from a checkpoint, loaded without unpickling objects."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)
