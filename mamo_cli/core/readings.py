"""What is measured where a policy decides, as a domain reads it: the other half of the seam, without a workload.

A agents, C choices of an agent, O numbers that an agent observes.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from mamo_cli.core.arrays import BoolArray, Float32Array, IntArray


class Past(NamedTuple):
    """What the decision before has left."""

    choices: IntArray  # (A,) that were played; 0 before the first
    told: Mapping[str, Any] | None = None  # `Reading.told` of then


class Reading(NamedTuple):
    """What is known before a decision, as an environment's `Seen` has it."""

    observed: Float32Array  # (A, O)
    allowed: BoolArray  # (A, C) what may be chosen now
    budget: int | None  # units that all choices may take together, where agents share them
    floor: IntArray | None  # (A,) choices that a shield lets nothing be below; None without a shield
    time: float | None  # when it was measured, Unix time in s, where that was told
    told: dict[str, Any]  # all of it as it was understood, in the words of who told it, plain values for JSON
    beyond: list[str]  # agents of whom was told what training never met, and who observe the nearest that it met


class Keys(NamedTuple):
    """Which keys of what is measured a policy needs or has no use for, and what stands where one is left out."""

    needed: Mapping[str, str]  # why, by key
    useless: Mapping[str, str]  # likewise; they are refused
    assumed: Mapping[str, Mapping[str, str]]  # in words, by key and agent; of what all share, by ""


class Reader(Protocol):
    """How a domain reads what is measured before a period."""

    first: int
    """What choice 0 stands for, such as 1 of something; others count on from it."""
    keys: Keys
    windows: Mapping[str, float]
    """s over which what is told must be counted, by its key; whoever tells it says so beside it, as `KEY_seconds`."""

    def read(self, body: Mapping[str, Any], past: Past) -> Reading:
        """What was measured, understood.

        Raises:
            DataError: it is not what was asked for; one line, which names the key and what was got.
        """
        ...

    def play(self, reading: Reading, chosen: IntArray) -> IntArray:
        """The choices `(A,)` that are played where a policy has chosen: those, or what a shield makes of them."""
        ...
