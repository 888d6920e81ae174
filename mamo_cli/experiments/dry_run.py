"""A trace played through the server that would serve a policy, over its sockets: the table is that of `evaluate`.

Where more is expected than training saw, the server asks the network for the most that it saw, and `evaluate` does not:
from such a step on the tables may differ, and it is told how many of them there are.

Before every period the readings go to `POST /decide`, and the numbers come back by KEDA's `GetMetrics`. What is played
is what the policy alone chose: an environment with a shield raises it itself, and must raise it to the same numbers.
"""

import asyncio
import http.client
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from mamo_cli.analysis.run_tables import read_run_table, read_words
from mamo_cli.core.arrays import IntArray
from mamo_cli.core.errors import DataError
from mamo_cli.core.seam import Seen
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import EvaluateConfig
from mamo_cli.experiments.evaluate import Choose, Game, evaluate
from mamo_cli.experiments.session import Outcome, Place
from mamo_cli.policies.file import Policy
from mamo_cli.serving.decisions import Service
from mamo_cli.serving.log import DecisionLog
from mamo_cli.serving.server import Bound, Options, serving
from mamo_cli.serving.wire import SERVICE, messages

Numbers = dict[str, int]
"""By agent."""


class DryRun(NamedTuple):
    """What came out."""

    outcome: Outcome  # its folder is gone at the end of the block
    decisions: int  # in the log
    head: str  # digest (hex) of the log's last line
    beyond: int  # of these decisions, those of readings beyond training, which `evaluate` may decide otherwise


@contextmanager
def dry_run(policy: Policy, trace: Path) -> Iterator[DryRun]:
    """Play a trace through a server of its own, on any free ports of loopback, with a log that is thrown away.

    Args:
        policy: that is served.
        trace: what to play.

    Raises:
        MamoError: see `evaluate`; or the server refuses a reading.
        RuntimeError: server and environment do not agree; a bug.
    """
    with tempfile.TemporaryDirectory(prefix="mamo-") as name:
        folder = Path(name)
        with DecisionLog(folder / "decisions.jsonl") as log:
            service = Service(policy, log, stale_after=math.inf)
            outcome, beyond = asyncio.run(_played(service, folder, trace))
            yield DryRun(outcome, log.count, log.head, beyond)


async def _played(service: Service, folder: Path, trace: Path) -> tuple[Outcome, int]:
    """The evaluation, and how many of its decisions are beyond training, in a thread beside the server."""
    (folder / "policy.npz").write_bytes(service.policy.to_bytes())
    config = EvaluateConfig(run=service.policy.about.run, trace=str(trace))
    async with serving(service, Options()) as bound:
        return await asyncio.to_thread(_evaluated, folder, config, bound, service.reader.first)


def _evaluated(folder: Path, config: EvaluateConfig, bound: Bound, first: int) -> tuple[Outcome, int]:
    polled: list[Numbers] = []
    with Client(bound) as client:
        outcome = evaluate(folder / "policy.npz", config, Place(folder / "results"), _chooser(client, first, polled))
        _require_same(outcome.path, polled)
        return outcome, client.beyond


def _chooser(client: "Client", first: int, polled: list[Numbers]) -> Callable[[Game], Choose]:
    """Every choice by the server, whose numbers begin with `first`; what it tells who polls goes to `polled`."""

    def chooser(game: Game) -> Choose:
        about = game.policy.about
        word = domains.about(about.domain).WORDS.agent

        def choose(seen: Seen) -> IntArray:
            decision = client.decide(domains.measured_in(about.domain, game.environment))
            polled.append({agent: client.polled(word, agent) for agent in about.agents})
            return np.array([[[decision["policy_alone"][agent] - first for agent in about.agents]]])

        return choose

    return chooser


def _require_same(run: Path, polled: list[Numbers]) -> None:
    """See that what was played is what an autoscaler was told."""
    measure = read_words(run).measures[0].name
    played = read_run_table(run, "evaluation.csv", [measure])[measure].tolist()
    told = [number for each in polled for number in each.values()]
    if played != told:
        step = next(step for step, pair in enumerate(zip(played, told, strict=True)) if pair[0] != pair[1])
        raise RuntimeError(
            f"row {step} of the evaluation has {played[step]:g} {measure}, and the server said {told[step]}"
        )


class Client:
    """Who asks: as whoever measures does, and as KEDA does; a context manager."""

    def __init__(self, bound: Bound) -> None:
        """Args: bound: where the server listens."""
        import grpc

        kinds = messages()
        self._bound, self.beyond = bound, 0  # decisions of readings beyond training
        self._channel = grpc.insecure_channel(f"{bound.host}:{bound.grpc_port}", [("grpc.enable_http_proxy", 0)])
        self._request, self._reference = kinds["GetMetricsRequest"], kinds["ScaledObjectRef"]
        self._get_metrics = self._channel.unary_unary(
            f"/{SERVICE}/GetMetrics",
            request_serializer=self._request.SerializeToString,
            response_deserializer=kinds["GetMetricsResponse"].FromString,
        )

    def decide(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The decision that was made of what was measured.

        Raises:
            DataError: it was refused.
        """
        # One connection for each: the server hangs up on those that keep still, as one does in a long period.
        with closing(http.client.HTTPConnection(self._bound.host, self._bound.http_port)) as connection:
            connection.request("POST", "/decide", json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
        if answer.status != HTTPStatus.OK:
            raise DataError(f"the server refuses {json.dumps(body)}: {said['error']['message']}")
        self.beyond += bool(said["beyond"])
        return said

    def polled(self, word: str, agent: str) -> int:
        """What an autoscaler is told of an agent, whom the domain calls a `word`."""
        reference = self._reference(name="dry-run", namespace="dry-run", scalerMetadata={word: agent})
        (metric,) = self._get_metrics(self._request(scaledObjectRef=reference, metricName=agent)).metricValues
        return int(metric.metricValue)

    def __enter__(self) -> Self:
        """The client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._channel.close()
