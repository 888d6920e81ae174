"""A served policy in real processes over real sockets: what an HPA makes of it, polls, restarts, load.

| row | what is measured |
|---|---|
| commands swallowed | periods of the evaluation that end with other replicas than decided, by `hpa.py` |
| % of the time off | syncs of the HPA that leave other replicas than decided: what it swallows, and what it does late |
| poll | KEDA's three calls after one another, over a connection that stays; what is computed includes the start |
| start | from the start of the process to the first `GetMetrics`, after `kill -9`, with the log that was left |
| load | decisions at 1,000/s (`load.py`; `python -m benchmarks.serving_sockets --minutes 10` for longer) |
"""

import http.client
import json
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
import yaml
from rich.console import Console

import mamo_cli
from benchmarks.hpa import Followed
from benchmarks.load import CONNECTIONS, RATE, load
from benchmarks.rows import Row, core_count, measured, show
from benchmarks.served import Keda, Served, served
from mamo_cli.core.arrays import IntArray
from mamo_cli.core.seam import Seen
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, configured
from mamo_cli.experiments.evaluate import Choose, Game, evaluate
from mamo_cli.experiments.export import policy_of_run, write_policy
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.manifest import manifest
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.policies.file import Policy
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace

LARGER = 4
"""Times the load, and times the most replicas."""


class Node(NamedTuple):
    """What is served."""

    name: str
    policy: Policy
    path: Path  # of its file

    @property
    def log(self) -> Path:
        return self.path.with_suffix(".jsonl")


def run(quick: bool, repeats: int) -> list[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = trained(folder, "the reference instance", {})
        nodes = [reference, *([] if quick else [trained(folder, f"{LARGER} times as large", larger(folder))])]
        rows = [row for node in nodes for row in followed(node)]
        return [*rows, *started(reference, repeats), *loaded(reference, 2.0 if quick else 20.0)]


def trained(folder: Path, name: str, instance: dict[str, Any]) -> Node:
    """What one seed of `mamo run-mamo --readout mix` delivers."""
    config = configured(MamoConfig, {"seeds": 1, "readout": "mix", "instance": instance})
    path = folder / f"{len(list(folder.iterdir()))}.npz"
    run = run_mamo(config, Place(folder / path.stem), Machines(jobs=1))
    policy = policy_of_run(run.path)
    write_policy(policy, path)
    return Node(name, policy, path)


def larger(folder: Path) -> dict[str, Any]:
    """Settings of a node that takes more of the same."""
    write_trace(sinusoidal(mean=50.0 * LARGER, amplitude=40.0 * LARGER), folder / "larger.csv")
    return {"trace": str(folder / "larger.csv"), "max_replicas": 10 * LARGER}


def followed(node: Node) -> list[Row]:
    """The whole evaluation, served, polled as KEDA polls, and followed by HPAs of each kind."""
    about, polls = node.policy.about, []
    (scaled,) = yaml.safe_load_all(manifest(node.policy, 9090))
    hpas = Followed(scaled, about.step_seconds)
    with served(node.path, node.log) as server, Keda(server.grpc_port, about.agents[0]) as keda:

        def usage() -> float:
            start = time.perf_counter()
            read = keda.poll()
            polls.append(1e3 * (time.perf_counter() - start))
            return read

        def chooser(game: Game) -> Choose:
            def choose(seen: Seen) -> IntArray:
                said = decided(server, domains.measured_in(about.domain, game.environment))
                hpas.period(said["agents"][about.agents[0]], usage)
                return np.array([[list(said["policy_alone"].values())]]) - 1

            return choose

        evaluate(node.path, EvaluateConfig(run=about.run), Place(node.path.with_suffix("")), chooser)
        computed_s = server.computed_s()
    note = f"{hpas.periods} periods of {node.name}, {hpas.changes} of them with another number than the one before"
    rows = []
    for (kind, form), count in hpas.swallowed.items():
        numbers = {"commands swallowed": count, "% of the time off": 100.0 * hpas.late[kind, form] / hpas.syncs}
        for unit, number in numbers.items():
            rows.append(
                measured("serving", f"HPA {kind}, {form}", unit, [number], version=mamo_cli.__version__, note=note)
            )
    note = f"{len(polls):,} polls of three calls, {node.name}"
    told = {f"poll, {share:.0%} within": float(np.quantile(polls, share)) for share in (0.5, 0.99)}
    told["poll, computed by the server"] = 1e3 * computed_s / len(polls)
    return [*rows, *(measured("serving", name, "ms", [ms], cores=core_count(), note=note) for name, ms in told.items())]


def started(node: Node, repeats: int) -> list[Row]:
    """From the start of a process to its first answer, after one that was killed; and what it computes until then."""
    seconds, computed = [], []
    for _ in range(3 * repeats):
        with served(node.path, node.log) as server, Keda(server.grpc_port, node.policy.about.agents[0]) as keda:
            keda.value()
            seconds.append(time.perf_counter() - server.started)
            computed.append(server.computed_s())
    return [
        measured(
            "serving", f"start, to the first GetMetrics{of}", "s", each, cores=1, note="after kill -9, from its log"
        )
        for of, each in (("", seconds), (": computed", computed))
    ]


def loaded(node: Node, seconds: float, rate: float = RATE) -> list[Row]:
    """Decisions at a steady rate."""
    rates = node.policy.scales["rate_rps"] * np.linspace(0.1, 1.0, 100)
    bodies = [json.dumps({"rate_rps": rate, "rejection": 0.01}).encode() for rate in rates.tolist()]
    found = load(node.path, bodies, seconds, rate)
    note = f"{found.asked:,} decisions, {rate:g}/s over {CONNECTIONS} connections, log included"
    numbers = {
        "lost": ("decisions", found.lost),
        "rate": ("decisions/s", found.asked / found.seconds),
        "an answer, 50% within": ("ms", found.quantile_ms(0.5)),
        "an answer, 99% within": ("ms", found.quantile_ms(0.99)),
        "computed for a decision": ("ms", 1e3 * found.computed_s / found.asked),
        "memory": ("MiB", found.resident_mib[-1]),
        "memory grown": ("MiB", found.growth_mib()),
    }
    return [
        measured("serving", f"load: {name}", unit, [number], cores=core_count(), note=note)
        for name, (unit, number) in numbers.items()
    ]


def decided(server: Served, body: dict[str, Any]) -> dict[str, Any]:
    """What a server decides."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port)
    connection.request("POST", "/decide", json.dumps(body), {"content-type": "application/json"})
    said: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return said


def main(
    minutes: Annotated[float, typer.Option(min=0.02, help="For how long.")] = 10.0,
    rate: Annotated[float, typer.Option(min=1.0, help="Decisions/s.")] = RATE,
) -> None:
    """The load alone."""
    with tempfile.TemporaryDirectory() as name:
        show(Console(width=160), "serving", loaded(trained(Path(name), "reference", {}), 60.0 * minutes, rate))


if __name__ == "__main__":
    typer.run(main)
