"""The face for KEDA: a gRPC external scaler, of which the value is the choice itself and the target is 1.

| RPC | answers |
|---|---|
| `GetMetricSpec` | one metric, named after the agent in lower case, target 1: it is fixed, whatever is decided |
| `GetMetrics` | the agent's current choice |
| `IsActive` | true: an agent that is decided for is never sent to nothing |
| `StreamIsActive` | the same at once and after each decision |
| `StreamMetricSpec` | the specification at once; as it never changes, nothing follows until the server ends |

KEDA and the autoscaler ask for metrics in lower case; which agent is meant, the trigger's metadata say.

Where there is no decision, or a stale one, the status is UNAVAILABLE: KEDA would take NaN, and what is below 0, for 0.
"""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from mamo_cli.serving.access import Access
from mamo_cli.serving.front import Front, RefusedError
from mamo_cli.serving.limits import Limits
from mamo_cli.serving.wire import SERVICE, messages

TARGET = 1
PATIENCE_SECONDS = 5.0
"""How often a stream that has no news looks whether what it has told is stale."""


class Scaler:
    """The RPCs; messages come and go as bytes, so that what is no message is refused and counted like all else."""

    def __init__(self, front: Front, access: Access, limits: Limits) -> None:
        """Args:
        front: what is asked.
        access: who may ask.
        limits: how many streams there may be.
        """
        self._front, self._access, self._most = front, access, limits.streams
        self._streams = 0
        self._kinds = messages()

    def handlers(self) -> Any:
        """All RPCs, as a gRPC server takes them."""
        polls = {"GetMetricSpec": self._spec, "GetMetrics": self._metrics, "IsActive": self._active}
        streams = {"StreamIsActive": self._actives, "StreamMetricSpec": self._specs}
        handlers: dict[str, Any] = {
            **{name: grpc.unary_unary_rpc_method_handler(self._poll(name, answer)) for name, answer in polls.items()},
            **{name: grpc.unary_stream_rpc_method_handler(self._push(name, made)) for name, made in streams.items()},
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _poll(self, name: str, answer: Callable[[Any], Any]) -> Callable[[bytes, Any], Any]:
        """An RPC of one answer."""

        async def poll(data: bytes, context: Any) -> bytes:
            started, code = time.perf_counter(), "OK"
            try:
                return bytes(answer(self._admitted(name, data, context)).SerializeToString())
            except RefusedError as error:
                refused, code = error, self._front.refused(error).grpc
            finally:
                self._front.counts.answered(name, code, time.perf_counter() - started)
            await _abort(context, code, refused)
            return b""

        return poll

    def _push(
        self, name: str, made: Callable[[Any], AsyncIterator[Any]]
    ) -> Callable[[bytes, Any], AsyncIterator[bytes]]:
        """An RPC of a stream of answers, which is counted when it ends."""

        async def push(data: bytes, context: Any) -> AsyncIterator[bytes]:
            code = "CANCELLED"
            self._streams += 1
            try:
                request = self._admitted(name, data, context)
                if self._streams > self._most:
                    raise RefusedError("busy", f"there are {self._most} streams, which is the most")
                async for message in made(request):
                    yield message.SerializeToString()
                code = "OK"
                return
            except RefusedError as error:
                refused, code = error, self._front.refused(error).grpc
            finally:
                self._streams -= 1
                self._front.counts.requests[name, code] += 1
            await _abort(context, code, refused)

        return push

    def _admitted(self, name: str, data: bytes, context: Any) -> Any:
        """The message, of one who may ask."""
        given = dict(context.invocation_metadata() or ())
        self._access.require(given.get("authorization"), certified=self._access.certified_by_handshake)
        kind = self._kinds["GetMetricsRequest" if name == "GetMetrics" else "ScaledObjectRef"]
        try:
            return kind.FromString(data)
        except DecodeError:
            raise RefusedError("input", f"what was sent is no {kind.DESCRIPTOR.name}") from None

    def _spec(self, reference: Any) -> Any:
        name = self._front.agent(reference.scalerMetadata)
        spec = self._kinds["MetricSpec"](metricName=name.lower(), targetSize=TARGET, targetSizeFloat=TARGET)
        return self._kinds["GetMetricSpecResponse"](metricSpecs=[spec])

    def _metrics(self, request: Any) -> Any:
        name, asked = self._front.agent(request.scaledObjectRef.scalerMetadata), request.metricName
        if asked.lower() not in ("", name.lower()):
            raise RefusedError("input", f"there is no metric {asked[:64]!r}: it is named {name.lower()}")
        value = self._front.current().agents[name]
        metric = self._kinds["MetricValue"](metricName=name.lower(), metricValue=value, metricValueFloat=value)
        return self._kinds["GetMetricsResponse"](metricValues=[metric])

    def _active(self, reference: Any) -> Any:
        self._front.agent(reference.scalerMetadata)
        self._front.current()
        return self._kinds["IsActiveResponse"](result=True)

    async def _actives(self, reference: Any) -> AsyncIterator[Any]:
        told = None
        while not self._front.closing:
            seen, answer, number = self._front.changes, self._active(reference), self._front.current().number
            if number != told:
                yield answer
            told = number
            await self._front.news(seen, PATIENCE_SECONDS)

    async def _specs(self, reference: Any) -> AsyncIterator[Any]:
        yield self._spec(reference)
        while not self._front.closing:
            await self._front.news(self._front.changes, PATIENCE_SECONDS)


async def _abort(context: Any, code: str, refused: RefusedError) -> None:
    """End an RPC with a status; raises what gRPC wants raised."""
    await context.abort(grpc.StatusCode[code], str(refused))
