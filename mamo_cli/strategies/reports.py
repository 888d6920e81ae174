"""All that a strategy was told: the weights that were tried, and what they brought."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Spec
from mamo_cli.strategies.protocol import CycleReport, Strategy


class Reports:
    """Weights and objectives of every cycle so far, and the limits of the last."""

    def __init__(self, spec: Spec, members: int) -> None:
        """Args: spec: of the domain. members: K."""
        shape = (0, members, len(spec.agents), spec.objectives)
        self.weights, self.objectives = np.zeros(shape), np.zeros(shape)  # (C, K, A, M)
        self.limits = spec.limits  # (A, M - 1)

    def add(self, report: CycleReport) -> None:
        """Keep one more."""
        self.limits = report.limits
        self.weights = np.concatenate((self.weights, report.weights[None]))
        self.objectives = np.concatenate((self.objectives, report.objectives[None]))

    def best(self, otherwise: FloatArray) -> FloatArray:
        """Weights `(K, A, M)` of the cheapest cycle within the limits, or of the one least beyond; the first of equals.

        Args:
            otherwise: before there is any.
        """
        if not len(self.weights):
            return otherwise
        excess = np.maximum(self.objectives[..., 1:] - self.limits, 0.0).sum(-1)
        within = excess == excess.min(0)
        chosen = np.where(within, self.objectives[..., 0], np.inf).argmin(0)
        return np.asarray(np.take_along_axis(self.weights, chosen[None, ..., None], 0)[0])

    def state_dict(self) -> dict[str, Any]:
        """All of it."""
        return {"weights": self.weights, "objectives": self.objectives, "limits": self.limits}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self.limits = self.limits.copy()
        put_back(self.limits, state["limits"])
        for name in ("weights", "objectives"):
            place = np.empty((len(state["weights"]), *self.weights.shape[1:]))
            put_back(place, state[name])
            setattr(self, name, place)


class FromReports(Strategy):
    """A strategy that knows its reports alone: it settles on the best of them, and keeps nothing else."""

    columns: tuple[str, ...] = ("choice",)

    def __init__(self, spec: Spec, first: FloatArray) -> None:
        """Args: spec: of the domain. first: weights `(K, A, M)` of the first cycle."""
        self._first, self._reports = first, Reports(spec, len(first))

    def propose(self, cycle: int) -> FloatArray:
        """The first cycle's are given; every strategy has a rule of its own for the others."""
        return self._first if cycle == 0 else self._next(cycle)

    def _next(self, cycle: int) -> FloatArray:
        raise NotImplementedError

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Keep it; returns what all violations weigh together where it would settle, alpha where there is one."""
        self._reports.add(report)
        return {"choice": self.settled()[..., 1:].sum(-1)}

    def settled(self) -> FloatArray:
        """The weights of the cheapest cycle within the limits so far, or of the one least beyond."""
        return self._reports.best(self._first)

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return self._reports.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._reports.load_state_dict(state)
