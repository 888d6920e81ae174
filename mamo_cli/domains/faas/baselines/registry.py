"""What people run today, played on a node: beside a walk, and by itself at its defaults and tuned."""

from collections.abc import Iterator, Sequence

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Played
from mamo_cli.domains.faas.baselines.catalogue import BASELINES, Planned, Ticked
from mamo_cli.domains.faas.baselines.erlang import erlang_inversion, first_holding
from mamo_cli.domains.faas.baselines.play import PLANNED
from mamo_cli.domains.faas.baselines.stage import Fare, Stage, evaluation_stage, is_simulated, training_stage
from mamo_cli.domains.faas.baselines.tuning import search
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.domains.rules import DEFAULT, TUNED, Ruled

RULES = {"erlang": erlang_inversion}
"""Beside a walk."""

SEEDS = range(8)
"""Of simulated requests, where none are given."""

Setting = tuple[float, ...]
"""The numbers that a rule's knobs are at, for one function."""


def ruled(domain: FaasDomain, seeds: Sequence[int] | None) -> Iterator[Ruled]:
    """Every rule at its defaults and tuned, played on the evaluation part.

    Each function has a rule of its own, with its own knobs.

    Args:
        domain: the node.
        seeds: one a play, of its requests; None: those of the first 8, or where rules are played by the node's model,
            so that every play is the same, one.

    Raises:
        UsageError: seeds where they change nothing, or functions that share memory.
    """
    if domain.spec.use is not None:
        raise UsageError("rules of today see their own function alone, and these share the node's memory")
    if seeds is not None and not is_simulated(domain):
        raise UsageError("--seeds are of simulated requests: by this rejection model every play of a rule is the same")
    numbers = tuple(seeds or SEEDS) if is_simulated(domain) else (domain.settings.noise_seed,)
    return _ruled(domain, numbers)


def _ruled(domain: FaasDomain, seeds: tuple[int, ...]) -> Iterator[Ruled]:
    """Rule by rule."""
    training, evaluation = training_stage(domain), evaluation_stage(domain, seeds)
    for name, rule in BASELINES.items():
        for knobs, settings in zip((DEFAULT, TUNED), _settings(domain, training, rule), strict=True):
            held = _means(_fares(domain, training, rule, settings)) <= domain.spec.limits[:, 0]
            told = _told(domain, rule, settings)
            fares = _fares(domain, evaluation, rule, settings)
            for play, seed in enumerate(seeds):
                yield Ruled(name, knobs, told, seed, _played(domain, fares, play), bool(held.all()))


def _settings(domain: FaasDomain, training: Stage, rule: Planned | Ticked) -> tuple[list[Setting], list[Setting]]:
    """Each function's setting, as the rule comes and tuned."""
    if isinstance(rule, Ticked):
        each = [rule.knobs(domain, function) for function in range(training.node.functions)]
        tuned = [_tuned(domain, training, rule, function) for function in range(training.node.functions)]
        return [tuple(knob.default for knob in knobs) for knobs in each], tuned
    candidates, functions = rule.candidates(domain), training.node.functions

    def settings(values: FloatArray) -> list[Setting]:
        return [(float(value),) for value in values]

    def holds(places: IntArray) -> BoolArray:
        means = _means(_fares(domain, training, rule, settings(candidates[places])))
        return np.asarray(means <= domain.spec.limits[:, 0])

    found = settings(candidates[first_holding(len(candidates), functions, holds)])
    return found if rule.default is None else [(rule.default,)] * functions, found


def _tuned(domain: FaasDomain, training: Stage, rule: Ticked, function: int) -> Setting:
    def tried(setting: Setting) -> tuple[float, float]:
        fare = training.play(function, rule.number, np.array(setting), rule.tick_s)
        return float(fare.replicas.mean()), float(fare.rejection.mean())

    return search(rule.knobs(domain, function), tried, float(domain.spec.limits[function, 0])).knobs


def _fares(domain: FaasDomain, stage: Stage, rule: Planned | Ticked, settings: Sequence[Setting]) -> list[Fare]:
    """What a rule brings each function."""
    knobs = [np.array(setting) for setting in settings]
    if isinstance(rule, Ticked):
        return [stage.play(function, rule.number, own, rule.tick_s) for function, own in enumerate(knobs)]
    plan = rule.plan(domain, stage.node, np.concatenate(knobs))
    return [
        stage.play(function, PLANNED, own, stage.node.trace.step_seconds, plan[:, function])
        for function, own in enumerate(knobs)
    ]


def _means(fares: Sequence[Fare]) -> FloatArray:
    """`(F,)` mean rejection."""
    return np.array([fare.rejection.mean() for fare in fares])


def _played(domain: FaasDomain, fares: Sequence[Fare], play: int) -> Played:
    measures = np.stack([fare.measures[play] for fare in fares], 1)
    rejection = np.stack([fare.rejection[play] for fare in fares], 1)
    return Played(measures[..., 0] * domain.case.evaluation.replica_cost, measures, rejection[..., None])


def _told(domain: FaasDomain, rule: Planned | Ticked, settings: Sequence[Setting]) -> str:
    """The settings in words."""
    names = [rule.knob] if isinstance(rule, Planned) else [knob.name for knob in rule.knobs(domain, 0)]
    each = [
        " ".join(f"{name}={value:.10g}" for name, value in zip(names, setting, strict=True)) for setting in settings
    ]
    if len(each) == 1:
        return each[0]
    return "; ".join(f"{agent}: {told}" for agent, told in zip(domain.spec.agents, each, strict=True))
