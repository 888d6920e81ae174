"""Tables of models so simple that every point, every error and every refusal can be counted."""

from dataclasses import FrozenInstanceError, dataclass
from typing import ClassVar

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.rejection import table as module
from mamo_cli.domains.faas.rejection.erlang import non_negative
from mamo_cli.domains.faas.rejection.models import ErlangModel, ServerlessModel
from mamo_cli.domains.faas.rejection.table import RejectionTable, build_table


@dataclass(frozen=True)
class Rising:
    """Rejects `share` of the rate with one replica, half of that with two, a third with three; 1 + `wrong` at most."""

    name: ClassVar[str] = "rising"
    share: float = 0.5
    wrong: float = 0.0
    below: float = 0.0

    def rejection_probability(self, arrival_rate_rps, max_replicas):
        rising = np.multiply.outer(np.asarray(arrival_rate_rps), self.share / np.arange(1, max_replicas + 1))
        return np.where(rising >= self.share, rising + self.wrong, rising) - self.below


# Two functions, two replicas, rates 0, 1/4, 1 (roots 0, 1/2, 1).
SMALL = RejectionTable(
    np.array([[[0.0, 0.5, 1.0], [0.0, 0.25, 0.5]], [[0.0, 0.125, 0.75], [0.0, 0.0, 0.25]]]), 0.5, 1.0, 0.0
)


def test_a_value_lies_between_its_neighbours_by_the_root_of_its_rate():
    assert SMALL.max_replicas == 2
    assert SMALL.rates_rps.tolist() == [0.0, 0.25, 1.0]
    # Root of 1/16 is 1/4, half way to the first point; of 9/16 is 3/4, half way from there to the last.
    rates = np.array([[1 / 16, 9 / 16], [9 / 16, 1 / 16], [0.25, 1.0], [1.0, 0.0]])
    found = SMALL.lookup(rates, [[1, 1], [2, 1], [1, 2], [2, 2]])
    assert found.tolist() == [[0.25, 0.4375], [0.375, 0.0625], [0.5, 0.25], [0.5, 0.0]]
    assert SMALL.lookup(rates, [1, 2]).tolist() == [[0.25, 0.125], [0.75, 0.0], [0.5, 0.25], [1.0, 0.0]]


def test_a_rate_beyond_the_last_counts_as_the_last_where_nobody_checks():
    assert module.interpolated(SMALL.values, 0.5, 1, 1, 9.0) == 0.75
    assert SMALL.lookup([1.0 + 1e-6, 0.0], [1, 1]).tolist() == [1.0, 0.0]  # what single precision rounds
    with pytest.raises(ValueError, match="above the table's"):
        SMALL.lookup([1.0 + 2e-6, 0.0], [1, 1])


@pytest.mark.parametrize(
    ("tolerance", "points", "bound"),
    [
        # Half the rate is half the square of the root: in the middle of a cell of width 1/128 the chord lies
        # (1/256)^2 / 2 = 2^-17 above. Four times that is 2^-15.
        (2.0**-15, 129, 2.0**-15),
        (2.0**-15 * 0.99, 257, 2.0**-17),  # cells half as wide err a quarter as much
        (1.0, 129, 2.0**-15),
    ],
)
def test_a_grid_is_halved_until_four_times_its_error_is_allowed(tolerance, points, bound):
    table = build_table([Rising()], 3, 1.0, tolerance)
    assert table.values.shape == (1, 3, points)
    assert (table.max_rate_rps, table.root_step * (points - 1)) == (1.0, 1.0)
    assert table.error_bound == pytest.approx(bound, rel=1e-9)
    squares = np.square(np.linspace(0.0, 1.0, points))
    np.testing.assert_allclose(table.values[0], [0.5 * squares, 0.25 * squares, 0.5 / 3 * squares], rtol=1e-12)


def test_a_grid_is_halved_as_long_as_it_may_be(monkeypatch):
    monkeypatch.setattr(module, "MAX_CELLS", 256)
    assert build_table([Rising()], 1, 1.0, 2.0**-17).values.shape == (1, 1, 257)
    with pytest.raises(UsageError, match=r"more than 256 cells \(error in the middle of a cell 1\.9e-06\)"):
        build_table([Rising()], 1, 1.0, 2.0**-17 * 0.99)


def test_a_node_without_traffic_reaches_one_request_a_second():
    table = build_table([Rising()], 1, 0.0)
    assert (table.max_rate_rps, table.rates_rps[-1]) == (1.0, 1.0)
    assert build_table([Rising()], 1, 4.0**-2).max_rate_rps == 0.0625
    assert build_table([Rising()], 2, 1.0).max_replicas == 2


@pytest.mark.parametrize("changes", [{"max_rate_rps": np.inf}, {"max_rate_rps": -1e-9}, {"tolerance": 0.0}])
def test_senseless_numbers_are_refused(changes):
    with pytest.raises(UsageError, match="a rejection table needs"):
        build_table(**{"models": [Rising()], "max_replicas": 1, "max_rate_rps": 1.0, **changes})


def test_a_breach_of_a_law_is_forgiven_up_to_rounding_and_told_with_its_place():
    # With a share of 1 the last of 128 points is 1, and above 1 by what is wrong with it.
    assert build_table([Rising(1.0, 9e-13)], 1, 1.0).values.max() == 1.0
    assert build_table([Rising(1e-13, below=5e-13)], 1, 1.0).values.tolist() == [[[0.0] * 129]]
    with pytest.raises(ValueError, match=r"of function 1 .* at 1 replicas and grid point 128 it is off by 2\.0e-12"):
        build_table([Rising(), Rising(1.0, 2e-12)], 3, 1.0)


def test_the_first_of_the_values_that_make_no_sense_is_told():
    with pytest.raises(ValueError, match=r"rate must be >= 0 everywhere, got -2\.0"):
        non_negative([0.0, 0.5, -2.0, -3.0], "rate")


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (SMALL, "max_rate_rps"),
        (ErlangModel(1.0), "warm_service_time_s"),
        (ServerlessModel(1.0, 2.0, 3.0), "warm_service_time_s"),
    ],
)
def test_what_was_checked_when_it_was_made_stays_so(made, name):
    with pytest.raises(FrozenInstanceError):
        setattr(made, name, -1.0)
