"""The benchmark of fleets compares seed by seed, and its page has the numbers of its table."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fleet
from tests.manual import PAGES

ROWS = Path(fleet.__file__).with_name("fleet.csv")


def numbers():
    with ROWS.open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == fleet.COLUMNS
    return fleet.by_variant(rows), rows


def test_differences_are_those_of_the_same_seed():
    """By hand: 1, 2, -3 and 4 points more, of seeds that differ by much more than learners."""
    shared = np.array([10.0, 20.0, 30.0, 40.0])
    own = dict.fromkeys(fleet.VARIANTS, shared - 0.5)
    own["independent, messages"] = shared
    own["VDN, messages"] = shared + np.array([1.0, 2.0, -3.0, 4.0])
    given = {name: np.stack((np.zeros(4), each), 1) for name, each in own.items()}
    told = list(fleet.differences(given))
    assert [one[:2] for one in told] == list(fleet.PAIRS)
    assert told[0][2] == pytest.approx(1.0)
    assert -3.0 <= told[0][3] < 1.0 < told[0][4] <= 4.0
    assert told[0][5] == 0.25
    assert told[3][2:] == (-0.5, -0.5, -0.5, 1.0)


def test_every_variant_has_every_seed_once():
    _, rows = numbers()
    seeds = [str(seed) for seed in range(1000, 1016)]
    assert [row[:2] for row in rows] == [[name, seed] for name in fleet.VARIANTS for seed in seeds]


def test_the_page_tells_the_numbers_of_the_table():
    found, _ = numbers()
    page = PAGES["docs/results/fleets.md"].read_text("utf-8")
    for name, own in found.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        over, regret, near, holding, worst = (cell.strip() for cell in row.split("|")[2:7])
        assert near == f"{(own[:, 1] <= fleet.NEAR).sum()} of 16"
        assert holding == f"{(own[:, 2] <= 0.05).sum()} of 16"
        for cell, values in ((over, own[:, 0]), (regret, own[:, 1]), (worst, own[:, 2])):
            told = [float(each) for each in re.findall(r"[\d.]+", cell)]
            np.testing.assert_allclose(told, [values.mean(), *fleet.interval(values)], rtol=2e-3)
    shares = [f"{100 * found[name][:, 4].mean():.0f} %" for name in ("independent, messages", "VDN, messages")]
    assert "with messages they forward {} of all requests, VDN's nodes {}.".format(*shares) in " ".join(page.split())
    for who, than, more, low, high, share in fleet.differences(found):
        row = next(line for line in page.splitlines() if line.startswith(f"| {who} | {than} |"))
        told = [float(each) for each in re.findall(r"-?[\d.]+", row.split("|")[3])]
        np.testing.assert_allclose(told, [more, low, high], atol=6e-3)
        assert row.split("|")[4].strip() == f"{round(share * 16)} of 16"
