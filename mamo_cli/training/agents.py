"""The task-execution agents: a population of learners in their environments, trained an iteration at a time."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import compiled
from mamo_cli.core.seam import Domain, Environment, Part, Played, Seen, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.protocol import Learner
from mamo_cli.learners.schedules import piecewise_linear
from mamo_cli.training.pretraining import Log, learn_from
from mamo_cli.training.readout import Delivery
from mamo_cli.training.settings import PhaseConfig
from mamo_cli.training.worlds import Training, one_world

REPLAYED = 2
"""Windows of a phase for which a policy is played again before it is delivered."""


class IterationSummary(NamedTuple):
    """What K members did in one iteration of training, means over its steps and environments."""

    epsilon: float
    loss: FloatArray  # (K,) mean loss of the updates, NaN where there was none yet
    objectives: FloatArray  # (K, A, M) the normalised cost, then the violations
    measures: FloatArray  # (K, A, Q)


class Agents(Protocol):
    """K members' task agents, learnt or exact."""

    def train_iteration(self, iteration: int, weights: FloatArray) -> IterationSummary:
        """Play, and learn if there is anything to learn, for one iteration of a phase under weights `(K, A, M)`."""
        ...

    def move_to(self, domain: Domain) -> None:
        """Go on under other conditions of the domain, from where one stands."""
        ...

    def evaluate(self, domain: Domain, delivery: Delivery | None = None) -> Played:
        """What the present policies bring on a domain's evaluation, or those delivered; `(K, T, ...)`."""
        ...

    def replayed(self, policies: AnyFloatArray) -> FloatArray:
        """What greedy policies `(J, K, D)` bring in training, measured anew: mean objectives `(J, K, A, M)`."""
        ...

    def policies(self) -> AnyFloatArray:
        """`(K, D)` the present policies."""
        ...

    def diverged(self) -> BoolArray:
        """`(K,)` who holds a number that is not finite."""
        ...

    def freeze(self, members: BoolArray) -> None:
        """Compute nothing more for these members `(K,)`."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs; who is frozen, the loop says again."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        ...


class TaskAgents:
    """K task-execution agents, one a seed, each with its own networks, replay, exploration and noise."""

    def __init__(
        self,
        domain: Domain,
        learner: Learner,
        phase: PhaseConfig,
        streams: Sequence[MemberStreams],
        training: Training = one_world,
        log: Log | None = None,
    ) -> None:
        """Untrained agents in their environments.

        Args:
            domain: what is controlled.
            learner: K untrained agents.
            phase: settings.
            streams: K members'.
            training: what they train in of the domain.
            log: what they learn from before their first iteration; None: nothing.
        """
        self._log, self._logged = log, False
        self._domain, self._training = domain, training
        self._streams, self._phase, self._learner = list(streams), phase, learner
        self._measures = len(domain.spec.words.measures)
        self._environment = training(domain, len(self._streams), phase.environments)

    def begin_with(self, policies: AnyFloatArray) -> None:
        """Let the learners, which have to be deep Q-networks of ours, go on from policies `(K, D)`."""
        assert isinstance(self._learner, DQN)
        self._learner.begin_with(policies)

    def train_iteration(self, iteration: int, weights: FloatArray) -> IterationSummary:
        """Play and learn for one iteration under the given weights.

        Args:
            iteration: counted from the start of the phase; the schedules follow it.
            weights: `(K, A, M)` of the objectives.
        """
        self._learn_from_the_log(weights)
        return self._iteration(self._phase, iteration, weights)

    def _learn_from_the_log(self, weights: FloatArray) -> None:
        """Before the very first iteration, if there is one."""
        if self._log is not None and not self._logged:
            learn_from(self._log, self._environment, self._learner, self._streams, weights, self._phase)
            self._logged = True

    def _iteration(
        self, phase: PhaseConfig, iteration: int, weights: FloatArray, *, learning: bool = True
    ) -> IterationSummary:
        environment, learner = self._environment, self._learner
        steps = np.arange(phase.iteration_steps) + iteration * phase.iteration_steps
        progress = steps / (phase.iterations * phase.iteration_steps)
        epsilon = piecewise_linear(phase.epsilon, progress)
        rates = piecewise_linear(phase.learning_rate, progress)
        explorations = learner.explorations(epsilon, phase.environments)
        draws = environment.draw(phase.iteration_steps, self._streams)
        members, agents, objectives = weights.shape
        told = np.empty((phase.iteration_steps, members, phase.environments, agents, objectives + self._measures))
        losses = []
        seen = environment.observe()
        for step in range(phase.iteration_steps):
            actions = learner.act(seen, explorations[step])
            played = environment.step(actions, draws[step])
            told[step, ..., :objectives], told[step, ..., objectives:] = played.objectives, played.measures
            if learning:
                learner.store(seen, actions, played)
                loss = learner.learn(phase.updates_per_step, weights, float(rates[step]))
                losses += [] if loss is None else [loss]
            seen = played.seen
        means = _mean_over_steps_and_copies(told, objectives)
        return IterationSummary(
            epsilon=float(epsilon.mean()),
            loss=functools.reduce(np.add, losses) / len(losses) if losses else np.full(len(weights), np.nan),
            objectives=means[..., :objectives],
            measures=means[..., objectives:],
        )

    def move_to(self, domain: Domain) -> None:
        """Go on in the domain's training, every copy where it stands."""
        environment = self._training(domain, len(self._streams), self._phase.environments)
        environment.load_state_dict(self._environment.state_dict())
        self._domain, self._environment = domain, environment

    def evaluate(self, domain: Domain, delivery: Delivery | None = None) -> Played:
        """Let every greedy policy, or what is delivered, play a domain's evaluation once, from its first step.

        Returns:
            `(K, T, ...)`.
        """
        environment = domain.environment(Part.EVALUATION, len(self._streams))
        if delivery is None:
            return play(environment, self._learner.act)
        seeds = [member.seed for member in self._streams]
        return self.follow(environment, delivery, delivery.drawn(environment.steps, domain.spec, seeds))

    def follow(self, environment: Environment, delivery: Delivery, drawn: IntArray) -> Played:
        """Let what is delivered play an environment of one copy once, each step by the policy drawn, `(T, K, A)`."""
        chosen = iter(drawn)

        def choose(seen: Seen) -> IntArray:
            each = np.stack([self._learner.act(seen, policies=policies) for policies in delivery.policies])
            return np.asarray(np.take_along_axis(each, next(chosen)[None, :, None], 0)[0])

        return play(environment, choose)

    def walk(self, environment: Environment, epsilon: float) -> Played:
        """Let the present policies play an environment of one copy once, exploring so often, and keep what they see."""
        explorations = iter(self._learner.explorations(np.full(environment.steps, epsilon), 1))
        return play(environment, lambda seen: self._learner.act(seen, next(explorations)), self._learner.store)

    def study(self, updates: int, weights: FloatArray, learning_rate: float) -> None:
        """Learn from what is kept, under weights `(K, A, M)`."""
        if updates:
            self._learner.learn(updates, weights, learning_rate)

    def replayed(self, policies: AnyFloatArray) -> FloatArray:
        """What greedy policies `(J, K, D)` bring in training: mean objectives `(J, K, A, M)` of `REPLAYED` windows.

        Each is played under the same noise, of a stream for this alone. What they brought while they were chosen for it
        is no fair measure: of many, those are chosen that were lucky.
        """
        phase = self._phase
        return np.stack([self._replayed(rows, REPLAYED * phase.window * phase.iteration_steps) for rows in policies])

    def _replayed(self, policies: AnyFloatArray, steps: int) -> FloatArray:
        environment = self._training(self._domain, len(self._streams), self._phase.environments)
        draws = environment.draw(steps, [MemberStreams(member.seed, "replayed") for member in self._streams])
        seen, told = environment.observe(), []
        for step in range(steps):
            played = environment.step(self._learner.act(seen, policies=policies), draws[step])
            seen = played.seen
            told.append(played.objectives)
        return _mean_over_steps_and_copies(np.stack(told), self._domain.spec.objectives)

    def policies(self) -> AnyFloatArray:
        """`(K, D)` the present policies."""
        return self._learner.policies()

    def diverged(self) -> BoolArray:
        """`(K,)` whose networks hold a value that is not finite."""
        return self._learner.diverged()

    def freeze(self, members: BoolArray) -> None:
        """Compute nothing more for these members `(K,)`."""
        self._learner.freeze(members)

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs; who is frozen, the loop says again."""
        return {
            "learner": self._learner.state_dict(),
            "environment": self._environment.state_dict(),
            "streams": [member.state_dict() for member in self._streams],
            "logged": self._logged,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._learner.load_state_dict(state["learner"])
        self._environment.load_state_dict(state["environment"])
        self._logged = state.get("logged", False)  # an earlier version knew no log
        for member, saved in zip(self._streams, state["streams"], strict=True):
            member.load_state_dict(saved)


def play(
    environment: Environment,
    choose: Callable[[Seen], IntArray],
    store: Callable[[Seen, IntArray, Step], None] | None = None,
) -> Played:
    """What choices bring in an environment of one copy, from where it stands on for a whole play: `(K, T, ...)`."""
    seen, told = environment.observe(), []
    for _ in range(environment.steps):
        actions = choose(seen)
        step = environment.step(actions)
        if store is not None:
            store(seen, actions, step)
        seen = step.seen
        told.append(Played(step.paid[:, 0], step.measures[:, 0], step.objectives[:, 0, :, 1:]))
    return Played(*(np.stack(part, 1) for part in zip(*told, strict=True)))


@compiled
def _mean_over_steps_and_copies(values: FloatArray, certain: int) -> FloatArray:
    """`(steps, K, E, A, numbers)` to `(K, A, numbers)`, in one order of adding whatever K is: NumPy's depends on it.

    Beyond the first, certain numbers, those that are NaN are left out.
    """
    steps, members, copies, agents, numbers = values.shape
    means = np.zeros((members, agents, numbers))
    for k in range(members):
        for a in range(agents):
            for i in range(numbers):
                unknown = 0
                for step in range(steps):
                    for copy in range(copies):
                        value = values[step, k, copy, a, i]
                        if i >= certain and np.isnan(value):
                            unknown += 1
                        else:
                            means[k, a, i] += value
                means[k, a, i] /= steps * copies - unknown
    return means
