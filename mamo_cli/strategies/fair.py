"""Fairness within a budget: the agents' violations together are made as small as the mean cost allows.

What is made small is a mean of the agents' violations: of all lost requests, say, or the largest (utilitarian, max-min,
ggf and alpha-fair: see [fairness](../results/fairness.md)). The limits of the agents play no part. After each cycle a
linear program mixes all that was reported so that the mean is least within the budget; its multipliers are the weights
of the cost and of each agent's violation at which another policy would improve on it (Dantzig and Wolfe 1960), and the
next weights are halfway between the last ones and these, which keeps them from swinging (Neame, "Nonsmooth dual methods
in integer programming", 1999). Of max-min, whose means come one after the other, it is the next one's turn in each
cycle. `--readout mix` delivers the fairest mixture of the policies within the budget, one policy for all agents at a
time where they play together; `--readout best` the fairest single one.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from mamo_cli.core.arrays import FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.errors import UsageError
from mamo_cli.core.fairness import Kind, Mean, means_of
from mamo_cli.core.seam import Spec
from mamo_cli.core.settings import Share
from mamo_cli.core.weights import joint_weights
from mamo_cli.solvers.fair import fairest
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.reports import Reports
from mamo_cli.strategies.settings import LoopSettings


class FairSettings(LoopSettings):
    """What is fair, the budget, and the loop."""

    initial_alpha: Share = Field(default=0.5, description="What all violations weigh in the first cycle.")
    fairness: Kind = Field(default="ggf", description="What is made small: which mean of the agents' violations.")
    budget: Share = Field(default=0.5, description="Largest mean cost, as a share of the most that there can be.")
    rank_discount: Share = Field(
        default=0.5, description="Of ggf: what each next worse violation weighs, as a share of the one before."
    )
    aversion: Annotated[float, Field(ge=0.0, le=100.0)] = Field(
        default=2.0, description="Of alpha-fair: its alpha, 0 for the mean, 1 for proportional fairness."
    )
    loads: tuple[Annotated[float, Field(gt=0.0, le=1e12)], ...] | None = Field(
        default=None,
        description="Of utilitarian and alpha-fair: what each agent counts for, such as its load. Default: alike.",
    )

    @model_validator(mode="after")
    def _only_what_counts_is_set(self) -> Self:
        fields = type(self).model_fields
        for name, kinds in {
            "rank_discount": ("ggf",),
            "aversion": ("alpha-fair",),
            "loads": ("utilitarian", "alpha-fair"),
        }.items():
            if self.fairness not in kinds and getattr(self, name) != fields[name].default:
                raise ValueError(f"{name} is of {' and '.join(kinds)}, and fairness is {self.fairness}")
        return self

    def means(self, agents: int) -> tuple[Mean, ...]:
        """What is to be made small; see `means_of`.

        Raises:
            UsageError: there are not as many loads as agents.
        """
        if self.loads is not None and len(self.loads) != agents:
            raise UsageError(f"--loads: one for each of {agents} agents, got {len(self.loads)}")
        own = {"rank_discount": self.rank_discount, "aversion": self.aversion}
        return means_of(self.fairness, agents, loads=self.loads, **own)


SECTIONS = {"adaptation": FairSettings()}
OPTIONS = ("cycles", "initial_alpha", "fairness", "budget", "rank_discount", "aversion", "loads")
PRESETS: Mapping[str, Mapping[str, Any]] = {"quick": {"readout": "mix", "adaptation": {"cycles": 20}}}
CHOICE = "choice"
COLUMNS = ("price", "fair_mean", CHOICE)


def tied(sections: Mapping[str, Any]) -> str | None:
    """Weights depend on what went before alone."""
    return None


def build(settings: Mapping[str, Any], spec: Spec, seeds: Sequence[int], device: str = "cpu") -> "Fair":
    """Fairness for every member.

    Raises:
        UsageError: an agent has several limits, or there are not as many loads as agents.
    """
    if spec.objectives != 2:
        raise UsageError(
            f"--strategy fair compares one violation of each agent, and here each has {spec.objectives - 1}: take "
            "--strategy dual, pid, rcpo, bayes, grid, random or fixed"
        )
    return Fair(settings["adaptation"], spec, len(seeds))


class Fair(Strategy):
    """Weights of the cost and of every agent's violation, at which another policy would make what there is fairer."""

    columns: tuple[str, ...] = COLUMNS

    def __init__(self, settings: FairSettings, spec: Spec, members: int) -> None:
        """Args: settings: what is fair. spec: of the domain. members: K."""
        agents = len(spec.agents)
        self._spec, self._budget, self._means = spec, settings.budget, settings.means(agents)
        self._reports = Reports(spec, members)
        alpha = settings.initial_alpha
        self._prices = np.tile(np.r_[1.0 - alpha, np.full(agents, alpha / agents)], (members, 1))  # (K, 1 + A)
        self.readouts = {"mix": self._fairest_mixture, "best": self._fairest_one}

    def propose(self, cycle: int) -> FloatArray:
        """The weights of the present prices."""
        return np.stack([self._weights(prices) for prices in self._prices])

    def settled(self) -> FloatArray:
        """The same: nothing explores."""
        return self.propose(0)

    def observe(self, report: CycleReport) -> Mapping[str, FloatArray]:
        """Mix all that was reported, and move half of the way to the prices of the mixture.

        Returns:
            The price of the cost, all prices together being 1; the least of what is made small, of mixtures so far; and
            what an agent's violation weighs beside its cost.
        """
        self._reports.add(report)
        least = np.empty(len(self._prices))
        for member, own in enumerate(self._reports.objectives.swapaxes(0, 1)):
            plays = _together(own)
            found = fairest(self._means, plays, self._budget)
            prices, least[member] = found.prices[report.cycle % len(self._means)], found.values[0]
            if plays[:, 0].min() > self._budget:  # nothing is known that may be mixed: cheaper, first of all
                prices = np.eye(1, len(prices))[0]
            self._prices[member] = (self._prices[member] + prices / prices.sum()) / 2.0
        shape = report.objectives.shape[:2]
        told = (np.repeat(self._prices[:, :1], shape[1], 1), np.repeat(least[:, None], shape[1], 1))
        weights = self.settled()
        return dict(zip(COLUMNS, (*told, weights[..., 1] / weights.sum(-1)), strict=True))

    def _weights(self, prices: FloatArray) -> FloatArray:
        """Weights `(A, 2)` of prices `(1 + A,)`: in one scale for agents that play together, else each in its own."""
        weights = joint_weights(self._spec, float(prices[0]), prices[1:, None])
        totals = weights.sum(1, keepdims=True)
        return np.asarray(weights / (totals.max() if self._spec.coupled else totals))

    def _fairest_mixture(self, objectives: FloatArray, limits: FloatArray) -> FloatArray:
        """Probabilities `(J,)` of policies that bring `(J, 1 + A)`; whatever the limits."""
        shares = np.clip(fairest(self._means, objectives, self._budget).shares, 0.0, None)
        return np.asarray(shares / shares.sum())

    def _fairest_one(self, objectives: FloatArray, limits: FloatArray) -> FloatArray:
        """The same, all on one: of those within the budget, or else of the cheapest, the fairest."""
        within = objectives[:, 0] <= max(self._budget, objectives[:, 0].min())
        means = [np.where(within, mean.of(objectives[:, 1:]), np.inf) for mean in self._means]
        shares = np.zeros(len(objectives))
        shares[np.lexsort((objectives[:, 0], *means[::-1]))[0]] = 1.0
        return shares

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs."""
        return {"prices": self._prices.copy(), "reports": self._reports.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        self._prices = self._prices.copy()
        put_back(self._prices, state["prices"])
        self._reports.load_state_dict(state["reports"])


def _together(objectives: FloatArray) -> FloatArray:
    """`(C, 1 + A)` mean cost and violations of objectives `(C, A, 2)`."""
    cost = np.ascontiguousarray(objectives[..., 0]).mean(1)
    return np.concatenate((cost[:, None], objectives[..., 1]), 1)
