"""What a comparison says of a cell, on two pumps for two periods, worked out by hand."""

import numpy as np
import pytest

from mamo_cli.analysis.leaderboard import (
    ANYTIME,
    LEADERBOARD,
    MEMBERS,
    anytime_rows,
    improvement_rows,
    leaderboard_row,
    members,
    overall_rows,
)
from mamo_cli.analysis.standing import Cell, Judge, Judged, delivered, judge_of, standing
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Answer
from mamo_cli.runs.tables import write_table
from mamo_cli.training.records import columns_of
from tests.analysis.tiny_domain import Pumps

JUDGE = Judge(limits=np.array([0.1, 0.2]), bound=0.5, prices=np.array([2.0, 4.0]))


ALWAYS = Judged([None] * 3, [Judge(np.array([0.2]), 1.0, np.array([1.0]))] * 3)


class Answered(Pumps):
    """Pumps whose plays under weights are the perfect ones."""

    def answer(self, weights, part=None, knowledge=None):
        plan = self.perfect(weights)
        played = self.expected(plan)
        objectives = np.stack((played.paid / self.spec.cost_scale, played.violations[..., 0]), -1).mean(0)
        return Answer(plan, objectives)


def test_what_is_beyond_a_limit_is_charged_for_at_its_price_and_what_is_within_earns_nothing():
    # (0.4 + 2 * 0.1 + 0.6) / 2 = .6 of .5: 20 % over it. Within both limits the mean cost alone counts: .5 of .5.
    costs, violations = np.array([[0.4, 0.6], [0.4, 0.6]]), np.array([[0.2, 0.1], [0.1, 0.0]])
    assert JUDGE.regrets(costs, violations) == pytest.approx([0.2, 0.0])


def test_the_bound_is_the_mixture_that_meets_the_limit_and_its_multiplier_the_price():
    # One pump, choices 0, 1, 2 at costs .25, .5, 1 with droughts .6, .2, 0 and .3, .1, 0. Going from 0 to 1 buys .4
    # (period one) or .2 (two) of drought for .25, from 1 to 2 .2 or .1 for .5. Prices per drought: .625, 1.25, 2.5, 5.
    # At limit .25 of the mean, from (0, 0) at .45: period one to 1 leaves .25: cost (.5 + .25) / 2 = .375 without any
    # mixture. At limit .2: half of period two's step, too: .375 + .5 * .125 = .4375, at the price 1.25.
    exact = judge_of(Answered(limit=0.2))
    assert exact.bound == pytest.approx(0.4375)
    assert exact.prices == pytest.approx([1.25])
    assert judge_of(Answered(limit=0.25)).bound == pytest.approx(0.375)
    # The right pump of two has half the droughts: at limit .2 from .225 its first period moves by an eighth of .2, at
    # .25 over .2 = 1.25 a drought; the left one stands at .4375.
    two = judge_of(Answered(agents=2, limit=0.2))
    assert two.prices == pytest.approx([1.25, 1.25])
    assert two.bound == pytest.approx((0.4375 + 0.25 + 1.25 * 0.025) / 2)


def test_no_limit_no_price_and_no_play_within_a_limit_no_bound():
    assert judge_of(Answered(limit=0.5))[:3] == (pytest.approx([0.5]), pytest.approx(0.25), pytest.approx([0.0]))
    beyond = Answered(limit=0.1)
    beyond.drought = beyond.drought + 0.3
    assert np.isnan(judge_of(beyond).bound)


def test_where_nothing_exact_is_known_there_is_no_bound():
    class Unknown(Pumps):
        def answer(self, weights, part=None, knowledge=None):
            raise NothingExactError("nobody knows")

    assert np.isnan(judge_of(Unknown()).bound)


def test_what_would_be_delivered_on_the_way_is_chosen_by_training_and_costs_what_evaluation_says():
    # Training: (1, .3), (3, .1), (1.5, .2) at the limit .2. mix: first the only one; then half of each, at a cost of 2;
    # then the third, which is cheaper. best: the only one, the second, the third. Evaluation costs 10, 30, 21 and
    # violations .4, .2, .3.
    trained = np.array([[1.0, 0.3], [3.0, 0.1], [1.5, 0.2]])[None, :, None]
    evaluated = np.array([[10.0, 0.4], [30.0, 0.2], [21.0, 0.3]])[None, :, None]
    for readout, costs, violations in (
        ("last", [10.0, 30.0, 21.0], [0.4, 0.2, 0.3]),
        ("best", [10.0, 30.0, 21.0], [0.4, 0.2, 0.3]),
        ("mix", [10.0, 20.0, 21.0], [0.4, 0.3, 0.3]),
    ):
        found = delivered(readout, trained, evaluated, ALWAYS)
        assert found[0].ravel() == pytest.approx(costs), readout
        assert found[1].ravel() == pytest.approx(violations), readout
    turned = delivered("best", trained[:, ::-1], evaluated[:, ::-1], ALWAYS)
    assert turned[0].ravel() == pytest.approx([21.0, 21.0, 21.0])
    trained[0, 1, 0, 0] = np.nan
    assert np.isnan(delivered("mix", trained, evaluated, ALWAYS)[0]).all()


@pytest.fixture
def cell(tmp_path):
    """Two members through four cycles: costs and droughts of both in evaluation, the first's alphas rising."""
    tables = columns_of(Pumps().spec, ())
    greedy = {7: [(0.25, 0.45), (0.5, 0.15), (0.4, 0.25), (0.4375, 0.2)], 3: [(0.25, 0.45)] * 4}
    cycles = [
        [seed, cycle, 0.1 * cycle, 0.0, 0.0, cost, 1.0, drought, int(drought <= 0.2)]
        for cycle in range(4)
        for seed in greedy
        for cost, drought in [greedy[seed][cycle]]
    ]
    write_table(tmp_path / "cycles.csv", tables["cycles"], cycles)
    played = [
        [7, 0.3, 0, "left", 0.0, 1.0, 2, 20, 0.2],
        [7, 0.3, 1, "left", 0.0, 1.0, 1, 10, 0.2],
        [3, 0.3, 0, "left", 0.0, 1.0, 1, 10, 0.6],
        [3, 0.3, 1, "left", 0.0, 1.0, 1, 10, 0.3],
    ]
    write_table(tmp_path / "evaluation.csv", tables["evaluation"], played)
    (tmp_path / "run.json").write_text('{"command": "run-mamo", "status": "complete", "starts": [], "domain": "faas"}')
    return Cell("dry", "fixed", tmp_path, "dqn", "last", env_steps=440, beside=40, seconds=11.0)


def judged(cell, *domains):
    """Standing and rows of a cell under the domains of its cycles."""
    each = domains or [Answered(limit=0.2)] * 4
    found = standing(cell, Judged(each, [judge_of(one) for one in each]))
    return found, members(cell, found, Judged(each, [judge_of(one) for one in each]))


def test_a_members_row_by_hand(cell):
    # Bound .4375, price 1.25 (see above). Seed 7 is delivered at (.5 + .25) / 2 = .375 and .2: within the limit. Its
    # cycles' regrets: (.25 + 1.25 * .25) / .4375 - 1 = .286, .143, (.4 + 1.25 * .05) / .4375 - 1 = .057, 0. So it is
    # within the limit after two cycles of 100 steps each and 40 for the readout, of 440 in 11 s, and close to the bound
    # for good after four. Seed 3 stays at .25 and .45.
    found, rows = judged(cell)
    assert found.regrets[0] == pytest.approx([0.5625 / 0.4375 - 1, 0.5 / 0.4375 - 1, 0.4625 / 0.4375 - 1, 0.0])
    seven, three = (dict(zip(MEMBERS, row, strict=True)) for row in rows)
    assert (seven["seed"], seven["env_steps"], seven["violates"]) == (7, 440, 0)
    assert seven["cost_over_causal_bound"] == pytest.approx(0.375 / 0.4375)
    assert seven["regret"] == pytest.approx(0.375 / 0.4375 - 1)
    assert [seven[f"{of}_to_{what}"] for what in ("feasible", "2_percent") for of in ("steps", "seconds")] == [
        240.0, 6.0, 440.0, 11.0,
    ]  # fmt: skip
    assert (three["mean_cost"], three["mean_violation"], three["violates"]) == pytest.approx((0.25, 0.45, 1))
    assert three["regret"] == pytest.approx(0.5625 / 0.4375 - 1)
    assert three["steps_to_feasible"] is three["seconds_to_2_percent"] is None


def test_where_conditions_change_each_cycle_is_judged_by_its_own_and_steps_count_from_the_last_change(cell):
    # From the third cycle on the limit is .3, whose bound is .25 + .625 * .15 = .34375: regrets of seed 7 are then
    # .4 and .4375 over that. In the fourth a mixture may use the third and the fourth cycle alone.
    before, after = Answered(limit=0.2), Answered(limit=0.3)
    found, rows = judged(cell, before, before, after, after)
    assert found.regrets[0, :2] == pytest.approx([0.5625 / 0.4375 - 1, 0.5 / 0.4375 - 1])
    assert found.regrets[0, 2:] == pytest.approx([0.4 / 0.34375 - 1, 0.4375 / 0.34375 - 1])
    seven = dict(zip(MEMBERS, rows[0], strict=True))
    assert (seven["steps_to_feasible"], seven["steps_to_2_percent"]) == (140.0, None)
    assert seven["cost_over_causal_bound"] == pytest.approx(0.375 / 0.34375)


def test_a_readout_forgets_what_was_measured_under_other_conditions():
    judge, one, other = Judge(np.array([0.2]), 1.0, np.array([1.0])), object(), object()
    trained = np.array([[1.0, 0.1], [2.0, 0.1], [3.0, 0.3], [4.0, 0.1]])[None, :, None]
    found = delivered("best", trained, trained, Judged([one, one, other, other], [judge] * 4))
    assert found[0].ravel() == pytest.approx([1.0, 1.0, 3.0, 4.0])


def test_a_leaderboards_row_by_hand(cell):
    _, rows = judged(cell)
    row = dict(zip(LEADERBOARD, leaderboard_row(cell, rows, 0.2), strict=True))
    assert (row["seeds"], row["seeds_total"], row["wall_seconds"], row["violating_share"]) == (2, 2, 11.0, 0.5)
    assert row["cost_over_causal_bound"] == pytest.approx(
        (0.375 + 0.25) / 2 / 0.4375
    )  # of two seeds nothing is cut off
    assert (row["cost_over_causal_bound_low"], row["cost_over_causal_bound_high"]) == pytest.approx(
        (0.25 / 0.4375, 0.375 / 0.4375)
    )
    assert row["mean_violation"] == pytest.approx(0.325)
    assert row["steps_to_feasible"] is None  # one of two never is: the middle lies beyond any number


def test_the_way_there_by_hand(cell):
    found, _ = judged(cell)
    rows = [dict(zip(ANYTIME, row, strict=True)) for row in anytime_rows(cell, found)]
    assert [row["env_steps"] for row in rows] == [140.0, 240.0, 340.0, 440.0]
    assert [row["seconds"] for row in rows] == [3.5, 6.0, 8.5, 11.0]
    assert [row["regret"] for row in rows][::3] == pytest.approx([0.5625 / 0.4375 - 1, (0.5625 / 0.4375 - 1) / 2])


def test_a_member_that_diverged_is_counted_and_stands_nowhere(cell):
    text = (cell.folder / "evaluation.csv").read_text()
    (cell.folder / "evaluation.csv").write_text(text.replace("1,10,0.6", ",,").replace("1,10,0.3", ",,"))
    cycles = (cell.folder / "cycles.csv").read_text().splitlines()
    blank = [line if not line.startswith("3,") else ",".join([*line.split(",")[:3], *[""] * 6]) for line in cycles]
    (cell.folder / "cycles.csv").write_text("\n".join([*blank, ""]))
    found, rows = judged(cell)
    assert rows[1][MEMBERS.index("regret") :] == [None] * (len(MEMBERS) - MEMBERS.index("regret"))
    row = dict(zip(LEADERBOARD, leaderboard_row(cell, rows, 0.2), strict=True))
    assert (row["seeds"], row["seeds_total"], row["mean_cost"]) == (1, 2, 0.375)
    assert [row[5] for row in anytime_rows(cell, found)] == [1] * 4


def test_strategies_meet_on_the_seeds_that_both_have_and_in_their_own_scenario_alone():
    def row(scenario, strategy, seed, regret):
        return [scenario, strategy, seed, 1, *(regret if name == "regret" else None for name in MEMBERS[4:])]

    rows = [row("dry", "a", seed, 0.1) for seed in (1, 2, 3)] + [row("dry", "b", seed, 0.2) for seed in (2, 3, 4)]
    rows += [row("wet", "a", 1, 0.1), row("dry", "b", 1, None)]
    found = improvement_rows(rows)
    assert [line[:4] for line in found] == [["dry", "a", "b", 2], ["dry", "b", "a", 2]]
    assert found[0][4:] == pytest.approx([-0.1, -0.1, -0.1, 1.0, 1.0, 1.0, 1.0])
    # Of a there are three runs at .1 in the one scenario and one at .1 in the other; of b, three at .2.
    assert [line[:3] for line in overall_rows(rows)] == [["a", 2, 4], ["b", 1, 3]]
    assert [line[3] for line in overall_rows(rows)] == pytest.approx([0.1, 0.2])
