"""Any bytes at either port: the server lives, answers the next, takes no more memory, and has no fault to tell of."""

import json
import re
import socket
from pathlib import Path

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.serving.wire import SERVICE, messages
from tests.clock import HANG_SECONDS
from tests.serving.nodes import node, played, policy
from tests.serving.real import end, process, value
from tests.serving.running import http_to

FEW = settings(max_examples=60, derandomize=True, database=None)
GROWTH_MIB = 24
BODY = b'{"rate_rps": 30.0, "rejection": 0.01}'
HEAD = b"POST /decide HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
PIECES = (
    *(
        b"GET ",
        b"POST ",
        b"PUT ",
        b"/decide",
        b"/metrics",
        b"/healthz",
        b" HTTP/1.1",
        b" HTTP/9.9",
        b"\r\n",
        b"\r\n\r\n",
    ),
    *(
        b"content-length: ",
        b"transfer-encoding: chunked",
        b"5\r\n{}",
        b"0\r\n\r\n",
        b"expect: 100-continue",
        b"\0",
        b"\xff",
    ),
    *(b"upgrade: websocket", b"connection: upgrade", b"-1", b"99999999999999999999", HEAD, BODY, b"PRI * HTTP/2.0"),
)
KEYS = (
    *("rate_rps", "rejection", "counted", "counted_seconds", "max_replicas", "memory_mb"),
    *("time", "functions", "f", "arrived", "seconds"),
)
ROUGH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner),
    max_leaves=8,
)


METHODS = ("IsActive", "GetMetricSpec", "GetMetrics", "StreamIsActive", "StreamMetricSpec")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NAMES = st.text(max_size=8) | st.sampled_from(("f", "function", "s0-f"))


def message_of(kind, name, metadata, metric):
    """Either kind of request."""
    reference = messages()["ScaledObjectRef"](name=name, scalerMetadata=metadata)
    if kind == "ScaledObjectRef":
        return reference.SerializeToString()
    return messages()[kind](scaledObjectRef=reference, metricName=metric).SerializeToString()


MESSAGES = st.builds(
    message_of,
    st.sampled_from(("ScaledObjectRef", "GetMetricsRequest")),
    NAMES,
    st.dictionaries(NAMES, NAMES, max_size=3),
    NAMES,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server that has decided once, and is asked the same at the end; nobody could make it say a word."""
    folder, domain = tmp_path_factory.mktemp("fuzzed"), node()
    made = policy(domain)
    (folder / "p.npz").write_bytes(made.to_bytes())
    ((body, (replicas,), _), *_) = played(domain, made)
    with process(folder / "p.npz") as (server, bound):
        assert http_to(bound, body=body).json["agents"] == {"f": replicas}
        yield server, bound
        assert http_to(bound, body=body).status == 200
        assert "mamo" in http_to(bound, "/metrics").text
        assert end(server) == (143, "mamo: stopped by SIGTERM\n")


def resident_mib(server):
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


@pytest.fixture(autouse=True)
def bounded(served):
    """Memory before and after, once caches are full."""
    server, bound = served
    http_to(bound, "/metrics")
    value(bound)
    before = resident_mib(server)
    yield
    assert resident_mib(server) < before + GROWTH_MIB


def sent(port, data):
    """What comes back of bytes, after which nothing more is sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_SECONDS) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:  # it was hung up on
            return b""


@FEW
@given(st.binary(max_size=400) | st.lists(st.sampled_from(PIECES) | st.binary(max_size=9), max_size=12).map(b"".join))
def test_bytes_at_the_http_port(served, data):
    found = [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d+)", sent(served[1].http_port, data))]
    assert all(code < 500 or code == 503 for code in found)
    assert http_to(served[1], "/healthz").status == 200


@FEW
@given(ROUGH)
def test_json_of_any_shape(served, content):
    answer = http_to(served[1], body=json.dumps(content).encode())
    assert answer.status in (200, 400, 503)
    assert (answer.status == 200) == ("number" in answer.json)


@FEW
@given(st.binary(max_size=400) | st.binary(max_size=100).map(lambda data: PREFACE + data))
def test_bytes_at_the_grpc_port(served, data):
    sent(served[1].grpc_port, data)
    assert value(served[1]) >= 1


@FEW
@given(
    method=st.sampled_from(METHODS) | st.text("az/", max_size=5),
    message=st.binary(max_size=200) | MESSAGES,
    metadata=st.lists(st.tuples(st.just("x-bin"), st.binary(max_size=40)), max_size=3),
)
def test_messages_at_the_grpc_port(served, method, message, metadata):
    with grpc.insecure_channel(f"127.0.0.1:{served[1].grpc_port}") as channel:
        call = channel.unary_stream(f"/{SERVICE}/{method}")(message, metadata=metadata, timeout=HANG_SECONDS)
        assert first(call) in ("OK", "INVALID_ARGUMENT", "UNIMPLEMENTED")
    assert value(served[1]) >= 1


def first(call):
    """The status of an RPC once its first answer has come."""
    try:
        next(call)
    except grpc.RpcError as error:
        return error.code().name
    call.cancel()
    return "OK"
