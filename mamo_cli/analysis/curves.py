"""Curves of a run that may still be written: what its members brought, cycle by cycle or iteration by iteration.

Light: nothing is imported that takes its time, and of a point that is over only its middle is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, median
from typing import NamedTuple

Limits = tuple[tuple[float, float] | None, ...]
"""Of each violation, the least and the greatest that an agent is allowed; None where it is not known."""


class Point(NamedTuple):
    """What the members brought at a point; None where all of them have diverged, or the table does not say.

    Attributes:
        place: the cycle or the iteration, from 0.
        alphas: one for each violation; medians over the members that have not diverged.
        cost: the same.
        violations: means over those members.
        limits: that there were.
        members: all of them.
        diverged: so many have.
        within: so many have every agent within its limits, if the table says.
    """

    place: int
    alphas: tuple[float | None, ...]
    cost: float | None
    violations: tuple[float | None, ...]
    limits: Limits
    members: int
    diverged: int
    within: int | None


class Columns(NamedTuple):
    """Where in a table's rows the numbers are."""

    place: str  # "cycle" or "iteration"
    alphas: tuple[str, ...]
    cost: str
    violations: tuple[str, ...]
    group: bool  # whether alphas tell members of one seed apart

    @classmethod
    def of_cycles(cls, names: Sequence[str], alphas: Sequence[str]) -> "Columns":
        """Those of cycles.csv. Args: names: of the violations. alphas: columns of the weights."""
        return cls("cycle", tuple(alphas), "eval_cost", tuple(f"eval_{name}" for name in names), False)

    @classmethod
    def of_training(cls, names: Sequence[str], alphas: Sequence[str]) -> "Columns":
        """Those of training.csv, likewise."""
        return cls("iteration", tuple(alphas), "mean_cost", tuple(f"mean_{name}" for name in names), True)


Row = Mapping[str, str]


class Curves:
    """Points that are over, by the group of members that they are of: of all, or of those at one alpha.

    Attributes:
        points: by the alphas of a group, which are empty where all members are one group.
    """

    def __init__(self, columns: Columns, limits_at: Callable[[int], Limits]) -> None:
        """Args: columns: of the table. limits_at: those in a cycle."""
        self._columns, self._limits_at = columns, limits_at
        self._open: dict[tuple[tuple[str, ...], int], list[Row]] = {}
        self.points: dict[tuple[str, ...], list[Point]] = {}

    def add(self, row: Row, rows_a_point: int | None) -> None:
        """Take a row in; a point is over when its rows are all there.

        Args:
            row: of the table, in the order of the file.
            rows_a_point: how many a group has at a point; where nobody knows, a point is over when the next begins.

        Raises:
            ValueError: a cell is no number.
            KeyError: a column is missing.
        """
        columns = self._columns
        group = tuple(row[name] for name in columns.alphas) if columns.group else ()
        place = int(row[columns.place])
        if rows_a_point is None and (group, place - 1) in self._open:
            self._close(group, place - 1)
        own = self._open.setdefault((group, place), [])
        own.append(row)
        if len(own) == rows_a_point:
            self._close(group, place)

    def _close(self, group: tuple[str, ...], place: int) -> None:
        rows = self._open.pop((group, place))
        self.points.setdefault(group, []).append(self._point(place, rows))

    def _point(self, place: int, rows: Sequence[Row]) -> Point:
        members: dict[str, list[Row]] = {}
        for row in rows:
            members.setdefault(row["seed"], []).append(row)
        healthy = [own for own in members.values() if all(row[self._columns.cost] for row in own)]
        columns = self._columns
        return Point(
            place,
            tuple(_middle(median, healthy or list(members.values()), name) for name in columns.alphas),
            _middle(median, healthy, columns.cost),
            tuple(_middle(mean, healthy, name) for name in columns.violations),
            self._limits_at(place),
            len(members),
            len(members) - len(healthy),
            sum(all(row["feasible"] == "1" for row in own) for own in healthy) if "feasible" in rows[0] else None,
        )


def _middle(statistic: Callable[[list[float]], float], members: Sequence[Sequence[Row]], column: str) -> float | None:
    """A statistic over members of their means over agents; None where there is no member, or one without a number."""
    if not members or not all(row.get(column) for own in members for row in own):
        return None
    return statistic([mean(float(row[column]) for row in own) for own in members])
