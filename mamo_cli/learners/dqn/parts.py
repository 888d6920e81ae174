"""Which parts a learner can be put together from: names in the configuration, and the modules they stand for.

A part is one module, in which one member's share of the work is written in NumPy's terms and compiled:

    network     `in_torch`, the same as a module of torch, its parameters in the order of the flat vector; `initial`,
                `row_size`, `scratch_size`, `forward` and `backward` (see `perceptron`): of a row's numbers the inputs
                come first and the outputs, agent after agent, last; `scratch` is exactly as long as `scratch_size` says
    target      `follow`, what of the replay follows each transition; `bootstrap`, its worth; `in_torch` (see
                `double_q`)
    chooser     `choose`, from the values of all agents to a choice of each; `in_torch` (see `knapsack`)
    mixer       from the agents' values to those that are learnt, one of each agent or one of the sum of their rewards:
                `in_torch`, `initial`, `learnt`, `kept_size`, `mix` and `unmix` (see `monotone`)
    optimiser   `move` (see `adam`)

A part may use another's functions. `update` puts them together; a test holds each network equal to its module, and the
whole update with each part to its plain reference in torch. What `follow` does both share: test it by hand.
"""

from importlib import import_module
from typing import Any

from mamo_cli.core.errors import UsageError

_HERE = "mamo_cli.learners.dqn"
NETWORKS = {name: f"{_HERE}.{name}" for name in ("perceptron", "shared", "apart")}
TARGETS = {"double_q": f"{_HERE}.double_q"}
CHOOSERS = {name: f"{_HERE}.{name}" for name in ("greedy", "knapsack", "repair")}
MIXERS = {"independent": f"{_HERE}.independent", "sum": f"{_HERE}.summed", "monotone": f"{_HERE}.monotone"}
OPTIMISERS = {"adam": f"{_HERE}.adam"}


AUTO = "auto"  # the chooser that suits the problem


def chooser_for(name: str, shares: bool) -> str:
    """The chooser that a setting stands for, where agents share a budget or do not.

    Raises:
        UsageError: its choices need not fit the budget.
    """
    if name == AUTO:
        return "knapsack" if shares else "greedy"
    if name == "greedy" and shares:
        raise UsageError("learner.chooser greedy: these agents share a budget, which it does not know: take knapsack")
    return name


def part(kind: dict[str, str], name: str) -> Any:
    """The module of a part.

    Raises:
        UsageError: there is no such part.
    """
    if name not in kind:
        raise UsageError(f"there is no part {name!r}, only {', '.join(kind)}")
    return import_module(kind[name])
