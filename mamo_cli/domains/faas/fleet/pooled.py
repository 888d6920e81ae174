"""The least total of what a fleet pays and loses, certified where all may forward to all: Erlang-B alone.

What n replicas lose of requests that arrive at a rate, rate times P(rate, n), is convex in the rate under Erlang-B (the
throughput is concave: Harel, "Convexity properties of the Erlang loss formula", Operations Research 38, 1990); P alone
is not. So tangents lie below it, and a period's program with tangents in place of the loss bounds the total of lost
requests from below, whatever is forwarded to whom:

    min   sum_m (paid for z and x) + price sum_{j,n} L_{j,n}
    s.t.  sum_o x_{m,o} = 1, sum_n z_{j,n} = 1                          options and replicas, one each a node
          sum_n A_{j,n} = what arrives at j under x,  least_j z_{j,n} <= A_{j,n} <= most_j z_{j,n}
          L_{j,n} >= slope A_{j,n} + at_0 z_{j,n}                       every tangent to n's loss

Its plan at the true loss is the other end. Tangents at what arrives under it are added, until both ends meet. Of each
node's own share nothing is certified so: a share of what is lost is a product of two.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import NothingExactError, SolverError
from mamo_cli.core.seam import Termination
from mamo_cli.domains.faas.fleet.nodes import SHARES, Fleet
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.models import ErlangModel, RejectionModel
from mamo_cli.solvers.program import Clock, NoPlanError, Program, ProgramBuilder, Session

LOADS = (0.3, 0.5, 0.65, 0.8, 0.95, 1.1, 1.3, 1.6)
"""Of a replica, at which n replicas have tangents to begin with."""

ROUNDS = 20
"""Of tangents that are added, at most."""

CLOSED = 1e-6
"""A gap, relative to the total, that is none: solvers' rounding."""


def loss(rate: FloatArray, service_s: float, most: int) -> tuple[FloatArray, FloatArray]:
    """What 1..N replicas lose of Poisson requests, requests/s, and its slope over the rate: `(..., N)` both.

    With load a and B(a, n), d(a B)/da = B (1 + n - a (1 - B)), as dB/da = B (n / a - 1 + B).

    Args:
        rate: `(...,)` requests/s.
        service_s: mean time of one.
        most: N.
    """
    rejection, load = erlang_b(rate * service_s, most), (rate * service_s)[..., None]
    replicas = np.arange(1, most + 1)
    return rate[..., None] * rejection, rejection * (1.0 + replicas - load * (1.0 - rejection))


@dataclass(frozen=True, eq=False)
class Total:
    """A period's total.

    Attributes:
        fleet: whose.
        rates: `(M,)` requests/s.
        caps: `(M,)` replicas at most.
        service_s: `(M,)` mean time of a request at each node.
        pay: what a unit of cost weighs.
        price: what a lost request/s weighs.
    """

    fleet: Fleet
    rates: FloatArray
    caps: IntArray
    service_s: FloatArray
    pay: float
    price: float

    def of(self, options: IntArray, replicas: IntArray) -> float:
        """What options and replicas `(M,)` come to, by the true loss."""
        lost = [self.loss(m, rate)[0][replicas[m] - 1] for m, rate in enumerate(self.arriving(options))]
        forwarded = self.fleet.shares()[options] * self.rates
        paid = self.fleet.node.replica_cost * replicas + self.fleet.forward_cost * forwarded
        return float(self.pay * paid.sum() + self.price * np.sum(lost))

    def arriving(self, options: IntArray) -> FloatArray:
        """`(M,)` requests/s."""
        shares, receivers = self.fleet.shares()[options], self.fleet.receivers()[np.arange(len(options)), options]
        arriving, sends = (1.0 - shares) * self.rates, shares > 0.0
        np.add.at(arriving, receivers[sends], (shares * self.rates)[sends])
        return np.asarray(arriving)

    def alone(self) -> tuple[IntArray, IntArray]:
        """Options and replicas `(M,)`: everybody keeps all, and runs what is best for that."""
        replicas = np.arange(1, self.fleet.node.replica_choices + 1)
        best = np.ones(len(self.rates), dtype=np.int64)
        for m, rate in enumerate(self.rates):
            each = self.pay * self.fleet.node.replica_cost[m] * replicas + self.price * self.loss(m, rate)[0]
            best[m] = 1 + each[: self.caps[m]].argmin()
        return np.zeros_like(best), best

    def within(self, m: int) -> tuple[float, float]:
        """The least and the most that may arrive at a node, requests/s."""
        keeps = 1.0 - max(SHARES) if self.fleet.neighbours[m] else 1.0
        others = sum(self.rates[j] for j in self.fleet.neighbours[m])
        return keeps * self.rates[m], self.rates[m] + max(SHARES) * float(others)

    def loss(self, m: int, rate: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """What 1..N replicas of a node lose of rates `(...,)`, and its slope: `(..., N)` both."""
        return loss(np.asarray(rate), float(self.service_s[m]), self.fleet.node.replica_choices)


class Tangents:
    """Where the loss has tangents: pairs of replicas and a rate, the same for all nodes of one service time."""

    def __init__(self, total: Total) -> None:
        """Begin with some loads of each number of replicas, and the least that may arrive at each node."""
        self._total = total
        self._points: dict[float, dict[tuple[int, float], None]] = {each: {} for each in total.service_s.tolist()}
        for m in range(len(total.rates)):
            least, most = total.within(m)
            for n in range(1, int(total.caps[m]) + 1):
                for rate in (least, *(load * n / total.service_s[m] for load in LOADS)):
                    self._add(m, n, min(max(rate, least), most))

    def add(self, options: IntArray, replicas: IntArray) -> bool:
        """Tangents at what arrives under options, at the replicas that serve it; whether any is new."""
        arriving = self._total.arriving(options).tolist()
        new = [self._add(m, n, rate) for m, (n, rate) in enumerate(zip(replicas.tolist(), arriving, strict=True))]
        return any(new)

    def _add(self, m: int, n: int, rate: float) -> bool:
        points = self._points[float(self._total.service_s[m])]
        new = (n, rate) not in points
        points[(n, rate)] = None
        return new

    def of(self, m: int) -> tuple[IntArray, FloatArray, FloatArray]:
        """Replicas, the slope and the value at rate 0 of a node's tangents, `(R,)` each."""
        points = [(n, rate) for n, rate in self._points[float(self._total.service_s[m])] if n <= self._total.caps[m]]
        replicas, rates = np.array([n for n, _ in points]), np.array([rate for _, rate in points])
        lost, slopes = (each[np.arange(len(points)), replicas - 1] for each in self._total.loss(m, rates))
        return replicas, slopes, lost - slopes * rates


def program(total: Total, tangents: Tangents, start: tuple[IntArray, IntArray]) -> Program:
    """A period's program, which starts from options and replicas `(M,)`; these are its first columns, in this order."""
    fleet, caps, builder = total.fleet, total.caps, ProgramBuilder()
    nodes, sizes, shares, receivers = range(fleet.nodes), fleet.options, fleet.shares(), fleet.receivers()
    paid = total.pay * fleet.forward_cost * np.outer(total.rates, shares)
    options = [builder.add_columns(paid[m, : sizes[m]], int(sizes[m]), binary=True) for m in nodes]
    costs = [total.pay * fleet.node.replica_cost[m] * np.arange(1, caps[m] + 1) for m in nodes]
    runs = [builder.add_columns(costs[m], int(caps[m]), binary=True) for m in nodes]
    arrives = [builder.add_columns(0.0, int(caps[m]), binary=False) for m in nodes]
    loses = [builder.add_columns(total.price, int(caps[m]), binary=False) for m in nodes]
    for name, columns in (("option", options), ("replicas", runs)):
        counts = [len(each) for each in columns]
        builder.add_rows(name, [(np.repeat(nodes, counts), np.concatenate(columns), 1.0)], 1.0, 1.0, fleet.nodes)
    entries: list[tuple[IntArray, IntArray, npt.ArrayLike]] = []
    for m in nodes:
        own, sent = (1.0 - shares[: sizes[m]]) * total.rates[m], shares[1 : sizes[m]] * total.rates[m]
        entries.append((np.full(caps[m], m), arrives[m], -1.0))
        entries.append((np.full(sizes[m], m), options[m], own))
        entries.append((receivers[m, 1 : sizes[m]], options[m][1:], sent))
    builder.add_rows("arriving", entries, 0.0, 0.0, fleet.nodes)
    for m in nodes:
        rows, (least, most) = np.arange(caps[m]), total.within(m)
        builder.add_rows(f"least_{m}", [(rows, arrives[m], 1.0), (rows, runs[m], -least)], 0.0, np.inf, int(caps[m]))
        builder.add_rows(f"most_{m}", [(rows, arrives[m], 1.0), (rows, runs[m], -most)], -np.inf, 0.0, int(caps[m]))
        replicas, slopes, at_0 = tangents.of(m)
        rows, which = np.arange(len(replicas)), replicas - 1
        below: list[tuple[IntArray, IntArray, npt.ArrayLike]] = [
            (rows, loses[m][which], 1.0),
            (rows, arrives[m][which], -slopes),
            (rows, runs[m][which], -at_0),
        ]
        builder.add_rows(f"tangent_{m}", below, 0.0, np.inf, len(rows))
    known = [columns[each] for columns, each in zip((*options, *runs), (*start[0], *(start[1] - 1)), strict=True)]
    return builder.build(np.array(known))


class Bracket(NamedTuple):
    """The best that was found of a period, and what nothing is below.

    Attributes:
        options, replicas: `(M,)`.
        lower, upper: of the total.
        rounds: programs that were solved.
    """

    options: IntArray
    replicas: IntArray
    lower: float
    upper: float
    rounds: int

    @property
    def proven(self) -> bool:
        """Whether the two ends meet."""
        return self.upper - self.lower <= CLOSED * self.upper


def bracket(total: Total, session: Session, time_limit_s: float | None) -> Bracket:
    """Solve programs with ever more tangents, until both ends meet or the time is up.

    Raises:
        SolverError: a solver states a bound above what a plan comes to.
    """
    clock, tangents = Clock(time_limit_s), Tangents(total)
    best = total.alone()
    found = Bracket(*best, 0.0, total.of(*best), 0)
    ends = np.cumsum([*total.fleet.options, *total.caps])[:-1]
    for number in range(1, ROUNDS + 1):
        try:
            answer = session.run(program(total, tangents, best), clock.left())
        except NoPlanError:
            if time_limit_s is None:
                raise
            break
        chosen = np.array([int(part.argmax()) for part in np.split(answer.values[: ends[-1] + total.caps[-1]], ends)])
        options, replicas = chosen[: len(total.caps)], chosen[len(total.caps) :] + 1
        proven = answer.termination is Termination.OPTIMAL
        upper, stated = total.of(options, replicas), answer.objective if proven else answer.bound
        best, upper = ((options, replicas), upper) if upper < found.upper else (best, found.upper)
        if stated > upper * (1.0 + CLOSED):
            raise SolverError(f"{session.solver} states the bound {stated:.9g} above a plan's total {upper:.9g}")
        found = Bracket(*best, min(max(found.lower, stated), upper), upper, number)
        if found.proven or not proven or not tangents.add(options, replicas):
            break
    return found


def service_times(models: tuple[RejectionModel, ...]) -> FloatArray:
    """`(M,)` mean time of a request, s.

    Raises:
        NothingExactError: a model is not Erlang's.
    """
    if not all(type(model) is ErlangModel for model in models):
        raise NothingExactError("what a fleet loses in all is certified under rejection model erlang alone")
    return np.array([model.warm_service_time_s for model in models if isinstance(model, ErlangModel)])
