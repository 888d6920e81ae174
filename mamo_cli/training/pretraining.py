"""Pre-training on the log of another policy: a rule that people run today plays, and agents learn from what it brought.

Every copy of the environment plays the rule's choices for the step of the trace it is at, under the training's own
noise; so often as is said, one is drawn at random instead, as in a log of somebody who tries things. The transitions go
into the replay like any others. What the rule never tried is never seen: learning from a log alone is offline
reinforcement learning (Levine et al., 2020), and its values of choices beyond the log are guesses.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.seam import Environment, begin_at
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.protocol import Exploration, Learner
from mamo_cli.learners.schedules import piecewise_linear
from mamo_cli.training.settings import PhaseConfig, PretrainConfig


class Log(NamedTuple):
    """What is to be logged, and learnt from."""

    plan: IntArray  # (T, A) the rule's choices by step of the training
    config: PretrainConfig


def learn_from(
    log: Log,
    environment: Environment,
    learner: Learner,
    streams: Sequence[MemberStreams],
    weights: FloatArray,
    phase: PhaseConfig,
) -> None:
    """Let the rule play environments that stand at their first steps, and make the gradient steps.

    Gradient steps come in calls no longer than those of training, so that a signal to stop is heard between them.

    Args:
        log: whose choices.
        environment: E copies for each of K members.
        learner: of K members.
        streams: theirs.
        weights: `(K, A, M)` to learn under.
        phase: whose learning rate falls over the log's steps as over its own, and how many are made at once.
    """
    plan, config = log
    seen, draws = environment.observe(), environment.draw(config.steps, streams)
    members, copies = seen.mask.shape[:2]
    explorations = learner.explorations(np.full(config.steps, config.epsilon), copies)
    at = begin_at(copies, len(plan))
    for step in range(config.steps):
        chosen = np.repeat(plan[(at + step) % len(plan)][None], members, 0)
        actions = _tried(chosen, explorations[step], seen.mask)
        played = environment.step(actions, draws[step])
        learner.store(seen, actions, played)
        seen = played.seen
    made = np.arange(0, config.updates, phase.updates_per_step)
    for first, rate in zip(made, piecewise_linear(phase.learning_rate, made / max(config.updates, 1)), strict=True):
        learner.learn(min(phase.updates_per_step, config.updates - int(first)), weights, float(rate))


def _tried(chosen: IntArray, exploration: Exploration, mask: BoolArray) -> IntArray:
    """Choices `(K, E, A)`: the rule's, or where one explores a random one that may be chosen."""
    drawn = exploration.choices
    allowed = np.take_along_axis(mask, drawn[..., None], -1)[..., 0]
    return np.where((exploration.uniforms < exploration.epsilon) & allowed, drawn, chosen)
