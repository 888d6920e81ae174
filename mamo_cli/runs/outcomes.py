"""What came out of a run and how long it took, as its run.json and config.toml tell.

Light, so that hundreds of runs are listed at once: nothing is computed anew, and nothing heavy is imported.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

from mamo_cli.core.errors import DataError
from mamo_cli.core.settings import read_toml
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains import registry as domains
from mamo_cli.runs import manifest as manifests
from mamo_cli.runs.folder import CONFIG

Row = Mapping[str, Any]

COST = "cost_over_causal_bound"
FIRST_STRATEGY = "wa-dqn"
"""That of configurations from before there were others."""


class Outcome(NamedTuple):
    """What came out for one of the things that a run tried: an alpha, a strategy, a plan. None for what is not known.

    Alphas and cost are medians over the members that did not diverge, violations are means over them. Alphas,
    violations and limits are by the violations' names.
    """

    label: str  # "bisect", "scope step"; empty where alpha says it all
    alphas: Mapping[str, float | None]
    violations: Mapping[str, float | None]
    limits: Mapping[str, float | None]  # None where agents have limits of their own
    members: int | None = None  # all of them
    diverged: int | None = None
    cost_over_causal_bound: float | None = None
    holds: int | None = None  # members within the limit; of a plan for each step, steps
    holds_of: int | None = None  # of so many

    @property
    def alpha(self) -> str:
        """As a person reads it; empty where it is not known."""
        return " ".join(f"{alpha:.4g}" for alpha in self.alphas.values() if alpha is not None)

    @property
    def title(self) -> str:
        """What a person calls it."""
        return " ".join(filter(None, [self.label, self.alpha and f"alpha {self.alpha}"]))


def outcomes_of(folder: Path, manifest: Row) -> list[Outcome]:
    """What came out of a run, one of each thing that it tried; nothing of a run that has not come to its end.

    Args:
        folder: the run's.
        manifest: its run.json, as `read_manifest` gives it.

    Raises:
        DataError: its summary is not one that its command leaves, or its configuration cannot be read.
    """
    summary = manifest.get("summary")
    tell = _TELL.get(manifest["command"])
    if tell is None or (summary is None and manifest["status"] not in ("complete", "diverged")):
        return []
    try:
        return tell(folder, manifest, summary)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise DataError(f"{folder / manifests.NAME}: its summary is damaged: what came out is not shown") from None


def seconds_taken(manifest: Row, now: datetime | None = None) -> tuple[float | None, bool]:
    """Wall time of all starts of a run together, s, and whether that is all: of one that was killed nobody knows.

    Args:
        manifest: a run's run.json, as `read_manifest` gives it.
        now: the time now, for a run that goes on.
    """
    known = [float(start["seconds"]) for start in manifest["starts"] if "seconds" in start]
    unknown = len(manifest["starts"]) - len(known)
    if manifest.get("status") == "running" and unknown:
        began = datetime.fromisoformat(manifest["starts"][-1]["started"])
        known.append(max(0.0, ((now or datetime.now(UTC)) - began).total_seconds()))
        unknown -= 1
    return sum(known) if known else None, not unknown


def _of_members(label: str, rows: Sequence[Row], words: Words | None) -> list[Outcome]:
    """By alpha where seeds have several members, a fixed alpha each; else of all together."""
    seeds = [row["seed"] for row in rows]
    if len(set(seeds)) == len(seeds):
        return [_of_group(label, rows, words)]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in _each("alpha", words).values()), []).append(row)
    return [_of_group(label, group, words) for group in groups.values()]


def _of_group(label: str, rows: Sequence[Row], words: Words | None) -> Outcome:
    healthy = [row for row in rows if row["mean_cost"] is not None]
    holding = [row["holds"] for row in healthy if row.get("holds") is not None]
    return Outcome(
        label,
        {name: _middle(median, healthy or rows, column) for name, column in _each("alpha", words).items()},
        {name: _middle(mean, healthy, f"mean_{name}") for name in _names(words)},
        {name: _number(rows[0].get(column)) for name, column in _each("tolerance", words).items()},
        len(rows),
        len(rows) - len(healthy),
        _middle(median, healthy, COST),
        sum(holding) if holding else None,
        len(holding) or None,
    )


def _each(what: str, words: Words | None) -> dict[str, str]:
    """The columns of a number that every violation has, by the violations' names."""
    return {} if words is None else dict(zip(_names(words), words.each(what), strict=True))


def _middle(statistic: Callable[[list[float]], float], rows: Sequence[Row], column: str) -> float | None:
    """A statistic of a column; None where there is no row, or a row that lacks it."""
    values = [_number(row.get(column)) for row in rows]
    known = [value for value in values if value is not None]
    return statistic(known) if known and len(known) == len(values) else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _trained(folder: Path, manifest: Row, summary: Sequence[Row]) -> list[Outcome]:
    return _of_members("", summary, words_of(manifest))


def _looped(folder: Path, manifest: Row, summary: Sequence[Row]) -> list[Outcome]:
    return _of_members(strategy_of(folder), summary, words_of(manifest))


def _planned(folder: Path, manifest: Row, summary: Row) -> list[Outcome]:
    words, steps = words_of(manifest), summary.get("steps")  # runs of old do not count them
    lacking = summary["infeasible_steps"]
    if summary["scope"] == "average":  # its promise is one
        steps, lacking = steps and 1, int(lacking > 0)
    elif summary["scope"] == "alpha":  # which knows no limit
        steps = None
    return [
        Outcome(
            f"scope {summary['scope']}",
            {name: _number(summary.get(column)) for name, column in _each("alpha", words).items()},
            {name: _number(summary.get(f"mean_{name}_actual")) for name in _names(words)},
            {name: _number(summary.get(column)) for name, column in _each("tolerance", words).items()},
            holds=None if steps is None else steps - lacking,
            holds_of=steps,
        )
    ]


def _compared(folder: Path, manifest: Row, summary: Sequence[Row]) -> list[Outcome]:
    return [
        Outcome(
            f"{row['scenario']} {row['strategy']}",
            {},
            {"violation": _number(row["mean_violation"])},
            {"violation": _number(row["tolerance"])},
            row["seeds_total"],
            row["seeds_total"] - row["seeds"],
            _number(row[COST]),
            None if row["violating_share"] is None else round((1 - row["violating_share"]) * row["seeds"]),
            row["seeds"],
        )
        for row in summary
    ]


def _ruled(folder: Path, manifest: Row, summary: Sequence[Row]) -> list[Outcome]:
    labels = dict.fromkeys((row["rule"], row["knobs"]) for row in summary)
    each = [[row for row in summary if (row["rule"], row["knobs"]) == label] for label in labels]
    return [_of_group(" ".join(label), rows, words_of(manifest)) for label, rows in zip(labels, each, strict=True)]


_TELL: Mapping[str, Callable[[Path, Row, Any], list[Outcome]]] = {
    "solve-offline": _planned,
    "train": _trained,
    "evaluate": _trained,
    "run-mamo": _looped,
    "compare": _compared,
    "baselines": _ruled,
}


def strategy_of(folder: Path) -> str:
    """Who picked the weights of a run-mamo run."""
    return str(read_toml(folder / CONFIG).get("strategy", FIRST_STRATEGY))


def words_of(manifest: Row) -> Words | None:
    """The words of a run's domain, with the violations of its instance; None where this version does not know it.

    Raises:
        DataError: the manifest's violations are none.
    """
    name = manifest.get("domain", domains.DEFAULT)
    if name not in domains.DOMAINS:
        return None
    words: Words = domains.about(name).WORDS
    told = manifest.get("violations")
    try:
        return words if told is None else words._replace(violations=tuple(Quantity(**one) for one in told))
    except TypeError:
        raise DataError(f"{manifests.NAME} is damaged: its violations are not those of a domain") from None


def _names(words: Words | None) -> list[str]:
    """What a domain calls its violations; nothing where this version does not know it."""
    return [] if words is None else [one.name for one in words.violations]
