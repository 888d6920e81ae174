"""A walk beside what stands still: what each window costs at least, what a rule of today pays, and who recovers when.

The bound of a window is causal and in hindsight: the least mean cost of who keeps that window's limit in that window
alone, knowing its conditions. That of the whole walk keeps the mean of the limits on average over all of it, so that
violation may be saved in one window for another; it is no sum of the windows'. Where the deviations have no known law,
choices may be another nondecreasing function of what is expected in every window: the shorter these are, the more a
bound knows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mamo_cli.analysis.bounds import bound
from mamo_cli.analysis.perfect import Mixture, UnreachableError
from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.means import mean_of_known, of_measures
from mamo_cli.core.seam import Answer, Domain, Knowledge, Part, Shift, Spec
from mamo_cli.core.words import Words
from mamo_cli.training.continual import Walk
from mamo_cli.training.windows import PLAYERS

BOUND = "bound"
Rule = Callable[[Domain, Domain], IntArray]


def reference_columns(words: Words, agents: int) -> tuple[str, ...]:
    """The head of references.csv."""
    names = [one.name for one in (*words.measures, *words.violations)]
    named = [words.agent] if agents > 1 else []
    return ("reference", "window", "steps", *Shift._fields[:3], "limit", "cost", *names, *named)


def references(domain: Domain, walk: Walk, rules: Mapping[str, Rule]) -> list[list[Any]]:
    """Rows of references.csv: each window's bound, blank where its limit is out of reach, and each rule's play.

    Args:
        domain: as it is configured, which is what the rules know beside each window's limit.
        walk: its windows.
        rules: by name.
    """
    windows = [walk.at(window) for window in range(walk.windows)]
    told = {BOUND: [_bound(window) for window in windows]}
    for name, rule in rules.items():
        believed = _Believed(domain)
        told[name] = [_ruled(rule, believed.with_limit(walk.shift(w)), window) for w, window in enumerate(windows)]
    rows = []
    for name, each in told.items():
        for w, numbers in enumerate(each):
            shift, spec = walk.shift(w), windows[w].spec
            for agent, own in enumerate(numbers):
                start = [name, w, walk.span(w)[1], shift.load, shift.service, shift.cap, spec.limits[agent, 0]]
                known = [None if np.isnan(number) else number for number in own]
                rows.append([*start, *known, *([spec.agents[agent]] if len(spec.agents) > 1 else [])])
    return rows


class _Believed:
    """The domain as it is configured but for the limit, which everybody is told."""

    def __init__(self, domain: Domain) -> None:
        self._domain, self._latest = domain, (Shift(), domain)

    def with_limit(self, shift: Shift) -> Domain:
        told = Shift(tolerance=shift.tolerance)
        if told != self._latest[0]:
            self._latest = told, self._domain.shifted(told)
        return self._latest[1]


def _bound(window: Domain) -> FloatArray:
    """`(A, 1 + Q + M - 1)` cost, measures and violations of a window's bound; NaN where its limit is out of reach."""
    words = window.spec.words
    try:
        mixture = bound(window)
    except UnreachableError:
        numbers = len(words.measures) + window.spec.objectives
        return np.full((len(window.spec.agents), numbers), np.nan)
    measures = np.zeros((len(window.spec.agents), len(words.measures)))
    for weights, shares in zip(mixture.weights.swapaxes(0, 1), mixture.shares.T, strict=True):
        plan = window.answer(weights).plan
        measures += shares[:, None] * mean_of_known(window.expected(plan).measures, 0)
    return np.concatenate((mixture.objectives[:, :1], of_measures(measures, words), mixture.objectives[:, 1:]), -1)


def _ruled(rule: Rule, believed: Domain, window: Domain) -> FloatArray:
    """The same of what a rule's choices bring at the conditions that came."""
    played = window.replayed(rule(believed, window))[1]
    cost = played.paid.mean(0)[:, None] / window.spec.cost_scale
    measures = of_measures(mean_of_known(played.measures, 0), window.spec.words)
    return np.concatenate((cost, measures, played.violations.mean(0)), -1)


class _Whole(NamedTuple):
    """All windows of a walk as one problem, as far as a bound asks."""

    spec: Spec
    windows: Sequence[Domain]
    shares: FloatArray  # (W,) of the steps

    def answer(self, weights: FloatArray, part: Part, knowledge: Knowledge) -> Answer:
        each = [window.answer(weights, part, knowledge) for window in self.windows]
        objectives = np.einsum("w,wam->am", self.shares, np.stack([answer.objectives for answer in each]))
        return Answer(np.concatenate([answer.plan for answer in each]), objectives)


def walk_bound(walk: Walk) -> Mixture:
    """The causal bound of the whole walk.

    Raises:
        UnreachableError: the mean of the limits is out of reach on average.
    """
    windows = [walk.at(window) for window in range(walk.windows)]
    shares = _shares(walk)
    limits = np.einsum("w,wam->am", shares, np.stack([window.spec.limits for window in windows]))
    whole: Any = _Whole(windows[0].spec._replace(limits=limits), windows, shares)
    return bound(whole)


def _shares(walk: Walk) -> FloatArray:
    """`(W,)` of each window in all steps."""
    spans = [walk.span(window) for window in range(walk.windows)]
    return np.array([stop - start for start, stop in spans]) / walk.steps


def walk_summary_columns(words: Words, rules: Iterable[str]) -> tuple[str, ...]:
    """What a walk adds to summary.csv."""
    violation = words.violations[0].name
    each = [f"{who}_{what}" for who in (*PLAYERS, *rules) for what in ("cost", violation, "steps_to_recover")]
    return (*each, "walk_tolerance", "walk_bound_cost")


def walk_summary(folder: Path, walk: Walk, words: Words, rules: Iterable[str], least: float | None) -> list[list[Any]]:
    """A row for each member: mean cost and violation of the walk, and how long it took until changes were overcome.

    Means over agents. Steps to recover run from a change to the end of the first window within its limits, all agents';
    of several changes they all stand there, "never" where that did not come.

    Args:
        folder: the run.
        walk: its windows.
        words: of the domain.
        rules: which references are rules.
        least: the bound of the walk.
    """
    violation = words.violations[0].name
    table, beside = (pd.read_csv(folder / f"{name}.csv") for name in ("continual", "references"))
    limit = float(_mean(beside[beside["reference"] == BOUND].groupby("window")["limit"].mean(), walk))
    ruled = [number for rule in rules for number in _track(beside[beside["reference"] == rule], violation, walk)]
    rows = []
    for _, member in table.groupby("seed", sort=False):
        walked = [_track(member[member["player"] == player], violation, walk) for player in PLAYERS]
        rows.append([*(number for each in walked for number in each), *ruled, limit, least])
    return rows


def _track(own: pd.DataFrame, violation: str, walk: Walk) -> list[Any]:
    """Cost, violation and steps to recover of one who walks."""
    windows = own.groupby("window")
    if own[violation].isna().any():
        return [None, None, None]
    held = (own[violation] <= own["limit"]).groupby(own["window"]).all()
    recovered = []
    for change, following in pairwise([*walk.changes, walk.windows]):
        since = held.loc[change : following - 1]
        ends = [walk.span(int(window))[1] - walk.span(change)[0] for window in since.index[since]]
        recovered.append(str(ends[0]) if ends else "never")
    means = [float(_mean(windows[name].mean(), walk)) for name in ("cost", violation)]
    return [*means, " ".join(recovered) or None]


def _mean(by_window: "pd.Series[float]", walk: Walk) -> Any:
    return _shares(walk) @ by_window.to_numpy()
