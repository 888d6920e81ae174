"""A flood, slow callers and long bodies: what is beyond the limits is refused at once, and nothing is held for ever."""

import json
import socket
import threading
import time
from contextlib import ExitStack, suppress

import grpc
import pytest

from mamo_cli.core.errors import StorageError
from mamo_cli.serving.limits import LIMITS
from tests.clock import HANG_SECONDS
from tests.serving.running import client, http_to, metrics_request, reference, refused, running, scaler
from tests.serving.standin import Clock, StandIn, loads

FEW = LIMITS._replace(connections=4, streams=2, patience_s=0.3)
QUESTION = b"GET /decide HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /decide HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def connected(bound, port=None):
    connection = socket.create_connection((bound.listen, port or bound.http_port), HANG_SECONDS)
    connection.settimeout(HANG_SECONDS)
    return connection


def heard(connection):
    """All that comes until the other end closes."""
    found = b""
    with connection, suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            found += part
    return found


def until(true):
    """Wait for something that comes about."""
    deadline = time.monotonic() + HANG_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def service():
    return StandIn()


@pytest.fixture
def patient(service):
    """A server that lets callers take their time, with room for four."""
    with running(service, clock=Clock(), limits=FEW._replace(patience_s=60.0)) as bound:
        yield bound


@pytest.fixture
def hasty(service):
    with running(service, clock=Clock(), limits=FEW) as bound:
        yield bound


def test_a_connection_beyond_the_most_is_closed_at_once_and_those_before_are_served(patient):
    held = [connected(patient) for _ in range(4)]
    for connection in held:
        connection.sendall(QUESTION)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 503")
    for _ in range(20):
        assert heard(connected(patient)) == b""
    held[0].sendall(QUESTION)
    assert held[0].recv(1 << 16).startswith(b"HTTP/1.1 503")
    held.pop().close()
    until(lambda: _answers(patient))
    for connection in held[1:]:
        connection.close()
    held[0].sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b'mamo_refusals_total{kind="busy"}' in heard(held[0])


def _answers(bound):
    try:
        return http_to(bound, "/healthz").status == 503
    except OSError:
        return False


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
        POST + b"Content-Length: 100\r\n\r\n",
        POST + b"Content-Length: 100\r\n\r\n" + b"{" * 99,
        POST + b"Transfer-Encoding: chunked\r\n\r\n10\r\n{",
        QUESTION,
    ],
    ids=str,
)
def test_who_sends_half_a_request_or_none_does_not_hold_a_place(hasty, service, begun):
    held = [connected(hasty) for _ in range(4)]
    for connection in held:
        connection.sendall(begun)
    ends = [heard(connection) for connection in held]
    assert {end[:12] for end in ends} <= {b"", b"HTTP/1.1 503" if begun == QUESTION else b""}
    until(lambda: _answers(hasty))
    assert service.bodies == []


def test_who_drips_a_request_does_not_hold_a_place_either(hasty):
    with connected(hasty) as dripping:
        until(lambda: _refuses(dripping, b"a"))


def _refuses(connection, sent):
    try:
        connection.sendall(sent)
    except OSError:
        return True
    return False


def test_who_reads_no_answer_does_not_hold_a_place(service):
    with running(service, clock=Clock(), limits=FEW._replace(connections=1)) as bound, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((bound.listen, bound.http_port))
        deaf.setblocking(False)
        with suppress(BlockingIOError, ConnectionError):
            deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 300)
        until(lambda: _answers(bound))


def test_who_leaves_in_the_middle_leaves_nothing_behind(patient, service):
    for begun in (b"", b"GET", POST + b"Content-Length: 100\r\n\r\n{", QUESTION, QUESTION * 3):
        for _ in range(8):
            until(lambda begun=begun: _left(patient, begun))
    until(lambda: _four_are_answered(patient))
    assert service.bodies == []


def _left(bound, begun):
    """Whether there was a place to begin with a request and leave."""
    with connected(bound) as connection:
        return not _refuses(connection, begun)


def _four_are_answered(bound):
    with ExitStack() as held, suppress(OSError):
        callers = [held.enter_context(connected(bound)) for _ in range(4)]
        for caller in callers:
            caller.sendall(QUESTION)
        return all(caller.recv(1 << 16).startswith(b"HTTP/1.1 503") for caller in callers)
    return False


def test_a_body_is_not_read_beyond_the_most(patient, service):
    with connected(patient) as connection:
        connection.sendall(POST + b"Content-Length: 1000000000\r\n\r\n" + b" " * 100_000)
        head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413")
    assert json.loads(body)["error"]["kind"] == "size"
    assert service.bodies == []


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\nnonsense\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    ],
    ids=str,
)
def test_what_is_no_http_is_refused_in_the_same_shape(patient, sent):
    with connected(patient) as connection:
        connection.sendall(sent)
        head, _, body = heard(connection).partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"HTTP/1.0 400 Bad Request"
    assert json.loads(body)["error"]["kind"] == "input"


def test_questions_that_come_in_a_row_are_all_answered(patient):
    with connected(patient) as connection:
        connection.sendall(QUESTION * 19 + QUESTION[:-2] + b"Connection: close\r\n\r\n")
        assert heard(connection).count(b"HTTP/1.1 503") == 20


def test_grpc_connections_are_bounded(patient):
    channels = [grpc.insecure_channel(f"{patient.listen}:{patient.grpc_port}", [("grpc.x", i)]) for i in range(4)]
    for channel in channels:
        assert refused(client()[1].ExternalScalerStub(channel).IsActive, reference(function="f")) == "UNAVAILABLE"
    assert heard(connected(patient, patient.grpc_port)) == b""
    for channel in channels:
        channel.close()
    until(lambda: _scaler_answers(patient))


def _scaler_answers(bound):
    with scaler(bound) as keda:
        return refused(keda.GetMetricSpec, reference(function="f")) == "OK"


def test_who_opens_a_grpc_connection_and_says_nothing_does_not_hold_it(hasty):
    assert b"handshake timeout" in heard(connected(hasty, hasty.grpc_port))


def test_streams_are_bounded_apart_from_polls(patient, service):
    http_to(patient, body=loads())
    with scaler(patient) as keda:
        streams = [keda.StreamIsActive(reference(function="f")) for _ in range(2)]
        for stream in streams:
            assert next(stream).result is True
        assert refused(lambda *a, **k: next(keda.StreamIsActive(*a, **k)), reference(function="f")) == (
            "RESOURCE_EXHAUSTED"
        )
        assert refused(keda.GetMetrics, metrics_request(function="f")) == "OK"
        streams.pop().cancel()
        until(lambda: _streams(keda))


def _streams(keda):
    stream = keda.StreamIsActive(reference(function="f"), timeout=HANG_SECONDS)
    try:
        return next(stream).result
    except grpc.RpcError:
        return False
    finally:
        stream.cancel()


def test_questions_of_keda_at_a_time_are_bounded(service):
    with running(service, clock=Clock(), limits=FEW._replace(rpcs=2, streams=3, patience_s=60.0)) as bound:
        http_to(bound, body=loads())
        with scaler(bound) as first, scaler(bound, options=[("grpc.x", 1)]) as second:
            streams = [keda.StreamIsActive(reference(function="f")) for keda in (first, second)]
            assert [next(stream).result for stream in streams] == [True, True]
            with grpc.insecure_channel(f"{bound.host}:{bound.grpc_port}", [("grpc.x", 2)]) as channel:
                third = client()[1].ExternalScalerStub(channel)
                assert refused(third.IsActive, reference(function="f")) == "RESOURCE_EXHAUSTED"
                streams[0].cancel()
                until(lambda: refused(third.IsActive, reference(function="f")) == "OK")
            streams[1].cancel()


@pytest.mark.parametrize("port", ["grpc_port", "http_port"])
def test_two_servers_do_not_share_a_port(hasty, port):
    taken = getattr(hasty, port)
    with (
        pytest.raises(StorageError, match=rf"cannot listen on 127.0.0.1 port {taken}: Address already in use"),
        running(StandIn(), clock=Clock(), **{port: taken}),
    ):
        pass


def test_grpc_messages_and_heads_are_bounded(patient):
    with scaler(patient) as keda:
        long = reference(function="f", padding="x" * LIMITS.body_bytes)
        assert refused(keda.GetMetricSpec, long) == "RESOURCE_EXHAUSTED"
        head = [("x-padding", "x" * 2 * LIMITS.head_bytes)]
        assert refused(keda.GetMetricSpec, reference(function="f"), metadata=head) == "RESOURCE_EXHAUSTED"
        assert refused(keda.GetMetricSpec, reference(function="f")) == "OK"


def test_a_decision_in_flight_is_answered_at_the_end(service):
    begun, end = threading.Event(), threading.Event()
    decide = service.decide

    def slow(body, now):
        begun.set()
        assert end.wait(HANG_SECONDS)
        return decide(body, now)

    service.decide, answers = slow, []
    with running(service, clock=Clock()) as bound:
        asking = threading.Thread(target=lambda: answers.append(http_to(bound, body=loads())))
        asking.start()
        assert begun.wait(HANG_SECONDS)
        threading.Timer(0.1, end.set).start()
    asking.join(HANG_SECONDS)
    assert [answer.status for answer in answers] == [200]


def test_who_waits_with_a_body_until_it_is_wanted_is_told_to_go_on(patient):
    body = json.dumps(loads()).encode()
    head = POST + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: "
    with connected(patient) as caller:
        caller.sendall(head + b"%d\r\n\r\n" % len(body))
        assert caller.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        caller.sendall(body)
        assert heard(caller).startswith(b"HTTP/1.1 200 OK\r\n")
    with connected(patient) as caller:  # what is refused by its head is not asked for
        caller.sendall(head.replace(b"application/json", b"text/plain") + b"%d\r\n\r\n" % len(body))
        assert caller.recv(1 << 16).startswith(b"HTTP/1.1 415 ")


def test_who_asks_without_being_known_is_answered_once_on_a_connection(patient):
    with connected(patient) as caller:
        caller.sendall(QUESTION.replace(b"/decide", b"/healthz") * 2)
        assert heard(caller).count(b"HTTP/1.1 503") == 1


def test_at_the_end_a_request_whose_body_has_not_come_is_cut_off_and_decides_nothing(service):
    body = json.dumps(loads()).encode()
    with running(service, clock=Clock(), limits=LIMITS._replace(farewell_s=0.2)) as bound:
        caller = connected(bound)
        caller.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-1])
        assert http_to(bound).status == 503  # the loop has come round
    assert b" 200 " not in heard(caller)
    assert service.bodies == []
