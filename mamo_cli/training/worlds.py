"""Many worlds to train in (domain randomisation; Tobin et al., 2017): each copy of the environment plays its own.

World e of E has, of each range, the point at which the e-th number of a van der Corput sequence lies: of base 2 for the
first range there is, 3 for the second, 5 and 7 (Halton, 1960), all moved up by half of 1/E, around the end. That fills
the box of all ranges evenly, is the same for every member, and draws nothing: members stay independent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.seam import AS_CONFIGURED, Copy, Domain, Environment, Part, Seen, Shift, Step
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.training.conditions import RandomiseConfig

BASES = (2, 3, 5, 7)

Training = Callable[[Domain, int, int], Environment]
"""What K members, with E copies each, train in of a domain."""


def one_world(domain: Domain, members: int, copies: int) -> Environment:
    """The domain's training, as it is configured."""
    return domain.environment(Part.TRAINING, members, copies)


def shifts(config: RandomiseConfig, copies: int) -> list[Shift]:
    """What the world of each of E copies differs by from what is configured."""
    ranges = config.ranges()
    points = {
        name: low + (high - low) * ((van_der_corput(base, copies) + 0.5 / copies) % 1.0)
        for base, (name, (low, high)) in zip(BASES, ranges.items(), strict=False)
    }
    each: list[dict[str, Any]] = [{name: float(own[e]) for name, own in points.items()} for e in range(copies)]
    return [Shift(**own) for own in each]


def van_der_corput(base: int, count: int) -> FloatArray:
    """`(count,)` the numbers 0, 1, 2, ... with their digits mirrored at the point."""
    rest, place, mirrored = np.arange(count), 1.0, np.zeros(count)
    while rest.any():
        place /= base
        mirrored += place * (rest % base)
        rest = rest // base
    return mirrored


class Worlds:
    """A domain's training in a world for each copy; domains are built once."""

    def __init__(self, config: RandomiseConfig) -> None:
        """Args: config: which ranges."""
        self._config = config
        self._made: tuple[Domain, list[Shift], list[Domain]] | None = None

    def of(self, domain: Domain, copies: int) -> list[Domain]:
        """The worlds of E copies; one where all are the same.

        Raises:
            UsageError: nothing of the kind can shift there, or it cannot go so far.
        """
        each = shifts(self._config, copies)
        each = each[:1] if len(set(each)) == 1 else each
        if self._made is None or self._made[:2] != (domain, each):
            worlds = [domain if shift == AS_CONFIGURED else domain.shifted(shift) for shift in each]
            self._made = domain, each, worlds
        return self._made[2]

    def __call__(self, domain: Domain, members: int, copies: int) -> Environment:
        """What K members, with E copies each, train in."""
        worlds = self.of(domain, copies)
        if len(worlds) == 1:
            return one_world(worlds[0], members, copies)
        each = [world.environment(Part.TRAINING, members, Copy(e, copies)) for e, world in enumerate(worlds)]
        return Together(each)


class Together:
    """Environments of one copy each as one of as many copies; each goes its own way."""

    def __init__(self, each: Sequence[Environment]) -> None:
        """Args: each: of the same K members."""
        self._each, self.steps = list(each), each[0].steps

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> list[tuple[Any, ...]]:
        """The noise of the coming steps, copy after copy."""
        return list(zip(*(one.draw(steps, streams) for one in self._each), strict=True))

    def observe(self) -> Seen:
        """What is known before the action of the current period."""
        return _seen([one.observe() for one in self._each])

    def step(self, actions: IntArray, draw: Any = None) -> Step:
        """Play one period under choices `(K, E, A)`."""
        draws = [None] * len(self._each) if draw is None else draw
        own = [np.ascontiguousarray(actions[:, [e]]) for e in range(len(self._each))]
        told = [one.step(*played) for one, *played in zip(self._each, own, draws, strict=True)]
        after = _seen([one.after for one in told])
        same = all(one.seen is one.after for one in told)
        return Step(
            objectives=np.concatenate([one.objectives for one in told], 1),
            paid=np.concatenate([one.paid for one in told], 1),
            measures=np.concatenate([one.measures for one in told], 1),
            continues=np.concatenate([one.continues for one in told], 1),
            over=np.concatenate([one.over for one in told], 1),
            after=after,
            seen=after if same else _seen([one.seen for one in told]),
        )

    def state_dict(self) -> dict[str, Any]:
        """That of each copy."""
        return {"copies": [one.state_dict() for one in self._each]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is of another number of copies.
        """
        for one, saved in zip(self._each, state["copies"], strict=True):
            one.load_state_dict(saved)


def _seen(each: Sequence[Seen]) -> Seen:
    values, mask = (np.concatenate(part, 1) for part in zip(*((one.values, one.mask) for one in each), strict=True))
    budgets = [one.budget for one in each if one.budget is not None]
    return Seen(values, mask, np.concatenate(budgets, 1) if budgets else None)
