"""A real `mamo serve` process on any free ports, and who polls it as KEDA does."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self


class Served(NamedTuple):
    """A server that runs."""

    process: subprocess.Popen[str]
    http_port: int
    grpc_port: int
    started: float  # of `time.perf_counter`, just before the process was

    def resident_mib(self) -> float:
        """What of its memory is in use."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        (line,) = [line for line in lines if line.startswith("VmRSS")]
        return int(line.split()[1]) / 1024

    def computed_s(self) -> float:
        """Seconds that its threads have computed."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def served(policy: Path, log: Path) -> Iterator[Served]:
    """Serve a policy until the end of the block; killed then, as a node that goes down."""
    command = [sys.executable, "-m", "mamo_cli", "serve", str(policy), "--log", str(log), "--json", "-q"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--grpc-port", "0", "--http-port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield Served(process, said["http_port"], said["grpc_port"], started)
    finally:
        process.kill()
        process.communicate()


class Keda:
    """Who polls one function: the three calls of KEDA, a connection that stays; a context manager."""

    def __init__(self, port: int, function: str) -> None:
        """Args: port: of the gRPC face. function: whose replicas are asked for."""
        import grpc

        from mamo_cli.serving.wire import SERVICE, messages

        kinds = messages()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)])
        self._reference = kinds["ScaledObjectRef"](name="f", namespace="default", scalerMetadata={"function": function})
        self._request = kinds["GetMetricsRequest"](scaledObjectRef=self._reference, metricName=function)

        def call(name: str, asked: str, answered: str) -> Any:
            return self._channel.unary_unary(
                f"/{SERVICE}/{name}",
                request_serializer=kinds[asked].SerializeToString,
                response_deserializer=kinds[answered].FromString,
            )

        self._spec = call("GetMetricSpec", "ScaledObjectRef", "GetMetricSpecResponse")
        self._metrics = call("GetMetrics", "GetMetricsRequest", "GetMetricsResponse")
        self._active = call("IsActive", "ScaledObjectRef", "IsActiveResponse")

    def poll(self) -> float:
        """Usage by what an HPA is told of it: the value over the target."""
        (spec,) = self._spec(self._reference).metricSpecs
        assert self._active(self._reference).result
        return self.value() / float(spec.targetSizeFloat)

    def value(self, wait: bool = False) -> float:
        """The metric's value; waiting for a server that is about to be there."""
        (metric,) = self._metrics(self._request, wait_for_ready=wait).metricValues
        return float(metric.metricValueFloat)

    def __enter__(self) -> Self:
        """The client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._channel.close()
