"""The emulated HPA by hand, and beside the one that `mamo baselines` plays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.hpa import DOWN, FORMS, HPA, SYNC_S, UP, Policy, Rules
from mamo_cli.domains.faas.baselines.kubernetes import horizontal_pod_autoscaler
from mamo_cli.domains.faas.baselines.seen import CONCURRENCY, MEMORY, SEEN

FREE = Rules(0, (Policy("Pods", 100, 1),), 0.0)


def played(hpa, usages):
    """What is scaled to, sync after sync."""
    return [hpa.sync(SYNC_S * step, usage) for step, usage in enumerate(usages)]


@pytest.mark.parametrize(("form", "to_11", "to_9"), [("absolute", 11, 10), ("between", 10, 10)])
def test_a_step_of_a_tenth_is_within_a_tolerance_of_a_tenth_as_the_form_rounds(form, to_11, to_9):
    # 11 / 10 is the double above 1.1 less 1 ulp, and 1 + 0.1 the same double; 1 - 1.1 is below -0.1.
    up, down = (HPA(1, 20, form, replicas=10, down=DOWN._replace(window_s=0)) for _ in range(2))
    assert (up.sync(0.0, 11.0), down.sync(0.0, 9.0)) == (to_11, to_9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("replicas", "usage", "scaled"), [(9, 10, 10), (9, 8, 8), (11, 12, 11), (11, 10, 11), (20, 22.5, 23)]
)
def test_steps_beside_ten(form, replicas, usage, scaled):
    # 10/9 = 1.11 and 8/9 = 0.89 are beyond a tenth; 12/11 = 1.09 and 10/11 = 0.91 within; 22.5/20 = 1.125, rounded up.
    assert HPA(1, 40, form, replicas=replicas, down=DOWN._replace(window_s=0)).sync(0.0, usage) == scaled


def test_on_the_way_down_the_highest_recommendation_of_300_s_stands():
    # Seen at 0 s; at 285 s it is 285 s old and counts, at 300 s no longer.
    assert played(HPA(1, 50, "absolute", replicas=8), [8, *[4] * 20]) == [8] * 20 + [4]


def test_on_the_way_up_no_more_than_the_double_or_4_more_within_15_s():
    # From 1: 4 more are 5, then the double is 10 and 4 more only 9, then 20, then what is wanted.
    assert played(HPA(1, 50, "absolute"), [30] * 5) == [5, 10, 20, 30, 30]


def test_what_was_added_within_a_policys_period_counts():
    # 4 pods within 60 s: 1 -> 5 at 0 s, nothing more until it is 60 s ago.
    slow = UP._replace(policies=(Policy("Pods", 4, 60),))
    assert played(HPA(1, 50, "absolute", up=slow), [30] * 6) == [5, 5, 5, 5, 9, 9]


def test_what_was_taken_within_a_policys_period_counts():
    # Half within 30 s, from 16: 8 at 0 s; at 15 s the period began with 16, of which 8 may go and have; at 30 s 4.
    slow = Rules(0, (Policy("Percent", 50, 30),))
    assert played(HPA(1, 50, "absolute", down=slow, replicas=16), [1, 1, 1, 1, 1]) == [8, 8, 4, 4, 2]


def test_least_and_most_hold_and_a_metric_that_cannot_be_had_changes_nothing():
    hpa = HPA(2, 6, "between", FREE, FREE, replicas=4)
    assert played(hpa, [9, None, 1, None, 3]) == [6, 6, 2, 2, 3]


@given(st.lists(st.integers(1, 100), min_size=1, max_size=40), st.sampled_from(sorted(FORMS)))
def test_without_tolerance_stabilisation_and_narrow_policies_every_number_is_scaled_to(usages, form):
    assert played(HPA(1, 100, form, FREE, FREE), usages) == usages


@given(st.lists(st.integers(0, 200), min_size=1, max_size=60), st.integers(1, 40))
def test_at_defaults_it_does_what_the_baseline_does(quarters, replicas):
    # Where rounding alone makes replicas * (usage / replicas), which the baseline rounds up, another than the usage, it
    # is not looked at.
    hpa, memory, syncs = HPA(1, 10_000, "absolute", replicas=replicas), np.zeros(MEMORY), 0
    for usage in np.array(quarters) / 4:
        if np.ceil(usage / hpa.replicas * hpa.replicas) != np.ceil(usage):
            continue
        seen = np.zeros(SEEN)
        seen[CONCURRENCY] = usage
        wanted = max(horizontal_pod_autoscaler(np.array([1.0, 0.1]), memory, seen, hpa.replicas), 1)
        assert hpa.sync(SYNC_S * syncs, float(usage)) == wanted
        syncs += 1
