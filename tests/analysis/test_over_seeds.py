import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.over_seeds import CENTRE, SEED, by_group, healthy_seeds, over_seeds
from mamo_cli.analysis.statistics import FEW_SEEDS, median
from mamo_cli.core.errors import DataError


def table(values):
    """One row a seed and hour from (seeds, hours)."""
    rows = [(seed, hour, value) for seed, line in enumerate(values) for hour, value in enumerate(line)]
    return pd.DataFrame(rows, columns=["seed", "hours", "replicas"])


def test_centre_and_seeds_by_hand():
    # Of 1, 2, 3, 10 the middle half is 2 and 3; of four equal values the interval has no width.
    long = over_seeds(table([[1, 5], [2, 5], [3, 5], [10, 5]]), "hours", ["replicas"])
    centre = long[long["series"] == CENTRE]
    assert list(centre["value"]) == [2.5, 5.0]
    assert list(centre[["low", "high"]].iloc[1]) == [5.0, 5.0]
    assert centre["low"].iloc[0] < 2.5 < centre["high"].iloc[0]
    assert list(long[long["series"] == SEED]["value"]) == [1, 5, 2, 5, 3, 5, 10, 5]


@pytest.mark.parametrize("broken", [[7, np.nan], [np.inf, 7], [7]])
def test_a_diverged_seed_is_dropped_at_every_point_and_counted(broken):
    long = over_seeds(table([[1, 2], broken, [3, 4]]), "hours", ["replicas"])
    assert set(long["seed"].dropna()) == {0, 2}
    assert list(long[long["series"] == CENTRE]["value"]) == [2.0, 3.0]
    assert (long["seeds"] == 2).all()
    assert (long["seeds_total"] == 3).all()


def test_with_no_seed_left_the_centre_is_nan():
    long = over_seeds(table([[np.nan, 1.0]]), "hours", ["replicas"])
    assert list(long["series"]) == [CENTRE, CENTRE]
    assert long[["value", "low", "high"]].isna().all().all()


def test_of_many_seeds_there_are_only_centres():
    values = np.arange(1.0, FEW_SEEDS + 2)
    few, many = (over_seeds(table(each[:, None]), "hours", ["replicas"]) for each in (values[:-1], values))
    assert list(few["series"]) == [SEED] * FEW_SEEDS + [CENTRE]
    assert list(many["series"]) == [CENTRE]
    assert many["value"].item() == 26.0  # 1 to 51: the middle is 26
    assert many["seeds"].item() == 51
    assert set(over_seeds(table(values[:3, None]), "hours", ["replicas"], each=False)["series"]) == {CENTRE}


def test_quantities_stand_or_fall_together():
    values = table([[1.0], [2.0]]).assign(rejection=[0.1, np.nan])
    assert healthy_seeds(values, "hours", ["replicas"]) == [0, 1]
    assert healthy_seeds(values, "hours", ["replicas", "rejection"]) == [0]


def test_groups_count_their_own_seeds():
    both = pd.concat([table([[1.0], [2.0], [6.0]]).assign(alpha=0.1), table([[5.0], [np.nan]]).assign(alpha=0.9)])
    centre = by_group(both, ["alpha"], "hours", ["replicas"], median).query("series == 'centre'")
    assert list(centre["alpha"]) == [0.1, 0.9]
    assert list(centre["value"]) == [2.0, 5.0]
    assert list(centre["seeds"]) == [3, 1]
    assert list(centre["seeds_total"]) == [3, 2]


def test_a_row_given_twice_is_refused():
    with pytest.raises(DataError, match="seed 0 has two rows at hours 0"):
        over_seeds(pd.concat([table([[1.0]])] * 2), "hours", ["replicas"])
