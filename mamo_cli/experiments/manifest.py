"""What KEDA must be told so that the replicas are those of a served policy: a ScaledObject for each of its agents.

KEDA makes a Kubernetes Horizontal Pod Autoscaler (HPA) of it, which wants ceil(value / target) replicas; a value of n
and a target of 1 are n. What else an HPA does of itself is turned off: a tolerance of 10 %, 300 s of stabilisation on
the way down, and limits to a step.

Sources: KEDA documentation, "ScaledObject specification" and "External" scaler, and its pull request 6520 (when a
fallback begins); Kubernetes documentation, "Horizontal Pod Autoscaling"; KEP-4951 (configurable tolerance: alpha in
Kubernetes 1.33, on by itself from 1.35).
"""

import itertools
import json
import math
import re

from mamo_cli.core.errors import UsageError
from mamo_cli.domains import registry as domains
from mamo_cli.policies.file import Policy

SYNC_S = 15
"""How often an HPA looks, unless the cluster's administrator chose otherwise."""
POLLING_S = 30
"""How often KEDA looks for itself, where a period is not shorter."""
FAILURES = 3
NAME = 58
"""Characters of a name: of the 63 that a label holds, the rest is for a number."""

HEAD = """\
# One KEDA ScaledObject for each {agent} of the policy of {run}, seed {seed}
# (digest {digest}), as mamo serve --manifest wrote it.
#
# Set before it is applied:
#   scaleTargetRef.name   the Deployment of the {agent}
#   scalerAddress         where KEDA's operator reaches mamo serve. That listens on loopback alone unless --listen says
#                         otherwise. KEDA sends no token: across machines it takes --tls-cert, --tls-key and
#                         --tls-client-ca, with which this file names a TriggerAuthentication.
{authentication}#
# tolerance: 0 takes KEDA 2.18, and Kubernetes 1.35, or 1.33 and 1.34 with the feature gate HPAConfigurableTolerance.
# Earlier ones refuse or drop it: see what became of it with kubectl get hpa -o yaml. Without it the HPA keeps the
# replicas there are whenever the number asked for is within 10 % of them: single steps around 10 replicas and more are
# swallowed, around 20 those of two. Where there is no such field, the whole cluster can be told the same: the flag
# horizontal-pod-autoscaler-tolerance of kube-controller-manager.
#
# The policy decides every {period:g} s, and the HPA looks every {sync} s: a decision may come {sync} s late{late}.
#
# minReplicaCount is 1: the policy knows no fewer. Leave idleReplicaCount and a minReplicaCount of 0 alone: mamo serve
# says that it is active for as long as there is a decision, and fails where there is none (UNAVAILABLE), so that KEDA
# never scales to 0; cooldownPeriod, the wait before that, therefore waits for nothing.
#
{fallback}
"""

AUTHENTICATION = """\
#   authenticationRef     a TriggerAuthentication whose secretTargetRef gives caCert, tlsClientCert and tlsClientKey
"""

LATE = ",\n# and of decisions that follow one another faster than that some are never played"

FALLBACK = """\
# fallback: after more than {failures} failures in a row, before KEDA 2.17 after the first (mamo serve away, or without
# a decision that is new enough), KEDA asks for the most replicas there may be, which cost the most and reject the
# least; another number is yours to choose. It takes metricType AverageValue. Without it the HPA keeps the replicas
# there are for as long as it fails."""

NO_FALLBACK = """\
# No fallback: the memory that functions share may not hold the most replicas of each, and no other number is known to
# be right. For as long as mamo serve fails (UNAVAILABLE), the HPA keeps the replicas there are."""

OBJECT = """\
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {name}
spec:
  scaleTargetRef:
    name: {deployment}
  pollingInterval: {polling}
  cooldownPeriod: {cooldown}
  minReplicaCount: 1
  maxReplicaCount: {most}
{fallback}\
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleUp:
{free}
        scaleDown:
{free}
  triggers:
    - type: external
      metricType: AverageValue
      useCachedMetrics: false
{authentication}\
      metadata:
        scalerAddress: SET-ADDRESS:{port}
        {agent}: {value}
{tls}\
"""


FREE = """\
          tolerance: 0
          stabilizationWindowSeconds: 0
          selectPolicy: Max
          policies:
            - type: Pods
              value: {most}
              periodSeconds: 1"""


def manifest(policy: Policy, grpc_port: int, tls: bool = False) -> str:
    """The ScaledObjects of a policy's agents, as YAML; what only a user knows is called SET-... in it.

    Args:
        policy: what is served.
        grpc_port: where, in 1..65535.
        tls: with certificates of both sides.

    Raises:
        UsageError: the policy scales nothing, or the port is any free one.
    """
    about, caps = policy.about, policy.scales.get("max_replicas")
    if caps is None:
        raise UsageError(f"--manifest: KEDA scales replicas, and this is a policy of the domain {about.domain}")
    if not grpc_port:
        raise UsageError("--manifest: give the --grpc-port that KEDA will find, 0 is any free one")
    agent = domains.about(about.domain).WORDS.agent
    head = HEAD.format(
        agent=agent,
        run=about.run,
        seed=about.seed,
        digest=policy.digest[:16],
        period=about.step_seconds,
        sync=SYNC_S,
        authentication=AUTHENTICATION if tls else "",
        late=LATE if about.step_seconds < SYNC_S else "",
        fallback=NO_FALLBACK if about.coupled else FALLBACK.format(failures=FAILURES),
    )
    objects = [
        OBJECT.format(
            name=json.dumps(name),
            deployment=json.dumps(f"SET-DEPLOYMENT-OF-{value}"),
            polling=max(1, min(POLLING_S, math.floor(about.step_seconds))),
            cooldown=max(1, math.ceil(2 * about.step_seconds)),
            most=most,
            free=FREE.format(most=most),
            fallback="" if about.coupled else f"  fallback:\n    failureThreshold: {FAILURES}\n    replicas: {most}\n",
            authentication="      authenticationRef:\n        name: SET-TRIGGER-AUTHENTICATION\n" if tls else "",
            port=grpc_port,
            agent=agent,
            value=json.dumps(value),
            tls='        enableTLS: "true"\n' if tls else "",
        )
        for name, value, most in zip(_names(about.agents), about.agents, caps.tolist(), strict=True)
    ]
    return head + "".join(objects)


def _names(agents: tuple[str, ...]) -> list[str]:
    """Of the objects: such as Kubernetes allows, no two the same."""
    found: list[str] = []
    for agent in agents:
        name = ("mamo-" + re.sub("[^a-z0-9]+", "-", agent.lower()))[:NAME].strip("-")
        others = (f"{name}-{number}" for number in itertools.count(2))
        found.append(name if name not in found else next(other for other in others if other not in found))
    return found
