import math

import pytest

from mamo_cli.analysis.break_even import break_even, hours
from mamo_cli.core.energy import Interval
from mamo_cli.domains.faas.settings import SLOW, WORDS

WATTS = Interval(5.0, 20.0)
LEDGER = {"kwh": [0.01, 0.04], "whole": True}


def member(replicas, holds=1, **more):
    return {"mean_cost": 0.5, "mean_replicas": replicas, "mean_rejection": 0.04, "holds": holds, **more}


def play(rule, replicas, holds=1, knobs="tuned"):
    return {"rule": rule, "knobs": knobs, "mean_replicas": replicas, "holds": holds}


def against(trained, ruled, agents=1, ledger=LEDGER):
    return break_even(trained, ruled, WORDS, agents, ledger, WATTS)


def test_hours_by_hand():
    # .01 to .04 kWh; 2 replicas of 5 to 20 W are 10 to 40 W: from 10 Wh / 40 W = .25 h to 40 Wh / 10 W = 4 h.
    assert hours(Interval(0.01, 0.04), Interval(2.0, 2.0), WATTS) == pytest.approx((0.25, 4.0), rel=1e-12)
    # 1 to 4 replicas are 5 to 80 W: 10 / 80 = .125 h to 40 / 5 = 8 h.
    assert hours(Interval(0.01, 0.04), Interval(1.0, 4.0), WATTS) == pytest.approx((0.125, 8.0), rel=1e-12)
    assert hours(Interval(0.01, 0.04), Interval(0.0, 1.0), WATTS) == (pytest.approx(0.5), math.inf)


def test_replicas_saved_are_means_over_the_members_that_hold():
    found = against(
        [member(5.0), member(6.0), member(1.0, holds=0)], [play("hpa", 7.5), play("hpa", 3.0, 1, "default")]
    )
    [one] = found.saved
    assert (found.unit, found.members, found.holding, one.rule) == ("replicas", 3, 2, "hpa")
    # Of two seeds a quarter of all resamples is either one twice, so that the 2.5 % and 97.5 % quantiles are the two.
    assert one.units == (2.0, (1.5, 2.5))
    # 10 Wh / (2.5 x 20 W) = .2 h; 40 Wh / (1.5 x 5 W) = 5.33 h.
    assert one.hours == pytest.approx((0.2, 16 / 3), rel=1e-12)


def test_means_of_several_agents_are_all_of_theirs_together():
    [one] = against([member(2.0)], [play("hpa", 3.0)], agents=4).saved
    assert one.units == (4.0, None)  # of one member there is no interval
    assert one.hours == pytest.approx((10 / 80, 40 / 20), rel=1e-12)


def test_of_several_plays_of_a_rule_the_mean():
    [one] = against([member(2.0)], [play("hpa", 3.0), play("hpa", 5.0)]).saved
    assert one.units[0] == 2.0


@pytest.mark.parametrize(
    ("trained", "ruled", "why"),
    [
        ([member(5.0)], [play("hpa", 4.0)], "never: nothing is saved"),
        ([member(5.0)], [play("hpa", 5.0)], "never: nothing is saved"),
        ([member(5.0)], [play("hpa", 9.0, holds=0)], "it does not keep the limit, the members that count do"),
        (
            [member(5.0)],
            [play("hpa", 9.0), play("hpa", 9.0, holds=0)],
            "it does not keep the limit, the members that count do",
        ),
        ([member(5.0, holds=0)], [play("hpa", 9.0)], "no member keeps the limit"),
        ([{**member(5.0), "mean_cost": None, "holds": None}], [play("hpa", 9.0)], "no member keeps the limit"),
    ],
)
def test_where_there_is_no_number_it_says_why(trained, ruled, why):
    [one] = against(trained, ruled).saved
    assert (one.hours, one.why) == (None, why)


def test_where_some_members_save_and_others_do_not_it_may_be_never():
    [one] = against([member(5.0), member(1.0)], [play("hpa", 4.0)]).saved
    assert one.units == (1.0, (-1.0, 3.0))
    assert one.hours == (pytest.approx(10 / 60), math.inf)


def test_members_of_fixed_weights_hold_by_their_means():
    rows = [
        {"mean_cost": 0.5, "mean_replicas": 5.0, "mean_rejection": rejection, "tolerance": 0.05}
        for rejection in (0.05, 0.0501, 0.02)
    ]
    assert against(rows, [play("hpa", 7.0)]).holding == 2
    with pytest.raises(TypeError):  # of each agent its own: this row does not know
        against([{**rows[0], "tolerance": None}], [play("hpa", 7.0)])
    both = WORDS._replace(violations=(*WORDS.violations, SLOW))
    two = {**rows[0], "tolerance_rejection": 0.05, "tolerance_slow": 0.1, "mean_slow": 0.2}
    assert break_even([two], [play("hpa", 7.0)], both, 1, LEDGER, WATTS).holding == 0
    assert break_even([{**two, "mean_slow": 0.1}], [play("hpa", 7.0)], both, 1, LEDGER, WATTS).holding == 1
