"""A fleet as a batch of environments: K members, E copies each, M nodes.

Observation of a node (float32, `(K, E, M, O)`): what `faas.environment` has of a function, and where nodes have
neighbours, besides

| number | meaning | range |
|---|---|---|
| 4 | share of its requests that it forwarded in the period before | [0, 1/2] |
| 5 | what arrived at its replicas then, over the training trace's largest rate | >= 0 |

and where they hear others, of each in turn the last message that arrived: its expected rate, over the same, and the
replicas that it may add, over N (may be below 0 where its cap falls). Who hears fewer than another has zeros. Where
nodes count, number 0 is a count, see `counts.py`, and so is what others are told. A node whose sensor is off has number
0, and tells it, times a factor; who lies, and whom a node isolates: see `adversaries.py` and `trust.py`.

Choice: see `Fleet`. Replicas beyond the cap are masked, and cut to it where they are asked for all the same; options
that a node does not have are masked, and keep all requests.
Period: every node serves what it keeps and what its neighbours forward, and rejects of both the share P(rate, n). What
is forwarded is not forwarded again.
Objectives: the normalised cost, of replicas and of what is forwarded; and the share of a node's own requests that is
rejected anywhere.
Dynamics: as in `faas.environment`. Without neighbours it is that environment, to the last bit.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.seam import Copy, Seen
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.faas.environment import Brought, ScalingEnvironment
from mamo_cli.domains.faas.fleet.counts import counted
from mamo_cli.domains.faas.fleet.messages import TOLD, tell
from mamo_cli.domains.faas.fleet.nodes import FLOWED, Fleet
from mamo_cli.domains.faas.fleet.period import allow, play
from mamo_cli.domains.faas.fleet.trust import judge

RATE = 0
"""Which number of an observation tells of the rate that is expected."""

STATE = ("flows", "lost", "came", "kept", "underway", "counted_at", "counts", "doubts")
"""What is kept of a play besides where it stands, and what a single node keeps."""


class Drawn(NamedTuple):
    """What chance brings in a period; None: as the part says itself."""

    deviations: FloatArray | None = None  # (K, E, M) of the actual rates, relative
    lost: FloatArray | None = None  # (K, E, M, H) in [0, 1): by what messages before the next period are lost
    counts: FloatArray | None = None  # (K, E, M) requests/s as they are counted before the next period


class FleetEnvironment(ScalingEnvironment):
    """E fleets for each of K members, advanced together."""

    measures = 4
    """Q: replicas, share forwarded, to which node by its number from 1 (NaN: to none), what arrived; and where nodes
    isolate others, how many each has."""

    def __init__(
        self,
        fleet: Fleet,
        members: int,
        copies: int | Copy = 1,
        noise: float = 0.0,
        losses: FloatArray | None = None,
        counts: FloatArray | None = None,
        goes_on: bool = False,
    ) -> None:
        """Begin.

        Args:
            fleet: what is played.
            members: K.
            copies: E.
            noise: what `draw` draws deviations within.
            losses: `(T, M, H)` in [0, 1), by what messages are lost where none are drawn; None: none is.
            counts: `(T, M)` requests/s as counted before each step where none are drawn; None: rates are known.
            goes_on: whether these steps end before the trace does, so that what follows is another environment's.
        """
        self._goes_on = goes_on
        self.fleet, self._options = fleet, fleet.options
        self._receivers, self._shared = fleet.receivers(), fleet.shares()
        shape = (fleet.node.trace.steps, *fleet.messages.heard.shape)
        self._losses = np.ones(shape) if losses is None else losses
        self._own_counts = counts
        super().__init__(fleet.node, members, copies, noise)
        self.measures += fleet.trust is not None

    def reset(self) -> Seen:
        """Start anew, with one replica, no rejection and no flow behind, and nothing heard."""
        heard = (*self._shape, self.fleet.messages.heard.shape[1])
        self._flows = np.zeros((*self._shape, FLOWED))
        self._lost, self._kept = np.full(heard, -1), np.zeros((*heard, TOLD))
        self._came = np.zeros(heard, dtype=np.bool_)
        self._underway = np.zeros((*self._shape, TOLD))
        self._doubts = np.zeros(heard, dtype=np.int64)
        self._counts, self._counted_at = np.full(self._shape, np.nan), np.zeros(self._shape[1:])
        return super().reset()

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> Any:
        """A `Drawn` for each of the coming periods, from where every copy stands on, each kind of its own stream."""
        shape, node, seconds = (steps, *self._shape[1:]), self.node, self.fleet.counted
        deviations = super().draw(steps, streams)
        lost: Any = [None] * steps
        counts: Any = lost
        if heard := self.fleet.messages.heard.shape[1]:
            lost = np.stack([each["messages"].random((*shape, heard)) for each in streams], 1)
        if seconds is not None:
            ahead = (self._at + 1 + np.arange(steps)[:, None]) % self.steps
            rates = node.trace.expected_rate_rps[ahead]
            counts = np.stack([counted(rates, seconds, each["counts"]) for each in streams], 1)
        return [Drawn(*each) for each in zip(deviations, lost, counts, strict=True)]

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        alone, fleet = super().observe(), self.fleet
        alone.values[..., RATE] = self._known()
        values = [alone.values]
        if fleet.forwards:
            values.append(self._flows.astype(np.float32))
        if fleet.messages.heard.size:
            values.append(self._believed().reshape(*self._shape, -1).astype(np.float32))
        if not fleet.forwards:
            return Seen(np.concatenate(values, -1), alone.mask)
        mask = np.empty((*self._shape, max(fleet.choices)), dtype=np.bool_)
        allow(self._options, alone.mask, mask)
        if fleet.trust is not None:
            mask &= ~np.repeat(fleet.trust.barred(self._doubts, self._receivers), self.node.replica_choices, -1)
        return Seen(np.concatenate(values, -1), mask)

    def _advance(self, actions: IntArray, draw: Any, brought: Brought) -> None:
        fleet, node, heard = self.fleet, self.node, self.fleet.messages.heard
        drawn: Drawn = Drawn() if draw is None else draw
        deviations = self._calm if drawn.deviations is None else drawn.deviations
        lost = self._losses[self._at] if drawn.lost is None else drawn.lost
        if fleet.trust is not None:
            actions = fleet.trust.obeyed(actions, self._doubts, self._receivers, node.replica_choices)
            came = node.trace.actual_rate_rps[self._at] * (1.0 + deviations)
            claims = self._kept[..., :TOLD] * (node.rate_scale_rps, node.replica_choices)
        play(
            node.table.values, node.table.root_step, node.trace.actual_rate_rps, node.max_replicas, node.replica_cost,
            fleet.cost_scale, fleet.forward_cost, node.rate_scale_rps, self._receivers, self._shared, self._options,
            self._at, actions, deviations, self._before, self._flows, *brought,
        )  # fmt: skip
        self._counts = np.full(self._shape, np.nan) if drawn.counts is None else drawn.counts.copy()
        self._counted_at = node.trace.expected_rate_rps[self._at]
        if heard.size:
            each = np.ascontiguousarray(np.broadcast_to(lost, self._lost.shape))
            tell(fleet.messages, each, self._lost, self._came)
            if fleet.messages.late:
                self._hear(self._underway)
            self._say()
        if fleet.trust is not None:
            judge(fleet.trust, node.table, claims, came * brought.measures[..., 1], brought.measures, self._doubts)
            brought.measures[..., -1] = fleet.trust.isolated(self._doubts).sum(-1)
            if not self._goes_on:
                self._doubts[:, self._at == 0] = 0

    def _believed(self) -> FloatArray:
        """`(K, E, M, H, 2)` what was heard of those whom nobody isolated; silence of others."""
        trust = self.fleet.trust
        return self._kept if trust is None else self._kept * ~trust.isolated(self._doubts)[..., None]

    def _known(self) -> FloatArray:
        """`(K, E, M)` what sensors tell of the rates expected of the coming period, over the largest: these, or counts.

        A count that was drawn of another rate, before the load shifted, gives way to the part's own.
        """
        rates = self._expected[self._at]
        if self._own_counts is not None:
            drawn = ~np.isnan(self._counts) & (self._counted_at == self.node.trace.expected_rate_rps[self._at])
            rates = np.where(drawn, self._counts, self._own_counts[self._at]) / self.node.rate_scale_rps
        return np.array(np.broadcast_to(rates * self.fleet.faults.sensors, self._shape))

    def _say(self) -> None:
        """Let all nodes say what they have to, and those hear it whom it reaches at once."""
        self._underway = self._said()
        if not self.fleet.messages.late:
            self._hear(self._underway)

    def _hear(self, said: FloatArray) -> None:
        """Keep what came of what was said."""
        self._kept = np.where(self._came[..., None], said[:, :, self.fleet.messages.heard], self._kept)

    def _said(self) -> FloatArray:
        """`(K, E, M, 2)` what nodes say before the coming period."""
        caps = self.node.max_replicas[self._at] / self.node.replica_choices
        said, liars = np.stack((self._known(), caps - self._before[..., 0]), -1), self.fleet.faults.liars
        said[:, :, liars] = np.stack((np.zeros_like(caps), caps), -1)[:, liars]
        return said

    def state_dict(self) -> dict[str, Any]:
        """Where every copy stands."""
        own = {name: getattr(self, f"_{name}").copy() for name in STATE}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned, maybe of other windows of the trace, or before the load shifted.

        What is known and said of the coming period is then of this environment's, not of that which it came from.

        Raises:
            ValueError: it is not of these environments.
        """
        super().load_state_dict(state)
        for name in STATE:
            put_back(getattr(self, f"_{name}"), state[name])
        if (self._lost >= 0).any():
            self._say()
