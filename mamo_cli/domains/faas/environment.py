"""Replica scaling as a batch of environments: K members, E copies each, F functions, one compiled loop over all.

Observation of a function (float32, `(K, E, F, 4)`, or 5 where functions share a memory):

| number | meaning | range |
|---|---|---|
| 0 | expected arrival rate over the training trace's largest | >= 0 |
| 1 | replicas of the period before over N | (0, 1] |
| 2 | rejection probability of the period before | [0, 1] |
| 3 | cap N_t over N | (0, 1] |
| 4 | memory M_t over what all functions take at their largest caps, at most 1 | (0, 1] |

Choice: an index 0..N-1 for each function, meaning 1..N replicas; what exceeds the cap N_t is masked, and cut to it
where it is asked for all the same. What all choose together must fit the memory, and is refused where it does not.
Objectives: the normalised cost and the rejection probability `P(actual rate, n)`, kept apart (the learner weighs them);
where requests are counted, times the actual rate over the mean rate.
Dynamics: the workload goes its own way; a period's actual rate is the trace's times `1 + u`, and the trace starts anew
after its last step: an episode never ends.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import compiled, put_back
from mamo_cli.core.seam import Copy, Seen, Step, begin_at
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.faas.memory import Memory
from mamo_cli.domains.faas.node import Node
from mamo_cli.domains.faas.rejection.table import interpolated

SHARED = 4
"""Which number of an observation tells of the memory."""


class Brought(NamedTuple):
    """What a period brings, to be filled."""

    objectives: FloatArray  # (K, E, F, M)
    paid: FloatArray  # (K, E, F)
    measures: FloatArray  # (K, E, F, Q)


class ScalingEnvironment:
    """E environments for each of K members, advanced together; copy e starts e/E of the trace later than copy 0."""

    objectives = 2
    """M: the cost and the rejection."""
    measures = 1
    """Q: the replicas."""
    counted: FloatArray | None = None
    """`(K, E, F)` requests at the end of the period before, where they are counted one by one."""

    def __init__(self, node: Node, members: int, copies: int | Copy = 1, noise: float = 0.0) -> None:
        """Args: node: what is played. members: K. copies: E. noise: what `draw` draws deviations within."""
        self._shares = None if node.memory is None else node.memory.shares
        self.node = node
        self.steps = node.trace.steps
        self._noise = noise
        self._begin = begin_at(copies, self.steps)
        self._shape = (members, len(self._begin), node.functions)
        self._expected = node.trace.expected_rate_rps / node.rate_scale_rps
        self._calm = np.zeros(self._shape)
        self._means = np.zeros(node.functions) if node.mean_rate_rps is None else node.mean_rate_rps
        self._continues = np.ones(self._shape[:2], dtype=np.float32)
        self._over = np.zeros(self._shape[:2], dtype=np.bool_)
        self.reset()

    def reset(self) -> Seen:
        """Start anew, with one replica and no rejection behind."""
        self._at = self._begin.copy()
        self._before = np.zeros((*self._shape, 2))
        self._before[..., 0] = 1 / self.node.replica_choices
        return self.observe()

    @property
    def at(self) -> IntArray:
        """`(E,)` the step of the trace that each copy is about to play."""
        return self._at.copy()

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> Any:
        """The workload's relative deviations `(steps, K, E, F)` for the coming periods."""
        shape = (steps, *self._shape[1:])
        return np.stack([member["environment"].uniform(-self._noise, self._noise, shape) for member in streams], 1)

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        values = np.empty((*self._shape, self.node.observation), dtype=np.float32)
        mask = np.empty((*self._shape, self.node.replica_choices), dtype=np.bool_)
        _observe(self._expected, self.node.max_replicas, self._at, self._before, values, mask)
        memory = self.node.memory
        if memory is None or self._shares is None:
            return Seen(values, mask)
        values[..., SHARED] = self._shares[self._at][:, None]
        return Seen(values, mask, np.repeat(memory.budgets[self._at][None], len(values), 0))

    def step(self, actions: IntArray, draw: Any = None) -> Step:
        """Play one period.

        Args:
            actions: `(K, E, F)` indices: index i asks for i + 1 replicas.
            draw: an entry of `draw`, here `(K, E, F)` relative deviation of the actual rate; none: the trace as it is.

        Raises:
            ValueError: the replicas do not fit the memory.
        """
        shape = self._shape
        if self.node.memory is not None:
            self._require_fit(self.node.memory, actions)
        brought = Brought(np.empty((*shape, self.objectives)), np.empty(shape), np.empty((*shape, self.measures)))
        self._advance(actions, draw, brought)
        seen = self.observe()
        return Step(*brought, self._continues, self._over, seen, seen)

    def _advance(self, actions: IntArray, draw: Any, brought: Brought) -> None:
        """Fill what a period brings, and move every copy on to its next step."""
        node, deviations = self.node, self._calm if draw is None else draw
        _play(
            node.table.values, node.table.root_step, node.trace.actual_rate_rps, node.max_replicas, node.replica_cost,
            node.cost_scale, self._means, self._at, actions, deviations, self._before, *brought,
        )  # fmt: skip

    def _require_fit(self, memory: Memory, actions: IntArray) -> None:
        """See that what is chosen, cut to the caps, fits."""
        taken = memory.taken(np.minimum(actions, self.node.max_replicas[self._at] - 1))
        budgets = memory.budgets[self._at]
        if (taken > budgets).any():
            k, e = np.argwhere(taken > budgets)[0]
            raise ValueError(f"choices {actions[k, e]} take {taken[k, e]} units of memory, and there are {budgets[e]}")

    def measured(self) -> dict[str, Any]:
        """What is measured before the coming period of the first copy, as a policy that is served reads it."""
        node, at, before = self.node, int(self._at[0]), self._before[0, 0]
        rates, caps = node.trace.expected_rate_rps[at].tolist(), node.max_replicas[at].tolist()
        told = zip(node.trace.functions, rates, before[:, 1].tolist(), caps, strict=True)
        shared = {} if node.memory is None else {"memory_mb": float(node.memory.node_mb[at])}
        each = {
            name: {"rate_rps": rate, "rejection": rejection, "max_replicas": cap} for name, rate, rejection, cap in told
        }
        return {"functions": each, **shared}

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands."""
        return {"steps": self._at.copy(), "before": self._before.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments; compiled code would follow its indices anywhere.
        """
        at, length = np.asarray(state["steps"]), self.steps
        if not bool(((at >= 0) & (at < length)).all()):
            raise ValueError(f"environments stand beyond the trace's {length} steps")
        put_back(self._at, at)
        put_back(self._before, state["before"])


@compiled
def _observe(
    expected: FloatArray, caps: IntArray, at: IntArray, before: FloatArray, values: Float32Array, mask: BoolArray
) -> None:
    """Fill `values` and `mask`, see the module's table."""
    members, copies, functions, choices = mask.shape
    for k in range(members):
        for e in range(copies):
            for f in range(functions):
                seen = values[k, e, f]
                seen[0] = expected[at[e], f]
                seen[1], seen[2] = before[k, e, f]
                seen[3] = caps[at[e], f] / choices
                for choice in range(choices):
                    mask[k, e, f, choice] = choice < caps[at[e], f]


@compiled
def _play(
    values: FloatArray,
    root_step: float,
    rates: FloatArray,
    caps: IntArray,
    replica_cost: FloatArray,
    cost_scale: float,
    means: FloatArray,
    at: IntArray,
    actions: IntArray,
    deviations: FloatArray,
    before: FloatArray,
    objectives: FloatArray,
    paid: FloatArray,
    measures: FloatArray,
) -> None:
    """Fill what a period brings, and move every copy on to its next step."""
    members, copies, functions = actions.shape
    limit = values.shape[1]
    for k in range(members):
        for e in range(copies):
            for f in range(functions):
                chosen = min(actions[k, e, f] + 1, caps[at[e], f])
                rate = rates[at[e], f] * (1.0 + deviations[k, e, f])
                rejection = interpolated(values, root_step, f, chosen, rate)
                paid[k, e, f] = replica_cost[f] * chosen
                measures[k, e, f, 0] = chosen
                weight = rate / means[f] if means[f] > 0.0 else 1.0
                objectives[k, e, f, 0], objectives[k, e, f, 1] = paid[k, e, f] / cost_scale, weight * rejection
                before[k, e, f, 0], before[k, e, f, 1] = chosen / limit, rejection
    for e in range(copies):
        at[e] = (at[e] + 1) % rates.shape[0]
