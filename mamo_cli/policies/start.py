"""What members begin with instead of untrained networks: the policies that those of another run ended with.

As a file, which a run keeps of what it took over:

| member | holds |
|---|---|
| `about.json` | where the policies come from, and for which kind of problem and network they are: see `Origin` |
| `seeds` | `(J,)` of the members that they are of, in rising order |
| `alphas` | `(J,)` what violations weighed for each last, all together, in the mean over agents; rising for each seed |
| `policies` | `(J, D)` float32, as the learner gave them |
| `digest` | sha256 of all others |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from mamo_cli.core.arrays import Float32Array, FloatArray, IntArray
from mamo_cli.core.errors import CheckpointError
from mamo_cli.core.settings import Section
from mamo_cli.policies.archive import packed, unpacked
from mamo_cli.policies.file import digest_of

ARRAYS = [("int64", 1), ("float64", 1), ("float32", 2)]
"""Of seeds, alphas and policies: numbers and axes."""


class Kind(Section):
    """What has to be the same of two runs, so that one's networks are networks of the other."""

    domain: str
    te: str
    network: str
    hidden: tuple[int, ...]
    agents: int
    observation: int  # numbers that an agent observes
    choices: tuple[int, ...]  # of each agent
    violations: int

    def differences(self, other: "Kind") -> list[str]:
        """What is not the same, of this one first."""
        mine, theirs = self.model_dump(), other.model_dump()
        return [
            f"{name} {_shown(mine[name])}, not {_shown(theirs[name])}" for name in mine if mine[name] != theirs[name]
        ]


class Origin(Section):
    """Where policies come from."""

    run: str
    command: str
    config_digest: str
    kind: Kind


@dataclass(frozen=True, eq=False)
class Start:
    """What the file holds; see the module."""

    about: Origin
    seeds: IntArray
    alphas: FloatArray
    policies: Float32Array

    @property
    def digest(self) -> str:
        """Sha256 (hex) of the numbers that are taken over; what the run is called that had them changes nothing."""
        return digest_of({"seeds": self.seeds, "alphas": self.alphas, "policies": self.policies})

    @property
    def facts(self) -> dict[str, str]:
        """For a run's record: from which run, and what."""
        return {**self.about.model_dump(exclude={"kind"}), "content": self.digest}

    def of(self, seeds: Sequence[int], alphas: FloatArray) -> Float32Array:
        """The policies `(K, D)` that members begin with, each by its own seed and alpha alone, whoever is beside it.

        The policy is of the same seed; where that seed is not there, of those that are, in their order and over again,
        the one at the place of the seed's number. Of several of that seed it is the one of the nearest alpha.

        Args:
            seeds: one a member.
            alphas: `(K,)` what violations weigh for each first, all together, in the mean over agents.
        """
        there, rows = np.unique(self.seeds), []
        for seed, alpha in zip(seeds, alphas, strict=True):
            source = seed if seed in there else there[seed % len(there)]
            own = np.flatnonzero(self.seeds == source)
            rows.append(own[np.abs(self.alphas[own] - alpha).argmin()])
        return self.policies[rows]

    def to_bytes(self) -> bytes:
        """The file: the same start gives the same bytes."""
        members = self._members()
        return packed({**members, "digest": digest_of(members).encode()})

    def _members(self) -> dict[str, Any]:
        about = self.about.model_dump_json(indent=1)
        return {"about.json": about.encode(), "seeds": self.seeds, "alphas": self.alphas, "policies": self.policies}


def read_start(path: Path) -> Start:
    """The start in a file; nothing in it is executed.

    Raises:
        CheckpointError: it cannot be read, is no such file, or is not as it was written.
    """
    try:
        members = unpacked(path.read_bytes())
        digest = members.pop("digest", None)
        if digest != digest_of(members).encode() or members.keys() != {"about.json", "seeds", "alphas", "policies"}:
            raise ValueError("its content is not what its digest says")
        about: Any = members.pop("about.json")
        _require_fit(**members)
        return Start(Origin.model_validate_json(about), **members)  # type: ignore[arg-type]
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path} is not a sound start.npz, as a run keeps it: {reason}") from None


def _require_fit(seeds: Any, alphas: Any, policies: Any) -> None:
    arrays = (seeds, alphas, policies)
    if [isinstance(array, np.ndarray) and (array.dtype.name, array.ndim) for array in arrays] != ARRAYS:
        raise ValueError("its seeds, alphas and policies are not arrays as a run keeps them")
    if len({len(array) for array in arrays}) > 1:
        raise ValueError("its arrays are not of as many policies as seeds and alphas")
    if seeds.min() < 0 or not (np.isfinite(alphas).all() and np.isfinite(policies).all()):
        raise ValueError("its arrays have numbers that no run keeps: a seed below 0, or what is not finite")


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
