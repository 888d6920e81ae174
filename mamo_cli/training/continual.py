"""Continual learning: after the usual training the evaluation is walked once, window by window, and learnt from.

Before a window the strategy fixes the weights and the task agents learn under them from all they have seen; in it they
act, and what they see joins the replay; after it the strategy is told what the window brought, against that window's
limits. Beside them the delivered policies walk through the same windows and never change. A window is built when it is
walked, from its own steps alone: nothing ahead of the walk is ever read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, FloatArray
from mamo_cli.core.seam import AS_CONFIGURED, Domain, Environment, Part, Played, Shift
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.conditions import WALKED, DriftConfig, WalkConfig
from mamo_cli.training.readout import Delivery
from mamo_cli.training.records import TABLES, Row, Tables
from mamo_cli.training.two_phase import TwoPhaseLoop
from mamo_cli.training.windows import FROZEN, LEARNING, Place, WalkRecords


class Walk:
    """The windows of an evaluation, and the conditions of each."""

    def __init__(self, domain: Domain, drift: DriftConfig, window: int) -> None:
        """Args: domain: whose evaluation is walked. drift: over the windows. window: control periods of one."""
        self._domain, self._drift, self._window = domain, drift, window
        self.steps = domain.environment(Part.EVALUATION, 1).steps
        self.windows = -(-self.steps // window)
        self.changes = drift.changes(self.windows)

    def span(self, window: int) -> tuple[int, int]:
        """First step of a window, and that after its last."""
        return window * self._window, min((window + 1) * self._window, self.steps)

    def shift(self, window: int) -> Shift:
        """What has shifted in a window."""
        return Shift(**self._drift.at(window))

    def before(self) -> Domain:
        """The domain as it is configured, that knows no more of its evaluation than the first window."""
        return self._domain.shifted(AS_CONFIGURED, self.span(0))

    def at(self, window: int) -> Domain:
        """The domain under the conditions of a window, which is all of its evaluation."""
        return self._domain.shifted(self.shift(window), self.span(window))


class ContinualLoop:
    """K members through their training, then through the walk, a window at a time."""

    def __init__(
        self,
        training: TwoPhaseLoop,
        strategy: Strategy,
        tasks: TaskAgents,
        walk: Walk,
        config: WalkConfig,
        seeds: Sequence[int],
        cycles: int,
    ) -> None:
        """All members before their training.

        Args:
            training: the loop.
            strategy: its strategy.
            tasks: its task agents.
            walk: where to.
            config: how.
            seeds: one a member.
            cycles: of the training.
        """
        self._training, self._strategy, self._tasks = training, strategy, tasks
        self._walk, self._config, self._seeds = walk, config, seeds
        self._untold = strategy.state_dict()
        self._window, self._began = 0, -cycles  # the window that would be the strategy's first cycle
        self._delivery: Delivery | None = None
        self._stands: dict[str, Any] = {}
        self._records = WalkRecords(walk.at(0).spec, seeds, training.alive)

    @property
    def done(self) -> bool:
        """Whether the walk is over."""
        return self._training.done and self._window >= self._walk.windows

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of members that were frozen because a number of theirs ceased to be finite."""
        return self._training.diverged_seeds

    @property
    def alive(self) -> BoolArray:
        """`(K,)` who is not frozen."""
        return self._training.alive

    @property
    def alphas(self) -> FloatArray:
        """See `TwoPhaseLoop`: those of the training."""
        return self._training.alphas

    def policies(self) -> AnyFloatArray:
        """See `TwoPhaseLoop`: after the walk those that have learnt on."""
        return self._training.policies()

    def delivery(self) -> Delivery:
        """What was delivered before the walk, once its training is over."""
        return self._training.delivery() if self._delivery is None else self._delivery

    def advance(self) -> Tables:
        """Train for one round, or walk through one window."""
        if not self._training.done:
            return {**self._training.advance(), WALKED: []}
        self._delivery = self.delivery()
        self._learn_and_act()
        self._follow(self._delivery)
        self._window += 1
        return {**{table: [] for table in TABLES}, WALKED: self._records.taken()}

    def _learn_and_act(self) -> None:
        """Let the agents that go on learning pass the window, and tell the strategy."""
        training, strategy, tasks, config = self._training, self._strategy, self._tasks, self._config
        window = self._window
        domain = self._walk.at(window)
        if config.restart and window in self._walk.changes:
            strategy.load_state_dict(self._untold)
            self._began = window
        cycle = window - self._began
        weights = strategy.propose(cycle)
        tasks.study(config.updates, weights, config.learning_rate)
        training.freeze(tasks.diverged())
        environment = self._environment(domain, LEARNING)
        played = tasks.walk(environment, config.epsilon)
        objectives = self._passed(LEARNING, domain, environment, weights, played)
        report = CycleReport(cycle, weights, objectives, _errors(played, domain.spec.cost_scale), domain.spec.limits)
        strategy.observe(report)
        training.freeze(strategy.diverged())

    def _follow(self, delivery: Delivery) -> None:
        """Let the policies that were delivered pass the window."""
        domain, (start, stop) = self._walk.at(self._window), self._walk.span(self._window)
        drawn = delivery.drawn(stop, domain.spec, self._seeds)[start:]
        environment = self._environment(domain, FROZEN)
        played = self._tasks.follow(environment, delivery, drawn)
        self._passed(FROZEN, domain, environment, delivery.mean_weights(), played)

    def _environment(self, domain: Domain, player: str) -> Environment:
        """A window's environment, gone on with from where a player's last one ended."""
        environment = domain.environment(Part.EVALUATION, len(self._seeds))
        if player in self._stands:
            environment.load_state_dict(self._stands[player])
        return environment

    def _passed(
        self, player: str, domain: Domain, environment: Environment, weights: FloatArray, played: Played
    ) -> FloatArray:
        """Note where a player stands and what it brought; its mean objectives `(K, A, M)`."""
        self._stands[player] = environment.state_dict()
        window = self._window
        place = Place(player, window, *self._walk.span(window), window in self._walk.changes)
        return self._records.add(place, domain.spec, weights, played)

    def evaluate(self, domain: Domain) -> list[Row]:
        """Rows of evaluation.csv for the policies that were delivered on another instance of the domain."""
        return self._training.evaluate(domain, self._delivery)

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        walk = {
            "window": self._window,
            "began": self._began,
            "stands": dict(self._stands),
            "delivery": None if self._delivery is None else [part.copy() for part in self._delivery],
            "records": self._records.state_dict(),
        }
        return {**self._training.state_dict(), "walk": walk}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._training.load_state_dict(state)
        walk = state["walk"]
        self._window, self._began, self._stands = walk["window"], walk["began"], dict(walk["stands"])
        delivery = walk["delivery"]
        self._delivery = None if delivery is None else Delivery(*(np.asarray(part).copy() for part in delivery))
        self._records.load_state_dict(walk["records"])


def _errors(played: Played, cost_scale: float) -> FloatArray:
    """Standard errors `(K, A, M)` of a window's mean objectives, whose steps are taken for independent."""
    each = np.concatenate((played.paid[..., None] / cost_scale, played.violations), -1)
    steps = each.shape[1]
    spread = [np.ascontiguousarray(each[..., m]).std(1, ddof=min(steps - 1, 1)) for m in range(each.shape[-1])]
    return np.asarray(np.stack(spread, -1) / np.sqrt(steps))
