"""`mamo serve` as a process: it says where it listens, decides by a run or a policy file, and stops on request."""

import json
import signal
import subprocess
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from mamo_cli.experiments.export import policy_of_run
from mamo_cli.serving.log import check
from tests.cli.invoke import COMMAND
from tests.clock import HANG_SECONDS
from tests.serving.running import http_to, metrics_request, scaler

FREE = ("--grpc-port", "0", "--http-port", "0")


@contextmanager
def serving(*arguments):
    """The command in a process of its own; yields it, and where it listens."""
    process = subprocess.Popen(
        [COMMAND, "serve", *FREE, "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.communicate(timeout=HANG_SECONDS)[1])
        yield process, SimpleNamespace(**json.loads(line))
    finally:
        process.kill()
        process.communicate(timeout=HANG_SECONDS)


def stopped(process, number=signal.SIGTERM):
    """How it ends on a signal: exit code and stderr."""
    process.send_signal(number)
    _, err = process.communicate(timeout=HANG_SECONDS)
    return process.returncode, err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_is_served_until_it_is_stopped(finished, number, code):
    with serving("wa") as (process, bound):
        assert bound.policy == str(finished / "wa") or bound.policy == "results/wa"
        assert bound.digest == policy_of_run(finished / "wa").digest
        decided = http_to(bound, body={"rate_rps": 50.0})
        with scaler(bound) as keda:
            (value,) = keda.GetMetrics(metrics_request()).metricValues
        assert {value.metricName: value.metricValue} == decided.json["agents"]
        ended, err = stopped(process, number)
    assert ended == code
    first, second, last = err.splitlines()
    assert first == f"gRPC for KEDA on 127.0.0.1:{bound.grpc_port}, HTTP on http://127.0.0.1:{bound.http_port}"
    assert second == "it answers everyone on this machine; decisions go to results/wa/decisions.jsonl"
    assert last == f"mamo: stopped by {number.name}"
    assert check(finished / "wa" / "decisions.jsonl").head == decided.json["head"]
