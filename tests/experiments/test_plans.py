"""The numbers of a plan, worked out by hand: its rows, its means, and the share of steps above the tolerance."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.seam import Played, Scope
from mamo_cli.experiments.solve_offline import plan_columns, plan_rows, plan_summary
from tests.analysis.tiny_domain import WORDS, Pumps, optimum

PLAN = [[1], [0]]
PLANNED = Played(np.array([[20.0], [10.0]]), np.array([[[2.0]], [[1.0]]]), np.array([[[0.2]], [[0.08]]]))
CAME = PLANNED._replace(violations=np.array([[[0.4]], [[0.1]]]))


def test_a_plans_rows_hold_what_was_meant_and_what_came():
    rows = [
        dict(zip(plan_columns(WORDS), row, strict=True)) for row in plan_rows(Pumps(), optimum(PLAN, 15), PLANNED, CAME)
    ]
    assert rows[0] == {
        "step": 0, "pump": "left", "forecast": 0.0, "rain": 1.0, "litres": 2, "cost": 20.0,
        "drought_expected": 0.2, "drought_actual": 0.4, "feasible": 1,
    }  # fmt: skip
    assert isinstance(rows[0]["litres"], int)
    assert (rows[1]["drought_expected"], rows[1]["drought_actual"]) == (0.08, 0.1)


def test_a_plans_means_by_hand():
    summary = plan_summary(Pumps(limit=0.1), Scope.STEP, optimum(PLAN, 15), PLANNED, CAME)
    assert (summary["tolerance"], summary["step_seconds"]) == (0.1, 60.0)
    assert (summary["mean_litres"], summary["mean_cost"]) == (1.5, pytest.approx(15 / 40))
    assert summary["mean_drought_expected"] == pytest.approx(0.14)
    assert summary["mean_drought_actual"] == pytest.approx(0.25)
    assert summary["share_above_tolerance"] == 0.5  # 0.1 is not above 0.1
    # Choice 1 and then 0 leave .2 and .3 in expectation over the noise.
    assert summary["mean_drought_over_noise"] == pytest.approx(0.25, rel=1e-12)
    assert (summary["steps"], summary["infeasible_steps"], summary["excess"]) == (2, 0, 0.0)


@pytest.mark.parametrize(
    ("scope", "excess"),
    [
        (Scope.STEP, 0.05),  # .2 is .1 above the limit in the first period, .08 within it in the second: .1 / 2
        (Scope.AVERAGE, 0.04),  # the mean of .2 and .08 is .14
    ],
)
def test_how_far_a_plan_that_cannot_hold_the_limit_is_from_it(scope, excess):
    answer = replace(optimum(PLAN, 15), feasible=np.array([[False], [True]]))
    summary = plan_summary(Pumps(limit=0.1), scope, answer, PLANNED, CAME)
    assert summary["infeasible_steps"] == 1
    assert summary["excess"] == pytest.approx(excess, rel=1e-12)
