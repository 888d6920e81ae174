"""Random streams: every draw of a member comes from that member's own named numpy generator.

A member's numbers therefore do not depend on how many others train beside it, in how many processes, or in which
order. There is no global random state anywhere in the package.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

STREAMS = ("environment", "exploration", "replay", "initialisation")


def stream(seed: int, *path: str) -> np.random.Generator:
    """Return the generator that `seed` and the words of `path` name.

    The words are hashed into the entropy, so streams stay the same when others are added beside them.

    Args:
        seed: a member's seed, >= 0.
        path: names that tell this stream from all others of the seed, such as `("te", "replay")`.
    """
    words = [int.from_bytes(word.encode(), "little") for word in path]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


class MemberStreams:
    """The named streams of one agent of one member: environment, exploration, replay, initialisation.

    Any other begins when it is asked for, so that it changes nothing where nobody does.
    """

    def __init__(self, seed: int, agent: str, names: Iterable[str] = STREAMS) -> None:
        self.seed, self._agent = seed, agent
        self._generators = {name: stream(seed, agent, name) for name in names}

    def __getitem__(self, name: str) -> np.random.Generator:
        if name not in self._generators:
            self._generators[name] = stream(self.seed, self._agent, name)
        return self._generators[name]

    def state_dict(self) -> dict[str, str]:
        """Return each generator's exact state as JSON text (a checkpoint loads without unpickling objects)."""
        return {name: json.dumps(rng.bit_generator.state) for name, rng in self._generators.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put every stream back where `state_dict` found it."""
        for name in self._generators.keys() | state.keys():
            self[name].bit_generator.state = json.loads(state[name])
