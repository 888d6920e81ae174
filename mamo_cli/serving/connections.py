"""HTTP connections: how many there may be, how long they may take, and what is no HTTP at all."""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from mamo_cli.serving.front import KINDS, LOGGER, Front
from mamo_cli.serving.limits import Limits

JSON = "application/json"
LOOKS_SECONDS = 0.5
"""Between two looks for connections that do not come on, and after the system had no room for another."""
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to what cannot be read, or to a fault of ours, after which the connection is closed."""
        LOGGER.debug("HTTP request from %s", request.remote, exc_info=exc)
        if status < 500:
            response = refusal("input", "this is no HTTP request that can be read")
        else:
            response = refusal("fault", f"a bug of ours: {type(exc).__name__}")
        response.force_close()
        return response


class Connections(web.Server):
    """All connections, and when each last came on: when it was made, a request began, or an answer was ready."""

    def __init__(self, front: Front, handler: Handler, limits: Limits) -> None:
        """Args:
        front: which counts.
        handler: answers a request.
        limits: of connections, heads and patience.
        """
        super().__init__(handler, request_factory=self._request)
        self._front, self._limits, self._own_loop = front, limits, asyncio.get_running_loop()
        self._came_on: dict[web.RequestHandler, float] = {}
        self._transports: dict[web.RequestHandler, asyncio.Transport] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._places = 0  # that are taken: from the accept to the loss, each once

    def __call__(self) -> Protocol:
        """A further connection."""
        size = self._limits.head_bytes
        return Protocol(
            self,
            loop=self._own_loop,
            logger=LOGGER,
            access_log=None,  # type: ignore[arg-type]
            max_line_size=size,
            max_field_size=size,
            auto_decompress=False,
            lingering_time=self._limits.patience_s,
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Count it in."""
        super().connection_made(handler, transport)
        self._transports[handler], self._came_on[handler] = transport, time.monotonic()

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Count it out."""
        super().connection_lost(handler, exc)
        if self._came_on.pop(handler, None) is not None:
            self._places -= 1
        self._transports.pop(handler, None)

    def comes_on(self, handler: web.RequestHandler) -> None:
        """Note that there is progress, unless the connection is lost meanwhile."""
        if handler in self._came_on:
            self._came_on[handler] = time.monotonic()

    @asynccontextmanager
    async def listening(self, listening: socket.socket, context: ssl.SSLContext | None) -> AsyncIterator[None]:
        """Take connections until the end of the block; then what is in flight is answered."""
        tasks = [asyncio.create_task(self._accept(listening, context)), asyncio.create_task(self._close_idle())]
        try:
            yield
        finally:
            for task in (*tasks, *self._handshakes):
                task.cancel()
            await asyncio.gather(*tasks, *self._handshakes, return_exceptions=True)
            listening.close()
            self.pre_shutdown()
            await self.shutdown(self._limits.farewell_s)

    async def _accept(self, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                connection, _ = await self._own_loop.sock_accept(listening)
            except OSError as error:  # too many open files, say
                LOGGER.debug("no connection", exc_info=error)
                await asyncio.sleep(LOOKS_SECONDS)
                continue
            if self._places >= self._limits.connections:
                connection.close()
                self._front.counts.refusals["busy"] += 1
                continue
            self._places += 1
            task = asyncio.create_task(self._connect(connection, context))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _connect(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        patience = self._limits.patience_s
        waits = {} if context is None else {"ssl_handshake_timeout": patience, "ssl_shutdown_timeout": patience}
        try:
            await self._own_loop.connect_accepted_socket(self, connection, ssl=context, **waits)
        except OSError as error:  # of TLS, too
            LOGGER.debug("no connection", exc_info=error)
            connection.close()
            self._places -= 1

    async def _close_idle(self) -> None:
        while True:
            overdue = time.monotonic() - self._limits.patience_s
            for handler in [handler for handler, last in self._came_on.items() if last < overdue]:
                handler.force_close()
                self._transports[handler].abort()  # which does not wait for who reads no answer
            await asyncio.sleep(min(LOOKS_SECONDS, self._limits.patience_s / 2))

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        most = self._limits.body_bytes
        return web.BaseRequest(message, payload, protocol, writer, task, self._own_loop, client_max_size=most)


def answer(content: Mapping[str, Any], status: int = 200) -> web.Response:
    """An answer as JSON."""
    return web.Response(text=json.dumps(content, allow_nan=False) + "\n", status=status, content_type=JSON)


def refusal(kind: str, message: str) -> web.Response:
    """The answer of one shape to whatever is refused."""
    return answer({"error": {"kind": kind, "message": message}}, KINDS[kind].http)
