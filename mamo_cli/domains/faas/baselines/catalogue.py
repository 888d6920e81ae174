"""The rules by name: what decides, how often, and which knobs it has."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.domains.faas.baselines import knative, kubernetes, openfaas
from mamo_cli.domains.faas.baselines.erlang import MARGINS, inverted
from mamo_cli.domains.faas.baselines.play import KNATIVE_KPA, KUBERNETES_HPA, OPENFAAS_CE, OPENFAAS_PRO
from mamo_cli.domains.faas.baselines.tuning import Knob
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.domains.faas.node import Node

CE_MOST = 5
"""The most replicas that OpenFaaS's Community Edition scales to. Tuned, it may have as many as the node."""


class Ticked(NamedTuple):
    """A rule of ticks."""

    number: int  # in `play`
    tick_s: float
    knobs: Callable[[FaasDomain, int], tuple[Knob, ...]]  # of a function


class Planned(NamedTuple):
    """A rule that chooses once a control period, by one knob: rejection falls with it."""

    knob: str
    candidates: Callable[[FaasDomain], FloatArray]  # rising
    plan: Callable[[FaasDomain, Node, FloatArray], IntArray]  # replicas (T, F) at values (F,) of the knob
    default: float | None = None  # None: what holds on the training part


def _ce_knobs(domain: FaasDomain, function: int) -> tuple[Knob, ...]:
    node = domain.case.training
    peak = float(node.trace.actual_rate_rps[:, function].max()) * (1.0 + domain.settings.noise)
    most = node.replica_choices
    return (Knob("rps", 5.0, (0.0, peak)), Knob("max", min(CE_MOST, most), (1, most), whole=True))


def _pro_knobs(domain: FaasDomain, function: int) -> tuple[Knob, ...]:
    capacity = 1.0 / domain.settings.of(domain.spec.agents[function]).warm_service_time
    return (Knob("target", 50.0, (0.05 * capacity, 2.0 * capacity)), Knob("proportion", 0.9))


def _kpa_knobs(domain: FaasDomain, function: int) -> tuple[Knob, ...]:
    return (Knob("target", 1.0), Knob("utilisation", 0.7, (0.05, 1.0)))


def _hpa_knobs(domain: FaasDomain, function: int) -> tuple[Knob, ...]:
    return (Knob("target", 0.7, (0.05, 1.0)), Knob("tolerance", 0.1))


def _numbers(domain: FaasDomain) -> FloatArray:
    return np.arange(1, domain.case.training.replica_choices + 1, dtype=np.float64)


def _as_many(domain: FaasDomain, node: Node, values: FloatArray) -> IntArray:
    return np.broadcast_to(values.astype(np.int64), node.max_replicas.shape)


def _inverted(domain: FaasDomain, node: Node, values: FloatArray) -> IntArray:
    return inverted(domain.case, node, values, domain.spec.limits[:, 0]) + 1


BASELINES: dict[str, Ticked | Planned] = {
    "static": Planned("replicas", _numbers, _as_many),
    "erlang": Planned("margin", lambda domain: MARGINS, _inverted, default=1.0),
    "openfaas-ce": Ticked(OPENFAAS_CE, openfaas.CE_TICK_S, _ce_knobs),
    "openfaas-pro": Ticked(OPENFAAS_PRO, openfaas.PRO_TICK_S, _pro_knobs),
    "knative-kpa": Ticked(KNATIVE_KPA, knative.TICK_S, _kpa_knobs),
    "kubernetes-hpa": Ticked(KUBERNETES_HPA, kubernetes.TICK_S, _hpa_knobs),
}
