"""`mamo serve` in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from tempfile import TemporaryFile
from types import SimpleNamespace

import grpc

from tests.serving.running import client, metrics_request


@contextmanager
def process(*arguments, **options):
    """The command on any free ports; killed at the end, if it has not ended. Yields it, and where it listens."""
    command = [sys.executable, "-m", "mamo_cli", "serve", *map(str, arguments), "--json", "-q"]
    ports = ("--grpc-port", "0", "--http-port", "0")
    with TemporaryFile("w+") as errors:  # a pipe that nobody reads would fill up
        started = subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, stderr=errors, text=True, **options)
        started.errors = errors
        try:
            yield started, SimpleNamespace(**json.loads(started.stdout.readline() or "{}"))
        finally:
            started.kill()
            started.communicate()


def end(started, number=signal.SIGTERM):
    """End it by a signal; returns its exit code and what it wrote to standard error."""
    os.kill(started.pid, number)
    code = started.wait()
    started.errors.seek(0)
    return code, started.errors.read()


def value(bound, **metadata):
    """A function's metric, by a connection of its own."""
    with grpc.insecure_channel(f"{bound.listen}:{bound.grpc_port}") as channel:
        (metric,) = client()[1].ExternalScalerStub(channel).GetMetrics(metrics_request(**metadata)).metricValues
    return metric.metricValue
