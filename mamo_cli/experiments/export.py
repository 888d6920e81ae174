"""The policy that a run delivered to one of its members, as one file; and a run's folder made of such a file again."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mamo_cli.core.errors import CheckpointError, DataError, DivergedError, UsageError
from mamo_cli.core.seam import Domain, Spec
from mamo_cli.core.storage import storage_errors
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.event_files import event_files
from mamo_cli.experiments.files import write_files
from mamo_cli.experiments.restored import members_of, restored, under_last_conditions
from mamo_cli.experiments.trained import TRACE, Trained, keep_source, read_trained
from mamo_cli.learners.dqn.parts import chooser_for
from mamo_cli.learners.dqn.perceptron import LEAK
from mamo_cli.learners.protocol import Shape
from mamo_cli.policies.file import About, Policy, read_policy
from mamo_cli.policies.onnx_model import onnx_of
from mamo_cli.runs.folder import CONFIG
from mamo_cli.runs.manifest import write_manifest
from mamo_cli.training.readout import Delivery
from mamo_cli.training.settings import CONDITIONED
from mamo_cli.training.shards import ShardSpec

KINDS_OF_FILE: Mapping[str, Callable[[Policy], bytes]] = {"npz": Policy.to_bytes, "onnx": onnx_of}
STARTED = "start.json"
EXPORTED = ("dqn", CONDITIONED)
"""Task agents whose policies are networks of ours."""


def policy_of_run(path: Path, seed: int | None = None, alpha: float | None = None) -> Policy:
    """What a complete run delivered to one of its members.

    Args:
        path: folder of a train or run-mamo run.
        seed: of the member; None: the first that has not diverged.
        alpha: of the member, in a run of `mamo train`; None: the first.

    Raises:
        UsageError: there is no such member, or its agents are no networks of ours.
        DivergedError: it has no policy.
        MamoError: the run cannot be read.
    """
    before = read_trained(path)
    members = _asked(before, seed, alpha)
    shards = restored(before)
    alive = {member for spec, shard in shards for member, lives in zip(spec.members, shard.alive, strict=True) if lives}
    member = next((one for one in members if one in alive), None)
    if member is None:
        raise DivergedError(f"{path}: seed {members[0][0]} diverged: it has no policy to export")
    spec, shard = next((spec, shard) for spec, shard in shards if member in spec.members)
    domain = under_last_conditions(domains.build(spec.domain, spec.instance, spec.source), before)
    return _policy(before, spec, domain, shard.delivery(), spec.members.index(member))


def write_policy(policy: Policy, path: Path, force: bool = False, kind: str = "npz") -> None:
    """Write the file, unless another one is there.

    Args:
        policy: to write.
        path: of the file.
        force: replace another one.
        kind: one of `KINDS_OF_FILE`; `evaluate` reads the first.

    Raises:
        UsageError: another one is there, and `force` is not given; or what the kind needs is not installed.
        StorageError: the disk refuses.
    """
    write_files({path: KINDS_OF_FILE[kind](policy)}, force)


def write_events(run: Path, folder: Path, force: bool = False) -> list[Path]:
    """Write a run's tables as event files for TensorBoard below a folder; returns the files.

    Raises:
        UsageError: other files are there that TensorBoard would read, or it is not installed.
        DataError: a table is missing or broken.
        StorageError: the disk refuses.
    """
    files = {folder / name: data for name, data in event_files(run).items()}
    others = [file for file in sorted(folder.rglob("*tfevents*")) if file not in files]
    if others:
        raise UsageError(
            f"{others[0]} is of another export, and would be drawn as well: choose another --out, or remove it"
        )
    write_files(files, force)
    return list(files)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Policy, Trained]]:
    """The policy in a file, and the run that it is of: what the file keeps of it, in a folder for as long as needed.

    Raises:
        CheckpointError: it is no sound policy file, or what it keeps is not that of one run.
    """
    policy = read_policy(path)
    about = policy.about
    if {CONFIG, TRACE} - policy.texts.keys():
        raise CheckpointError(f"{path} lacks the {CONFIG} or the {TRACE} of its run, by which it would be played")
    with tempfile.TemporaryDirectory(prefix="mamo-") as name:
        folder = Path(name)
        with storage_errors(folder):
            for text, content in policy.texts.items():
                (folder / text).write_bytes(content)
            kept = {"command": about.command, "config_digest": about.config_digest, "device": about.device}
            if STARTED in policy.texts:
                kept["start"] = json.loads(policy.texts[STARTED])
            write_manifest(folder, {**kept, "status": "complete", "starts": []})
        try:
            before = read_trained(folder)
        except (DataError, UsageError) as error:
            reason = str(error).replace(str(folder), str(path))
            raise CheckpointError(f"{path} keeps a run that this version cannot read: {reason}") from None
        yield policy, before._replace(path=path)


def refuse_another_problem(policy: Policy, spec: Spec, path: Path) -> None:
    """Say where a policy is played on what it was not made for.

    Raises:
        UsageError: agents, what they observe or choose, or what they share, are others.
    """
    about, shape = policy.about, Shape.of(spec)
    own = (about.agents, about.observation, about.choices, about.coupled)
    if own != (spec.agents, shape.observation, spec.choices, spec.joint) or (policy.use != shape.units()).any():
        raise UsageError(
            f"{path} is for {len(about.agents)} agents that observe {about.observation} numbers each; the trace has "
            f"{len(spec.agents)} that observe {shape.observation}, or choose from others"
        )


def _asked(before: Trained, seed: int | None, alpha: float | None) -> list[tuple[float, ...]]:
    """The members that are meant, in order."""
    spec = members_of(before)
    if spec.te not in EXPORTED:
        raise UsageError(
            f"{before.path} has task agents {spec.te}: only those of {' and '.join(EXPORTED)} can be exported"
        )
    if alpha is not None and not spec.alphas:
        raise UsageError(f"--alpha: {before.path} is no run of mamo train, and has one policy a seed")
    found = [one for one in spec.members if seed in (None, one[0]) and alpha in (None, *one[1:])]
    if not found:
        there = f"seeds are {before.config.seeds}" + (f", alphas {sorted(set(spec.alphas))}" if spec.alphas else "")
        raise UsageError(f"{before.path} has no such member: its {there}")
    return found


def _policy(before: Trained, spec: ShardSpec, domain: Domain, delivery: Delivery, place: int) -> Policy:
    """Of what is delivered to all members, one's own."""
    shape = Shape.of(domain.spec)
    played = np.flatnonzero((delivery.shares[:, place] > 0.0).any(1))
    rows = np.asarray(delivery.policies[played, place], dtype=np.float32)
    told, violations = None, shape.objectives - 1
    if spec.te == CONDITIONED:
        rows, told = np.split(rows, [rows.shape[1] - shape.agents * violations], 1)
        told = told.reshape(len(rows), shape.agents, violations)
    inputs = shape.observation + (0 if told is None else violations)
    widths = (shape.agents * inputs, *spec.learner.hidden, shape.agents * shape.choices)
    return Policy(
        about=_about(before, spec, domain.spec, delivery, place),
        parameters=np.ascontiguousarray(rows),
        widths=np.array(widths, dtype=np.int64),
        shares=delivery.shares[played, place],
        weights=delivery.weights[played, place],
        use=shape.units(),
        told=told,
        scales=domains.scales_of(spec.domain, domain),
        texts=_texts(before),
    )


def _about(before: Trained, spec: ShardSpec, problem: Spec, delivery: Delivery, place: int) -> About:
    manifest, words = before.manifest, problem.words
    said = {
        "run": re.sub("[^A-Za-z0-9._-]|^[._-]", "x", before.path.resolve().name)[:64],  # a folder may have any name
        "command": manifest["command"],
        "config_digest": manifest["config_digest"],
        "device": manifest.get("device", "cpu"),
        "versions": manifest.get("versions", {}),
        "commit": (manifest.get("git") or {}).get("commit"),
        "domain": spec.domain,
        "te": spec.te,
        "readout": spec.readout,
        "seed": spec.seeds[place],
        "alpha": delivery.mean_weights()[place, :, 1:].tolist(),
        "agents": problem.agents,
        "choices": problem.choices,
        "observation": problem.observation,
        "objectives": ("cost", *(one.name for one in words.violations)),
        "conditions": [one.name for one in words.conditions],
        "measures": [one.name for one in words.measures],
        "limits": problem.limits.tolist(),
        "step_seconds": problem.step_seconds,
        "cost_scale": problem.cost_scale,
        "network": spec.learner.network,
        "leak": float(LEAK),
        "chooser": chooser_for(spec.learner.chooser, problem.use is not None),
        "block": problem.block,
        "coupled": problem.joint,
    }
    return About.model_validate(said)


def _texts(before: Trained) -> dict[str, bytes]:
    """The run's configuration, its workload and what was measured, as its folder keeps them; what it began with."""
    with tempfile.TemporaryDirectory(prefix="mamo-") as name:
        keep_source(Path(name), before.source)
        kept = {file.name: file.read_bytes() for file in sorted(Path(name).iterdir())}
    started = before.manifest.get("start")
    begun = {} if started is None else {STARTED: json.dumps(started, indent=1).encode()}
    return {CONFIG: (before.path / CONFIG).read_bytes(), **kept, **begun}
