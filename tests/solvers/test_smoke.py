"""A smoke test says of each solver whether it works here, and why not."""

from contextlib import contextmanager
from dataclasses import replace

import gurobipy
import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Termination
from mamo_cli.solvers import smoke
from mamo_cli.solvers.sessions import SESSIONS
from mamo_cli.solvers.smoke import smoke_test


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_it_tells_versions(solver):
    check = smoke_test(solver)
    assert check.available
    assert check.version
    assert check.version[0].isdigit()
    assert check.reason is None
    assert check.licence_days_left is None


def test_it_tells_why_gurobi_refuses(monkeypatch):
    def expired(_environment):
        raise gurobipy.GurobiError(10009, "a text that says nothing")

    monkeypatch.setattr(gurobipy.Env, "start", expired)
    check = smoke_test("gurobi")
    assert not check.available
    assert "10009" in check.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"objective": 2.0}, "it answers 2 (optimal) with [1, 3]"),
        ({"objective": float("nan")}, "it answers nan"),
        ({"termination": Termination.TIME_LIMIT}, "it answers 3 (time limit)"),
        ({"values": np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])}, "it answers 3 (optimal) with [0, 4]"),
    ],
)
def test_a_solver_that_answers_wrongly_does_not_work(monkeypatch, change, reason):
    honest = SESSIONS["cbc"]

    @contextmanager
    def lying():
        with honest() as session:
            yield replace(session, run=lambda program, limit: replace(session.run(program, limit), **change))

    monkeypatch.setitem(SESSIONS, "cbc", lying)
    check = smoke_test("cbc")
    assert not check.available
    assert check.reason.startswith(reason)


def test_an_unknown_solver_is_a_usage_error():
    with pytest.raises(UsageError, match="choose from gurobi, cbc, highs"):
        smoke_test("auto")


def test_licence_days_are_counted_from_the_expiry_date():
    today = smoke.date(2027, 2, 27)
    assert smoke._days_until(20270301, today) == 2
    assert smoke._days_until(99999999, today) is None
    assert smoke._days_until(None, today) is None
