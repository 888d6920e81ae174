"""Prometheus as the source: what is a sample, what is none, and when it is asked."""

import asyncio
import http.server
import json
import math
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import DataError
from mamo_cli.serving import prometheus
from mamo_cli.serving.front import Front
from mamo_cli.serving.prometheus import MOST_BYTES, UnansweredError, asking, keep_asking, measured
from mamo_cli.serving.queries import Source, share, whole
from tests.clock import HANG_SECONDS
from tests.serving.running import http_to, running
from tests.serving.standin import Clock, StandIn
from tests.serving.test_connections import until

NOW = 1_700_000_100.0
STEP_S = 300.0
ONE = {"agents": ["f"], "choices": [3], "alpha": [[0.5]], "limits": [[0.1]]}


def vector(*values, stamp=NOW, **others):
    """Prometheus' answer with these samples."""
    result = [{"metric": {}, "value": [stamp, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}, **others}


class Fake(http.server.BaseHTTPRequestHandler):
    """Answers each query with what the test has written down for it."""

    def do_GET(self):
        parts = urlsplit(self.path)
        (query,) = parse_qs(parts.query)["query"]
        self.server.asked.append((parts.path, query))
        answer = self.server.answers[query]
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class FakeServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Say nothing of who has heard enough."""


@contextmanager
def fake(**answers):
    """A Prometheus; yields its URL and all that it was asked."""
    with FakeServer(("127.0.0.1", 0), Fake) as server:
        server.answers, server.asked = answers, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", server
        finally:
            server.shutdown()
            thread.join(HANG_SECONDS)


def read(url, patience=HANG_SECONDS, now=NOW, **queries):
    """What is measured by these queries of f."""

    async def ask():
        async with asking(patience) as session:
            return await measured(Source(url, {"f": queries}), session, now, STEP_S, "function")

    return asyncio.run(ask())


def test_each_query_gives_a_number_of_its_function():
    with fake(a=vector("60.5"), b=vector("0.25"), c=vector("1e3"), d=vector("2")) as (url, server):

        async def ask():
            queries = {"f": {"rate_rps": "a", "rejection": "b", "counted": "c"}, "g": {"rate_rps": "d"}}
            async with asking(HANG_SECONDS) as session:
                return await measured(Source(url, queries), session, NOW, STEP_S, "function")

        body = asyncio.run(ask())
    assert body == {
        "functions": {"f": {"rate_rps": 60.5, "rejection": 0.25, "counted": 1000.0}, "g": {"rate_rps": 2.0}}
    }
    assert sorted(server.asked) == [("/api/v1/query", query) for query in "abcd"]


def test_shares_and_whole_numbers_are_made_of_samples_and_what_all_share_stands_beside():
    source = Source(
        "", {"f": {"rate_rps": "a", "part": "b", "most": "c"}}, {"memory": "d"}, {"part": share, "most": whole}
    )
    with fake(a=vector("60"), b=vector("1.0000000002"), c=vector("8"), d=vector("4096")) as (url, _):

        async def ask():
            async with asking(HANG_SECONDS) as session:
                return await measured(source._replace(url=url), session, NOW, STEP_S, "function")

        body = asyncio.run(ask())
    assert body == {"functions": {"f": {"rate_rps": 60.0, "part": 1.0, "most": 8}}, "memory": 4096.0}
    assert type(body["functions"]["f"]["most"]) is int


def test_warnings_that_are_none_are_no_failure():
    with fake(a=vector("1", warnings=[], infos=["it could be a counter"])) as (url, _):
        assert read(url, rate_rps="a") == {"functions": {"f": {"rate_rps": 1.0}}}


def test_a_scalar_will_do_and_a_query_is_sent_as_it_is():
    query = 'sum(rate(http_requests_total{job="a b",path!="/ü"}[5m])) + 1 # & = ?'
    with fake(**{query: {"status": "success", "data": {"resultType": "scalar", "result": [NOW, "7"]}}}) as (url, _):
        assert read(url, rate_rps=query) == {"functions": {"f": {"rate_rps": 7.0}}}


SUCCESS = {"status": "success"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (vector(), "no sample"),
        (vector("1", "2"), "several samples"),
        (vector("NaN"), "not finite"),
        (vector("+Inf"), "not finite"),
        (vector("-Inf"), "not finite"),
        (vector("1", stamp=NOW - STEP_S - 1), "stale"),
        (vector("1", stamp=NOW + STEP_S + 1), "stale"),
        (vector("1", stamp=math.nan), "no sample"),
        (vector("x"), "no sample"),
        (vector("1_000"), "no sample"),
        (vector("1.2.3"), "no sample"),
        (vector("1 "), "no sample"),
        (vector(""), "no sample"),
        (vector(1.0), "no sample"),
        (vector(True), "no sample"),
        (vector("1", stamp=10**400), "no sample"),
        (vector("1", stamp=None), "no sample"),
        (vector(None), "no sample"),
        (vector([]), "no sample"),
        (vector("1", stamp="now"), "no sample"),
        ({**SUCCESS, "data": {"resultType": "matrix", "result": []}}, "no sample"),
        ({**SUCCESS, "data": {"resultType": "string", "result": [NOW, "1"]}}, "no sample"),
        ({**SUCCESS, "data": {"resultType": "vector", "result": [{}]}}, "no sample"),
        ({**SUCCESS, "data": {"resultType": "vector", "result": ["1"]}}, "no sample"),
        ({**SUCCESS, "data": {"resultType": "vector", "result": {}}}, "no sample"),
        ({**SUCCESS, "data": {"resultType": [], "result": []}}, "no sample"),
        ({**SUCCESS, "data": []}, "no sample"),
        (SUCCESS, "no sample"),
        (vector("1", warnings=["a store did not answer: it is partial"]), "warning"),
        (vector("1", status="error"), "error"),
        ({"status": "error", "error": "bad query"}, "error"),
        ((503, vector("1")), "error"),
        ((400, {"status": "error", "error": "parse error"}), "error"),
        ((500, b"oh no"), "not JSON"),
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[1]", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (MOST_BYTES + 1), "too large"),
    ],
    ids=lambda case: str(case)[:60],
)
def test_what_is_no_sample_is_a_failure_with_its_reason(answer, reason):
    with fake(a=answer, b=vector("1")) as (url, _), pytest.raises(UnansweredError) as failed:
        read(url, rate_rps="b", rejection="a")
    assert failed.value.reason == reason
    assert reason in prometheus.REASONS


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["vector", "success", "1"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["status", "data", "resultType", "result", "value"]), inner, max_size=5)
        ),
        max_leaves=12,
    )
)
def test_no_data_is_taken_for_a_sample_but_a_pair_of_numbers(data):
    with suppress(UnansweredError):
        stamp, value = prometheus._only(data)
        assert (type(stamp), type(value)) == (float, float)


def test_who_does_not_answer_is_a_failure_too():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UnansweredError, match="timeout"):
            read(url, patience=0.2, rate_rps="a")
    with pytest.raises(UnansweredError, match="unreachable"):
        read(url, rate_rps="a")


def test_a_period_is_decided_once_and_a_failure_is_tried_again_until_it_is_over(monkeypatch):
    service, clock, asked = StandIn(**ONE), Clock(NOW + 7.0), []
    fails = set(range(300, 610, 10))  # the whole of the second period, and the beginning of the third

    async def sleep(seconds):
        clock.now += seconds
        if clock.now > NOW + 950.0:
            raise asyncio.CancelledError

    async def sample(*_):
        asked.append(clock.now - NOW)
        if asked[-1] in fails:
            raise UnansweredError("no sample")
        return clock.now, asked[-1]

    async def ask():
        front = Front(service, clock)
        with pytest.raises(asyncio.CancelledError):
            await keep_asking(front, Source("", {"f": {"rate_rps": "a"}}))
        return front.counts

    monkeypatch.setattr(prometheus.asyncio, "sleep", sleep)
    monkeypatch.setattr(prometheus, "_sample", sample)
    counts = asyncio.run(ask())
    assert asked == [7.0, *sorted(fails), 610.0, 900.0]
    assert [body["functions"]["f"]["rate_rps"] for body in service.bodies] == [7.0, 610.0, 900.0]
    assert counts.source_failures == {**dict.fromkeys(prometheus.REASONS, 0), "no sample": 31}


def asked_by(monkeypatch, clock, service, sample, until_s, set_at=MappingProxyType({})):
    """When, after `NOW`, a reading is asked for; `sample` answers, and moves the clock as it likes."""
    asked, slept = [], []

    async def sleep(seconds):
        slept.append(seconds)
        clock.now += seconds + set_at.get(len(slept), 0.0)
        if clock.now > NOW + until_s:
            raise asyncio.CancelledError

    async def sampled(*_):
        asked.append(clock.now - NOW)
        return sample()

    async def ask():
        with pytest.raises(asyncio.CancelledError):
            await keep_asking(Front(service, clock), Source("", {"f": {"rate_rps": "a"}}))

    monkeypatch.setattr(prometheus.asyncio, "sleep", sleep)
    monkeypatch.setattr(prometheus, "_sample", sampled)
    asyncio.run(ask())
    return asked, slept


def test_a_try_that_ends_in_the_next_period_is_its_decision(monkeypatch):
    service, clock = StandIn(**ONE), Clock(NOW + 297.0)

    def sample():
        clock.now += 5.0
        return clock.now, 10.0

    assert asked_by(monkeypatch, clock, service, sample, 1100.0)[0] == [297.0, 600.0, 900.0]
    assert service.log.count == 3


def test_a_clock_that_is_set_is_seen_within_a_pause(monkeypatch):
    service, clock = StandIn(**ONE), Clock(NOW + 7.0)

    def sample():
        return clock.now, 10.0

    # Slept at 7 s, 17 s, ... and set 300 s on during the fifth sleep: 57 s are 357 s, of the next period.
    asked, slept = asked_by(monkeypatch, clock, service, sample, 500.0, set_at={5: 300.0})
    assert asked == [7.0, 357.0]
    assert max(slept) <= prometheus.MOST_SECONDS


def test_what_a_query_counts_is_told_with_the_window_that_it_must_have(monkeypatch):
    service = StandIn(**ONE)
    service.reader.windows = {"counted": 30.0, "x": 1.0}

    async def sample(*_):
        return NOW, 7.0

    async def sleep(_):
        raise asyncio.CancelledError

    async def ask():
        with pytest.raises(asyncio.CancelledError):
            await keep_asking(Front(service, Clock(NOW)), Source("", {"f": {"rate_rps": "a", "counted": "b"}}))

    monkeypatch.setattr(prometheus.asyncio, "sleep", sleep)
    monkeypatch.setattr(prometheus, "_sample", sample)
    asyncio.run(ask())
    assert service.bodies == [{"functions": {"f": {"rate_rps": 7.0, "counted": 7.0, "counted_seconds": 30.0}}}]


@pytest.mark.parametrize(("late", "again"), [(0.0, False), (292.0, False), (293.0, True), (900.0, True)])
def test_after_a_restart_a_period_that_is_decided_is_not_decided_again(monkeypatch, late, again):
    service = StandIn(**ONE)
    service.decide({"functions": {"f": {"rate_rps": 5.0}}}, NOW + 7.0)

    async def sample(*_):
        return NOW + 7.0 + late, 6.0

    async def sleep(_):
        raise asyncio.CancelledError

    async def ask():
        with pytest.raises(asyncio.CancelledError):
            await keep_asking(Front(service, Clock(NOW + 7.0 + late)), Source("", {"f": {"rate_rps": "a"}}))

    monkeypatch.setattr(prometheus.asyncio, "sleep", sleep)
    monkeypatch.setattr(prometheus, "_sample", sample)
    asyncio.run(ask())
    assert len(service.bodies) == 1 + again


@pytest.mark.parametrize(("fault", "kind"), [(RuntimeError("x"), "fault"), (DataError("x"), "input")])
def test_a_fault_of_ours_or_a_reading_that_is_refused_does_not_end_the_asking(fault, kind):
    service = StandIn(step_seconds=0.5, **ONE)
    service.fault = fault
    with ExitStack() as stack:
        url, server = stack.enter_context(fake(a=vector("60", stamp=NOW)))
        source = Source(url, {"f": {"rate_rps": "a"}})
        bound = stack.enter_context(running(service, clock=Clock(NOW), source=source))
        until(lambda: len(server.asked) > 2)
        assert f'mamo_refusals_total{{kind="{kind}"}} 0.0' not in http_to(bound, "/metrics").text
        service.fault = None
        until(lambda: http_to(bound).status == 200)


def test_a_server_decides_by_what_prometheus_says_and_takes_nothing_else():
    service = StandIn(step_seconds=0.5)
    with ExitStack() as stack:
        url, server = stack.enter_context(fake(a=vector("60", stamp=NOW), b=vector()))
        source = Source(url, {"f": {"rate_rps": "a"}, "g": {"rate_rps": "b"}})
        bound = stack.enter_context(running(service, clock=Clock(NOW), source=source))
        until(lambda: 'failures_total{reason="no sample"} 0.0' not in http_to(bound, "/metrics").text)
        answer = http_to(bound)
        assert (answer.status, answer.kind) == (503, "stale")
        server.answers["b"] = vector("5", stamp=NOW)
        until(lambda: http_to(bound).status == 200)
        assert http_to(bound).json["agents"] == {"f": 6, "g": 1}
        posted = http_to(bound, body={"functions": {"f": {"rate_rps": 1.0}, "g": {"rate_rps": 1.0}}})
        assert (posted.status, posted.kind) == (405, "method")
        assert service.log.count == 1
