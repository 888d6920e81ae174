"""Replica scaling as a batch of environments: K members, E copies each, F functions, one tensor step for all.

Observation (float32, one set for each function, `(K, E, 4F)`):

| part | meaning | range |
|---|---|---|
| 0..F-1 | expected arrival rate over the training trace's largest | >= 0 |
| F..2F-1 | replicas of the period before over N | (0, 1] |
| 2F..3F-1 | rejection probability of the period before | [0, 1] |
| 3F..4F-1 | cap N_t over N | (0, 1] |

Action: an index 0..N-1 for each function, meaning 1..N replicas; what exceeds the cap N_t is cut to it.
Objectives: cost `n / N` and rejection probability `P(actual rate, n)`, kept apart (the learner weighs them).
Dynamics: the workload goes its own way; a period's actual rate is the trace's times `1 + u`, and the trace starts anew
after its last step: an episode never terminates, its end is a truncation.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mamo_cli.scaling.instance import ScalingInstance

OBJECTIVES = 2  # cost, rejection
FEATURES = 4  # numbers observed of each function


class Step(NamedTuple):
    """What a period brings."""

    replicas: Tensor  # (K, E, F) int64, after the cap
    objectives: Tensor  # (K, E, F, 2) float64: cost, rejection
    observations: Tensor  # (K, E, 4F) float32, of the period after


class BatchedScaling:
    """E environments for each of K members, advanced together; copy e starts e/E of the trace later than copy 0."""

    def __init__(self, instance: ScalingInstance, members: int, environments: int = 1) -> None:
        self.instance = instance
        self._members, self._environments = members, environments
        self._limit = instance.replica_choices
        trace = instance.trace
        self._expected = torch.tensor(trace.expected_rate_rps / instance.rate_scale_rps)
        self._actual = torch.tensor(trace.actual_rate_rps)
        self._caps = torch.tensor(instance.max_replicas)
        # Value and slope side by side: one gather fetches an interval of the table.
        values = torch.from_numpy(instance.table.values)
        slopes = torch.diff(values, dim=-1, append=values[..., -1:])
        self._table = torch.stack((values, slopes), -1).flatten(0, 2)
        self._table_rates = values.shape[-1]
        self._table_row = torch.arange(instance.functions) * self._limit
        self.reset()

    def reset(self) -> Tensor:
        """Start anew, with one replica and no rejection behind; returns the first observations `(K, E, 4F)`."""
        steps = self.instance.trace.steps
        shape = (self._members, self._environments, self.instance.functions)
        self._steps = torch.arange(self._environments) * steps // self._environments
        self._replicas = torch.ones(shape, dtype=torch.int64)
        self._rejection = torch.zeros(shape, dtype=torch.float64)
        return self.observe()

    def observe(self) -> Tensor:
        """Observations `(K, E, 4F)` before the action of the current period."""
        shape = self._replicas.shape
        parts = (
            self._expected[self._steps].expand(shape),
            self._replicas.to(torch.float64) / self._limit,
            self._rejection,
            (self._caps[self._steps] / self._limit).expand(shape),
        )
        return torch.cat(parts, -1).to(torch.float32)

    def step(self, actions: Tensor, deviations: Tensor | None = None) -> Step:
        """Play one period.

        Args:
            actions: `(K, E, F)` int64 indices: index i asks for i + 1 replicas.
            deviations: `(K, E, F)` u, relative deviation of the actual rate; none means the trace as it is.
        """
        rates = self._actual[self._steps].expand(actions.shape)
        if deviations is not None:
            rates = rates * (1.0 + deviations)
        self._replicas = torch.minimum(actions + 1, self._caps[self._steps])
        self._rejection = self._lookup(rates, self._replicas)
        self._steps = (self._steps + 1) % self.instance.trace.steps
        objectives = torch.stack((self._replicas.to(torch.float64) / self._limit, self._rejection), -1)
        return Step(self._replicas, objectives, self.observe())

    def _lookup(self, rates: Tensor, replicas: Tensor) -> Tensor:
        position = rates.sqrt() / self.instance.table.root_step
        left = position.floor()
        interval = (self._table_row + replicas - 1) * self._table_rates + left.to(torch.int64)
        value, slope = self._table[interval].unbind(-1)
        return value + slope * (position - left)

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands."""
        return {"steps": self._steps, "replicas": self._replicas, "rejection": self._rejection}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state_dict` returned."""
        self._steps, self._replicas, self._rejection = state["steps"], state["replicas"], state["rejection"]
