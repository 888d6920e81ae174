"""Kubernetes' Horizontal Pod Autoscaler (HPA) on one external metric of type AverageValue, as it is published.

Every `SYNC_S` it recommends `ceil(usage / target)` replicas, or as many as there are where
`usage / (target * replicas)` is within the tolerance of 1. Two forms of that test are in use, and rounding parts them:

| form | within where | with 10 there are, and a tolerance of 0.1 |
|---|---|---|
| `absolute`, up to Kubernetes 1.32 | abs(1 - ratio) <= tolerance | 9 is within, 11 is not: 1 - 1.1 rounds below -0.1 |
| `between`, from 1.33 | 1 - down <= ratio <= 1 + up | both are: 1 + 0.1 is the double that stands for 1.1 |

The recommendation is stabilised (the lowest of a window on the way up, the highest on the way down), then limited by
policies (so many pods or per cent within so many seconds), then by the least and the most replicas.

Sources: Kubernetes documentation, "Horizontal Pod Autoscaling": Algorithm details, Configurable scaling behavior,
Default behavior; KEP-4951 for the two forms; kubernetes/kubernetes, pkg/controller/podautoscaler, `horizontal.go`
(`stabilizeRecommendationWithBehaviors`, `convertDesiredReplicasWithBehaviorRate`) and `replica_calculator.go`
(`GetExternalPerPodMetricReplicas`). All pods are taken to be there at once.
"""

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

SYNC_S = 15.0
TOLERANCE = 0.1
TARGET = 1.0


class Policy(NamedTuple):
    """How far may be gone within a period."""

    kind: str  # Pods or Percent
    value: int
    period_s: int


class Rules(NamedTuple):
    """Of one direction; the policy that allows most counts."""

    window_s: int  # of stabilisation
    policies: tuple[Policy, ...]
    tolerance: float = TOLERANCE


UP = Rules(0, (Policy("Percent", 100, 15), Policy("Pods", 4, 15)))
DOWN = Rules(300, (Policy("Percent", 100, 15),))
"""What an HPA has of itself."""


def absolute(ratio: float, down: float, up: float) -> bool:
    """Whether a ratio is within the tolerance; the older form."""
    return abs(1.0 - ratio) <= (up if ratio > 1.0 else down)


def between(ratio: float, down: float, up: float) -> bool:
    """The same; the newer form."""
    return 1.0 - down <= ratio <= 1.0 + up


FORMS = {"absolute": absolute, "between": between}


class HPA:
    """One autoscaler and what it scales."""

    def __init__(self, least: int, most: int, form: str, up: Rules = UP, down: Rules = DOWN, replicas: int = 1) -> None:
        self.replicas = replicas
        self._least, self._most, self._within, self._up, self._down = least, most, FORMS[form], up, down
        self._recommended: list[tuple[float, int]] = []  # (s, replicas)
        self._changed: list[tuple[float, int]] = []  # (s, by how many)

    def sync(self, now: float, usage: float | None) -> int:
        """What is scaled to at a time, s; a metric that cannot be had (None) changes nothing."""
        if usage is not None:
            before, wanted = self.replicas, self._stabilised(now, self._desired(usage))
            self.replicas = self._limited(now, wanted)
            if self.replicas != before:
                self._changed.append((now, self.replicas - before))
        return self.replicas

    def _desired(self, usage: float) -> int:
        if self._within(usage / (TARGET * self.replicas), self._down.tolerance, self._up.tolerance):
            return self.replicas
        return math.ceil(usage / TARGET)

    def _stabilised(self, now: float, desired: int) -> int:
        def of(window_s: int) -> list[int]:
            return [desired, *(wanted for at, wanted in self._recommended if at > now - window_s)]

        lowest, highest = min(of(self._up.window_s)), max(of(self._down.window_s))
        self._recommended.append((now, desired))
        return min(max(self.replicas, lowest), highest)

    def _limited(self, now: float, wanted: int) -> int:
        if wanted > self.replicas:
            furthest = max(self._reach(now, policy, 1) for policy in self._up.policies)
            wanted = min(wanted, max(furthest, self.replicas))
        elif wanted < self.replicas:
            furthest = min(self._reach(now, policy, -1) for policy in self._down.policies)
            wanted = max(wanted, min(furthest, self.replicas))
        return min(max(wanted, self._least), self._most)

    def _reach(self, now: float, policy: Policy, sign: int) -> int:
        """How far a policy lets go, from where the period began that ends now."""
        start = self.replicas - sum(by for at, by in self._changed if at > now - policy.period_s)
        if policy.kind == "Pods":
            return start + sign * policy.value
        share = start * (1 + sign * policy.value / 100)
        return math.ceil(share) if sign > 0 else int(share)


def scaled_by(manifest: Mapping[str, Any], form: str) -> HPA:
    """The HPA that KEDA makes of a ScaledObject; what it leaves out is as Kubernetes has it."""
    spec = manifest["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    up, down = (_rules(behavior[key], usual) for key, usual in (("scaleUp", UP), ("scaleDown", DOWN)))
    return HPA(spec["minReplicaCount"], spec["maxReplicaCount"], form, up, down)


def _rules(said: Mapping[str, Any], usual: Rules) -> Rules:
    assert said.get("selectPolicy", "Max") == "Max"
    policies = tuple(Policy(one["type"], one["value"], one["periodSeconds"]) for one in said.get("policies", ()))
    return Rules(
        said.get("stabilizationWindowSeconds", usual.window_s),
        policies or usual.policies,
        float(said.get("tolerance", usual.tolerance)),
    )


WRITTEN, DROPPED, DEFAULTS = "as written", "as written, tolerance dropped", "Kubernetes' defaults"
"""A ScaledObject of `mamo serve --manifest`; the same on a cluster that knows no such field; without all of it."""


def kinds_of(manifest: Mapping[str, Any]) -> dict[tuple[str, str], HPA]:
    """By kind and form, the HPAs that a ScaledObject may come to."""
    without = copy.deepcopy(dict(manifest))
    for rules in without["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"].values():
        del rules["tolerance"]
    least, most = manifest["spec"]["minReplicaCount"], manifest["spec"]["maxReplicaCount"]
    found = {}
    for form in FORMS:
        found[WRITTEN, form], found[DROPPED, form] = scaled_by(manifest, form), scaled_by(without, form)
        found[DEFAULTS, form] = HPA(least, most, form)
    return found


class Followed:
    """How commands fare: one is swallowed where the period that it was for ends with other replicas.

    One that is played is late where it is so only after some syncs: `late` counts syncs that leave other replicas.
    """

    def __init__(self, manifest: Mapping[str, Any], step_seconds: float) -> None:
        """Args: manifest: a ScaledObject. step_seconds: of a period; each has its syncs, the first at its begin."""
        self.hpas = kinds_of(manifest)
        self.swallowed, self.late = dict.fromkeys(self.hpas, 0), dict.fromkeys(self.hpas, 0)
        self.periods, self.changes = 0, 0
        self.syncs, self._step_seconds, self._before = 0, step_seconds, 1

    def period(self, command: int, usage: Callable[[], float]) -> None:
        """Play a period: what is commanded for it, and what each sync reads of it."""
        self.periods += 1
        self.changes += command != self._before
        self._before = command
        while self.syncs * SYNC_S < self.periods * self._step_seconds:
            read = usage()
            for kind, hpa in self.hpas.items():
                self.late[kind] += hpa.sync(self.syncs * SYNC_S, read) != command
            self.syncs += 1
        for kind, hpa in self.hpas.items():
            self.swallowed[kind] += hpa.replicas != command
