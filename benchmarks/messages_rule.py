"""A rule of nodes under one load: the fewest replicas that reject no more than a margin at the mean of what is heard.

All nodes have the same rate, which no node knows: each counts its requests, and hears what others counted. What a node
hears is what the fleet's environment shows it; the margin, one for all, is tuned so that they reject as much as they
may, by the exact means at the rates that came, and the rule is then played in that environment.
"""

from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams, stream
from mamo_cli.domains.faas.fleet.domain import FleetDomain, build
from mamo_cli.domains.faas.fleet.messages import SILENT
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.domains.faas.rejection.models import ErlangModel, RejectionModel
from mamo_cli.workload.trace import Trace

NODES, CAP, SECONDS, SERVICE_S, TOLERANCE = 8, 12, 0.4, 0.065, 0.05
MEDIAN_RPS, SPREAD, CARRIED = 50.0, 0.4, 0.95
MODEL = ErlangModel(SERVICE_S)
HALVINGS, TRIES = 50, 25
"""Of a rate that a margin allows, and of the margin."""
STEP = 2e-4
"""Of rejection, by which replicas are held to it."""
ALONE = 4
"""Numbers of an observation before those that were heard."""
RULES = ("keeps", "forgets")
"""Whether the mean is of the last that arrived of each, however old, or of what arrived for this period alone."""


def load(pieces: int, steps: int, seed: int) -> Trace:
    """Pieces, one after another, of one load for all nodes: exp(log 50 + .4 s), s an AR(1) of .95 and variance 1."""
    rng = stream(seed, "benchmarks", "messages")
    state = rng.standard_normal((steps, pieces))
    for t in range(1, steps):
        state[t] = CARRIED * state[t - 1] + np.sqrt(1.0 - CARRIED**2) * state[t]
    rates = np.repeat(MEDIAN_RPS * np.exp(SPREAD * state.T.reshape(-1, 1)), NODES, 1)
    return Trace(tuple(f"node{m + 1}" for m in range(NODES)), rates, rates, period_steps=len(rates))


def rates_of(source: Trace, pieces: int) -> FloatArray:
    """`(T, E)` requests/s of every node in each piece from its second period on."""
    return np.ascontiguousarray(source.actual_rate_rps[:, 0].reshape(pieces, -1)[:, 1:].T)


def fleet(source: Trace, **settings: object) -> FleetDomain:
    """Nodes that train, and here are watched, on the whole of a load, which begins anew after its end."""
    node = {"rejection_model": "erlang", "warm_service_time": SERVICE_S, "max_replicas": CAP, "noise": 0.0}
    config = FleetConfig.model_validate({**node, "tolerance": TOLERANCE, "counted": SECONDS, **settings})
    return build(config, source)


class Watched(NamedTuple):
    """What nodes are shown before each of T periods, from the second on; E pieces are played beside one another."""

    known: FloatArray  # (T, E, M) of the own rate, requests/s
    heard: FloatArray  # (T, E, M, H) of others', requests/s: the last that arrived
    fresh: BoolArray  # (T, E, M, H) whether it arrived for this period


def watch(domain: FleetDomain, pieces: int, seed: int) -> Watched:
    """What the environment shows whoever plays, for no choice changes what is counted or lost."""
    environment = domain.environment(Part.TRAINING, 1, pieces)
    heard, scale = domain.training.messages.heard, domain.training.node.rate_scale_rps
    still, told = np.zeros((1, pieces, NODES), dtype=np.int64), []
    for draw in environment.draw(environment.steps // pieces - 1, [MemberStreams(seed, "te")]):
        values = environment.step(still, draw).seen.values[0].astype(np.float64)
        fresh = (environment.state_dict()["lost"][0] == 0) & (heard != SILENT)
        told.append((values[..., 0] * scale, values[..., ALONE::2] * scale, fresh))
    return Watched(*(np.stack(part) for part in zip(*told, strict=True)))


def estimates(watched: Watched, rule: str) -> FloatArray:
    """`(T, E, M)` requests/s: the mean of the own and of what was heard, by one of `RULES`."""
    counts = watched.fresh
    if rule == "keeps":
        counts = np.logical_or.accumulate(counts, 0)
    return np.asarray((watched.known + (watched.heard * counts).sum(-1)) / (1 + counts.sum(-1)))


def replicas(rates: FloatArray, margin: float, model: RejectionModel = MODEL, cap: int = CAP) -> IntArray:
    """The fewest of 1..cap that reject at most the margin at rates `(...)`, or the cap."""
    low, high = np.zeros(cap - 1), np.full(cap - 1, 1e4)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        holds = np.diagonal(model.rejection_probability(middle, cap - 1)) <= margin
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    return 1 + np.searchsorted(low, rates)


class Tuned(NamedTuple):
    """Two neighbouring margins, one played so often, and the other in all other periods, that all is rejected that may.

    Counts being whole, rejection jumps from margin to margin.
    """

    margins: tuple[float, float]  # the first rejects too little
    share: float  # of periods that play the second
    replicas: FloatArray  # (E,) of each piece
    rejection: FloatArray  # (E,)

    @property
    def mean(self) -> float:
        """Replicas of a node."""
        return float(self.replicas.mean())


def tuned(rates: FloatArray, known: FloatArray, tolerance: float = TOLERANCE) -> Tuned:
    """The margin at which the rule, at estimates `(T, E, M)` of rates `(T, E)`, rejects what it may on average.

    Raises:
        ValueError: no margin between .0001 and .9 does.
    """
    every = MODEL.rejection_probability(rates, CAP)[:, :, None]

    def brought(margin: float) -> tuple[FloatArray, FloatArray]:
        """Replicas and rejection `(E,)`."""
        chosen = replicas(known, margin)
        lost = np.take_along_axis(np.broadcast_to(every, (*chosen.shape, CAP)), chosen[..., None] - 1, -1)
        return chosen.mean((0, 2)), lost.mean((0, 2, 3))

    low, high = 1e-4, 0.9
    for _ in range(TRIES):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if brought(middle)[1].mean() > tolerance else (middle, high)
    (few, lost), (fewer, more) = brought(low), brought(high)
    if not lost.mean() <= tolerance < more.mean():
        raise ValueError(f"rejection goes from {lost.mean():.4g} to {more.mean():.4g}, and never is {tolerance}")
    share = float((tolerance - lost.mean()) / (more.mean() - lost.mean()))
    return Tuned((low, high), share, few + share * (fewer - few), lost + share * (more - lost))


def least(rates: FloatArray, tolerance: float = TOLERANCE) -> float:
    """Mean replicas of who knows the rates `(T, E)` and has the best plan of all that reject so much on average.

    Mixtures of the plans of least replicas plus a price times rejection: nobody who rejects as much has fewer.
    """
    every = MODEL.rejection_probability(rates.reshape(-1), CAP)
    counts = np.arange(1, CAP + 1)

    def brought(price: float) -> tuple[float, float]:
        chosen = (counts + price * every).argmin(1)
        return float(counts[chosen].mean()), float(np.take_along_axis(every, chosen[:, None], 1).mean())

    low, high = 1.0, 1e4
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if brought(middle)[1] > tolerance else (low, middle)
    (few, more), (many, less) = brought(low), brought(high)
    return few + (many - few) * (more - tolerance) / (more - less)


def influences(rates: FloatArray, known: FloatArray, found: Tuned) -> FloatArray:
    """`(E,)` what each piece moves the tuned mean by, had it more weight, all again rejecting as much as they may."""
    near = [tuned(rates, known, TOLERANCE + step).mean for step in (-STEP, STEP)]
    trade = (near[0] - near[1]) / (2 * STEP)  # replicas for each unit of rejection less
    return np.asarray(found.replicas - found.mean + trade * (found.rejection - TOLERANCE))


def play(domain: FleetDomain, known: FloatArray, rule: Tuned, seed: int) -> tuple[float, float]:
    """Mean replicas and rejection of a tuned rule played in the environment, on what it was shown there."""
    steps, pieces, _ = known.shape
    environment = domain.environment(Part.TRAINING, 1, pieces)
    draws = environment.draw(steps + 1, [MemberStreams(seed, "te")])
    second = stream(seed, "benchmarks", "margins").random((steps, pieces, 1)) < rule.share
    chosen = np.where(second, *(replicas(known, margin) for margin in rule.margins[::-1])) - 1
    environment.step(np.zeros((1, pieces, NODES), dtype=np.int64), draws[0])
    told = []
    for draw, actions in zip(draws[1:], chosen, strict=True):
        step = environment.step(actions[None], draw)
        told.append((step.measures[..., 0].mean(), step.objectives[..., 1].mean()))
    count, lost = np.mean(told, 0)
    return float(count), float(lost)
