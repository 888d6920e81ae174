"""Batteries of homes as a batch of environments: K members, E copies each, A homes, one compiled loop over all.

Observation of a home (float32, `(K, E, A, 7)`, or 9 where periods of the load have parts):

| number | meaning | range |
|---|---|---|
| 0 | load to expect in this period, over the largest that is expected in training | >= 0 |
| 1 | price of this period over the highest | [0, 1] |
| 2 | charge over the capacity | [0, 1] |
| 3, 4 | sine and cosine of the time of day | [-1, 1] |
| 5, 6 | the same of twice that angle | [-1, 1] |
| 7, 8 | sine and cosine of the part of its period that it is, where a period has parts | [-1, 1] |

Choice c = 0..2D: the charge changes by c - D steps. Only what the battery holds, or has room for, may be chosen.
Period: at the meter, what is charged takes 1 / efficiency of it, and what is discharged gives efficiency of it. The
load comes, which nobody saw before; what of it the battery does not give is taken from the grid, and what the battery
gives beyond it is lost.
Objectives: the bill (price times energy from the grid) over the largest bill there is; and the energy from the grid
above the peak limit, over the mean load of a period. Under a proxy it counts only when it is read.
Dynamics: loads know nothing of the battery; the trace starts anew after its last step, the charge goes on: an episode
never ends. Every copy begins at a day's beginning with an empty battery.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mamo_cli.core.arrays import Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import compiled, put_back
from mamo_cli.core.seam import Copy, Seen, Step, begin_at
from mamo_cli.core.seeding import MemberStreams

OBSERVED, OF_PARTS = 7, 2


@dataclass(frozen=True, eq=False)
class Homes:
    """Homes under their loads: all that the environment and the exact answers share.

    Attributes:
        expected: `(T, A)` kWh a period, the load to expect: all that agents see of what comes.
        mean: `(T, A)` kWh a period, the load that comes without its noise.
        load: `(T, A)` kWh that come where none are drawn.
        noise: largest deviation of a load from its mean, as a share of it; uniform and independent.
        price: `(T,)` of a kWh.
        clock: `(T,)` share of the day that is over when a period begins, in [0, 1).
        parts: control periods that a period of the load is cut into.
        counted: `(T,)` how many times the excess of a period counts: once, but under a proxy.
        at_meter: `(C,)` kWh that each choice takes from the grid, below 0 where it gives.
        change_step: kWh of a step of charge.
        levels: the highest charge, in steps.
        peak_limit: kWh from the grid in a period; what is above is excess.
        load_scale: `(A,)` kWh, the largest load expected in training.
        excess_scale: `(A,)` kWh, the mean load of a period.
        cost_scale: the largest bill of a period in training.
    """

    expected: FloatArray
    mean: FloatArray
    load: FloatArray
    noise: float
    price: FloatArray
    clock: FloatArray
    parts: int
    counted: FloatArray
    at_meter: FloatArray
    change_step: float
    levels: int
    peak_limit: float
    load_scale: FloatArray
    excess_scale: FloatArray
    cost_scale: float

    @property
    def moves(self) -> int:
        """D, the most steps that the charge changes by."""
        return len(self.at_meter) // 2

    @property
    def observation(self) -> int:
        """O."""
        return OBSERVED if self.parts == 1 else OBSERVED + OF_PARTS

    def observed(self) -> Float32Array:
        """`(T, A, O)` what is observed of each period, the charge left at 0; see the module's table."""
        steps, homes = self.expected.shape
        table = np.zeros((steps, homes, self.observation), dtype=np.float32)
        table[..., 0] = self.expected / self.load_scale
        table[..., 1] = (self.price / self.price.max())[:, None]
        for times in (1, 2):
            angle = 2.0 * np.pi * times * self.clock[:, None]
            table[..., 1 + 2 * times], table[..., 2 + 2 * times] = np.sin(angle), np.cos(angle)
        if self.parts > 1:
            angle = 2.0 * np.pi * (np.arange(steps) % self.parts / self.parts)[:, None]
            table[..., OBSERVED], table[..., OBSERVED + 1] = np.sin(angle), np.cos(angle)
        return table

    def beginnings(self, copies: int | Copy) -> IntArray:
        """`(E,)` the steps that copies begin at: of the days there are, evenly spread, else the first step."""
        days = np.flatnonzero(np.diff(self.clock, prepend=1.0) < 0.0)
        return np.asarray(days[begin_at(copies, len(days))])


class HomesEnvironment:
    """E environments for each of K members, advanced together."""

    def __init__(self, homes: Homes, members: int, copies: int | Copy = 1) -> None:
        """Args: homes: what is played. members: K. copies: E."""
        self.homes = homes
        self.steps, count = homes.load.shape
        self._observed = homes.observed()
        self._at = homes.beginnings(copies)
        self._shape = (members, len(self._at), count)
        self._charge = np.zeros(self._shape, dtype=np.int64)  # in steps
        self._continues = np.ones(self._shape[:2], dtype=np.float32)
        self._over = np.zeros(self._shape[:2], dtype=np.bool_)

    def draw(self, steps: int, streams: Sequence[MemberStreams]) -> FloatArray:
        """The load `(steps, K, E, A)` of the coming periods, kWh."""
        coming = self.homes.mean[(self._at + np.arange(steps)[:, None]) % self.steps]
        return np.stack([with_noise(coming, self.homes.noise, member["environment"]) for member in streams], 1)

    def observe(self) -> Seen:
        """What is known before the choice of the current period."""
        seen = self._room()
        _observe(self._observed, self.homes.levels, self._at, self._charge, seen)
        return seen

    def step(self, actions: IntArray, draw: FloatArray | None = None) -> Step:
        """Play one period; what a choice would charge or discharge beyond what is possible, it does not.

        Args:
            actions: `(K, E, A)` choices.
            draw: `(K, E, A)` the load, kWh; none means the homes' own.
        """
        homes, seen = self.homes, self._room()
        played = Step(
            objectives=np.empty((*self._shape, 2)),
            paid=np.empty(self._shape),
            measures=np.empty((*self._shape, 3)),
            continues=self._continues,
            over=self._over,
            after=seen,
            seen=seen,
        )
        load = np.broadcast_to(homes.load[self._at], self._shape) if draw is None else draw
        _play(
            actions, np.ascontiguousarray(load), homes.price[self._at], homes.at_meter, homes.change_step,
            homes.levels, homes.peak_limit, homes.cost_scale, homes.excess_scale, homes.counted[self._at],
            self._charge, played,
        )  # fmt: skip
        self._at[...] = (self._at + 1) % self.steps
        _observe(self._observed, homes.levels, self._at, self._charge, seen)
        return played

    def _room(self) -> Seen:
        return Seen(
            values=np.empty((*self._shape, self.homes.observation), dtype=np.float32),
            mask=np.empty((*self._shape, len(self.homes.at_meter)), dtype=np.bool_),
        )

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {"steps": self._at.copy(), "charge": self._charge.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of these environments; compiled code would follow its indices anywhere.
        """
        at, charge = np.asarray(state["steps"]), np.asarray(state["charge"])
        if not bool(((at >= 0) & (at < self.steps)).all()):
            raise ValueError(f"environments stand beyond the trace's {self.steps} steps")
        if not bool(((charge >= 0) & (charge <= self.homes.levels)).all()):
            raise ValueError(f"batteries hold 0 to {self.homes.levels} steps")
        put_back(self._at, at)
        put_back(self._charge, charge)


def with_noise(mean: FloatArray, noise: float, rng: np.random.Generator) -> FloatArray:
    """Loads of these means, each `1 + u` times it, `u ~ U(-noise, noise)`."""
    return np.asarray(mean * (1.0 + rng.uniform(-noise, noise, mean.shape)))


@compiled
def _observe(observed: Float32Array, levels: int, at: IntArray, charge: IntArray, seen: Seen) -> None:
    """Fill `seen`, see the module's table."""
    members, copies, homes = charge.shape
    moves = seen.mask.shape[-1] // 2
    for k in range(members):
        for e in range(copies):
            for a in range(homes):
                seen.values[k, e, a] = observed[at[e], a]
                seen.values[k, e, a, 2] = charge[k, e, a] / levels
                for choice in range(2 * moves + 1):
                    seen.mask[k, e, a, choice] = 0 <= charge[k, e, a] + choice - moves <= levels


@compiled
def _play(
    actions: IntArray,
    loads: FloatArray,
    price: FloatArray,
    at_meter: FloatArray,
    change_step: float,
    levels: int,
    peak_limit: float,
    cost_scale: float,
    excess_scale: FloatArray,
    counted: FloatArray,
    charge: IntArray,
    played: Step,
) -> None:
    """Fill `played` and leave every battery as the period ends."""
    members, copies, homes = charge.shape
    moves = len(at_meter) // 2
    for k in range(members):
        for e in range(copies):
            for a in range(homes):
                before = charge[k, e, a]
                charge[k, e, a] = min(max(before + actions[k, e, a] - moves, 0), levels)
                change = charge[k, e, a] - before
                grid = max(loads[k, e, a] + at_meter[change + moves], 0.0)
                paid = price[e] * grid
                played.paid[k, e, a] = paid
                played.measures[k, e, a, 0] = charge[k, e, a] * change_step
                played.measures[k, e, a, 1] = change * change_step
                played.measures[k, e, a, 2] = grid
                played.objectives[k, e, a, 0] = paid / cost_scale
                played.objectives[k, e, a, 1] = counted[e] * max(grid - peak_limit, 0.0) / excess_scale[a]
