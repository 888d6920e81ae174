"""A fleet under its loads: what its environment and its exact answers share.

Axes: T steps, M nodes, N replicas, D neighbours of a node at most.
"""

from dataclasses import dataclass

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.domains.faas.fleet.adversaries import Faults
from mamo_cli.domains.faas.fleet.messages import TOLD, Messages
from mamo_cli.domains.faas.fleet.trust import Trust
from mamo_cli.domains.faas.node import Case, Node
from mamo_cli.domains.faas.rejection.table import RejectionTable, build_table

SHARES = (0.25, 0.5)
"""Of its requests that a node may forward, all to one neighbour."""

SURGE = 1.2
"""What a node forwards at most is counted at its largest expected rate times this in the unit of cost.

It is what the default noise brings. The unit follows no other noise, as policies are judged under another than they
learnt by, in the unit that they learnt by.
"""

NOBODY = -1

FLOWED = 2
"""Numbers of an observation that tell of flows."""


@dataclass(frozen=True, eq=False)
class Fleet:
    """Nodes that may forward to one another.

    A choice is `option * N + replicas - 1`. Option 0 keeps all requests, option `1 + 2 j` forwards the first of
    `SHARES` to the j-th neighbour, and `2 + 2 j` the second.

    Attributes:
        node: the nodes as functions, each with its load, caps and costs; its table covers all that may arrive.
        neighbours: of each, rising.
        forward_cost: of forwarding one request/s for a period.
        messages: who hears whom.
        cost_scale: what the normalised cost is measured in: what a node pays at most, see `SURGE`, a mean over
            the nodes.
        faults: what is wrong with its nodes.
        trust: whom they isolate; None: nobody.
        counted: seconds before a period in which a node counts its requests; None: it knows its expected rate.
    """

    node: Node
    neighbours: tuple[tuple[int, ...], ...]
    forward_cost: float
    cost_scale: float
    messages: Messages
    faults: Faults
    trust: Trust | None = None
    counted: float | None = None

    @property
    def nodes(self) -> int:
        """M."""
        return len(self.neighbours)

    @property
    def forwards(self) -> bool:
        """Whether anybody has a neighbour."""
        return any(self.neighbours)

    @property
    def options(self) -> IntArray:
        """`(M,)` whom, and how much, each may forward, nothing among them."""
        return np.array([1 + len(SHARES) * len(each) for each in self.neighbours])

    @property
    def choices(self) -> tuple[int, ...]:
        """Of each node."""
        return tuple((self.options * self.node.replica_choices).tolist())

    @property
    def observation(self) -> int:
        """O: what a single node observes; where there are neighbours what flowed; and what was heard."""
        flows = FLOWED if self.forwards else 0
        return self.node.observation + flows + TOLD * int(self.messages.heard.shape[1])

    def receivers(self) -> IntArray:
        """`(M, 1 + 2 D)` to whom an option forwards, `NOBODY` where it keeps or there is no such option."""
        table = np.full((self.nodes, int(self.options.max())), NOBODY)
        for m, each in enumerate(self.neighbours):
            table[m, 1 : 1 + len(SHARES) * len(each)] = np.repeat(each, len(SHARES))
        return table

    def shares(self) -> FloatArray:
        """`(1 + 2 D,)` what an option forwards, a share of a node's requests."""
        return np.concatenate(([0.0], np.tile(SHARES, (int(self.options.max()) - 1) // len(SHARES))))

    def replicas_of(self, choices: IntArray, steps: IntArray | slice = slice(None)) -> IntArray:
        """`(R, M)` replicas 1..N that choices ask for at steps `(R,)`, of all by default, cut to the caps."""
        return np.minimum(choices % self.node.replica_choices + 1, self.node.max_replicas[steps])

    def options_of(self, choices: IntArray) -> IntArray:
        """`(..., M)` options."""
        return choices // self.node.replica_choices


def table_of(case: Case, noise: float, neighbours: tuple[tuple[int, ...], ...]) -> RejectionTable:
    """The table of a case, which covers what neighbours may forward where there are any.

    Args:
        case: the nodes as functions.
        noise: relative deviation of the rates, at most.
        neighbours: of each.
    """
    if not any(neighbours):
        return case.training.table
    rates = (case.training.trace.actual_rate_rps, case.known_rate_rps, case.evaluation.trace.actual_rate_rps)
    # The evaluation's own rates have their noise already, and are raised by it once more: more than must be covered, as
    # all that was measured so far was read from tables of this size.
    peaks = np.max([rate.max(0) for rate in rates], 0) * (1.0 + noise)
    most = max(peaks[m] + max(SHARES) * sum(peaks[j] for j in each) for m, each in enumerate(neighbours))
    return build_table(case.models, case.training.replica_choices, float(most))
