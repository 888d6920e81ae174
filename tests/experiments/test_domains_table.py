"""The exact bounds of the table of domains, in README and manual, are those that their scenarios are judged by."""

import re

import pytest

from mamo_cli.analysis.standing import judge_of
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.scenarios import configuration_of, read_scenario, source_of
from tests.manual import PAGES

TABLES = {"README.md": r"\| `{} --strategy[^|]*\|[^|]*\|([^|]*)\|", "domains.md": r"\| `{}` \|([^|]*)\|"}
# How a bound is told, from the cost in the domain's own unit; a gridworld's value is (10 - cost) / (1 - gamma).
TOLD = {
    "reference": lambda cost: f"{cost:.4f} replicas",
    "inventory": lambda cost: f"{cost:.4f} units on hand",
    "chain": lambda cost: f"cost {cost:.4f}",
    "battery": lambda cost: f"{cost:.4f} an hour",
    "junction": lambda cost: f"{cost:.4f} vehicles waiting",
    "gridworld": lambda cost: f"value {10 * (10 - cost):.4f}",
}


@pytest.mark.parametrize("name", TOLD)
def test_bounds_are_as_they_are_printed(name):
    scenario = read_scenario(name)
    source = source_of(scenario)
    config = configuration_of(scenario, "fixed", source)
    domain = domains.build(config.domain, config.instance, source)
    told = TOLD[name](judge_of(domain).bound * domain.spec.cost_scale)
    for page, row in TABLES.items():
        text = next(path.read_text("utf-8") for key, path in PAGES.items() if key.endswith(page))
        cells = re.findall(row.format(name), text)
        assert any(cell.strip().startswith(told) for cell in cells), (page, told, cells)
