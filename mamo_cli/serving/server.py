"""The server: both faces, and Prometheus where it is the source, in one event loop."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import grpc

from mamo_cli.core.errors import StorageError
from mamo_cli.serving.access import Access
from mamo_cli.serving.decisions import Service
from mamo_cli.serving.front import Front
from mamo_cli.serving.http import Pages
from mamo_cli.serving.keda import Scaler
from mamo_cli.serving.limits import LIMITS, Limits
from mamo_cli.serving.prometheus import keep_asking
from mamo_cli.serving.queries import Source

WAITING = 128
"""Connections that the system keeps until they are accepted."""


@dataclass(frozen=True)
class Options:
    """What a server is told."""

    listen: str = "127.0.0.1"
    grpc_port: int = 0  # 0: any free one
    http_port: int = 0
    access: Access = field(default_factory=Access)
    source: Source | None = None
    limits: Limits = LIMITS
    clock: Callable[[], float] = time.time


class Bound(NamedTuple):
    """Where a server listens."""

    listen: str
    grpc_port: int
    http_port: int

    @property
    def host(self) -> str:
        """The address, as it stands before a colon and a port."""
        return f"[{self.listen}]" if ":" in self.listen else self.listen


@asynccontextmanager
async def serving(service: Service, options: Options) -> AsyncIterator[Bound]:
    """Serve until the end of the block; then nothing is accepted any more, and what is in flight is answered.

    Args:
        service: that decides.
        options: where, for whom, and how much.

    Raises:
        StorageError: an address cannot be listened on.
    """
    front = Front(service, options.clock)
    async with _http(front, options) as http_port, _grpc(front, options) as grpc_port, _asking(front, options.source):
        try:
            yield Bound(options.listen, grpc_port, http_port)
        finally:
            front.close()


@asynccontextmanager
async def _http(front: Front, options: Options) -> AsyncIterator[int]:
    """The HTTP face; yields its port."""
    listening = _bound(options.listen, options.http_port, "--http-port")
    listening.setblocking(False)
    for buffer in (
        socket.SO_SNDBUF,
        socket.SO_RCVBUF,
    ):  # of the connections, too: else the system's grow to some MB each
        listening.setsockopt(socket.SOL_SOCKET, buffer, options.limits.body_bytes)
    connections = Pages(front, options.access, options.limits, options.source is None).connections
    async with connections.listening(listening, options.access.context):
        yield listening.getsockname()[1]


@asynccontextmanager
async def _grpc(front: Front, options: Options) -> AsyncIterator[int]:
    """The gRPC face; yields its port."""
    limits, access = options.limits, options.access
    server = grpc.aio.server(options=_arguments(limits), maximum_concurrent_rpcs=limits.rpcs)
    server.add_generic_rpc_handlers((Scaler(front, access, limits).handlers(),))
    _bound(options.listen, options.grpc_port, "--grpc-port").close()  # which says why it cannot be, as gRPC would not
    host = Bound(options.listen, 0, 0).host
    address, credentials = f"{host}:{options.grpc_port}", access.credentials()
    try:
        port = (
            server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
        )
    except RuntimeError as error:
        raise StorageError(f"cannot listen on {address}: {error}") from None
    await server.start()
    try:
        yield port
    finally:
        await server.stop(limits.farewell_s)


def _arguments(limits: Limits) -> list[tuple[str, int]]:
    """Of the gRPC server; see https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""
    patience_ms = int(1000 * limits.patience_s)
    return [
        ("grpc.so_reuseport", 0),  # else two servers would share a port, and each be asked now and then
        ("grpc.max_receive_message_length", limits.body_bytes),
        ("grpc.max_send_message_length", limits.body_bytes),
        ("grpc.max_metadata_size", limits.head_bytes),
        ("grpc.absolute_max_metadata_size", limits.head_bytes),
        ("grpc.max_concurrent_streams", limits.rpcs),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.server_handshake_timeout_ms", patience_ms),
        ("grpc.max_connection_idle_ms", 60 * patience_ms),
        ("grpc.keepalive_time_ms", 3 * patience_ms),
        ("grpc.keepalive_timeout_ms", patience_ms),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", patience_ms),
        ("grpc.http2.max_ping_strikes", 2),
    ]


@asynccontextmanager
async def _asking(front: Front, source: Source | None) -> AsyncIterator[None]:
    """Ask Prometheus, if it is the source."""
    if source is None:
        yield
        return
    task = asyncio.create_task(keep_asking(front, source))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _bound(listen: str, port: int, option: str) -> socket.socket:
    """A socket that listens.

    Raises:
        StorageError: it cannot.
    """
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    both = listen == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server((listen, port), family=family, backlog=WAITING, dualstack_ipv6=both)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise StorageError(f"cannot listen on {listen} port {port}: {why}; see --listen and {option}") from None
