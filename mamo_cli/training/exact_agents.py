"""Task agents that need not learn: at any weights they play the domain's exact answer.

What a strategy does with them is its own doing alone. All they tell is exact, in expectation over the noise. Where
training is told a proxy, it is the answer to that, and what it brings in the evaluation is the truth.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, FloatArray
from mamo_cli.core.seam import Domain, Part, Played
from mamo_cli.training.agents import IterationSummary
from mamo_cli.training.readout import Delivery, only


class ExactAgents:
    """K members' exact answers; a policy is the weights that it answers."""

    def __init__(self, domain: Domain, members: int) -> None:
        """Args: domain: what is controlled. members: K.

        Raises:
            NothingExactError: nothing exact is known of it.
        """
        agents, objectives = len(domain.spec.agents), domain.spec.objectives
        self._domain, self._measures = domain, len(domain.spec.words.measures)
        self._weights: FloatArray = np.full((members, agents, objectives), 1.0 / objectives)
        self._told: dict[bytes, FloatArray] = {}
        domain.answer(self._weights[0], Part.TRAINING)

    def train_iteration(self, iteration: int, weights: FloatArray) -> IterationSummary:
        """The mean objectives of the best play of the training part under weights `(K, A, M)`."""
        self._weights = weights.copy()
        objectives = np.stack([self._answered(own) for own in weights])
        unknown = np.full((*weights.shape[:2], self._measures), np.nan)
        return IterationSummary(0.0, np.full(len(weights), np.nan), objectives, unknown)

    def move_to(self, domain: Domain) -> None:
        """Answer for other conditions of the domain."""
        self._domain, self._told = domain, {}

    def _answered(self, weights: FloatArray) -> FloatArray:
        key = weights.tobytes()
        if key not in self._told:
            self._told = {key: self._domain.answer(weights, Part.TRAINING).objectives, **self._told}
        return self._told[key]

    def evaluate(self, domain: Domain, delivery: Delivery | None = None) -> Played:
        """What the exact answers bring on a domain's evaluation part, in expectation: `(K, T, ...)`."""
        if delivery is None:
            delivery = only(self.policies(), self._weights)
        each = [self._mean(domain, delivery, k) for k in range(len(self._weights))]
        return Played(*(np.stack(part) for part in zip(*each, strict=True)))

    def _mean(self, domain: Domain, delivery: Delivery, member: int) -> Played:
        """A member's mixture: the mean of its policies' plays, each agent's by its own shares."""
        steps, total = len(domain.conditions()), None
        for policy, shares in zip(delivery.policies[:, member], delivery.shares[:, member], strict=True):
            if not shares.any():
                continue
            weights = policy.reshape(self._weights.shape[1:]).astype(np.float64)
            plan = domain.answer(weights).plan if domain.spec.proxy is None else domain.believed(weights)
            told = domain.expected(plan)
            if not (shares == 1.0).all():  # between two that a number names lies no third
                told.measures[..., domain.spec.words.nominal] = np.nan
            parts = [shares * told.paid, shares[:, None] * told.measures, shares[:, None] * told.violations]
            total = parts if total is None else [a + b for a, b in zip(total, parts, strict=True)]
        assert total is not None
        return Played(*(np.broadcast_to(part, (steps, *part.shape[1:])) for part in total))

    def replayed(self, policies: AnyFloatArray) -> FloatArray:
        """What policies `(J, K, A M)` bring in training, exactly: `(J, K, A, M)`."""
        weights = policies.reshape(-1, *self._weights.shape[1:]).astype(np.float64)
        told = [self._answered(own) for own in weights]
        return np.stack(told).reshape(-1, *self._weights.shape)

    def policies(self) -> AnyFloatArray:
        """`(K, A M)` the present weights."""
        return self._weights.reshape(len(self._weights), -1).copy()

    def diverged(self) -> BoolArray:
        """Nobody: nothing is learnt."""
        return np.zeros(len(self._weights), dtype=np.bool_)

    def freeze(self, members: BoolArray) -> None:
        """Nothing to stop."""

    def state_dict(self) -> dict[str, Any]:
        """The present weights."""
        return {"weights": self._weights.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._weights = np.asarray(state["weights"]).copy()
