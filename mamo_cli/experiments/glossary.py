"""What the words in the tables that runs end with mean, for who reads a page without the manual."""

from collections.abc import Iterator, Sequence

from mamo_cli.core.told import Table

GLOSSARY = {
    "alpha": "weight of the violation in what agents minimise, the cost weighing 1 - alpha; of a mixture its mean",
    "choice": "alpha that the strategy would settle on",
    "exact": "alpha that the exact solution names, among those on a grid",
    "over causal": "cost over the causal bound, the least expected within the limit of who sees what agents see, or, "
    "with the last period's rate as the forecast, of nondecreasing functions of this rate, which who sees more may "
    "beat; one evaluation is a draw, and can cost less",
    "over bound": "cost over the causal bound, interquartile mean over seeds with a 95 % bootstrap interval",
    "holds": "1 where the mean violation of every agent is within its limit, or how many plays are",
    "hold": "how many members keep this agent's limit",
    "regret": "what is lost against the exact optimum at the same alpha, as a share of its expected reward",
    "charged regret": "cost over the causal bound, as a share, violation beyond the limit charged at its multiplier in "
    "the bound: what a proxy does not show is paid for here",
    "scope": "what the plan must hold: the limit at every step, on average, or the least weighed sum (alpha)",
    "termination": "whether the solver proved that no plan is better",
    "gap": "how far the plan may be from the best one, as a share of its cost",
    "share_above_tolerance": "share of the steps that break the limit once the noise has come",
    "infeasible_steps": "steps at which no choice holds the limit",
    "information": "the causal bound over the clairvoyant one: the price of not knowing what comes, or, with the last "
    "period's rate as the forecast, of choosing by this rate alone",
    "grid": "what it costs to take weights from a grid alone",
    "determinism": "the price of a single weight, where a mixture of two meets the limit exactly",
    "transfer": "of weights that are best on the training part and are then played on the evaluation",
    "strategy": "of the weights that the strategy settled on instead; in a comparison, who picks the weights",
    "te": "of learnt agents, where perfect ones would play; read it together with the strategy's term",
    "model": "of a model of the node that is not the node; in a validation, whose rejection it is",
    "knobs": "whether a rule plays at its defaults, or tuned on the training part to be cheapest within the limit",
    "violation": "mean violation; of a walk, what it is over all windows",
    "above": "share of the seeds whose mean violation is above the limit",
    "2 % (s)": "seconds until the median seed is within 2 % of the bound for good",
    "unsafe": "cells where the model promises less rejection than there is, by 3 standard errors and 0.01",
    "replicas MAPE": "mean error of the replicas that keep the limit by the model, as a share of those that do",
    "short": "rates at which the model plans too few replicas",
    "learning": "mean cost of who goes on learning during the walk",
    "frozen": "mean cost of the policies that were delivered before the walk",
    "recovers": "steps until the violation is back within the limit after a change",
    "bound": "mean of the windows' causal bounds",
}
"""By heading."""


def glossary_of(tables: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """The words that some tables use, with their meanings, in the tables' order."""
    used = [word for table in tables for word in table.headings or [row[0] for row in table.rows]]
    for word in dict.fromkeys(word.removeprefix("median ") for word in used):
        if word in GLOSSARY:
            yield word, GLOSSARY[word]
