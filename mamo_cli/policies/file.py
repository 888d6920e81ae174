"""A policy as one file: all that a decision needs, and where it comes from.

| member | holds |
|---|---|
| `about.json` | what it is: see `About` |
| `parameters` | `(J, D)` float32: of each network, layer after layer the weights `(inputs, outputs)`, then the biases |
| `widths` | of the inputs (the first number of each agent, then the second), the hidden layers and the outputs, A C |
| `shares` | `(J, A)` how often each agent plays by each policy |
| `weights` | `(J, A, M)` what the objectives weighed for each |
| `told` | `(J, A, M - 1)` float32: weights of the violations that a network is told; where it is told none, absent |
| `use` | `(A, C)` units that each choice takes of a shared budget; 0 where agents share nothing |
| `scale_NAME` | the domain's: how what is measured becomes what is observed, and a shield's floor |
| `config.toml`, `trace.csv`, `measurements.csv`, `process.npz` | of the run, as it keeps them: what `evaluate` plays |
| `start.json` | what the run's record says of the networks that it began with; where it began with none, absent |
| `digest` | sha256 of all others |
"""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from mamo_cli.core.arrays import Float32Array, FloatArray, IntArray
from mamo_cli.core.errors import CheckpointError
from mamo_cli.core.settings import Section
from mamo_cli.policies.archive import MOST_BYTES, packed, unpacked

VERSION = 1
SCALE = "scale_"
TEXTS = ("config.toml", "trace.csv", "measurements.csv", "process.npz", "start.json")
MOST_UNITS = 1_000_000
ROUNDING = 1e-9

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class About(Section):
    """What a policy is of, and how it is played."""

    format: Literal["mamo policy"] = "mamo policy"
    version: Literal[1] = 1
    run: Name
    command: Literal["train", "run-mamo"]
    config_digest: str  # of the run
    device: str  # that it was trained on
    versions: dict[str, str | None]  # that it was trained with
    commit: str | None
    domain: str
    te: str
    readout: str
    seed: Annotated[int, Field(ge=0, lt=2**63)]  # of the member; a mixture's draws in an evaluation are by it
    alpha: tuple[tuple[float, ...], ...]  # (A, M - 1) in the mean over the policies
    agents: Annotated[tuple[str, ...], Field(min_length=1)]
    choices: tuple[Count, ...]  # of each agent
    observation: Count  # numbers that an agent observes
    objectives: tuple[str, ...]  # cost, then violations
    conditions: tuple[str, str]  # what is expected of a period before it, and what came
    measures: tuple[str, ...]
    limits: tuple[tuple[float, ...], ...]  # (A, M - 1) of the violations' means
    step_seconds: Annotated[float, Field(gt=0.0)]
    cost_scale: float
    network: Literal["perceptron", "shared", "apart"]  # see `groups`
    leak: Annotated[float, Field(ge=0.0, le=1.0)]  # slope of its rectifiers below 0
    chooser: Literal["greedy", "knapsack", "repair"]
    block: Count  # periods for which one policy of a mixture plays on
    coupled: bool  # whether agents have one draw: they share a budget, or are a team


@dataclass(frozen=True, eq=False)
class Policy:
    """What the file holds; see the module. Scales are by name, texts by their files'."""

    about: About
    parameters: Float32Array
    widths: IntArray
    shares: FloatArray
    weights: FloatArray
    use: IntArray
    told: Float32Array | None = None
    scales: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises: ValueError: the parts do not fit together, or a number is not finite."""
        for name, array in self.arrays().items():
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds a number that is not finite")
        _require_fit(self)

    @property
    def digest(self) -> str:
        """Sha256 (hex) of all that the file holds."""
        return digest_of(self._members())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by their names in the file."""
        own = {name: getattr(self, name) for name in ("parameters", "widths", "shares", "weights", "use", "told")}
        scales = {SCALE + name: values for name, values in self.scales.items()}
        return {name: array for name, array in {**own, **scales}.items() if array is not None}

    def to_bytes(self) -> bytes:
        """The file: the same policy gives the same bytes."""
        members = self._members()
        return packed({**members, "digest": digest_of(members).encode()})

    def _members(self) -> dict[str, NDArray[Any] | bytes]:
        about = json.dumps(self.about.model_dump(mode="json"), indent=1, allow_nan=False)
        return {"about.json": about.encode(), **self.arrays(), **self.texts}


def read_policy(path: Path) -> Policy:
    """The policy in a file; nothing in it is executed.

    Raises:
        CheckpointError: it cannot be read, is no policy file of this version, or is not as it was written.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    try:
        if len(data) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        return policy_of(data)
    except ValueError as error:
        raise CheckpointError(f"{path} is not a sound policy file: {error}: make it anew with mamo export") from None


def policy_of(data: bytes) -> Policy:
    """The policy in a file's bytes.

    Raises:
        ValueError: see `read_policy`.
    """
    members = unpacked(data)
    about, digest = _about(members.get("about.json")), members.pop("digest", None)
    if digest != digest_of(members).encode():
        raise ValueError("its content is not what its digest says: it was changed")
    arrays = {name: content for name, content in members.items() if not isinstance(content, bytes)}
    texts = {name: content for name, content in members.items() if isinstance(content, bytes) and name in TEXTS}
    scales = {name.removeprefix(SCALE): arrays.pop(name) for name in list(arrays) if name.startswith(SCALE)}
    if arrays.keys() - {"told"} != {"parameters", "widths", "shares", "weights", "use"}:
        raise ValueError(f"its arrays are {', '.join(arrays) or 'none'}")
    return Policy(about, **arrays, scales=scales, texts=texts)


def _about(content: Any) -> About:
    if not isinstance(content, bytes):
        raise ValueError("it has no about.json")
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("its about.json is no JSON") from None
    kind = (values.get("format"), values.get("version")) if isinstance(values, dict) else (None, None)
    if kind != ("mamo policy", VERSION):
        raise ValueError(f"it is of format {kind[0]!r}, version {kind[1]!r}; this version reads {VERSION}"[:200])
    try:
        return About.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))} of its about.json: {first['msg']}"[:200]) from None


def digest_of(members: Mapping[str, NDArray[Any] | bytes]) -> str:
    """Sha256 (hex) of a file's members."""
    sha = hashlib.sha256()
    for name, content in sorted(members.items()):
        kind, size = ("text", len(content)) if isinstance(content, bytes) else (content.dtype.name, content.shape)
        sha.update(f"{name} {kind} {size}\n".encode())
        sha.update(content if isinstance(content, bytes) else _little(content))
    return sha.hexdigest()


def _little(array: NDArray[Any]) -> bytes:
    return array.astype(array.dtype.newbyteorder("<")).tobytes()


def groups(network: str, agents: int) -> tuple[int, int]:
    """How many networks a policy has, and among how many agents the inputs and outputs of all are divided.

    A perceptron sees all agents at once; of those that see one at a time there is one for all, or one for each.
    """
    return (agents if network == "apart" else 1), (1 if network == "perceptron" else agents)


def _require_fit(policy: Policy) -> None:
    """See that all parts are of one problem: what plays by them trusts their shapes."""
    about, plays = policy.about, len(policy.parameters)
    agents, choices, objectives = len(about.agents), max(about.choices, default=0), len(about.objectives)
    inputs = about.observation + (0 if policy.told is None else objectives - 1)
    widths = policy.widths.tolist() if policy.widths.ndim == 1 else []
    networks, split = groups(about.network, agents)
    own = [width // split if place in (0, len(widths) - 1) else width for place, width in enumerate(widths)]
    size = networks * sum(wide * narrow + narrow for wide, narrow in itertools.pairwise(own))
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        "parameters": ("float32", (plays, size)),
        "widths": ("int64", (max(len(widths), 2),)),
        "shares": ("float64", (plays, agents)),
        "weights": ("float64", (plays, agents, objectives)),
        "use": ("int64", (agents, choices)),
        "told": ("float32", (plays, agents, objectives - 1)),
    }
    for name, array in policy.arrays().items():
        if name in wanted and (array.dtype.name, array.shape) != wanted[name]:
            raise ValueError(f"{name} is {array.dtype.name} {array.shape}, not {' '.join(map(str, wanted[name]))}")
    if (widths[0], widths[-1], min(widths) > 0) != (agents * inputs, agents * choices, True):
        raise ValueError(f"layers of {widths} numbers do not lead from {agents} x {inputs} to {agents} x {choices}")
    if policy.shares.min() < 0.0 or abs(policy.shares.sum(0) - 1.0).max() > ROUNDING:
        raise ValueError("shares of the policies do not sum to 1")
    if policy.use.min() < 0 or policy.use.max() > MOST_UNITS:
        raise ValueError(f"units of the budget are not within 0 to {MOST_UNITS}")
    each = [len(about.choices), len(about.limits), len(about.alpha)]
    rows = [len(row) for row in (*about.limits, *about.alpha)]
    unheeded = policy.use.any() and about.chooser == "greedy"
    if each != [agents] * 3 or rows != [objectives - 1] * (2 * agents) or unheeded:
        raise ValueError("its about.json does not fit its arrays")
