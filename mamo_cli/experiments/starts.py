"""A warm start: the networks that the members of one run ended with are what those of another begin with.

Taken is each member's last policy, whatever its readout delivered: what its learner would have gone on from. All else
of the new run is its own: replay, optimiser, a mixer's parameters, the strategy, exploration and schedules.
"""

from pathlib import Path

import numpy as np

from mamo_cli.core.errors import CheckpointError, UsageError
from mamo_cli.core.seam import Spec
from mamo_cli.core.seeding import stream
from mamo_cli.experiments.configs import MamoConfig, TrainConfig
from mamo_cli.experiments.restored import members_of, restored
from mamo_cli.experiments.trained import KINDS, read_trained
from mamo_cli.learners.dqn.parts import NETWORKS, part
from mamo_cli.policies.start import Kind, Origin, Start, read_start
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.training.settings import CONDITIONED
from mamo_cli.training.shards import ShardSpec, build_domain

STARTING = ("dqn", CONDITIONED)
"""Task agents whose networks can be taken over."""


def start_of(config: TrainConfig | MamoConfig) -> Start | None:
    """What a configuration's members begin with: of a complete run's folder, or of the file that a run keeps.

    Raises:
        UsageError: there is no such run, or its networks cannot be taken over.
        MamoError: it cannot be read.
    """
    if config.start is None:
        return None
    path = Path(config.start)
    return read_start(path) if path.is_file() else _start_from(path)


def refuse_another_kind(spec: ShardSpec, problem: Spec) -> None:
    """Say where what a run's members are to begin with, if anything, is not for its problem or its networks.

    Raises:
        UsageError: it is not; names what differs.
        CheckpointError: its policies are not of the networks that it says they are of.
    """
    if spec.start is None:
        return
    kind, origin = kind_of(spec, problem), spec.start.about
    if kind.te not in STARTING:
        raise UsageError(f"--from is for task agents {' and '.join(STARTING)}, not {kind.te}")
    if different := origin.kind.differences(kind):
        raise UsageError(f"{origin.run} cannot start this run: it has {'; '.join(different)}")
    found, size = spec.start.policies.shape[1], policy_size(kind)
    if found != size:
        raise CheckpointError(
            f"the start from {origin.run} has policies of {found} numbers, and its networks have {size}"
        )


def kind_of(spec: ShardSpec, problem: Spec) -> Kind:
    """Of a run's problem and its networks."""
    return Kind(
        domain=spec.domain,
        te=spec.te,
        network=spec.learner.network,
        hidden=spec.learner.hidden,
        agents=len(problem.agents),
        observation=problem.observation,
        choices=problem.choices,
        violations=problem.objectives - 1,
    )


def policy_size(kind: Kind) -> int:
    """D, the numbers of a policy: its network's, and, where it knows them, the weights it is to act under."""
    told = kind.agents * kind.violations if kind.te == CONDITIONED else 0
    widths = (kind.agents * kind.observation + told, *kind.hidden, kind.agents * max(kind.choices))
    initial = part(NETWORKS, kind.network).initial(widths, kind.agents, stream(0, "size"))
    return len(initial) + told


def _start_from(path: Path) -> Start:
    """The last policies of a complete run's members that have not diverged."""
    manifest = read_manifest(path)
    if manifest["command"] not in KINDS or manifest["status"] != "complete":
        kind = f"{manifest['status']} {manifest['command']} run"
        raise UsageError(f"{path} is a {kind}: --from needs a complete run of {' or '.join(KINDS)}")
    before = read_trained(path)
    spec = members_of(before)
    if spec.te not in STARTING:
        raise UsageError(f"{path} has task agents {spec.te}: --from is for {' and '.join(STARTING)}")
    shards = restored(before)
    alive = np.concatenate([shard.alive for _, shard in shards])
    seeds = np.array([seed for part, _ in shards for seed in part.seeds])[alive]
    if not alive.any():
        raise UsageError(f"all members of {path} have diverged: there is nothing to begin with")
    alphas = np.concatenate([shard.alphas for _, shard in shards])[alive]
    policies = np.concatenate([shard.policies() for _, shard in shards])[alive]
    order = np.lexsort((alphas, seeds))
    origin = Origin(
        run=path.resolve().name,
        command=manifest["command"],
        config_digest=manifest["config_digest"],
        kind=kind_of(spec, build_domain(spec).spec),
    )
    return Start(origin, seeds[order], alphas[order], np.asarray(policies[order], dtype=np.float32))
