"""What `mamo serve --manifest` writes, read by a YAML reader that is not ours."""

import re

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.hpa import Policy, Rules, scaled_by
from mamo_cli.core.errors import UsageError
from mamo_cli.experiments.manifest import manifest
from tests.policies.small import about, policy

SCALES = {"max_replicas": np.array([3, 12])}


def written(grpc_port=9090, tls=False, scales=SCALES, **others):
    return manifest(policy(about=about(**others), scales=scales), grpc_port, tls)


def read(*arguments, **others):
    return list(yaml.safe_load_all(written(*arguments, **others)))


def test_one_function_in_every_field():
    free = {
        "tolerance": 0,
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 12, "periodSeconds": 1}],
    }
    assert read()[1] == {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "mamo-g"},
        "spec": {
            "scaleTargetRef": {"name": "SET-DEPLOYMENT-OF-g"},
            "pollingInterval": 30,
            "cooldownPeriod": 600,
            "minReplicaCount": 1,
            "maxReplicaCount": 12,
            "fallback": {"failureThreshold": 3, "replicas": 12},
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": free, "scaleDown": free}}},
            "triggers": [
                {
                    "type": "external",
                    "metricType": "AverageValue",
                    "useCachedMetrics": False,
                    "metadata": {"scalerAddress": "SET-ADDRESS:9090", "function": "g"},
                }
            ],
        },
    }


def test_every_function_has_its_own_object_and_cap():
    found = [(one["metadata"]["name"], one["spec"]["maxReplicaCount"]) for one in read()]
    assert found == [("mamo-f", 3), ("mamo-g", 12)]


def test_functions_that_share_a_memory_have_no_fallback_and_a_comment_says_what_happens():
    assert [one["spec"].get("fallback") for one in read(coupled=True, chooser="knapsack")] == [None, None]
    assert "# No fallback: " in written(coupled=True, chooser="knapsack")
    assert "# fallback: after more than 3 failures" in written()


def test_with_certificates_keda_is_told_of_them():
    (trigger,) = read(7000, True)[0]["spec"]["triggers"]
    assert trigger["authenticationRef"] == {"name": "SET-TRIGGER-AUTHENTICATION"}
    assert trigger["metadata"] == {"scalerAddress": "SET-ADDRESS:7000", "function": "f", "enableTLS": "true"}
    assert "caCert" in written(tls=True)
    assert "caCert" not in written()


@pytest.mark.parametrize(
    ("period", "polling", "cooldown", "warned"), [(10.0, 10, 20, True), (0.5, 1, 1, True), (15.0, 15, 30, False)]
)
def test_a_short_period_is_polled_as_often_and_a_comment_says_what_the_hpa_misses(period, polling, cooldown, warned):
    spec = read(step_seconds=period)[0]["spec"]
    assert (spec["pollingInterval"], spec["cooldownPeriod"]) == (polling, cooldown)
    assert ("some are never played" in written(step_seconds=period)) == warned


def test_every_placeholder_is_named_in_the_comment_above():
    text = written(tls=True)
    head, body = text.split("---\n", 1)
    fields = {line.split(":")[0].strip() for line in body.splitlines() if "SET-" in line}
    assert fields == {"name", "scalerAddress"}
    assert all(field in head for field in ("scaleTargetRef.name", "scalerAddress", "authenticationRef"))
    assert all(line.startswith("#") and len(line) <= 120 for line in head.splitlines())


@settings(max_examples=40)
@given(st.lists(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"), min_size=2, max_size=2, unique=True))
def test_any_functions_are_told_apart_by_names_that_kubernetes_allows(functions):
    objects = read(agents=functions)
    names = [one["metadata"]["name"] for one in objects]
    assert [one["spec"]["triggers"][0]["metadata"]["function"] for one in objects] == functions
    assert len(set(names)) == 2
    assert all(re.fullmatch("[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) and len(name) <= 63 for name in names)


def test_names_that_differ_in_signs_alone_are_numbered():
    names = [one["metadata"]["name"] for one in read(agents=["a_b", "A.b"])]
    assert names == ["mamo-a-b", "mamo-a-b-2"]


@pytest.mark.parametrize("form", ["absolute", "between"])
def test_the_emulated_hpa_made_of_it_does_what_it_is_told_at_once(form):
    hpa = scaled_by(read()[1], form)
    assert hpa._up == hpa._down == Rules(0, (Policy("Pods", 12, 1),), 0.0)
    assert [hpa.sync(15.0 * step, usage) for step, usage in enumerate([12, 11, 1, 2, 12])] == [12, 11, 1, 2, 12]


def test_what_has_no_replicas_or_no_port_is_refused():
    with pytest.raises(UsageError, match="a policy of the domain inventory"):
        written(domain="inventory", scales={})
    with pytest.raises(UsageError, match="give the --grpc-port that KEDA will find"):
        written(0)
