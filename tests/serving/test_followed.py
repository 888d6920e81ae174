"""A policy served over real sockets, polled as KEDA polls, and an HPA that follows: what becomes of its commands."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

from benchmarks.hpa import DEFAULTS, DROPPED, FORMS, WRITTEN, Followed
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.experiments.manifest import manifest
from mamo_cli.serving.decisions import Service
from mamo_cli.serving.log import DecisionLog
from tests.serving.nodes import played, policy, trace
from tests.serving.running import http_to, metrics_request, reference, running, scaler

MOST = 40


@pytest.fixture(scope="module")
def evaluation():
    """A policy that commands as many replicas as the load is of its largest, and what its evaluation measures of it.

    Of x, what it observes first, a choice of n is worth 2 n N x - n^2, which is most where n is next to N x.
    """
    load = trace(step_seconds=60.0)
    domain = domains.build("faas", InstanceConfig(max_replicas=MOST), load)
    replicas = np.arange(1, MOST + 1)
    weights = np.concatenate(([1.0, 0.0, 0.0, 0.0, 0.0], 2.0 * MOST * replicas, -(replicas**2)))[None]
    made = replace(policy(domain), parameters=weights.astype(np.float32), widths=np.array([4, 1, MOST]))
    told = played(domain, made)
    shares = load.expected_rate_rps[:, 0] / load.expected_rate_rps.max()
    assert [command for _, (command,), _ in told] == np.rint(MOST * shares).astype(int).tolist()
    return made, [body for body, _, _ in told], [command for _, (command,), _ in told]


@pytest.fixture(scope="module")
def followed(evaluation, tmp_path_factory):
    """What HPAs of each kind made of it; and what they were told."""
    made, bodies, _ = evaluation
    (scaled,) = yaml.safe_load_all(manifest(made, 9090))
    hpas, told = Followed(scaled, made.about.step_seconds), []
    log = DecisionLog(tmp_path_factory.mktemp("log") / "decisions.jsonl")
    with log, running(Service(made, log)) as bound, scaler(bound) as keda:

        def usage():
            (spec,) = keda.GetMetricSpec(reference(function="f")).metricSpecs
            asked = metrics_request(spec.metricName.lower(), function="f")  # an HPA knows lower case alone
            (metric,) = keda.GetMetrics(asked).metricValues
            assert keda.IsActive(reference(function="f")).result
            return metric.metricValueFloat / spec.targetSizeFloat

        for body in bodies:
            told.append(http_to(bound, body=body).json["agents"]["f"])
            hpas.period(told[-1], usage)
    return hpas, told


def test_the_server_commands_what_the_evaluation_plays(evaluation, followed):
    commands = evaluation[2]
    assert followed[1] == commands
    assert len(set(commands)) > 5
    assert followed[0].changes == sum(a != b for a, b in zip([1, *commands], commands, strict=False))


@pytest.mark.parametrize("form", FORMS)
def test_with_the_written_object_no_command_is_swallowed(followed, form):
    assert (followed[0].swallowed[WRITTEN, form], followed[0].late[WRITTEN, form]) == (0, 0)


@pytest.mark.parametrize("form", FORMS)
def test_where_the_tolerance_is_dropped_only_steps_within_a_tenth_are_swallowed(evaluation, followed, form):
    replicas, swallowed = 1, 0
    for command in evaluation[2]:
        # In tenths: |command - replicas| <= replicas / 10, but that one form lets a whole tenth up pass (see `hpa`).
        tenths = abs(command - replicas) * 10
        kept = tenths < replicas or (tenths == replicas and (form == "between" or command < replicas))
        swallowed += kept and command != replicas
        replicas = replicas if kept else command
    assert followed[0].swallowed[DROPPED, form] == swallowed > 0


@pytest.mark.parametrize("form", FORMS)
def test_with_defaults_more_are_swallowed(followed, form):
    swallowed = followed[0].swallowed
    assert swallowed[DROPPED, form] < swallowed[DEFAULTS, form] < followed[0].periods
