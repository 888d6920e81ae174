"""Small learners and populations for the tests, and what of them is compared."""

import io

import numpy as np
import torch

from mamo_cli.core.seam import Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.dqn.update import Mixing
from mamo_cli.learners.protocol import Shape
from mamo_cli.runs.checkpoint import in_tensors
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.settings import PhaseConfig
from tests.domains.faas.nodes import made_trace

SMALL = LearnerConfig(hidden=(30, 16), batch_size=24, replay_capacity=64, target_interval=7)
SHORT = PhaseConfig(iterations=4, iteration_steps=5, environments=10, updates_per_step=2)
DOMAINS = {count: build(InstanceConfig(), made_trace(count, caps=True)) for count in (1, 2)}


BANDIT = Shape(observation=2, agents=1, choices=4, objectives=1)


def learner(seeds=(0,), shape=BANDIT, device="cpu", **settings):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    return DQN(SMALL.model_copy(update=settings), shape, streams, device)


def everything(values, choices):
    """Values `(K, E, A, O)` as seen, with nothing forbidden."""
    values = np.asarray(values, dtype=np.float32)
    return Seen(values, np.ones((*values.shape[:3], choices), dtype=np.bool_))


def outcome(objectives, after, continues=None, over=None):
    """A step with these objectives `(K, E, A, M)`, after which an environment goes on unless told otherwise."""
    members, copies, agents, _ = objectives.shape
    return Step(
        objectives=np.asarray(objectives, dtype=np.float64),
        paid=np.zeros((members, copies, agents)),
        measures=np.zeros((members, copies, agents, 0)),
        continues=np.ones((members, copies), dtype=np.float32) if continues is None else continues,
        over=np.zeros((members, copies), dtype=np.bool_) if over is None else over,
        after=after,
        seen=after,
    )


FREE = np.zeros((2, 3), dtype=np.int64)  # units that choices take where agents share nothing
UNMIXED = Mixing(*[np.empty(0, dtype=np.float32)] * 4)  # the mixer that has no parameters

COPIES = 6


def feed(agent, members, shape, count=60, seed=0, masked=0.0):
    """Store random transitions in every member's replay, a third of them the end of an episode.

    Args:
        agent: the learner.
        members: K.
        shape: of its problem.
        count: transitions of each member.
        seed: of what is stored.
        masked: share of choices that may not be made afterwards.
    """
    rng = np.random.default_rng(seed)
    before, after = rng.normal(size=(2, members, count, shape.agents, shape.observation)).astype(np.float32)
    chosen = rng.integers(0, shape.choices, (members, count, shape.agents))
    objectives = rng.normal(size=(members, count, shape.agents, shape.objectives))
    ends = (rng.random((members, count)) > 1 / 3).astype(np.float32)
    mask = rng.random((members, count, shape.agents, shape.choices)) >= masked
    mask[..., rng.integers(shape.choices)] = True
    budgets = None if shape.use is None else rng.integers(0, shape.use.max(1).sum() + 1, (members, count))
    for copies in np.split(np.arange(count), count // COPIES):  # as many steps of a few copies: some go on in the next
        at = (slice(None), copies)
        followed = Seen(after[at], mask[at], None if budgets is None else budgets[at])
        step = outcome(objectives[at], followed, ends[at], ends[at] == 0)
        agent.store(everything(before[at], shape.choices), chosen[at], step)


def population(seeds, functions=1, device="cpu", domain=None, **settings):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    domain = DOMAINS[functions] if domain is None else domain
    learner = DQN(SMALL.model_copy(update=settings), Shape.of(domain.spec), streams, device)
    return TaskAgents(domain, learner, SHORT, streams)


def train(agents, seeds, iterations, functions=1):
    """Train for some iterations, each member at an alpha of its own; returns the summaries."""
    alpha = np.array([[0.05 * (seed % 20) + 0.02] * functions for seed in seeds])
    return [agents.train_iteration(iteration, weights_of(alpha)) for iteration in iterations]


def through_a_file(state):
    """The state as it comes back from a checkpoint, loaded without unpickling objects."""
    file = io.BytesIO()
    torch.save(in_tensors(state), file)
    file.seek(0)
    return torch.load(file, weights_only=True)
