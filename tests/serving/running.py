"""A server in this process, in a thread and an event loop of its own, and clients of both its faces."""

import asyncio
import http.client
import importlib
import json
import sys
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import grpc
from grpc_tools import protoc

from mamo_cli.serving.server import Options, serving
from tests.clock import HANG_SECONDS

HERE = Path(__file__).parent


class Answer(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def kind(self):
        return self.json["error"]["kind"]


@contextmanager
def running(service, **options):
    """A server of these options; yields where it listens."""
    started, told = threading.Event(), {}

    async def serve():
        told["loop"], told["end"] = asyncio.get_running_loop(), asyncio.Event()
        async with serving(service, Options(**options)) as bound:
            told["bound"] = bound
            started.set()
            await told["end"].wait()

    def run():
        try:
            asyncio.run(serve())
        except Exception as error:
            told["error"] = error
        finally:
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(HANG_SECONDS)
        if "error" in told:
            raise told["error"]
        yield told["bound"]
    finally:
        if "bound" in told:
            told["loop"].call_soon_threadsafe(told["end"].set)
        thread.join(HANG_SECONDS)
        assert not thread.is_alive()
    if "error" in told:
        raise told["error"]


def http_to(bound, path="/decide", body=None, method=None, headers=None, context=None):
    """The answer to a request; a body that is not bytes is sent as JSON."""
    kind = http.client.HTTPConnection if context is None else http.client.HTTPSConnection
    more = {} if context is None else {"context": context}
    connection = kind(bound.listen, bound.http_port, timeout=HANG_SECONDS, **more)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"content-type": "application/json"} if data is not None else {}
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, data, {**sent, **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(), {k.lower(): v for k, v in response.getheaders()})
    finally:
        connection.close()


@cache
def client():
    """Messages and stubs of the tests' own protocol file, made by protoc: `(externalscaler_pb2, ..._pb2_grpc)`."""
    with TemporaryDirectory() as folder:
        code = protoc.main(
            ["", f"-I{HERE}", f"--python_out={folder}", f"--grpc_python_out={folder}", "externalscaler.proto"]
        )
        assert code == 0
        sys.path.insert(0, folder)
        try:
            return tuple(importlib.import_module(f"externalscaler_{kind}") for kind in ("pb2", "pb2_grpc"))
        finally:
            sys.path.remove(folder)


@contextmanager
def scaler(bound, credentials=None, options=()):
    """A client of the gRPC face."""
    address = f"{bound.host}:{bound.grpc_port}"
    channel = (
        grpc.insecure_channel(address, options)
        if credentials is None
        else grpc.secure_channel(address, credentials, options)
    )
    with channel:
        yield client()[1].ExternalScalerStub(channel)


def reference(**metadata):
    """A ScaledObject, whose trigger's metadata these are."""
    return client()[0].ScaledObjectRef(name="node", namespace="default", scalerMetadata=metadata)


def metrics_request(name="", **metadata):
    """For a value of a metric."""
    return client()[0].GetMetricsRequest(scaledObjectRef=reference(**metadata), metricName=name)


def refused(call, *arguments, **more):
    """The status code that a call ends with."""
    try:
        call(*arguments, timeout=HANG_SECONDS, **more)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"
