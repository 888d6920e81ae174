"""What people run today, played on a node: beside a walk, and by itself at its defaults and tuned."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mamo_cli.core.arrays import BoolArray, FloatArray, IntArray
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Played
from mamo_cli.domains.faas.baselines.catalogue import BASELINES, Planned, Ticked
from mamo_cli.domains.faas.baselines.erlang import erlang_inversion, first_holding
from mamo_cli.domains.faas.baselines.play import PLANNED
from mamo_cli.domains.faas.baselines.stage import (
    Fare,
    Stage,
    calm_stage,
    evaluation_stage,
    is_simulated,
    training_stage,
)
from mamo_cli.domains.faas.baselines.tuning import least_excess, search
from mamo_cli.domains.faas.domain import FaasDomain
from mamo_cli.domains.faas.rejection.measured import MeasuredModel
from mamo_cli.domains.faas.settings import BY_REQUESTS
from mamo_cli.domains.rules import DEFAULT, SEVERAL, TUNED, Ruled

RULES = {"erlang": erlang_inversion}
"""Beside a walk."""

SEEDS = range(8)
"""Of simulated requests, where none are given."""

ROUNDING = 9
"""Digits of replicas that are a mean over time."""

Setting = tuple[float, ...]
"""The numbers that a rule's knobs are at, for one function."""


Progress = Callable[[str], None]


def notice(domain: FaasDomain) -> str | None:
    """What rules see that the node's model does not know of, where there is such."""
    if domain.settings.rejection_model != MeasuredModel.name:
        return None
    times = dict.fromkeys(domain.settings.of(agent).warm_service_time for agent in domain.spec.agents)
    told = ", ".join(f"{seconds:.10g}" for seconds in times)
    return (
        "measurements of rejection tell nothing of service times: what rules see as busy is the requests served times "
        f"--warm-service-time ({told} s)"
    )


def ruled(domain: FaasDomain, seeds: Sequence[int] | None, progress: Progress | None = None) -> Iterator[Ruled]:
    """Every rule at its defaults and tuned, played on the evaluation part.

    Each function has a rule of its own, with its own knobs, tuned by itself. Where functions share memory they then
    have to make do with it; see `play`.

    Args:
        domain: the node.
        seeds: one a play, of its requests; None: those of the first 8, or where rules are played by the node's model,
            so that every play is the same, one.
        progress: told of every rule whose turn it is.

    Raises:
        UsageError: seeds where they change nothing, a shield, or requests are counted.
    """
    if domain.settings.counting == BY_REQUESTS:
        raise UsageError("rules are tuned to rejection by the period: leave out --counting requests")
    if domain.settings.shield is not None:
        raise UsageError("--shield is a floor under agents' choices; rules are played as they are: leave it out")
    if seeds is not None and not is_simulated(domain):
        raise UsageError("--seeds are of simulated requests: by this rejection model every play of a rule is the same")
    numbers = tuple(seeds or SEEDS) if is_simulated(domain) else (domain.settings.noise_seed,)
    return _ruled(domain, numbers, progress or (lambda name: None))


def logged(domain: FaasDomain, rule: str) -> IntArray:
    """One less than the replicas `(T, F)` of a rule, as it comes, on the training part without its noise.

    Where they change within a period, they are the mean over it, rounded up.

    Raises:
        UsageError: there is no such rule, or functions share a memory, of which no rule knows.
    """
    if rule not in BASELINES:
        raise UsageError(f"a rule to learn from is one of {', '.join(BASELINES)}, got {rule!r}")
    if domain.spec.coupled:
        raise UsageError("there is no log to learn from: rules of today know no shared memory")
    found, stage = BASELINES[rule], calm_stage(domain)
    if isinstance(found, Ticked):
        settings = [_as_it_comes(found, domain, function) for function in range(stage.node.functions)]
    else:
        settings = _settings(domain, training_stage(domain), found)[0]
    replicas = np.ceil(np.round(_fare(domain, stage, found, settings).measures[0, ..., 0], ROUNDING))
    return np.clip(replicas.astype(np.int64), 1, domain.case.training.max_replicas) - 1


def _ruled(domain: FaasDomain, seeds: tuple[int, ...], progress: Progress) -> Iterator[Ruled]:
    """Rule by rule."""
    training, evaluation = training_stage(domain), evaluation_stage(domain, seeds)
    for name, rule in BASELINES.items():
        progress(name)
        for knobs, settings in zip((DEFAULT, TUNED), _settings(domain, training, rule), strict=True):
            held = _excess(_fare(domain, training, rule, settings), domain.spec.limits) <= 0.0
            told, fare = _told(domain, rule, settings), _fare(domain, evaluation, rule, settings)
            for seed, measures, violations in zip(seeds, *fare, strict=True):
                paid = measures[..., 0] * domain.case.evaluation.replica_cost
                yield Ruled(name, knobs, told, seed, Played(paid, measures, violations), bool(held.all()))


def _settings(domain: FaasDomain, training: Stage, rule: Planned | Ticked) -> tuple[list[Setting], list[Setting]]:
    """Each function's setting, as the rule comes and tuned."""
    functions = range(training.node.functions)
    if isinstance(rule, Ticked):
        tuned = [_tuned(domain, training.alone([function]), rule, function) for function in functions]
        return [_as_it_comes(rule, domain, function) for function in functions], tuned
    candidates, alone, limits = rule.candidates(domain), training.alone(functions), domain.spec.limits

    def settings(values: FloatArray) -> list[Setting]:
        return [(float(value),) for value in values]

    def excess(places: IntArray) -> FloatArray:
        return _excess(_fare(domain, alone, rule, settings(candidates[places])), limits)

    def holds(places: IntArray) -> BoolArray:
        return excess(places) <= 0.0

    if limits.shape[1] == 1:
        places = first_holding(len(candidates), len(functions), holds)
    else:  # more replicas reject less, and are cold and slow more often
        places = least_excess(len(candidates), len(functions), excess)
    found = settings(candidates[places])
    return found if rule.default is None else [(rule.default,) for _ in functions], found


def _as_it_comes(rule: Ticked, domain: FaasDomain, function: int) -> Setting:
    """The setting of a function's knobs that nobody touched."""
    return tuple(knob.default for knob in rule.knobs(domain, function))


def _tuned(domain: FaasDomain, training: Stage, rule: Ticked, function: int) -> Setting:
    """The cheapest setting within all limits; where there is none, that whose furthest excess over one is least."""
    limits = domain.spec.limits[[function]]

    def tried(setting: Setting) -> tuple[float, float]:
        fare = training.play(rule.number, np.array([setting], dtype=np.float64), rule.tick_s)
        return float(fare.means()[0, 0]), float(_excess(fare, limits)[0])

    return search(rule.knobs(domain, function), tried, 0.0).knobs


def _fare(domain: FaasDomain, stage: Stage, rule: Planned | Ticked, settings: Sequence[Setting]) -> Fare:
    """What a rule brings with each function's setting."""
    knobs = np.array(settings, dtype=np.float64)
    if isinstance(rule, Ticked):
        return stage.play(rule.number, knobs, rule.tick_s)
    return stage.play(PLANNED, knobs, 0.0, rule.plan(domain, stage.node, knobs[:, 0]))


def _excess(fare: Fare, limits: FloatArray) -> FloatArray:
    """`(F,)` the furthest that a mean violation is over its limit `(F, M - 1)`; not above 0 where all are held."""
    return np.asarray((fare.means()[:, 1:] - limits).max(-1))


def _told(domain: FaasDomain, rule: Planned | Ticked, settings: Sequence[Setting]) -> str:
    """The settings in words."""
    names = [rule.knob] if isinstance(rule, Planned) else [knob.name for knob in rule.knobs(domain, 0)]
    each = [
        " ".join(f"{name}={value:.10g}" for name, value in zip(names, setting, strict=True)) for setting in settings
    ]
    if len(each) == 1:
        return each[0]
    return SEVERAL.join(f"{agent}: {told}" for agent, told in zip(domain.spec.agents, each, strict=True))
