"""What panels say."""

import re

import pytest

from mamo_cli.core.words import Quantity
from mamo_cli.domains import registry
from mamo_cli.plots.panels import mean_label


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        (Quantity("charge", "Charge (kWh)"), "Mean charge (kWh)"),
        (Quantity("level", "Level S (units)", symbol="S"), "Mean level (units)"),
        (Quantity("unmet", "Unmet\n(share)", spoken="unmet demand"), "Mean unmet demand\n(share)"),
        (Quantity("replicas", "Replicas n"), "Mean replicas"),
        (Quantity("p95_ms", "95th (of all)\nresponses (ms)", spoken="late ones"), "Mean late ones (ms)"),
    ],
)
def test_a_means_axis_keeps_the_unit(quantity, said):
    assert mean_label(quantity) == said
    under = mean_label(quantity, " under noise")
    assert under.replace(" under noise", "") == said
    assert re.fullmatch(r"Mean .* under noise(\s\(\w+\))?", under)


@pytest.mark.parametrize("name", registry.DOMAINS)
def test_every_domains_unit_is_on_the_axis_of_its_means(name):
    words = registry.about(name).WORDS
    for quantity in (*words.violations, *words.measures):
        unit = quantity.label.partition("(")[2]
        assert mean_label(quantity).partition("(")[2] == unit
