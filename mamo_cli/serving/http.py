"""The face for everything else: HTTP with JSON.

| request | answers |
|---|---|
| `POST /decide` | a decision of what was measured, which the body says (`content-type: application/json`) |
| `GET /decide` | the current one |
| `GET /healthz` | 200 where there is a current one, 503 otherwise; open to all, as kubelets have no token |
| `GET /metrics` | what Prometheus reads |

What is refused is answered `{"error": {"kind": ..., "message": ...}}`, see `front.KINDS`. Where Prometheus is the
source, nothing is posted: of two sources, each would take the other's periods.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import HttpVersion11, web

from mamo_cli.serving.access import Access
from mamo_cli.serving.connections import JSON, Connections, answer, refusal
from mamo_cli.serving.front import Front, RefusedError
from mamo_cli.serving.limits import Limits
from mamo_cli.serving.metrics import CONTENT_TYPE, exposition

OPEN = "/healthz"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""For who waits with a body until it is wanted."""


class Pages:
    """What answers requests."""

    def __init__(self, front: Front, access: Access, limits: Limits, posted: bool) -> None:
        """Args:
        front: what is asked.
        access: who may ask.
        limits: of bodies and connections.
        posted: whether what is measured is posted.
        """
        self._front, self._access, self._limits = front, access, limits
        self.connections = Connections(front, self._answered, limits)
        self._pages: dict[str, dict[str, Callable[[bytes], web.Response]]] = {
            "/decide": {"GET": self._current, **({"POST": self._decide} if posted else {})},
            OPEN: {"GET": self._health},
            "/metrics": {"GET": self._metrics},
        }

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer, whatever was asked."""
        started = time.perf_counter()
        self.connections.comes_on(request.protocol)
        try:
            page = self._page(request)
            response = page(await self._body(request))
        except RefusedError as error:
            self._front.refused(error)
            response = refusal(error.kind, str(error))
        if request.path == OPEN:
            response.force_close()  # whoever need show nothing holds no place
        known = request.method in self._pages.get(request.path, {})
        call = f"{request.method} {request.path}" if known else "other"
        self._front.counts.answered(call, str(response.status), time.perf_counter() - started)
        self.connections.comes_on(request.protocol)
        return response

    def _page(self, request: web.BaseRequest) -> Callable[[bytes], web.Response]:
        """Who answers, of one who may ask.

        Raises:
            RefusedError: nobody does.
        """
        if request.path != OPEN:
            shown = request.transport.get_extra_info("peercert") if request.transport is not None else None
            self._access.require(request.headers.get("authorization"), certified=bool(shown))
            self._access.require_own(request.headers.get("host"))
        pages = self._pages.get(request.path)
        if pages is None:
            raise RefusedError("unknown", f"there is {', '.join(self._pages)}, and nothing else")
        if request.method not in pages:
            raise RefusedError("method", f"{request.path} takes {' and '.join(pages)} here")
        if request.method == "POST" and (request.content_type != JSON or "content-encoding" in request.headers):
            raise RefusedError("encoding", f"a body must be sent as it is, with the header content-type: {JSON}")
        return pages[request.method]

    async def _body(self, request: web.BaseRequest) -> bytes:
        try:
            if request.version >= HttpVersion11 and request.headers.get("expect", "").lower() == "100-continue":
                await request.writer.write(CONTINUE)
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise RefusedError("size", f"a body has at most {self._limits.body_bytes} bytes") from None
        except web.RequestPayloadError:
            raise RefusedError("input", "the body does not come as its head says") from None

    def _decide(self, body: bytes) -> web.Response:
        return answer(self._front.decide(_measured(body))._asdict())

    def _current(self, body: bytes) -> web.Response:
        return answer(self._front.current()._asdict())

    def _health(self, body: bytes) -> web.Response:
        return answer({"status": "ok", "decided": self._front.current().time})

    def _metrics(self, body: bytes) -> web.Response:
        return web.Response(body=exposition(self._front), headers={"content-type": CONTENT_TYPE})


def _measured(body: bytes) -> Mapping[str, Any]:
    """What a body says.

    Raises:
        RefusedError: it is no JSON object, or says a thing twice.
    """
    try:
        content = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise RefusedError("input", "the body is no JSON") from None
    if not isinstance(content, dict):
        raise RefusedError("input", "the body must be a JSON object")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RefusedError("input", f"{name[:64]!r} stands twice in one object of the body")
        found[name] = value
    return found
