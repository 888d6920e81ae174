"""Knative's Pod Autoscaler, by hand along autoscaler.go."""

import pytest

from mamo_cli.domains.faas.baselines.knative import pod_autoscaler
from tests.domains.faas.baselines.drive import decisions

KPA = pod_autoscaler


def test_it_wants_the_mean_over_the_stable_window_over_target_times_utilisation():
    # Concurrency 4.3 at 1 x .7 asks for ceil(6.14) = 7; a target of 10 for ceil(.61) = 1.
    assert decisions(KPA, (1.0, 0.7), [4.3] * 3, replicas=6) == [7] * 3
    assert decisions(KPA, (10.0, 0.7), [4.3] * 3, replicas=1) == [1] * 3


def test_a_rise_below_panic_is_averaged_over_the_60_s():
    # At 1: 30 ticks of concurrency 4 and 4 replicas, then 6. The short window asks for at most 6 of 4 or more: 1.5
    # times what there is. The mean rises by 2 / 30 a tick: above 4 at the first, above 5 at the sixteenth.
    told = decisions(KPA, (1.0, 1.0), [*[4.0] * 30, *[6.0] * 30], replicas=4)
    assert told == [4] * 30 + [5] * 15 + [6] * 15


def test_it_panics_at_twice_what_there_is_and_leaves_after_a_stable_window_without_another_reason():
    # 30 calm ticks at 2; then concurrency 9 for 3 ticks, then 1.
    # Tick 30: 6 s hold 2, 2, 9: mean 4.33 asks for 5 of 2: panic, 5. Tick 31: 2, 9, 9 = 6.67: 7 of 5. Tick 32: 9 of 7.
    # Tick 33: 9, 9, 1 = 6.33: 7 of 9. In panic it stays at 9. The last reason was tick 30 (7 / 5 and 9 / 7 are below
    # 2), and panic ends at the first tick that is more than 30 ticks after it: tick 61. By then all 30 ticks of the
    # stable window, 32 to 61, are a 9 and ones: 38 / 30 = 1.27 asks for 2, and half of 9, rounded down, is allowed: 4.
    told = decisions(KPA, (1.0, 1.0), [*[2.0] * 30, 9.0, 9.0, 9.0, *[1.0] * 32], replicas=2)
    assert told[:30] == [2] * 30
    assert told[30:33] == [5, 7, 9]
    assert told[33:61] == [9] * 28
    assert told[61:] == [4, 2, 1, 1]  # tick 62: the nine has left, 1 is asked for, and half of 4 is 2


def test_another_reason_keeps_it_in_panic_for_another_window():
    # At 1 replica any concurrency above 1 asks for 2: a reason at tick 0 and, with 2 replicas, at tick 20, where the
    # short window holds 1, 1, 8: 3.33 asks for 4. It is left at tick 51, not at 31.
    told = decisions(KPA, (1.0, 1.0), [2.0, *[1.0] * 19, 8.0, *[0.1] * 40], replicas=1)
    assert told[:20] == [2] * 20
    assert set(told[20:51]) == {4}
    assert told[51:54] == [2, 1, 1]


def test_down_it_goes_by_half_a_tick_rounded_down():
    assert decisions(KPA, (1.0, 1.0), [0.0] * 6, replicas=21) == [10, 5, 2, 1, 1, 1]


@pytest.mark.parametrize(("concurrency", "replicas"), [(5000.0, 1000), (999.5, 1000), (700.0, 700)])
def test_up_it_goes_at_most_to_a_thousand_times(concurrency, replicas):
    assert decisions(KPA, (1.0, 1.0), [concurrency], replicas=1, most=10**6) == [replicas]


def test_a_window_that_is_not_full_averages_what_there_is():
    # After 3, 5, 4: 3, 4, 4.
    assert decisions(KPA, (1.0, 1.0), [3.0, 5.0, 4.0], replicas=3) == [3, 4, 4]
