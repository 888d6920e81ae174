"""Prometheus as the source: what is a sample, what is none, and when it is asked."""

import asyncio
import http.server
import json
import math
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.serving import prometheus
from mamo_cli.serving.front import Front
from mamo_cli.serving.prometheus import MOST_BYTES, Source, UnansweredError, asking, keep_asking, measured, source_of
from tests.clock import HANG_SECONDS
from tests.serving.running import http_to, running
from tests.serving.standin import Clock, StandIn
from tests.serving.test_connections import until

NOW = 1_700_000_100.0
STEP_S = 300.0
ONE = {"agents": ["f"], "choices": [3], "alpha": [[0.5]], "limits": [[0.1]]}
ASKED = {"rate_rps": "--load", "rejection": "--rejected", "counted": "--counted"}


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


URL = "http://prometheus:9090"


def sourced(url=URL, agents=("f",), **given):
    return source_of(url, {what: (option, given.get(what)) for what, option in ASKED.items()}, agents)


def test_queries_are_of_the_function_that_they_name():
    load = ["g=up == 1", 'f=sum(rate(x{a="b"}[5m]))']
    queries = {"f": {"rate_rps": 'sum(rate(x{a="b"}[5m]))', "counted": "n"}, "g": {"rate_rps": "up == 1"}}
    assert sourced(agents=("f", "g"), rate_rps=load, counted=["f=n"]) == Source(URL, queries)
    assert sourced(rate_rps=["up == 1"]).queries == {"f": {"rate_rps": "up == 1"}}
    assert sourced(rate_rps=["f=up"]).queries == {"f": {"rate_rps": "up"}}
    assert sourced(url=URL + "/", rate_rps=["up"]).url == URL
    assert sourced(url=None) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": None, "rate_rps": ["up"]}, "--load is a query to Prometheus: say with --prometheus where"),
        ({"url": None, "counted": ["up"]}, "--counted is a query"),
        ({}, "--prometheus needs --load for f"),
        ({"rejection": ["up"]}, "--prometheus needs --load for f"),
        ({"agents": ("f", "g"), "rate_rps": ["f=up"]}, "--prometheus needs --load for g"),
        ({"agents": ("f", "g"), "rate_rps": ["up"]}, "--load must say for which of f, g"),
        ({"agents": ("f", "g"), "rate_rps": ["h=up"]}, "--load must say for which of f, g"),
        ({"rate_rps": ["up", "up"]}, "--load must give one query for f"),
        ({"rate_rps": ["up", "f=down"]}, "--load must give one query for f"),
        ({"rate_rps": ["f="]}, "--load must give one query for f"),
        ({"rate_rps": [" "]}, "--load must give one query for f"),
        *(
            ({"url": url, "rate_rps": ["up"]}, "--prometheus must be a URL such as")
            for url in (
                "",
                "prometheus:9090",
                "ftp://x",
                "http://",
                "http://x:99999",
                "http://x:0",
                "http://x/?a",
                "http://[",
            )
        ),
    ],
)
def test_queries_that_make_no_sense_are_refused(given, told):
    with pytest.raises(UsageError, match=told):
        sourced(**given)
