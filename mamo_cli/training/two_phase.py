"""The two-phase loop: a strategy fixes the weights, the task agents train under them, the strategy is told.

A cycle: (1) the strategy fixes the weights; (2) the task agents train for a phase under them, going on from their
present policies; (3) they are summarised over the phase's last window, averaged if they are a federation, and evaluated
greedily; (4) the strategy is told and chooses again. Baselines at fixed weights are the same loop with one cycle and a
strategy that never changes its mind.

Agents that know the weights learn before the first cycle, and in (2) only play: see `conditioned_agents`.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Domain, Played
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.training.agents import Agents
from mamo_cli.training.conditions import NO_DRIFT, DriftConfig
from mamo_cli.training.drift import World
from mamo_cli.training.federation.federation import Federation
from mamo_cli.training.readout import RULES, Delivery, Kept, only
from mamo_cli.training.records import Records, Row, Tables


class TwoPhaseLoop:
    """K members through all their cycles, one round of iterations at a time, leaving rows of the run's tables."""

    def __init__(
        self,
        *,
        seeds: Sequence[int],
        domain: Domain,
        tasks: Agents,
        strategy: Strategy,
        cycles: int,
        phase_iterations: int,
        round_iterations: int,
        window: int,
        steps_per_iteration: int,
        steps_before: int = 0,
        readout: str = "last",
        drift: DriftConfig = NO_DRIFT,
        federation: Federation | None = None,
    ) -> None:
        self._seeds = list(seeds)
        self._domain, self._tasks, self._strategy = domain, tasks, strategy
        self._world, self._readout, self._federation = World(domain, drift), readout, federation
        self._cycles, self._phase, self._round = cycles, phase_iterations, round_iterations
        self._window, self._steps, self._steps_before = window, steps_per_iteration, steps_before
        self._iteration = 0
        self._alive: BoolArray = np.ones(len(self._seeds), dtype=np.bool_)
        self._weights = self._proposed(0)
        self._recent: list[FloatArray] = []
        self._kept = self._nothing_kept()
        self._records = Records(domain.spec, self._seeds, self._alive)

    @property
    def done(self) -> bool:
        """Whether the last cycle is over."""
        return self._iteration >= self._cycles * self._phase

    @property
    def alive(self) -> BoolArray:
        """`(K,)` who is not frozen; the array that the loop changes."""
        return self._alive

    @property
    def diverged_seeds(self) -> list[int]:
        """Seeds of members that were frozen because a number of theirs ceased to be finite."""
        return [seed for seed, alive in zip(self._seeds, self._alive, strict=True) if not alive]

    @property
    def alphas(self) -> FloatArray:
        """`(K,)` what the violations of each member weigh at present, all together, in the mean over agents."""
        return np.array([own[:, 1:].sum() / len(own) for own in self._weights])

    def policies(self) -> AnyFloatArray:
        """`(K, D)` the present policies, whatever is delivered."""
        return self._tasks.policies()

    def advance(self) -> Tables:
        """Train for one round, and close the cycle when its phase is over."""
        for _ in range(self._round):
            self._enter(self._iteration // self._phase)
            summary = self._tasks.train_iteration(self._iteration % self._phase, self._weights)
            self.freeze(self._tasks.diverged())
            self._recent = [*self._recent, summary.objectives][-self._window :]
            self._iteration += 1
            played = self._steps_before + self._iteration * self._steps
            self._records.add_iteration(self._iteration - 1, played, self._weights, summary)
            if self._iteration % self._phase == 0:
                self._close_cycle()
                break
            self._weights = self._strategy.within(
                self._weights, np.nan_to_num(summary.objectives), self._domain.spec.limits
            )
        return self._records.taken()

    def _enter(self, cycle: int) -> None:
        """Go on under the conditions of a cycle; policies that were kept under others are no longer compared."""
        domain = self._world.at(cycle)
        if domain is not self._domain:
            self._domain = domain
            self._tasks.move_to(domain)
            self._kept = self._nothing_kept()

    def _nothing_kept(self) -> Kept | None:
        if self._readout not in RULES:
            return None
        return Kept(self._readout, self._domain.spec, len(self._seeds), self._strategy.readouts)

    def _close_cycle(self) -> None:
        cycle = self._iteration // self._phase - 1
        objectives = self._means()
        limits = self._domain.spec.limits
        report = CycleReport(cycle, self._weights, objectives, _errors(self._recent, objectives), limits)
        told = self._strategy.observe(report)
        self.freeze(self._strategy.diverged())
        if self._federation is not None:
            told = {**told, **self._federation.average(cycle, self._alive)}
            self.freeze(self._tasks.diverged())
        evaluation = self._tasks.evaluate(self._domain)
        self._records.add_cycle(cycle, self._weights, objectives, evaluation, limits, told)
        if self._kept is not None:
            self._kept.add(cycle, self._weights, objectives, self._tasks.policies())
        if self.done:
            self._deliver(evaluation)
        else:
            self._weights = self._proposed(cycle + 1)

    def _proposed(self, cycle: int) -> FloatArray:
        """`(K, A, M)` the strategy's weights; whoever has one that is not finite is frozen."""
        weights = self._strategy.propose(cycle)
        self.freeze(np.asarray(~np.isfinite(weights).all((1, 2))))
        return weights

    def _deliver(self, evaluation: Played) -> None:
        if self._kept is not None:
            self._kept.measure(self._tasks.replayed)
        delivery = self.delivery()
        if self._kept is not None:
            evaluation = self._tasks.evaluate(self._domain, delivery)
        self._records.add_delivery(delivery)
        self._records.add_evaluation(self._domain, delivery.mean_weights(), evaluation)

    def delivery(self) -> Delivery:
        """What is delivered, once the last cycle is over."""
        if self._kept is not None:
            return self._kept.delivery()
        return only(self._tasks.policies(), self._weights, self._means(), self._iteration // self._phase - 1)

    def _means(self) -> FloatArray:
        """`(K, A, M)` of the last iterations."""
        # One after another: how np.mean orders its sums depends on how many members there are.
        return np.nan_to_num(functools.reduce(np.add, self._recent) / len(self._recent))

    def freeze(self, diverged: BoolArray) -> None:
        """Let members `(K,)` compute nothing more, neither their task agents nor their strategy."""
        fallen = self._alive & diverged
        if fallen.any():
            self._alive &= ~fallen
            self._tasks.freeze(~self._alive)
            self._strategy.freeze(~self._alive)

    def evaluate(self, domain: Domain, delivery: Delivery | None = None) -> list[Row]:
        """Rows of evaluation.csv for what is delivered, as is or as it was, on another instance of the domain."""
        if delivery is None and self._kept is not None:
            delivery = self._kept.delivery()
        weights = self._weights if delivery is None else delivery.mean_weights()
        self._records.add_evaluation(domain, weights, self._tasks.evaluate(domain, delivery))
        return self._records.taken()["evaluation"]

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {
            "seeds": list(self._seeds),
            "iteration": self._iteration,
            "alive": self._alive.copy(),
            "weights": self._weights.copy(),
            "recent": [part.copy() for part in self._recent],
            "tasks": self._tasks.state_dict(),
            "strategy": self._strategy.state_dict(),
            "kept": None if self._kept is None else self._kept.state_dict(),
            **({} if self._federation is None else {"federation": self._federation.state_dict()}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned; a state that ended a run is told that it is `due` for another cycle."""
        self._iteration = state["iteration"]
        self._enter(max(self._iteration - 1, 0) // self._phase)  # of what was played last
        put_back(self._alive, state["alive"])
        self._weights = self._weights.copy()
        put_back(self._weights, state["weights"])
        self._recent = [np.empty_like(self._weights) for _ in state["recent"]]
        for place, saved in zip(self._recent, state["recent"], strict=True):
            put_back(place, saved)
        self._tasks.load_state_dict(state["tasks"])
        self._strategy.load_state_dict(state["strategy"])
        if self._kept is not None:
            self._kept.load_state_dict(state["kept"])
        if self._federation is not None:
            self._federation.load_state_dict(state["federation"])
        self._tasks.freeze(~self._alive)
        self._strategy.freeze(~self._alive)
        if state.get("due"):
            self._weights = self._proposed(self._iteration // self._phase)


def _errors(recent: Sequence[FloatArray], means: FloatArray) -> FloatArray:
    """Standard errors of means over a window's iterations, which are taken for independent."""
    spread = functools.reduce(np.add, [(np.nan_to_num(part) - means) ** 2 for part in recent])
    return np.asarray(np.sqrt(spread / (max(len(recent) - 1, 1) * len(recent))))
