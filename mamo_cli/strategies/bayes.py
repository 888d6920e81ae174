"""Constrained Bayesian optimisation: the cost over alpha, under what is known of where the limit holds.

Optuna's tree-structured Parzen estimator (Bergstra et al. 2011) with its own treatment of constraints, a relative of
c-TPE (Watanabe and Hutter 2023): trials within the limits come before trials beyond, whose excess ranks them. A
Gaussian process would need fewer trials, yet takes about a second a proposal and member, longer than a member's cycle
trains; this takes some 15 ms. A study is made anew from the reports each time, and its sampler is seeded by the member,
the cycle and the agent. With several violations each has an alpha of its own, mu / (1 + mu) of its multiplier mu.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.seam import Spec
from mamo_cli.core.seeding import stream
from mamo_cli.strategies.multipliers import MultiplierSettings, initial_weights, multipliers_of, weights_at
from mamo_cli.strategies.reports import FromReports


class BayesSettings(MultiplierSettings):
    """The optimiser and its loop."""

    random_trials: int = Field(default=5, ge=1, le=1000, description="First cycles that are drawn without a model.")


SECTIONS = {"adaptation": BayesSettings()}
OPTIONS = ("cycles", "initial_alpha", "random_trials")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 20}}}
CHOICE = "choice"
COLUMNS = (CHOICE,)


def tied(sections: Mapping[str, Any]) -> str | None:
    """A trial depends on what went before alone."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "BayesianOptimiser":
    """A study for every agent of every member."""
    return BayesianOptimiser(settings["adaptation"], spec, seeds)


class BayesianOptimiser(FromReports):
    """A study for every agent of every member; settles on the cheapest trial within the limits."""

    def __init__(self, settings: BayesSettings, spec: Spec, seeds: Sequence[int]) -> None:
        """Args: settings: of the studies. spec: of the domain. seeds: one a member."""
        self._largest = settings.largest_multiplier
        first = initial_weights(settings.initial_alpha, spec, len(seeds))
        super().__init__(spec, weights_at(multipliers_of(first, self._largest)))
        self._random, self._seeds = settings.random_trials, list(seeds)

    def _next(self, cycle: int) -> FloatArray:
        multipliers = np.empty((*self._first.shape[:2], self._first.shape[2] - 1))
        for k, a in np.ndindex(multipliers.shape[:2]):
            seed = int(stream(self._seeds[k], "bayes", str(cycle), str(a)).integers(2**32))
            alphas = self._suggested(self._reports.weights[:, k, a], self._reports.objectives[:, k, a], a, seed)
            multipliers[k, a] = alphas / (1.0 - alphas)
        return weights_at(multipliers)

    def _suggested(self, weights: FloatArray, objectives: FloatArray, agent: int, seed: int) -> FloatArray:
        """The next alphas `(M - 1,)` of an agent after trials `(C, M)`."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        largest = self._largest / (1.0 + self._largest)
        space = {f"alpha{m}": optuna.distributions.FloatDistribution(0.0, largest) for m in range(weights.shape[1] - 1)}
        sampler = optuna.samplers.TPESampler(n_startup_trials=self._random, seed=seed)
        study = optuna.create_study(sampler=sampler)
        alphas = np.clip(weights[:, 1:] / (weights[:, 1:] + weights[:, :1]), 0.0, largest)
        excess = objectives[:, 1:] - self._reports.limits[agent]
        for at, brought, beyond in zip(alphas.tolist(), objectives.tolist(), excess.tolist(), strict=True):
            trial = optuna.trial.create_trial(
                params=dict(zip(space, at, strict=True)),
                distributions=dict(space),
                value=brought[0],
                constraints=dict(zip(space, beyond, strict=True)),
            )
            study.add_trial(trial)
        suggested = study.ask(dict(space)).params
        return np.array([suggested[name] for name in space])
