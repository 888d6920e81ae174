"""A run's tables as they may come: more periods than conditions, who diverged first of all, several constraints."""

import numpy as np
import pytest

from mamo_cli.analysis.summaries import Yardstick, mamo_summary, read_evaluation, tolerances, train_summary
from mamo_cli.core.errors import NothingExactError
from mamo_cli.runs.tables import write_table
from mamo_cli.training.records import columns_of
from tests.analysis.tiny_domain import Pumps

TABLES = columns_of(Pumps().spec, ("told",))


class ThreePeriods(Pumps):
    def conditions(self):
        return np.zeros((3, len(self.spec.agents), 2))


class Unknown(Pumps):
    def perfect(self, weights):
        raise NothingExactError("nobody knows")


def test_members_are_told_apart_by_how_many_rows_each_has(tmp_path):
    # Two members, three periods, two agents: six rows each, alpha .25 of the left agents and .75 of the right.
    rows = [
        [seed, alpha, step, agent, 0.0, 1.0, 10 * seed + step, 100 * seed + step, share * step]
        for seed in (3, 4)
        for step in range(3)
        for agent, alpha, share in (("left", 0.25, 0.125), ("right", 0.75, 0.5))
    ]
    write_table(tmp_path / "evaluation.csv", TABLES["evaluation"], rows)
    members = read_evaluation(tmp_path, ThreePeriods(agents=2))
    assert [member.seed for member in members] == [3, 4]
    assert [member.alphas.tolist() for member in members] == [[[0.25], [0.75]]] * 2
    last = members[1].played
    assert last.paid.tolist() == [[400, 400], [401, 401], [402, 402]]
    assert last.measures.tolist() == [[[40], [40]], [[41], [41]], [[42], [42]]]
    assert last.violations.tolist() == [[[0.0], [0.0]], [[0.125], [0.5]], [[0.25], [1.0]]]


def test_whoever_comes_after_one_that_diverged_has_a_row(tmp_path):
    blank = [[1, 0.4, step, "left", 0.0, 1.0, None, None, None] for step in range(2)]
    sound = [[2, 0.4, step, "left", 0.0, 1.0, 2.0, 20.0, 0.1] for step in range(2)]
    write_table(tmp_path / "evaluation.csv", TABLES["evaluation"], [*blank, *sound])
    first, second = train_summary(tmp_path, Pumps())
    # The optimum at alpha .4 is known for both (-.325, see test_exact); what 1, 1 is worth (-.36) for the second alone.
    assert (first[0], first[-3], first[-1]) == (1, None, None)
    assert first[-2] == pytest.approx(-0.325, rel=1e-12)
    assert second[0] == 2
    assert second[-3:] == pytest.approx([-0.36, -0.325, 0.035 / 0.325], rel=1e-12)


def test_a_member_whose_agents_have_alphas_of_their_own_is_told_by_the_mean(tmp_path):
    # .1 + .1 + .1 is not .3 in floats: a mean would tell members of one alpha apart.
    for alphas, told in (((0.25, 0.75, 0.5), 0.5), ((0.1, 0.1, 0.1), 0.1)):
        each = list(zip(("left", "middle", "right"), alphas, strict=True))
        rows = [[2, alpha, step, agent, 0.0, 1.0, 2.0, 20.0, 0.1] for step in range(2) for agent, alpha in each]
        write_table(tmp_path / "evaluation.csv", TABLES["evaluation"], rows)
        assert train_summary(tmp_path, Unknown(agents=3))[0][:2] == [2, told]


def test_each_constraint_has_a_tolerance_where_it_is_the_same_for_all_agents():
    domain = Pumps(agents=2)
    domain.spec = domain.spec._replace(limits=np.array([[0.125, 0.5], [0.125, 0.25]]))
    assert tolerances(domain) == [0.125, None]


def test_where_nothing_exact_is_known_its_columns_are_blank_and_the_others_are_not(tmp_path):
    rows = [[2, 0.4, step, "left", 0.0, 1.0, 2.0, 20.0, 0.1] for step in range(2)]
    write_table(tmp_path / "evaluation.csv", TABLES["evaluation"], rows)
    assert train_summary(tmp_path, Unknown()) == [[2, 0.4, 0.1, 60.0, 2.0, 0.5, 0.1, None, None, None]]
    write_table(tmp_path / "cycles.csv", TABLES["cycles"], [[2, 0, 0.5, 0, 0, 0, 0, 0, 1, 0.75]])
    expected = [[2, 0.4, 0.75, None, 0.1, 60.0, 2.0, 0.5, 0.1, 1.0, 1, *[None] * 15]]
    assert mamo_summary(tmp_path, Unknown(), "told", Yardstick()) == expected
