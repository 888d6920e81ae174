"""The benchmark of motives weighs plans as its rows say, and draws what they hold."""

import csv
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import motives
from mamo_cli.domains.faas.fleet.domain import FleetDomain
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.plots import style
from mamo_cli.workload.trace import Trace

RATES = np.array([[2.0, 0.5], [4.0, 0.5]])


@pytest.fixture
def fleet(monkeypatch):
    """Two nodes of a replica each, by Erlang's formula, where rejection alone is weighed and forwarding is free."""
    monkeypatch.setattr(motives, "ALPHA", 1.0)
    source = Trace(("n0", "n1"), RATES, RATES, max_replicas=np.ones((2, 2), dtype=np.int64), period_steps=2)
    settings = {"topology": "full", "rejection_model": "erlang", "warm_service_time": 1.0, "noise": 0.0}
    return motives.Fleet(FleetDomain(FleetConfig(**settings, tolerance=0.75, forward_cost=0.0), source))


def test_a_row_is_of_the_periods_in_which_there_is_a_play(fleet):
    # In the first period both forward half: 5/9 for 1/2 (tests/domains/faas/fleet/test_game.py); in the second nothing.
    both = fleet.row("both", 0.0, np.array([[2, 2], [-1, -1]]))
    assert (both.over_percent, both.without) == (pytest.approx(100 / 9, rel=1e-9), 1)
    assert (both.rejection, both.worst_rejection) == (pytest.approx(5 / 9), pytest.approx(5 / 9))
    assert both.flows == (0.0, 0.5, 0.5, 0.0)
    assert fleet.row("optimum", 1.0, fleet.plan).over_percent == pytest.approx(0.0, abs=1e-12)


def test_flows_are_shares_of_all_requests_of_a_node(fleet):
    # Of node 1's 6 requests/s a quarter of the first 2 and half of the other 4; of node 2's nothing.
    np.testing.assert_allclose(fleet.flows(np.array([[1, 0], [2, 0]]), np.arange(2)), [[0, 2.5 / 6], [0, 0]])


def test_a_limit_that_is_kept_without_weight_is_given_none(fleet):
    # At .75 nobody needs to be weighed: nobody forwards, which has no price here, and nothing is charged.
    found = fleet.within_limits(0.0)
    assert (found.over_percent, found.without) == (pytest.approx(0.0, abs=1e-9), 0)
    assert found.flows == (0.0, 0.0, 0.0, 0.0)
    assert found.rejection == pytest.approx((2 / 3 + 1 / 3 + 4 / 5 + 1 / 3) / 4)


def test_a_figure_is_drawn_of_its_rows(tmp_path):
    rows = [motives.Row(motives.OPTIMUM, 1.0, "", 0.0, 0.7, 0.05, 0.05, 0, (0.0, 0.1, 0.2, 0.0))]
    for sharing in motives.SHARING:
        for what, over in ((motives.BEST, 1.0), (motives.WORST, 9.0), (motives.LEARNT, 5.0), (motives.WITHIN, 3.0)):
            rows += [motives.Row(what, sharing, 0, over, 0.7, 0.05, 0.06, 0, (0.0, 0.3, 0.1, 0.0))]
    assert motives.of(rows, motives.WORST, 0.5).tolist() == [[9.0, 0.7, 0.05, 0.06]]
    assert motives.matrix(rows, motives.LEARNT, 1.0).tolist() == [[0.0, 0.3], [0.1, 0.0]]
    with style.house_style():
        motives.drawn(rows, ("n0", "n1")).savefig(tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 10_000


PAGE = Path(__file__).parents[1] / "docs" / "results" / "motives.md"
KEPT = Path(motives.__file__).with_name("motives.csv")


@pytest.fixture(scope="module")
def kept():
    """The rows in the file, as they were written."""
    with KEPT.open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    return [
        motives.Row(row[0], float(row[1]), row[2], *map(float, row[3:7]), int(row[7]), tuple(map(float, row[8:])))
        for row in rows
    ]


def cells(heading):
    """Rows of cells of the page's table that begins with a heading."""
    _, _, below = PAGE.read_text("utf-8").partition(f"\n| sharing | {heading}")
    lines = itertools.takewhile(lambda line: line.startswith("|"), below.split("\n")[2:])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def near(shown, value):
    """Whether a number on the page is a value, to its last digit."""
    digits = len(shown.partition(".")[2])
    return abs(float(shown) - value) <= 0.5001 * 10.0**-digits


def test_the_pages_numbers_are_those_of_the_file(kept):
    learnt, limits = cells("best"), cells("over the bound")
    assert (len(learnt), len(limits)) == (len(motives.SHARING) + 1,) * 2
    for sharing, own, within in zip(motives.SHARING, learnt, limits, strict=False):
        assert [float(row[0].split()[0]) for row in (own, within)] == [sharing, sharing]
        numbers, together = motives.of(kept, motives.LEARNT, sharing), motives.of(kept, motives.WITHIN, sharing)[0]
        low, high = motives.interval(numbers)
        forwarded = 100 * motives.matrix(kept, motives.LEARNT, sharing).sum(1).mean()
        expected = [
            *(motives.of(kept, what, sharing)[0, 0] for what in (motives.BEST, motives.WORST)),
            *(numbers[:, 0].mean(), low[0], high[0], numbers[:, 2].mean(), forwarded),
        ]
        shown = [word for cell in own[1:] for word in re.findall(r"[\d.]+", cell)]
        assert all(near(*pair) for pair in zip(shown, expected, strict=True)), (shown, expected)
        shown = [word for cell in within[1:] for word in re.findall(r"[\d.]+", cell)]
        assert all(near(*pair) for pair in zip(shown, together[[0, 2, 3]], strict=True)), (shown, together)


def test_what_is_exact_in_the_file_is_what_the_game_says(kept):
    config = motives.fleet_config("1000..1007", 0.0)
    source = motives.domains.load_source(config.domain, config.instance)
    fleet = motives.Fleet(motives.domains.build(config.domain, config.instance, source))
    found = fleet.game(0.0).equilibria()
    for what, sharing, plan in (
        (motives.OPTIMUM, 1.0, fleet.plan),
        (motives.BEST, 0.0, found.best),
        (motives.WORST, 0.0, found.worst),
    ):
        (expected,) = (row for row in kept if (row.what, row.sharing) == (what, sharing))
        row = fleet.row(what, sharing, plan)
        assert row[3:7] == pytest.approx(expected[3:7], rel=1e-6, abs=1e-9)
        assert row.without == expected.without == 0
    assert sorted({row.seed for row in kept if row.what == motives.LEARNT}) == [str(1000 + n) for n in range(8)]
