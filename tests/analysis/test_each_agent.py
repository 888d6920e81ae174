"""Agents with limits of their own: what each brings beside its own, and no tolerance that pretends to be everyone's."""

import numpy as np
import pytest

from mamo_cli.analysis.each_agent import agents_columns, agents_rows
from mamo_cli.analysis.summaries import Yardstick, mamo_columns, mamo_summary, tolerances, train_columns, train_summary
from mamo_cli.core.seam import Played, Scope
from mamo_cli.experiments import solve_offline
from mamo_cli.runs.tables import write_table
from mamo_cli.training.records import columns_of
from tests.analysis.tiny_domain import WORDS, Pumps, optimum

STRICT = np.array([[0.25], [0.1]])
# Two periods: left pumps 1 and 2 litres with a drought of .6 and .1 (.35), right 2 and 1 with .1 and .15 (.125).
BROUGHT = {"left": ([1, 2], [10.0, 20.0], [0.6, 0.1]), "right": ([2, 1], [20.0, 10.0], [0.1, 0.15])}


def written(folder, domain, lost=()):
    """The tables of seeds 3 and 4, each at alpha .25 on the left and .75 on the right."""
    heads = columns_of(domain.spec, ("told",))
    rows = []
    for seed in (3, 4):
        for step in range(2):
            for alpha, (agent, (litres, paid, drought)) in zip((0.25, 0.75), BROUGHT.items(), strict=True):
                own = [None] * 3 if seed in lost else [litres[step], paid[step], drought[step]]
                rows.append([seed, alpha, step, agent, 0.0, 1.0, *own])
    write_table(folder / "evaluation.csv", heads["evaluation"], rows)
    cycles = [[seed, 0, 0.5, *[0.25] * 5, 1, 0.5, agent] for seed in (3, 4) for agent in BROUGHT]
    write_table(folder / "cycles.csv", heads["cycles"], cycles)


def test_a_row_for_each_agent_beside_its_own_limit(tmp_path):
    domain = Pumps(agents=2, limit=STRICT)
    written(tmp_path, domain, lost=[4])
    rows = [dict(zip(agents_columns(WORDS), row, strict=True)) for row in agents_rows(tmp_path, domain)]
    assert rows[0] == {
        "seed": 3, "alpha": 0.25, "pump": "left", "tolerance": 0.25,
        "mean_litres": 1.5, "mean_cost": pytest.approx(15 / 40), "mean_drought": pytest.approx(0.35), "holds": 0,
    }  # fmt: skip
    # .125 is above the .1 of the right one, though within the .25 of the left.
    assert [(row["pump"], row["tolerance"], row["holds"]) for row in rows] == [
        ("left", 0.25, 0), ("right", 0.1, 0), ("left", 0.25, None), ("right", 0.1, None),
    ]  # fmt: skip
    looser = Pumps(agents=2, limit=np.array([[0.35], [0.12]]))
    assert [row[-1] for row in agents_rows(tmp_path, looser)][:2] == [1, 0]


def test_a_summary_names_no_tolerance_where_agents_have_their_own(tmp_path):
    apart, same = Pumps(agents=2, limit=STRICT), Pumps(agents=2, limit=0.25)
    assert (tolerances(apart), tolerances(same)) == ([None], [0.25])
    written(tmp_path, apart)
    train = dict(zip(train_columns(WORDS), train_summary(tmp_path, apart)[0], strict=True))
    assert (train["tolerance"], train["mean_drought"]) == (None, pytest.approx(0.2375))
    both = [mamo_summary(tmp_path, domain, "told", Yardstick())[0] for domain in (apart, same)]
    found = [dict(zip(mamo_columns(WORDS), row, strict=True)) for row in both]
    assert [(row["tolerance"], row["holds"]) for row in found] == [(None, 0), (0.25, 0)]
    # The mean of both agents, .2375, is within .25: all the same the left one's limit does not hold.


def test_a_plan_has_a_row_for_each_agent():
    domain = Pumps(agents=2, limit=STRICT)
    planned, came = (
        Played(np.array([[10.0, 20.0], [20.0, 20.0]]), np.array([[[1.0], [2.0]], [[2.0], [2.0]]]), drought)
        for drought in (np.array([[[0.3], [0.1]], [[0.1], [0.1]]]), np.array([[[0.5], [0.2]], [[0.2], [0.05]]]))
    )
    heads, rows = solve_offline.agents_columns(WORDS), solve_offline.agents_rows(domain, planned, came)
    left, right = (dict(zip(heads, row, strict=True)) for row in rows)
    expected = {"pump": "left", "tolerance": 0.25, "mean_litres": 1.5, "mean_cost": 0.375, "mean_drought_expected": 0.2,
                "mean_drought_actual": 0.35, "share_above_tolerance": 0.5}  # fmt: skip
    assert left == {name: pytest.approx(value) if name[:4] == "mean" else value for name, value in expected.items()}
    assert (right["mean_drought_actual"], right["share_above_tolerance"]) == (pytest.approx(0.125), 0.5)
    summary = solve_offline.plan_summary(domain, Scope.STEP, optimum([[0, 1], [1, 1]], 35), planned, came)
    assert summary["tolerance"] is None
    assert summary["share_above_tolerance"] == 0.5
