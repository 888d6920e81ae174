"""What a run rests on that others published: methods, and data with their licences, as the modules and formats say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mamo_cli.domains.sources import OF_DOMAINS, Source
from mamo_cli.workload.profiles.registry import PROFILES

LEARNER, OF_WEIGHTS = "learner", "wa_learner"
"""The sections of the task agents' learner, and of that which adapts their weights."""
OURS = ("dqn", "conditioned")
"""Task agents that learn as their section says; others are exact, or another package's."""
COLUMNS = 'Dantzig and Wolfe (1960); Desrosiers and Lubbecke, "A primer in column generation" (2005)'
SOURCES = (
    Source(
        "the weight-adaptation agent, MAMO",
        "A Multi-Agent system for Multi-Objective constrained optimization (AAMAS 2026)",
        "mamo_cli.strategies.wa_dqn.agent",
        "strategy",
        ("wa-dqn",),
    ),
    Source(
        "PID control of the multiplier",
        "Stooke, Achiam, Abbeel: Responsive safety in reinforcement learning by PID Lagrangian methods (2020)",
        "mamo_cli.strategies.pid",
        "strategy",
        ("pid",),
    ),
    Source(
        "the multiplier that moves while agents learn",
        "Tessler, Mankowitz, Mannor: Reward constrained policy optimization (2018)",
        "mamo_cli.strategies.rcpo",
        "strategy",
        ("rcpo",),
    ),
    Source(
        "dual ascent",
        "Bertsekas: Nonlinear Programming, section 6.3",
        "mamo_cli.strategies.dual",
        "strategy",
        ("dual",),
    ),
    Source(
        "alpha-fairness",
        "Mo and Walrand: Fair end-to-end window-based congestion control (2000)",
        "mamo_cli.core.fairness",
        "strategy",
        ("fair",),
    ),
    Source(
        "optimistic linear support",
        "Roijers: Multi-objective decision-theoretic planning (2016), chapter 3",
        "mamo_cli.strategies.ols",
        "strategy",
        ("ols",),
    ),
    Source(
        "constrained Bayesian optimisation",
        "Bergstra et al. (2011), the estimator; Watanabe and Hutter (2023), constraints; by Optuna",
        "mamo_cli.strategies.bayes",
        "strategy",
        ("bayes",),
    ),
    Source(
        "the learner's target", "van Hasselt et al. (2016): double Q-learning", "mamo_cli.learners.dqn.double_q",
        "learner.target", ("double_q",),
    ),
    Source(
        "the learner's replay", "Schaul et al. (2016): prioritised sampling", "mamo_cli.learners.dqn.priorities",
        "learner.priority_exponent",
    ),
    Source(
        "the learner's optimiser", "Kingma and Ba (2015): Adam", "mamo_cli.learners.dqn.adam",
        "learner.optimiser", ("adam",),
    ),
    Source(
        "values that are learnt as a sum", "Sunehag et al. (2018): VDN", "mamo_cli.learners.dqn.summed",
        "learner.mixer", ("sum",),
    ),
    Source(
        "values that are learnt as a monotone mix", "Rashid et al. (2018): QMIX", "mamo_cli.learners.dqn.monotone",
        "learner.mixer", ("monotone",),
    ),
    Source(
        "one network for all alphas", "Schaul et al. (2015), Abels et al. (2019)", "mamo_cli.learners.dqn.conditioned",
        "te", ("conditioned",),
    ),
    *OF_DOMAINS,
    Source(
        "bounds that mix joint plays", COLUMNS, "mamo_cli.solvers.columns", "instance.node_memory"
    ),
    Source(
        "bounds that mix joint plays", COLUMNS, "mamo_cli.solvers.columns", "instance.latency_limit"
    ),
    Source(
        "means and intervals over seeds",
        'Agarwal et al.: "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (2021)',
        "mamo_cli.analysis.statistics",
        "command",
        ("train", "run-mamo", "evaluate", "compare", "baselines"),
    ),
)  # fmt: skip


def sources_of(command: str, config: Mapping[str, Any]) -> Iterator[Source]:
    """Those that a run rests on.

    Args:
        command: that made it.
        config: its configuration, as nested values; a setting may have several.
    """
    learners = [LEARNER, OF_WEIGHTS] if config.get("te", OURS[0]) in OURS else [OF_WEIGHTS]
    for source in SOURCES:
        section, _, key = source.setting.partition(".")
        places = [f"{learner}.{key}" for learner in learners] if section == LEARNER else [source.setting]
        found = [value for place in places for value in _values({**config, "command": command}, place)]
        if any(value is not None and (not source.values or value in source.values) for value in found):
            yield source


def data_of(notes: Mapping[str, str]) -> list[str]:
    """Whose data a workload is, and their licence, by a trace's notes; agents may have a format each."""
    formats = [each.rpartition(": ")[2] for each in notes.get("format", "").split("; ")]
    return [PROFILES[name].citation for name in dict.fromkeys(formats) if name in PROFILES and PROFILES[name].citation]


def _values(values: Any, place: str) -> Sequence[Any]:
    """What stands at a place: one value, or several."""
    for key in place.split("."):
        values = values.get(key) if isinstance(values, Mapping) else None
    return values if isinstance(values, list | tuple) else [values]
