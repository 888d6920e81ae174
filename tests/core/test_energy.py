import pytest

from mamo_cli.core.energy import CO2_G_PER_KWH, DEFAULTS, WATTS_PER_CORE, WATTS_PER_UNIT, Interval, co2_g, declared, kwh
from mamo_cli.core.errors import UsageError


def test_units_by_hand():
    # 2 cores x 3600 s x 10 W = 72,000 J; 1 kWh = 3.6 MJ, so 0.02 kWh; at 400 g/kWh 8 g.
    taken = kwh(2 * 3600.0, Interval(10.0, 10.0))
    assert taken == pytest.approx((0.02, 0.02), rel=1e-12)
    assert co2_g(taken, Interval(400.0, 400.0)) == pytest.approx((8.0, 8.0), rel=1e-12)


def test_the_ends_of_intervals_go_together_as_all_numbers_are_positive():
    # 3600 s at 5 to 20 W are 18 to 72 kJ = .005 to .02 kWh; at 10 to 800 g/kWh .05 to 16 g.
    taken = kwh(3600.0, Interval(5.0, 20.0))
    assert taken == pytest.approx((0.005, 0.02), rel=1e-12)
    assert co2_g(taken, Interval(10.0, 800.0)) == pytest.approx((0.05, 16.0), rel=1e-12)


def test_what_is_declared_is_a_number_or_an_interval_and_else_what_is_documented():
    given = {WATTS_PER_CORE: "7.5", CO2_G_PER_KWH: "0 .. 30", WATTS_PER_UNIT: " "}
    assert declared(given) == ((7.5, 7.5), (0.0, 30.0), DEFAULTS[WATTS_PER_UNIT])
    assert declared({}) == ((5.0, 20.0), (11.0, 820.0), (5.0, 20.0))


@pytest.mark.parametrize("text", ["x", "20..5", "-1", "0", "0..5", "1..", "..2", "nan", "1..inf", "1..2..3", "5-20"])
def test_what_is_no_such_number_is_refused(text):
    with pytest.raises(UsageError, match=rf"^{WATTS_PER_CORE} is a number > 0 or an interval such as 5\.\.20, got "):
        declared({WATTS_PER_CORE: text})


def test_power_may_emit_nothing_but_not_less():
    assert declared({CO2_G_PER_KWH: "0"}).co2_g_per_kwh == (0.0, 0.0)
    with pytest.raises(UsageError, match=rf"{CO2_G_PER_KWH} is a number >= 0"):
        declared({CO2_G_PER_KWH: "-1..5"})
