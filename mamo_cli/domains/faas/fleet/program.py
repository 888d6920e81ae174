"""One period of a fleet as an integer program, P entering as data: which flows arrive at a node, and its replicas.

Binaries y_{m,a,n}, one choice a node: the flows a = (own share, what each neighbour forwards to it) and n replicas;
and x_{m,o}, what it forwards to whom. A share that m forwards and j rejects is a coefficient of j's choice, so that all
that is lost of m's requests is linear in the y of m and its neighbours, and no product is left:

    min   sum y_{m,a,n} paid_{m,a,n}                                     (or the excess, sum v_m)
    s.t.  option    sum_o x_{m,o} = 1                                    every m
          share     sum_{a: own = s, n} y_{m,a,n} = sum_{o of share s} x_{m,o}              every m, s
          sent      sum_{a: from j = s, n} y_{m,a,n} = sum_{o of j: s to m} x_{j,o}         every m, neighbour j, s
          lost      sum (1 - own) P y_m + sum_j sum_{a: from m = s} s P y_j - v_m <= tolerance_m
          excess    sum v_m <= the least there is                        (where no plan keeps all tolerances)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.domains.faas.fleet.nodes import NOBODY
from mamo_cli.domains.faas.fleet.outlook import FLOWS, Outlook
from mamo_cli.solvers.program import Program, ProgramBuilder

Entries = list[tuple[IntArray, IntArray, npt.ArrayLike]]
"""As `ProgramBuilder.add_rows` takes them."""


@dataclass(frozen=True, eq=False)
class Period:
    """A period's choices that have a variable.

    Attributes:
        outlook: without noise.
        step: which period.
        served: of each node `(C, 1 + D + 1)`: the places in `FLOWS` of its own share and its neighbours', and n - 1.
    """

    outlook: Outlook
    step: int
    served: tuple[IntArray, ...]

    def program(self, limits: FloatArray, excess: float | None, start: IntArray | None = None) -> Program:
        """The program.

        Args:
            limits: `(M,)` of each node's own rejection.
            excess: beyond them in sum, at most; None: it is what is to be least.
            start: `(M,)` a choice of each node, none beyond its limit, to begin with.
        """
        builder, fleet = ProgramBuilder(), self.outlook.fleet
        nodes = range(fleet.nodes)
        options = [builder.add_columns(0.0, int(count), binary=True) for count in fleet.options]
        costs = [self._paid(m) * (excess is not None) for m in nodes]
        served = [builder.add_columns(costs[m], len(costs[m]), binary=True) for m in nodes]
        beyond = builder.add_columns(float(excess is None), fleet.nodes, binary=False)
        every = np.concatenate(options)
        builder.add_rows("option", [(np.repeat(nodes, fleet.options), every, 1.0)], 1.0, 1.0, fleet.nodes)
        for m in nodes:
            self._link(builder, m, options, served[m])
        self._limit(builder, served, beyond, limits)
        if excess is not None:
            row = np.zeros(fleet.nodes, dtype=np.int64)
            builder.add_rows("excess", [(row, beyond, 1.0)], -np.inf, excess, 1)
        return builder.build(None if start is None else self._known(start, options, served))

    def plan(self, values: FloatArray) -> IntArray:
        """`(M,)` the choice of each node that a solver's values tell of."""
        fleet, ends = self.outlook.fleet, np.cumsum(self.outlook.fleet.options)
        options = [int(part.argmax()) for part in np.split(values[: ends[-1]], ends[:-1])]
        counts = np.cumsum([len(each) for each in self.served])
        served = np.split(values[ends[-1] : ends[-1] + counts[-1]], counts[:-1])
        replicas = np.array([each[part.argmax(), -1] for each, part in zip(self.served, served, strict=True)])
        return np.asarray(np.array(options) * fleet.node.replica_choices + replicas)

    def _paid(self, m: int) -> FloatArray:
        paid = self.outlook.paid(m)[self.step]
        flows = self.served[m][:, :-1]
        return np.asarray(paid[(flows[:, 0], *(0 * flows[:, 1:].T), self.served[m][:, -1])])

    def _rejection(self, m: int) -> FloatArray:
        return np.asarray(self.outlook.rejection[m][(self.step, *self.served[m].T)])

    def _link(self, builder: ProgramBuilder, m: int, options: list[IntArray], served: IntArray) -> None:
        """Tie what is served at a node to what it and its neighbours forward."""
        fleet, receivers = self.outlook.fleet, self.outlook.fleet.receivers()
        places = np.rint(fleet.shares() * 4).astype(np.int64)
        for k, j in enumerate((m, *fleet.neighbours[m])):
            here = receivers[j, : len(options[j])] == m if k else receivers[j, : len(options[j])] != NOBODY
            sent = np.where(here, places[: len(options[j])], 0)
            entries: Entries = [(self.served[m][:, k], served, 1.0), (sent, options[j], -1.0)]
            builder.add_rows(f"flow_{m}_{k}", entries, 0.0, 0.0, len(FLOWS))

    def _limit(self, builder: ProgramBuilder, served: list[IntArray], beyond: IntArray, limits: FloatArray) -> None:
        entries: Entries = [(np.arange(len(beyond)), beyond, -1.0)]
        for m, near in enumerate(self.outlook.fleet.neighbours):
            rejection = self._rejection(m)
            shares = FLOWS[self.served[m][:, :-1]]
            for k, j in enumerate((m, *near)):
                weighs = shares[:, k] if k else 1.0 - shares[:, 0]
                some = weighs > 0.0
                row = np.full(int(some.sum()), j)
                entries.append((row, served[m][some], (weighs * rejection)[some]))
        builder.add_rows("lost", entries, -np.inf, limits, len(beyond))

    def _known(self, start: IntArray, options: list[IntArray], served: list[IntArray]) -> IntArray:
        fleet = self.outlook.fleet
        chosen, replicas = fleet.options_of(start), start % fleet.node.replica_choices
        flows = self.outlook.flows(chosen[None])
        columns = [options[m][chosen[m]] for m in range(fleet.nodes)]
        for m, each in enumerate(flows):
            wanted = np.array([*(int(place[0]) for place in each), int(replicas[m])])
            columns.append(served[m][(self.served[m] == wanted).all(1)][0])
        return np.array(columns)
