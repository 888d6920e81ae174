"""The task-execution agents: a population of learners in their environments, trained an iteration at a time."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.compiled import compiled
from mamo_cli.config import LearnerConfig, PhaseConfig
from mamo_cli.learning.learner import PopulationLearner
from mamo_cli.learning.schedules import piecewise_linear
from mamo_cli.scaling.environment import FEATURES, OBJECTIVES, BatchedScaling
from mamo_cli.scaling.instance import ScalingInstance
from mamo_cli.seeding import MemberStreams

FloatArray = NDArray[np.float64]


class IterationSummary(NamedTuple):
    """What K members did in one iteration of training, means over its steps and environments."""

    epsilon: float
    loss: FloatArray  # (K,) mean loss of the updates, NaN where there was none yet
    cost: FloatArray  # (K, F) normalised cost
    replicas: FloatArray  # (K, F)
    rejection: FloatArray  # (K, F)


class Evaluation(NamedTuple):
    """What K greedy policies do on an instance, step by step."""

    replicas: NDArray[np.int64]  # (K, T, F)
    rejection: FloatArray  # (K, T, F)


def reward_weights(alpha: FloatArray) -> FloatArray:
    """Weights `(K, F, 2)` of cost and rejection: -(1 - alpha) and -alpha, of SPEC's reward, for alphas `(K, F)`."""
    return -np.stack((1.0 - alpha, alpha), -1)


class TaskPopulation:
    """K task-execution agents, one a seed, each with its own networks, replay, exploration and workload noise."""

    def __init__(
        self,
        instance: ScalingInstance,
        noise: float,
        learner: LearnerConfig,
        phase: PhaseConfig,
        streams: Sequence[MemberStreams],
        device: str = "cpu",
    ) -> None:
        self._streams = list(streams)
        self._noise = noise
        self._phase = phase
        self._environment = BatchedScaling(instance, len(self._streams), phase.environments)
        self._learner = PopulationLearner(
            learner,
            observation_size=FEATURES * instance.functions,
            branches=instance.functions,
            actions=instance.replica_choices,
            objectives=OBJECTIVES,
            streams=self._streams,
            device=device,
        )

    def train_iteration(self, iteration: int, alpha: FloatArray) -> IterationSummary:
        """Play and learn for one iteration under the given weights.

        Args:
            iteration: counted from the start of the phase; the schedules follow it.
            alpha: `(K, F)` weight of rejection.
        """
        phase = self._phase
        steps = np.arange(phase.iteration_steps) + iteration * phase.iteration_steps
        progress = steps / (phase.iterations * phase.iteration_steps)
        epsilon = piecewise_linear(phase.epsilon, progress)
        rates = piecewise_linear(phase.learning_rate, progress)
        weights = reward_weights(alpha)
        explore, random_actions = self._learner.draw_exploration(epsilon, phase.environments)
        deviations = self._draw_deviations()
        uniforms = self._learner.draw_replay(phase.iteration_steps * phase.updates_per_step)
        uniforms = uniforms.reshape(phase.iteration_steps, phase.updates_per_step, *uniforms.shape[1:])
        outcomes = np.empty((*deviations.shape, OBJECTIVES + 1))
        losses = []
        observations = self._environment.observe()
        for step in range(phase.iteration_steps):
            actions = self._learner.act(observations, explore[step], random_actions[step])
            played = self._environment.step(actions, deviations[step])
            self._learner.replay.add(observations, played.replicas - 1, played.objectives, played.observations)
            observations = played.observations
            outcomes[step, ..., :OBJECTIVES], outcomes[step, ..., OBJECTIVES] = played.objectives, played.replicas
            if self._learner.ready:
                losses.append(self._learner.learn(uniforms[step], weights, float(rates[step])))
        cost, rejection, replicas = _mean_over_steps_and_copies(outcomes).transpose(2, 0, 1)
        return IterationSummary(
            epsilon=float(epsilon.mean()),
            loss=functools.reduce(np.add, losses) / len(losses) if losses else np.full(len(alpha), np.nan),
            cost=cost,
            replicas=replicas,
            rejection=rejection,
        )

    def _draw_deviations(self) -> FloatArray:
        """The workload's relative deviations `(steps, K, E, F)` for the coming iteration."""
        instance, phase = self._environment.instance, self._phase
        shape = (phase.iteration_steps, phase.environments, instance.functions)
        draws = [member["environment"].uniform(-self._noise, self._noise, shape) for member in self._streams]
        return np.stack(draws, 1)

    def evaluate(self, instance: ScalingInstance) -> Evaluation:
        """Let every greedy policy play an instance once, from its first step, with its rates as they are."""
        environment = BatchedScaling(instance, len(self._streams))
        observations = environment.observe()
        replicas, rejection = [], []
        for _ in range(instance.trace.steps):
            played = environment.step(self._learner.q_values(observations).argmax(-1))
            observations = played.observations
            replicas.append(played.replicas[:, 0])
            rejection.append(played.objectives[:, 0, :, 1])
        return Evaluation(np.stack(replicas, 1), np.stack(rejection, 1))

    def diverged(self) -> NDArray[np.bool_]:
        """`(K,)` whose networks hold a value that is not finite."""
        return self._learner.diverged()

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {
            "learner": self._learner.state_dict(),
            "environment": self._environment.state_dict(),
            "streams": [member.state_dict() for member in self._streams],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._learner.load_state_dict(state["learner"])
        self._environment.load_state_dict(state["environment"])
        for member, saved in zip(self._streams, state["streams"], strict=True):
            member.load_state_dict(saved)


@compiled
def _mean_over_steps_and_copies(values: FloatArray) -> FloatArray:
    """`(steps, K, E, F, M)` to `(K, F, M)`, in one order of adding whatever K is: NumPy's depends on it."""
    steps, members, copies, functions, numbers = values.shape
    means = np.zeros((members, functions, numbers))
    for step in range(steps):
        for k in range(members):
            for copy in range(copies):
                means[k] += values[step, k, copy]
    means /= steps * copies
    return means
