"""Both faces over real sockets: the decision is the same one, and what is not known is refused, never 0."""

import http.client
import json
import queue
import threading
from contextlib import ExitStack

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import DivergedError, StorageError
from mamo_cli.serving import http as face
from mamo_cli.serving.decisions import Decision
from mamo_cli.serving.front import RefusedError
from tests.clock import HANG_SECONDS
from tests.serving.running import client, http_to, metrics_request, reference, refused, running, scaler
from tests.serving.standin import HEAD, Clock, StandIn, loads

POLLS = ("GetMetricSpec", "GetMetrics", "IsActive")


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


def ask(keda, name, **metadata):
    """The status code of one of the calls that ask for an agent."""
    request = metrics_request(**metadata) if name == "GetMetrics" else reference(**metadata)
    return refused(getattr(keda, name), request)


def test_what_is_posted_is_what_keda_gets(bound, clock):
    posted = http_to(bound, body=loads(f=20.0, g=31.0))
    assert posted.status == 200
    assert posted.headers["content-type"].startswith("application/json")
    assert posted.json == {
        "number": 1, "time": clock.now, "agents": {"f": 2, "g": 4}, "policy_alone": {"f": 2, "g": 4},
        "overridden": False, "beyond": [], "head": HEAD,
    }  # fmt: skip
    assert http_to(bound).json == posted.json
    assert http_to(bound, "/healthz").json == {"status": "ok", "decided": clock.now}
    with scaler(bound) as keda:
        (spec,) = keda.GetMetricSpec(reference(function="g")).metricSpecs
        (value,) = keda.GetMetrics(metrics_request("g", function="g")).metricValues
        active = keda.IsActive(reference(function="g"))
    assert (spec.metricName, spec.targetSize, spec.targetSizeFloat) == ("g", 1, 1.0)
    assert (value.metricName, value.metricValue, value.metricValueFloat) == ("g", 4, 4.0)
    assert active.result is True


def test_before_the_first_decision_and_after_the_last_is_stale_nothing_is_told(bound, clock, service):
    for late in (False, True):
        if late:
            http_to(bound, body=loads())
            clock.now += 601.0
        with scaler(bound) as keda:
            assert [ask(keda, name, function="f") for name in POLLS] == ["OK", "UNAVAILABLE", "UNAVAILABLE"]
            assert refused(lambda *a, keda=keda, **k: next(keda.StreamIsActive(*a, **k)), reference(function="f")) == (
                "UNAVAILABLE"
            )
        for path in ("/decide", "/healthz"):
            answer = http_to(bound, path)
            assert (answer.status, answer.kind) == (503, "stale")
    assert service.last.agents == {"f": 2, "g": 4}


@pytest.mark.parametrize("name", POLLS)
def test_an_agent_that_is_not_there_or_not_named_is_refused(bound, name):
    http_to(bound, body=loads())
    with scaler(bound) as keda:
        assert ask(keda, name) == "INVALID_ARGUMENT"
        assert ask(keda, name, function="h") == "INVALID_ARGUMENT"
        assert ask(keda, name, functions="f") == "INVALID_ARGUMENT"
        assert refused(keda.GetMetrics, metrics_request("g", function="f")) == "INVALID_ARGUMENT"
        assert ask(keda, name, function="f", scalerAddress="node:9090") == "OK"


def test_one_agent_needs_no_name(clock):
    one = StandIn(agents=["f"], choices=[3], alpha=[[0.5]], limits=[[0.1]])
    with running(one, clock=clock) as bound, scaler(bound) as keda:
        http_to(bound, body={"functions": {"f": {"rate_rps": 25.0}}})
        (value,) = keda.GetMetrics(metrics_request()).metricValues
        assert (value.metricName, value.metricValueFloat) == ("f", 3.0)


def test_a_metric_is_named_in_lower_case_as_an_autoscaler_asks_for_it_and_found_in_any(clock):
    names = ("Checkout-API", "checkout-api")  # two that differ in nothing else are told apart by their trigger
    service = StandIn(agents=list(names))
    service.last = Decision(1, clock.now, dict(zip(names, (3, 5), strict=True)), {}, False, [], HEAD)
    with running(service, clock=clock) as bound, scaler(bound) as keda:
        for name, replicas in service.last.agents.items():
            (spec,) = keda.GetMetricSpec(reference(function=name)).metricSpecs
            assert spec.metricName == "checkout-api"
            for asked in ("checkout-api", "Checkout-API", ""):
                (value,) = keda.GetMetrics(metrics_request(asked, function=name)).metricValues
                assert (value.metricName, value.metricValue) == ("checkout-api", replicas)


def test_a_stream_tells_of_each_decision_and_ends_with_the_server(service, clock):
    told = queue.Queue()

    def listen(stream):
        try:
            for message in stream:
                told.put(message)
        except grpc.RpcError as error:
            told.put(error.code())
        told.put("end")

    with ExitStack() as outlasting, running(service, clock=clock) as bound:
        keda = outlasting.enter_context(scaler(bound))
        http_to(bound, body=loads())
        threads = []
        for stream in (keda.StreamIsActive(reference(function="f")), keda.StreamMetricSpec(reference(function="f"))):
            threads.append(threading.Thread(target=listen, args=(stream,)))
            threads[-1].start()
            first = told.get(timeout=HANG_SECONDS)
            assert first in (client()[0].IsActiveResponse(result=True), keda.GetMetricSpec(reference(function="f")))
        for number in range(2):
            assert http_to(bound, body=loads()).json["number"] == number + 2
            assert told.get(timeout=HANG_SECONDS) == client()[0].IsActiveResponse(result=True)
        assert told.empty()
        told_at_the_end = outlasting.pop_all()
    with told_at_the_end:
        assert [told.get(timeout=HANG_SECONDS) for _ in threads] == ["end", "end"]
        for thread in threads:
            thread.join(HANG_SECONDS)


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (DivergedError("the policy is sick"), 503, "sick"),
        (StorageError("no space left"), 503, "unwritten"),
        (RuntimeError("secret"), 500, "fault"),
    ],
)
def test_a_policy_that_cannot_decide_leaves_the_decision_before(bound, service, fault, status, kind):
    http_to(bound, body=loads())
    service.fault = fault
    answer = http_to(bound, body=loads(f=90.0))
    assert (answer.status, answer.kind) == (status, kind)
    assert "secret" not in answer.text
    assert http_to(bound).json["agents"] == {"f": 2, "g": 4}


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        ({"body": b""}, 400, "input"),
        ({"body": b"{"}, 400, "input"),
        ({"body": b"\xff\xfe"}, 400, "input"),
        ({"body": b"[]"}, 400, "input"),
        ({"body": b'"a"'}, 400, "input"),
        ({"body": b"1" * 5000}, 400, "input"),
        ({"body": b"[" * 60_000}, 400, "input"),
        ({"body": b'{"functions": {"f": {"rate_rps": NaN}, "g": {"rate_rps": 1}}}'}, 400, "input"),
        ({"body": b'{"functions": {"f": {"rate_rps": 1, "rate_rps": 2}, "g": {"rate_rps": 1}}}'}, 400, "input"),
        ({"body": b" " * 65_537}, 413, "size"),
        ({"body": b"{}", "headers": {"content-type": "text/plain"}}, 415, "encoding"),
        ({"body": b"{}", "headers": {"content-encoding": "gzip"}}, 415, "encoding"),
        ({"body": b"{}", "method": "PUT"}, 405, "method"),
        ({"method": "DELETE"}, 405, "method"),
        ({"path": "/metrics", "method": "POST", "body": b"{}"}, 405, "method"),
        ({"path": "/"}, 404, "unknown"),
        ({"path": "/decide/"}, 404, "unknown"),
        ({"path": "/../decide"}, 404, "unknown"),
        ({"path": "/decide?x=" + "y" * 9000}, 400, "input"),
        ({"path": "/decide", "headers": {"x": "y" * 9000}}, 400, "input"),
    ],
    ids=str,
)
def test_what_is_no_question_is_refused_in_one_shape(bound, service, sent, status, kind):
    answer = http_to(bound, **sent)
    assert answer.status == status
    assert answer.json.keys() == {"error"}
    assert answer.json["error"].keys() == {"kind", "message"}
    assert answer.kind == kind
    assert service.last is None
    assert http_to(bound, body=loads()).status == 200


def test_a_key_that_stands_twice_is_named(bound):
    answer = http_to(bound, body=b'{"functions": {"f": {"rate_rps": 1}, "f": {"rate_rps": 2}}}')
    assert answer.json["error"]["message"] == "'f' stands twice in one object of the body"


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff", b"\x1a\x05\x0a\x03f"])
def test_what_is_no_message_is_refused_and_counted(bound, data):
    with grpc.insecure_channel(f"{bound.listen}:{bound.grpc_port}") as channel:
        call = channel.unary_unary("/externalscaler.ExternalScaler/IsActive")
        assert refused(call, data) == "INVALID_ARGUMENT"
        assert refused(channel.unary_unary("/externalscaler.ExternalScaler/Other"), b"") == "UNIMPLEMENTED"
    assert 'mamo_requests_total{call="IsActive",code="INVALID_ARGUMENT"} 1.0' in http_to(bound, "/metrics").text


@given(st.binary(max_size=200))
def test_no_bytes_bring_the_server_down(shared, data):
    with grpc.insecure_channel(f"{shared.listen}:{shared.grpc_port}") as channel:
        code = refused(channel.unary_unary("/externalscaler.ExternalScaler/GetMetrics"), data)
    assert code in ("INVALID_ARGUMENT", "UNAVAILABLE")
    answer = http_to(shared, body=data)
    assert (answer.status, answer.kind) == (400, "input")


@pytest.fixture(scope="module")
def shared():
    with running(StandIn(), clock=Clock()) as bound:
        yield bound


def test_a_connection_is_kept_for_several_questions(bound):
    connection = http.client.HTTPConnection(bound.listen, bound.http_port, timeout=HANG_SECONDS)
    numbers = []
    for _ in range(3):
        connection.request("POST", "/decide", json.dumps(loads()), {"content-type": "application/json"})
        numbers.append(json.load(connection.getresponse())["number"])
    connection.close()
    assert numbers == [1, 2, 3]


def test_a_body_of_many_keys_is_looked_at_once_for_each():
    looks = 0

    class Name(str):
        __slots__ = ()

        def __eq__(self, other):
            nonlocal looks
            looks += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    names = [Name(number) for number in range(2000)]
    assert face._once([(name, 0) for name in names]) == dict.fromkeys(names, 0)
    assert looks < 20 * len(names)
    with pytest.raises(RefusedError, match="'1999' stands twice"):
        face._once([(name, 0) for name in (*names, Name(1999))])
