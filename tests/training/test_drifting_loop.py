"""The loop in a world that changes: cycles follow their conditions, and what was learnt is kept."""

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Part
from mamo_cli.core.weights import weights_of
from mamo_cli.strategies import registry as strategies
from mamo_cli.training import shards
from mamo_cli.training.conditions import DriftConfig
from mamo_cli.training.drift import World
from mamo_cli.training.records import columns_of
from tests.learners.agents import through_a_file
from tests.training.runs import columns, mamo_spec, rounds_of

LOOSE = DriftConfig(load=((2, 1.5),), tolerance=((1, 0.9),))


def dual_spec(drift, cycles=4, **changes):
    sections = dict(strategies.sections_of("dual"))
    sections["adaptation"] = sections["adaptation"].model_copy(update={"cycles": cycles})
    return mamo_spec((0, 1), strategy="dual", sections=sections, drift=drift, **changes)


def cycles_of(rounds):
    domain = shards.build_domain(mamo_spec((0,)))
    return columns(rounds, "cycles", columns_of(domain.spec, strategies.columns_of("dual"))["cycles"])


def test_until_the_first_change_all_is_as_without_any():
    still, drifting = (rounds_of(shards.build_shard(dual_spec(drift))) for drift in (DriftConfig(), LOOSE))
    assert repr(drifting[0]) == repr(still[0])
    assert repr(drifting[2]) != repr(still[2])


def test_strategies_and_feasibility_go_by_the_limit_of_each_cycle(monkeypatch):
    heard = []

    class Listening(strategies.import_module("mamo_cli.strategies.dual").Dual):
        def observe(self, report):
            heard.append((report.cycle, report.limits.tolist()))
            return super().observe(report)

    monkeypatch.setattr("mamo_cli.strategies.dual.Dual", Listening)
    table = cycles_of(rounds_of(shards.build_shard(dual_spec(LOOSE))))
    assert heard == [(0, [[0.05]]), (1, [[0.9]]), (2, [[0.9]]), (3, [[0.9]])]
    limits = np.where(table["cycle"] < 1, 0.05, 0.9)
    assert table["feasible"].tolist() == (table["eval_rejection"] <= limits).tolist()
    assert set(table["feasible"].tolist()) == {0, 1}


def test_a_change_of_load_is_trained_under_and_evaluated():
    loop = shards.build_shard(dual_spec(DriftConfig(load=((3, 1.5),))))
    rounds = rounds_of(loop)
    domain = shards.build_domain(mamo_spec((0,)))
    rates = columns(rounds, "evaluation", columns_of(domain.spec, ())["evaluation"])
    np.testing.assert_allclose(rates["expected_rate"][:6], 1.5 * domain.conditions()[:, 0, 0], rtol=1e-12)
    # Exact agents say what the loop plays: the best of the training part at half as much load again.
    exact = rounds_of(shards.build_shard(dual_spec(DriftConfig(load=((3, 1.5),)), te="exact")))
    table, heavier = cycles_of(exact), World(domain, DriftConfig(load=((3, 1.5),))).at(3)
    for cycle, where in ((2, domain), (3, heavier)):
        row = np.flatnonzero(table["cycle"] == cycle)[0]
        best = where.answer(weights_of(table["alpha"][row : row + 1]), Part.TRAINING).objectives[0]
        assert [table["train_cost"][row], table["train_rejection"][row]] == pytest.approx(best.tolist(), rel=1e-12)


@pytest.mark.parametrize("readout", ["last", "mix"])
def test_it_resumes_exactly_on_both_sides_of_a_change(readout):
    spec = dual_spec(LOOSE, readout=readout)
    whole = rounds_of(shards.build_shard(spec))
    for stop in range(1, len(whole)):
        first, second = shards.build_shard(spec), shards.build_shard(spec)
        for _ in range(stop):
            first.advance()
        second.load_state_dict(through_a_file(first.state_dict()))
        assert repr(rounds_of(second)) == repr(whole[stop:])


def test_only_policies_of_the_present_conditions_are_delivered():
    # At one alpha a light load costs less than a heavy one: the policies of before would be the cheapest that hold.
    drift = DriftConfig(load=((2, 1.5),), tolerance=((0, 0.9),))
    sections = {
        "adaptation": strategies.sections_of("fixed")["adaptation"].model_copy(
            update={"cycles": 4, "initial_alpha": 0.7}
        )
    }
    spec = mamo_spec((0,), strategy="fixed", sections=sections, drift=drift, te="exact", readout="best")
    rounds = rounds_of(shards.build_shard(spec))
    costs = [one["cycles"][0][3] for one in rounds]
    assert costs[1] < costs[2]
    ((_, cycle, _, share, cost, _),) = rounds[-1]["delivered"]
    assert (cycle in (2, 3), share, cost) == (True, 1.0, pytest.approx(costs[2], rel=1e-12))


def test_changes_that_never_come_or_cannot_are_refused():
    domain = shards.build_domain(mamo_spec((0,)))
    with pytest.raises(UsageError, match=r"drift\.load changes at 4, and there are cycles 0 to 3 alone"):
        World(domain, DriftConfig(load=((4, 2.0),))).require(4)
    with pytest.raises(UsageError, match="a cap of 9 is above the 6 replicas"):
        World(domain, DriftConfig(cap=((1, 9),))).require(4)
    World(domain, LOOSE).require(4)
