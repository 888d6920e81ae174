"""A Ray cluster: joining and leaving it, whether its nodes compute the same numbers, and what its tasks return."""

import io
import logging
import math
import os
import re
import signal
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stdout
from threading import Thread
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address
from ray.exceptions import RayError, RayTaskError
from ray.job_config import JobConfig
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mamo_cli.core.errors import MamoError, UsageError
from mamo_cli.runs.logs import LOGGER
from mamo_cli.runs.provenance import source_digest, versions
from mamo_cli.runs.ray_token import refuse_without_token

# What decides a run's numbers, and what must be the same for two processes to understand each other.
DECIDING = ("mamo", "torch", "numpy", "scipy", "numba", "llvmlite", "ray")
JOIN_SECONDS = 15.0
PROBE_SECONDS = 60.0  # a node starts a process for it
SIGNAL_SECONDS = 0.1


@contextmanager
def joined_cluster(address: str) -> Iterator[int]:
    """Belong to a Ray cluster until the end of the block, which ends what still runs for us there.

    Args:
        address: "auto" (what RAY_ADDRESS names, else the cluster that this machine belongs to), or host:port.

    Yields:
        How many CPUs the cluster offers.

    Raises:
        UsageError: there is no such cluster, it offers no CPU, or a node has other versions than this machine.
    """
    _join((os.environ.get("RAY_ADDRESS") or address) if address == "auto" else address)
    # What Ray has to say, a worker's death for one, it prints on stdout, which is for data.
    with redirect_stdout(_Log()):
        try:
            yield _checked_cpus()
        finally:
            ray.shutdown()
            _take_back_sigterm()


def gathered(refs: Sequence[Any], seconds: float = math.inf) -> list[Any]:
    """What tasks return, in order, once all have ended.

    Args:
        refs: of the results.
        seconds: how long to wait.

    Raises:
        MamoError: a task raised it, or the cluster could not run a task.
        RuntimeError: a task raised any other error.
        TimeoutError: a task has not ended in time.
    """
    deadline = time.monotonic() + seconds
    # Ray itself looks for signals once a second, which is too rare for a stop within 5 s.
    while ray.wait(list(refs), num_returns=len(refs), timeout=SIGNAL_SECONDS)[1]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {seconds:g} s")
    try:
        return list(ray.get(list(refs)))
    except RayTaskError as error:
        if isinstance(error.cause, MamoError):
            raise error.cause from None
        cause = f"{type(error.cause).__name__}: {error.cause}"
        raise RuntimeError(f"in a task on the Ray cluster: {_line(cause, 0)}") from error
    except RayError as error:
        raise MamoError(f"the Ray cluster failed to run a task again and again: {_line(str(error), 0)}") from error


def own_versions() -> dict[str, str | None]:
    """Versions, in this process, of what decides a run's numbers; mamo's source is told apart edit by edit."""
    return {**versions(DECIDING), "mamo source": source_digest()}


def refuse_other_versions(expected: Mapping[str, str | None], found: Mapping[str, str | None], node: str) -> None:
    """Make sure that a node computes what this machine would.

    Raises:
        UsageError: it has other versions; each is named.
    """
    others = [f"{name} {found[name]} instead of {want}" for name, want in expected.items() if found[name] != want]
    if others:
        raise UsageError(f"Ray node {node} has {', '.join(others)}: install the same versions on every node")


class _Job(JobConfig):
    """A job whose workers do not look for modules in the working folder of who began it."""

    def _runtime_env_has_working_dir(self) -> bool:  # what Ray asks before it makes them
        return True


class _Log(io.TextIOBase):
    """Takes what is printed into the log."""

    def write(self, text: str) -> int:
        if text.strip():
            LOGGER.debug("%s", text.strip())
        return len(text)


def _join(address: str) -> None:
    """Connect this process, which must not take longer than a person is willing to wait.

    Raises:
        UsageError: there is no such cluster.
    """
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_COLOR_PREFIX="0")
    outcome: Future[None] = Future()

    def connect() -> None:
        try:
            ray.init(address, job_config=_Job(), log_to_driver=False, logging_level=logging.CRITICAL)
            outcome.set_result(None)
        except BaseException as error:
            outcome.set_exception(error)

    try:
        address = _found(address)
        refuse_without_token(address, JOIN_SECONDS)
        # In a thread of its own Ray's attempts, which may last minutes, are left behind where they lead to nothing.
        Thread(target=connect, daemon=True).start()
        outcome.result(JOIN_SECONDS)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        reason = _line(str(error), 0).partition(". ")[0]  # then advice follows, for those who call Ray themselves
        raise UsageError(
            f"no Ray cluster at {address} ({reason}): start one with `ray start`, or name another with --ray-address"
        ) from error
    _take_back_sigterm()


def _found(address: str) -> str:
    """Host and port of a cluster; fails at once where nobody listens, without a word from Ray's own log.

    Raises:
        UsageError: this is no address.
        OSError: nobody listens there, or nothing is known of a cluster.
    """
    if address == "auto":
        address = str(canonicalize_bootstrap_address(address))
    if not re.fullmatch(r"[^/\s]+:[0-9]{1,5}", address):
        raise UsageError(f"--ray-address is auto or HOST:PORT, got {address!r}")
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), JOIN_SECONDS).close()
    return address


def _take_back_sigterm() -> None:
    """Put Python's handler back in place: Ray's native code sets its own when it starts, and none when it ends."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))


def _checked_cpus() -> int:
    """CPUs of all nodes, each of which was asked for its versions before there is work to lose.

    Raises:
        UsageError: there are none, or a node has other versions or cannot tell.
    """
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    cpus = {node["NodeID"]: int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"]}
    working = [node for node in nodes if cpus.get(node["NodeID"])]
    if not working:
        raise UsageError("the Ray cluster offers no CPU: add a node with `ray start --address HOST:PORT`")
    tell = ray.remote(num_cpus=0)(own_versions)
    told = [
        tell.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
        for node in working
    ]
    for node, answer in zip(working, told, strict=True):
        name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        try:
            found = gathered([answer], PROBE_SECONDS)[0]
        except (RuntimeError, TimeoutError) as error:
            reason = _line(str(error.__cause__ or error), -1)
            raise UsageError(f"Ray node {name} cannot run mamo ({reason}): install it there") from error
        refuse_other_versions(own_versions(), found, name)
    return sum(cpus.values())


def _line(text: str, which: int) -> str:
    """The first line (0) or the last one (-1) of what is one line too many for a person."""
    return (text.strip() or "no answer").split("\n")[which].strip()
