"""The task-execution agents: a population of learners in their environments, trained an iteration at a time."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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


def reward_weights(alpha: FloatArray) -> Tensor:
    """Weights `(K, F, 2)` of cost and rejection: -(1 - alpha) and -alpha, of SPEC's reward, for alphas `(K, F)`."""
    return torch.from_numpy(-np.stack((1.0 - alpha, alpha), -1)).to(torch.float32)


def _mean(parts: Sequence[Tensor]) -> Tensor:
    """Mean over time, added one after another: a reduction's order of adding would depend on the population's size."""
    return functools.reduce(torch.add, parts) / len(parts)


class TaskPopulation:
    """K task-execution agents, one a seed, each with its own networks, replay, exploration and workload noise."""

    def __init__(
        self,
        instance: ScalingInstance,
        noise: float,
        learner: LearnerConfig,
        phase: PhaseConfig,
        streams: Sequence[MemberStreams],
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
        )

    @torch.inference_mode()
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
        outcomes, losses = [], []
        observations = self._environment.observe()
        for step in range(phase.iteration_steps):
            actions = self._learner.act(observations, explore[step], random_actions[step])
            played = self._environment.step(actions, deviations[step])
            self._learner.remember(observations, played.replicas - 1, played.objectives, played.observations)
            observations = played.observations
            outcomes.append(torch.cat((played.objectives, played.replicas[..., None]), -1).mean(1))
            if self._learner.ready:
                for update in range(step * phase.updates_per_step, (step + 1) * phase.updates_per_step):
                    losses.append(self._learner.update(uniforms[update], weights, float(rates[step])))
        cost, rejection, replicas = _mean(outcomes).numpy().transpose(2, 0, 1)
        return IterationSummary(
            epsilon=float(epsilon.mean()),
            loss=_mean(losses).to(torch.float64).numpy() if losses else np.full(len(alpha), np.nan),
            cost=cost,
            replicas=replicas,
            rejection=rejection,
        )

    def _draw_deviations(self) -> Tensor:
        """The workload's relative deviations `(steps, K, E, F)` for the coming iteration."""
        instance, phase = self._environment.instance, self._phase
        shape = (phase.iteration_steps, phase.environments, instance.functions)
        draws = [member["environment"].uniform(-self._noise, self._noise, shape) for member in self._streams]
        return torch.from_numpy(np.stack(draws, 1))

    @torch.inference_mode()
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
        return Evaluation(torch.stack(replicas, 1).numpy(), torch.stack(rejection, 1).numpy())

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
