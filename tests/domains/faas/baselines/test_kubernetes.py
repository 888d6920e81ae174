"""The Horizontal Pod Autoscaler, by its documentation's examples and by hand."""

import numpy as np
import pytest

from mamo_cli.domains.faas.baselines.kubernetes import horizontal_pod_autoscaler
from tests.domains.faas.baselines.drive import decisions

HPA = horizontal_pod_autoscaler


def at(share):
    """Requests in service that make so much of the replicas busy."""
    return lambda replicas: share * replicas


def test_the_documented_examples():
    # "If the current metric value is 200m, and the desired value is 100m, the number of replicas will be doubled"; "if
    # it is 50m, you'll halve the number".
    assert decisions(HPA, (0.1, 0.1), [at(0.2)], replicas=8) == [16]
    fresh = decisions(HPA, (0.1, 0.1), [at(0.05)], replicas=8)
    assert fresh == [4]  # no earlier recommendation stands in the way


def test_it_rounds_up():
    # 7 x .8 / .7 = 8 exactly, 7 x .801 / .7 = 8.01; 7 x .5 / .7 = 5, 7 x .501 / .7 = 5.01.
    assert decisions(HPA, (0.7, 0.1), [7 * 0.801], replicas=7) == [9]
    assert decisions(HPA, (0.7, 0.1), [7 * 0.501], replicas=7) == [6]


def test_the_default_tolerance_swallows_a_single_step_from_11_up_and_from_10_down():
    # A metric that asks for exactly one more has a ratio of (n + 1) / n: 1 / n is within .1 from 10 on, but in floating
    # point 1.1 - 1 is not; one less has 1 - 1 / n, and .9 is.
    wanted = np.arange(2, 60)
    up = [decisions(HPA, (1.0, 0.1), [n + 1.0], replicas=int(n)) == [n] for n in wanted]
    down = [decisions(HPA, (1.0, 0.1), [n - 1.0], replicas=int(n)) == [n] for n in wanted]
    assert wanted[up].tolist() == list(range(11, 60))
    assert wanted[down].tolist() == list(range(10, 60))
    assert decisions(HPA, (1.0, 0.0), [40.5], replicas=40) == [41]


@pytest.mark.parametrize(("replicas", "most"), [(1, 5), (3, 7), (4, 8), (5, 10), (20, 40)])
def test_up_it_goes_at_most_to_the_double_or_4_more(replicas, most):
    assert decisions(HPA, (0.1, 0.1), [at(1.0)], replicas=replicas) == [most]


def test_down_it_goes_once_300_s_have_passed_since_the_last_higher_recommendation():
    # Ticks of 15 s. Six are asked for in tick 0 and two from tick 1 on; the window holds the recommendations of the
    # last 300 s, the one at their very beginning not among them: ticks t - 19 to t. Tick 20 is the first without it.
    told = decisions(HPA, (0.5, 0.1), [3.0, *[1.0] * 21], replicas=5)
    assert told == [6] * 20 + [2, 2]


def test_what_it_goes_down_to_is_the_highest_recommendation_of_the_window():
    # 8 in tick 0, 4 in tick 5, 2 in all others: 8 until tick 19, then 4 until tick 24, then 2.
    asked = [4.0, 1.0, 1.0, 1.0, 1.0, 2.0, *[1.0] * 20]
    assert decisions(HPA, (0.5, 0.1), asked, replicas=7) == [8] * 20 + [4] * 5 + [2]


def test_within_tolerance_what_there_is_is_recommended_and_holds_on_for_the_window():
    # 10 replicas at a ratio of 1.05 recommend 10; then 2 are asked for.
    assert decisions(HPA, (0.5, 0.1), [5.25, *[1.0] * 20], replicas=10) == [10] * 20 + [2]


def test_up_it_goes_at_once_and_no_further_than_is_asked_for_now():
    # 8 are recommended where 3 are granted, then 4: what was recommended before holds nothing up and lifts nothing.
    assert decisions(HPA, (0.5, 0.1), [4.0, 2.0], replicas=7, most=[3, 100]) == [3, 4]
