"""What Prometheus reads: the state of the service and the server's counts, in its text format.

Names follow https://prometheus.io/docs/practices/naming/. Nothing is kept here: each reading is made of what there is.
"""

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mamo_cli.serving.counts import BUCKETS_S
from mamo_cli.serving.front import Front
from mamo_cli.serving.log import BITS

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(front: Front) -> bytes:
    """All metrics, as text."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(front))
    return bytes(generate_latest(registry))


class _Collector:
    def __init__(self, front: Front) -> None:
        self._front = front

    def describe(self) -> list[Any]:
        """Nothing, so that registering does not collect."""
        return []

    def collect(self) -> "Iterator[Metric]":
        """Each metric with its samples."""
        yield from _state(self._front)
        yield from _counted(self._front)


def _state(front: Front) -> "Iterator[Metric]":
    from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

    about, service, word = front.about, front.service, front.words.agent
    yield InfoMetricFamily(
        "mamo_policy",
        "The policy that decides.",
        {"digest": service.policy.digest, "run": about.run, "domain": about.domain},
    )
    yield GaugeMetricFamily("mamo_log_decisions", "Decisions in the decision log.", service.log.count)
    yield GaugeMetricFamily(
        "mamo_log_head", f"The first {BITS} bits of the digest of its last line.", service.log.checked.number
    )
    last = service.last
    if last is None:
        return
    now = front.clock()
    yield GaugeMetricFamily("mamo_decision_age_seconds", "How long ago the last decision was made.", now - last.time)
    if not service.is_stale(now):
        measure = front.words.measures[0].name
        chosen = GaugeMetricFamily(
            f"mamo_{measure}", f"The current decision, where it is not stale: {measure}.", labels=[word]
        )
        for name, choice in last.agents.items():
            chosen.add_metric([name], choice)
        yield chosen


def _counted(front: Front) -> "Iterator[Metric]":
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    counts = front.counts
    yield CounterMetricFamily("mamo_decisions", "Decisions since the start.", counts.decisions)
    yield CounterMetricFamily(
        "mamo_overrides", "Decisions of these that differ from the policy's own choice.", counts.overrides
    )
    word = front.words.agent
    beyond = CounterMetricFamily(
        "mamo_beyond_training", "Decisions of these at a load or cap that training never met.", labels=[word]
    )
    for name, number in counts.beyond.items():
        beyond.add_metric([name], number)
    refusals = CounterMetricFamily("mamo_refusals", "Questions that were not answered, by why.", labels=["kind"])
    for kind, number in counts.refusals.items():
        refusals.add_metric([kind], number)
    failures = CounterMetricFamily(
        "mamo_source_failures", "Readings of Prometheus that failed, by why.", labels=["reason"]
    )
    for reason, number in counts.source_failures.items():
        failures.add_metric([reason], number)
    requests = CounterMetricFamily(
        "mamo_requests", "Answers, by what was asked and their status.", labels=["call", "code"]
    )
    for labels, number in counts.requests.items():
        requests.add_metric(labels, number)
    spent = HistogramMetricFamily("mamo_request_duration_seconds", "Until an answer was made.", labels=["call"])
    edges = [*map(str, BUCKETS_S), "+Inf"]
    for call, took in counts.spent.items():
        spent.add_metric([call], [*zip(edges, itertools.accumulate(took.within), strict=True)], took.total_s[0])
    yield from (family for family in (beyond, refusals, failures, requests, spent) if family.samples)
