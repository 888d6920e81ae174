"""Replica scaling as a batch of environments: K members, E copies each, F functions, one compiled loop over all.

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

import numpy as np
import torch
from numpy.typing import NDArray

from mamo_cli.compiled import compiled, put_back
from mamo_cli.scaling.instance import FloatArray, ScalingInstance

OBJECTIVES = 2  # cost, rejection
FEATURES = 4  # numbers observed of each function

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Step(NamedTuple):
    """What a period brings."""

    replicas: IntArray  # (K, E, F), after the cap
    objectives: FloatArray  # (K, E, F, 2): cost, rejection
    observations: Float32Array  # (K, E, 4F), of the period after


class BatchedScaling:
    """E environments for each of K members, advanced together; copy e starts e/E of the trace later than copy 0."""

    def __init__(self, instance: ScalingInstance, members: int, environments: int = 1) -> None:
        self.instance = instance
        self._shape = (members, environments, instance.functions)
        trace = instance.trace
        self._expected = trace.expected_rate_rps / instance.rate_scale_rps
        self._actual = trace.actual_rate_rps
        self.reset()

    def reset(self) -> Float32Array:
        """Start anew, with one replica and no rejection behind; returns the first observations `(K, E, 4F)`."""
        copies = self._shape[1]
        self._steps = np.arange(copies) * self.instance.trace.steps // copies
        self._objectives = np.zeros((*self._shape, OBJECTIVES))
        self._objectives[..., 0] = 1 / self.instance.replica_choices
        return self.observe()

    def observe(self) -> Float32Array:
        """Observations `(K, E, 4F)` before the action of the current period."""
        members, copies, functions = self._shape
        observations = np.empty((members, copies, FEATURES * functions), dtype=np.float32)
        instance = self.instance
        caps, limit = instance.max_replicas, instance.replica_choices
        _observe(self._expected, caps, limit, self._steps, self._objectives, observations)
        return observations

    def step(self, actions: IntArray, deviations: FloatArray | None = None) -> Step:
        """Play one period.

        Args:
            actions: `(K, E, F)` indices: index i asks for i + 1 replicas.
            deviations: `(K, E, F)` u, relative deviation of the actual rate; none means the trace as it is.
        """
        instance, table = self.instance, self.instance.table
        if deviations is None:
            deviations = np.zeros(self._shape)
        members, copies, functions = self._shape
        played = Step(
            replicas=np.empty(self._shape, dtype=np.int64),
            objectives=np.empty((*self._shape, OBJECTIVES)),
            observations=np.empty((members, copies, FEATURES * functions), dtype=np.float32),
        )
        _play(
            table.values, table.root_step, self._expected, self._actual, instance.max_replicas, self._steps,
            actions, deviations, played,
        )  # fmt: skip
        self._objectives = played.objectives
        return played

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands."""
        parts = {"steps": self._steps, "objectives": self._objectives}
        return {name: torch.from_numpy(part.copy()) for name, part in parts.items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments; compiled code would follow its indices anywhere.
        """
        steps, length = state["steps"], self.instance.trace.steps
        if not bool(((steps >= 0) & (steps < length)).all()):
            raise ValueError(f"environments stand beyond the trace's {length} steps")
        put_back(self._steps, steps)
        put_back(self._objectives, state["objectives"])


@compiled
def _observe(
    expected: FloatArray,
    caps: IntArray,
    limit: int,
    steps: IntArray,
    objectives: FloatArray,
    observations: Float32Array,
) -> None:
    """Fill `observations`, see the module's table."""
    members, copies, functions, _ = objectives.shape
    for k in range(members):
        for e in range(copies):
            seen = observations[k, e]
            for f in range(functions):
                seen[f] = expected[steps[e], f]
                seen[functions + f], seen[2 * functions + f] = objectives[k, e, f]
                seen[3 * functions + f] = caps[steps[e], f] / limit


@compiled
def _play(
    values: FloatArray,
    root_step: float,
    expected: FloatArray,
    rates: FloatArray,
    caps: IntArray,
    steps: IntArray,
    actions: IntArray,
    deviations: FloatArray,
    played: Step,
) -> None:
    """Fill `played` and move every copy on to its next step.

    The rejection probability is what `RejectionTable.lookup` says, without its checks of the arguments.
    """
    members, copies, functions = actions.shape
    limit, last = values.shape[1], values.shape[2] - 1
    for k in range(members):
        for e in range(copies):
            for f in range(functions):
                chosen = min(actions[k, e, f] + 1, caps[steps[e], f])
                rate = rates[steps[e], f] * (1.0 + deviations[k, e, f])
                position = np.sqrt(rate) / root_step
                cell = min(max(int(position), 0), last - 1)
                low, high = values[f, chosen - 1, cell], values[f, chosen - 1, cell + 1]
                played.replicas[k, e, f] = chosen
                played.objectives[k, e, f, 0] = chosen / limit
                played.objectives[k, e, f, 1] = low + (high - low) * min(position - cell, 1.0)
    for e in range(copies):
        steps[e] = (steps[e] + 1) % rates.shape[0]
    _observe(expected, caps, limit, steps, played.objectives, played.observations)
