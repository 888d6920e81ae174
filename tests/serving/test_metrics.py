"""What Prometheus reads: every number by hand, and names as Prometheus wants them."""

import math
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mamo_cli.serving.counts import Counts
from mamo_cli.serving.front import KINDS
from mamo_cli.serving.queries import Source
from tests.serving.running import http_to, metrics_request, refused, running, scaler
from tests.serving.standin import HEAD, Clock, StandIn, loads

ROOT = Path(__file__).parents[2]
UNITS = ("_seconds", "_bytes", "_ratio")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service():
    return StandIn()


@pytest.fixture
def bound(service, clock):
    with running(service, clock=clock) as bound:
        yield bound


def families(bound):
    return {family.name: family for family in text_string_to_metric_families(http_to(bound, "/metrics").text)}


def samples(bound):
    """Values by name and labels."""
    found = {}
    for family in families(bound).values():
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.values()))
            assert key not in found
            found[key] = sample.value
    return found


def test_before_the_first_decision_there_is_neither_a_choice_nor_an_age(bound):
    found = samples(bound)
    assert found["mamo_decisions_total",] == found["mamo_log_decisions",] == found["mamo_log_head",] == 0.0
    assert (found["mamo_beyond_training_total", "f"], found["mamo_beyond_training_total", "g"]) == (0.0, 0.0)
    assert not any(name in ("mamo_replicas", "mamo_decision_age_seconds") for name, *_ in found)
    assert found["mamo_policy_info", "d" * 64, "faas", "run-mamo-s8-0123abcd"] == 1.0


def test_every_number_is_what_was_done(bound, clock, service):
    http_to(bound, body=loads(f=50.0, g=31.0))
    http_to(bound, body=loads(f=20.0, g=31.0))
    assert http_to(bound, body=b"{").status == 400
    with scaler(bound) as keda:
        for name in ("f", "f", "h"):
            refused(keda.GetMetrics, metrics_request(function=name))
    http_to(bound, body=loads(f=20.0, g=101.0))
    clock.now += 12.5
    found = samples(bound)
    assert found["mamo_decisions_total",] == found["mamo_log_decisions",] == 3.0
    assert (found["mamo_beyond_training_total", "f"], found["mamo_beyond_training_total", "g"]) == (0.0, 1.0)
    assert found["mamo_overrides_total",] == 1.0
    assert found["mamo_log_head",] == int(HEAD[:13], 16)
    assert found["mamo_decision_age_seconds",] == 12.5
    assert (found["mamo_replicas", "f"], found["mamo_replicas", "g"]) == (2.0, 11.0)
    assert found["mamo_refusals_total", "input"] == 2.0
    assert found["mamo_requests_total", "200", "POST /decide"] == 3.0
    assert found["mamo_requests_total", "400", "POST /decide"] == 1.0
    assert found["mamo_requests_total", "GetMetrics", "OK"] == 2.0
    assert found["mamo_requests_total", "GetMetrics", "INVALID_ARGUMENT"] == 1.0
    assert found["mamo_request_duration_seconds_count", "GetMetrics"] == 3.0
    assert found["mamo_request_duration_seconds_count", "POST /decide"] == 4.0


def test_a_stale_decision_is_no_choice_and_its_age_is_still_told(bound, clock):
    http_to(bound, body=loads())
    clock.now += 601.0
    found = samples(bound)
    assert found["mamo_decision_age_seconds",] == 601.0
    assert not any(name == "mamo_replicas" for name, *_ in found)


def test_the_histogram_adds_up(bound):
    for _ in range(5):
        http_to(bound, body=loads())
    (family,) = [one for name, one in families(bound).items() if name == "mamo_request_duration_seconds"]
    posted = [sample for sample in family.samples if sample.labels["call"] == "POST /decide"]
    buckets = [(float(one.labels["le"]), one.value) for one in posted if one.name.endswith("_bucket")]
    (total,) = [one.value for one in posted if one.name.endswith("_sum")]
    assert [edge for edge, _ in buckets] == [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, math.inf]
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert counts[-1] == 5.0
    least = sum(
        low * (count - before)
        for low, count, before in zip((0.0, *[edge for edge, _ in buckets]), counts, (0.0, *counts), strict=False)
    )
    assert total > least


def test_an_answer_counts_in_the_bucket_up_to_whose_edge_it_took():
    counts = Counts()
    for seconds in (0.0, 0.0005, 0.00051, 0.001, 0.3, 1.0, 1.01, 60.0):
        counts.answered("x", "OK", seconds)
    within, (total,) = counts.spent["x"]
    assert within == [2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 2]
    assert total == pytest.approx(62.31201)


def test_the_manual_alerts_on_metrics_and_kinds_that_there_are(bound, service, clock):
    http_to(bound, body=loads())
    page = (ROOT / "docs" / "howto" / "serving.md").read_text("utf-8")
    told = set(re.findall(r"\bmamo_(?!cli)[a-z_]+", page))
    kinds = {kind for kinds in re.findall(r'kind=~?"([^"]+)"', page) for kind in kinds.split("\\|")}
    with running(service, clock=clock, source=Source("http://127.0.0.1:9", {"f": {"rate_rps": "load"}})) as asking:
        found = samples(bound) | samples(asking)
    assert len(told) > 5
    assert told <= {name for name, *_ in found}
    assert len(kinds) > 3
    assert kinds <= {labels[0] for name, *labels in found if name == "mamo_refusals_total"}


def test_names_are_as_prometheus_wants_them_and_there_are_few_series(bound):
    for path in (f"/{number}" for number in range(50)):
        assert http_to(bound, path).status == 404
    http_to(bound, body=loads())
    answer = http_to(bound, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    for name, family in families(bound).items():
        assert re.fullmatch(r"mamo(_[a-z]+)+", name)
        assert family.documentation.endswith(".")
        assert (family.type == "counter") == any(one.name.endswith("_total") for one in family.samples)
        assert family.type in ("counter", "gauge", "histogram")
        assert family.type != "histogram" or name.endswith(UNITS)
        assert "age" not in name or name.endswith("_seconds")
    assert len(answer.text.splitlines()) < 120
    assert samples(bound)["mamo_requests_total", "404", "other"] == 50.0


def test_a_scrape_is_no_question_that_goes_unanswered(bound):
    http_to(bound, "/metrics")
    refusals = [value for (name, *_), value in samples(bound).items() if name == "mamo_refusals_total"]
    assert len(refusals) == len(KINDS)
    assert set(refusals) == {0.0}


def test_a_question_that_is_asked_again_is_no_second_decision(bound, service, monkeypatch):
    first = http_to(bound, body=loads())
    monkeypatch.setattr(service, "decide", lambda body, now: service.last)
    assert http_to(bound, body=loads()).json == first.json
    assert samples(bound)["mamo_decisions_total",] == 1.0
