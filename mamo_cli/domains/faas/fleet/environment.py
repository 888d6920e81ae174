"""A fleet as a batch of environments: K members, E copies each, M nodes.

Observation of a node (float32, `(K, E, M, O)`): what `faas.environment` has of a function, and where nodes have
neighbours, besides

| number | meaning | range |
|---|---|---|
| 4 | share of its requests that it forwarded in the period before | [0, 1/2] |
| 5 | what arrived at its replicas then, over the training trace's largest rate | >= 0 |

and where they hear others, of each in turn the last message that arrived: its expected rate, over the same, and the
replicas that it may add, over N (may be below 0 where its cap falls). Who hears fewer than another has zeros. A node
whose sensor is off has number 0, and tells it, times a factor; who lies, and whom a node isolates: see `adversaries.py`
and `trust.py`.

Choice: see `Fleet`. Replicas beyond the cap are masked, and cut to it where they are asked for all the same; options
that a node does not have are masked, and keep all requests.
Period: every node serves what it keeps and what its neighbours forward, and rejects of both the share P(rate, n). What
is forwarded is not forwarded again.
Objectives: the normalised cost, of replicas and of what is forwarded; and the share of a node's own requests that is
rejected anywhere.
Dynamics: as in `faas.environment`. Without neighbours it is that environment, to the last bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.compiled import compiled, put_back
from mamo_cli.core.seam import Copy, Seen
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.faas.environment import Brought, ScalingEnvironment
from mamo_cli.domains.faas.fleet.messages import TOLD, tell
from mamo_cli.domains.faas.fleet.nodes import FLOWED, NOBODY, Fleet
from mamo_cli.domains.faas.fleet.trust import judge
from mamo_cli.domains.faas.rejection.table import interpolated

ALONE = 4
"""Numbers of an observation that a single node has; those of flows follow, then those that were heard."""

STATE = ("flows", "lost", "kept", "underway", "doubts")


class FleetEnvironment(ScalingEnvironment):
    """E fleets for each of K members, advanced together."""

    measures = 4
    """Q: replicas, share forwarded, to whom, what arrived; and where nodes isolate others, how many each has."""

    def __init__(
        self,
        fleet: Fleet,
        members: int,
        copies: int | Copy = 1,
        noise: float = 0.0,
        losses: np.random.Generator | None = None,
    ) -> None:
        """Begin.

        Args:
            fleet: what is played.
            members: K.
            copies: E.
            noise: what `draw` draws deviations within.
            losses: by what messages are lost where none are drawn, the same for all members; None: none is.
        """
        self.fleet, self._options = fleet, fleet.options
        self._receivers, self._shared = fleet.receivers(), fleet.shares()
        shape = fleet.messages.heard.shape
        self._losses = (
            np.ones((fleet.node.trace.steps, *shape))
            if losses is None
            else losses.random((fleet.node.trace.steps, *shape))
        )
        super().__init__(fleet.node, members, copies, noise)
        self._expected = self._expected * fleet.faults.sensors
        self.measures += fleet.trust is not None

    def reset(self) -> Seen:
        """Start anew, with one replica, no rejection and no flow behind, and nothing heard."""
        heard = (*self._shape, self.fleet.messages.heard.shape[1])
        self._flows = np.zeros((*self._shape, FLOWED))
        self._lost, self._kept = np.full(heard, -1), np.zeros((*heard, TOLD))
        self._underway = np.zeros((*self._shape, TOLD))
        self._doubts = np.zeros(heard, dtype=np.int64)
        return super().reset()

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> Any:
        """The workload's deviations; where there are messages also uniforms by which they are lost, of own streams."""
        deviations = super().draw(steps, streams)
        heard = self.fleet.messages.heard
        if not heard.size:
            return deviations
        shape = (steps, self._shape[1], *heard.shape)
        return list(zip(deviations, np.stack([each["messages"].random(shape) for each in streams], 1), strict=True))

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        alone, fleet = super().observe(), self.fleet
        values = [alone.values]
        if fleet.forwards:
            values.append(self._flows.astype(np.float32))
        if fleet.messages.heard.size:
            values.append(self._believed().reshape(*self._shape, -1).astype(np.float32))
        if not fleet.forwards:
            return Seen(np.concatenate(values, -1), alone.mask)
        mask = np.empty((*self._shape, max(fleet.choices)), dtype=np.bool_)
        _allow(self._options, alone.mask, mask)
        if fleet.trust is not None:
            mask &= ~np.repeat(fleet.trust.barred(self._doubts, self._receivers), self.node.replica_choices, -1)
        return Seen(np.concatenate(values, -1), mask)

    def _advance(self, actions: IntArray, draw: Any, brought: Brought) -> None:
        fleet, node, heard = self.fleet, self.node, self.fleet.messages.heard
        deviations, uniforms = draw if isinstance(draw, tuple) else (self._calm if draw is None else draw, None)
        if uniforms is None and heard.size:
            uniforms = np.broadcast_to(self._losses[self._at], (*self._shape, heard.shape[1]))
        if fleet.trust is not None:
            actions = fleet.trust.obeyed(actions, self._doubts, self._receivers, node.replica_choices)
            came = node.trace.actual_rate_rps[self._at] * (1.0 + deviations)
            claims = self._kept[..., :TOLD] * (node.rate_scale_rps, node.replica_choices)
        _play(
            node.table.values, node.table.root_step, node.trace.actual_rate_rps, node.max_replicas, node.replica_cost,
            fleet.cost_scale, fleet.forward_cost, node.rate_scale_rps, self._receivers, self._shared, self._options,
            self._at, actions, deviations, self._before, self._flows, *brought,
        )  # fmt: skip
        if heard.size:
            said = self._said()
            arriving = self._underway if fleet.messages.late else said
            tell(fleet.messages, np.ascontiguousarray(uniforms), arriving, self._lost, self._kept)
            self._underway = said
        if fleet.trust is not None:
            judge(fleet.trust, node.table, claims, came * brought.measures[..., 1], brought.measures, self._doubts)
            brought.measures[..., -1] = fleet.trust.isolated(self._doubts).sum(-1)
            self._doubts[:, self._at == 0] = 0

    def _believed(self) -> FloatArray:
        """`(K, E, M, H, 2)` what was heard of those whom nobody isolated; silence of others."""
        trust = self.fleet.trust
        return self._kept if trust is None else self._kept * ~trust.isolated(self._doubts)[..., None]

    def _said(self) -> FloatArray:
        """`(K, E, M, 2)` what nodes say before the coming period."""
        caps = self.node.max_replicas[self._at] / self.node.replica_choices
        rates = np.broadcast_to(self._expected[self._at], self._shape)
        said, liars = np.stack((rates, caps - self._before[..., 0]), -1), self.fleet.faults.liars
        said[:, :, liars] = np.stack((np.zeros_like(caps), caps), -1)[:, liars]
        return said

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands."""
        own = {name: getattr(self, f"_{name}").copy() for name in STATE}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments.
        """
        super().load_state_dict(state)
        for name in STATE:
            put_back(getattr(self, f"_{name}"), state[name])


@compiled
def _allow(options: IntArray, alone: BoolArray, mask: BoolArray) -> None:
    """Fill `mask` `(K, E, M, C)` from what each node may choose alone, `(K, E, M, N)`."""
    members, copies, nodes, replicas = alone.shape
    for k in range(members):
        for e in range(copies):
            for m in range(nodes):
                for choice in range(mask.shape[3]):
                    known = choice // replicas < options[m]
                    mask[k, e, m, choice] = known and alone[k, e, m, choice % replicas]


@compiled
def _play(
    values: FloatArray,
    root_step: float,
    rates: FloatArray,
    caps: IntArray,
    replica_cost: FloatArray,
    cost_scale: float,
    forward_cost: float,
    rate_scale: float,
    receivers: IntArray,
    shared: FloatArray,
    options: IntArray,
    at: IntArray,
    actions: IntArray,
    deviations: FloatArray,
    before: FloatArray,
    flows: FloatArray,
    objectives: FloatArray,
    paid: FloatArray,
    measures: FloatArray,
) -> None:
    """Fill what a period brings, and move every copy on to its next step."""
    members, copies, nodes = actions.shape
    limit = values.shape[1]
    option, rate = np.empty(nodes, dtype=np.int64), np.empty(nodes)
    arriving, rejection = np.empty(nodes), np.empty(nodes)
    for k in range(members):
        for e in range(copies):
            for m in range(nodes):
                option[m] = actions[k, e, m] // limit
                if option[m] >= options[m]:
                    option[m] = 0
                rate[m] = rates[at[e], m] * (1.0 + deviations[k, e, m])
                arriving[m] = rate[m] * (1.0 - shared[option[m]])
            for m in range(nodes):
                to = receivers[m, option[m]]
                if to != NOBODY:
                    arriving[to] += rate[m] * shared[option[m]]
            for m in range(nodes):
                chosen = min(actions[k, e, m] % limit + 1, caps[at[e], m])
                rejection[m] = interpolated(values, root_step, m, chosen, arriving[m])
                measures[k, e, m, 0] = chosen
            for m in range(nodes):
                share, to, chosen = shared[option[m]], receivers[m, option[m]], int(measures[k, e, m, 0])
                lost = rejection[m]
                if to != NOBODY:
                    lost = (1.0 - share) * rejection[m] + share * rejection[to]
                paid[k, e, m] = replica_cost[m] * chosen + forward_cost * share * rate[m]
                measures[k, e, m, 1], measures[k, e, m, 2], measures[k, e, m, 3] = share, to, arriving[m]
                objectives[k, e, m, 0], objectives[k, e, m, 1] = paid[k, e, m] / cost_scale, lost
                before[k, e, m, 0], before[k, e, m, 1] = chosen / limit, lost
                flows[k, e, m, 0], flows[k, e, m, 1] = share, arriving[m] / rate_scale
    for e in range(copies):
        at[e] = (at[e] + 1) % rates.shape[0]
