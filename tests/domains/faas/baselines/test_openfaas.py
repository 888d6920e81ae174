"""OpenFaaS's two autoscalers, by its documentation's examples and by hand."""

import pytest

from mamo_cli.domains.faas.baselines.openfaas import community_edition, pro
from tests.domains.faas.baselines.drive import decisions


def test_the_alert_climbs_a_step_at_a_time_and_its_end_leads_straight_to_the_least():
    # Ticks of 10 s: pending, notified, and again every 30 s, by ceil(20 % of 5) = 1.
    told = decisions(community_edition, (5.0, 5), [5.1] * 13 + [5.0] + [6.0] * 3)
    assert told == [1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 1, 1, 2, 2]


@pytest.mark.parametrize(("most", "rungs"), [(5, [2, 3, 4, 5]), (6, [3, 5, 6, 6]), (20, [5, 9, 13, 17]), (1, [1] * 4)])
def test_a_step_is_a_fifth_of_the_most_rounded_up(most, rungs):
    told = decisions(community_edition, (5.0, most), [100.0] * 12)
    assert told[1::3] == rungs


@pytest.mark.parametrize(
    ("load", "target", "proportion", "replicas", "wanted"),
    [
        (15, 5, 1.0, 1, 3),  # the documentation's four examples, and that of its article on the autoscaler
        (25, 5, 1.0, 3, 5),
        (0, 5, 1.0, 3, 1),  # "it will be brought up to the minimum range which is 1"
        (90, 100, 0.7, 1, 2),
        (15, 5, 0.9, 1, 4),
        (46, 50, 0.9, 7, 2),  # above 45, at the defaults
        (45, 50, 0.9, 7, 1),
    ],
)
def test_pro_divides_the_load_by_the_target(load, target, proportion, replicas, wanted):
    assert decisions(pro, (target, proportion), [load], replicas=replicas) == [wanted]


def test_pro_looks_at_30_s():
    # Loads of 10, 30, 50 at 10 a replica: 10, then the means 20 and 40.
    assert decisions(pro, (10.0, 1.0), [10.0, 30.0, 50.0]) == [1, 2, 4]
