"""What the answers of `exact` mean at their edges: at a limit exactly, and with more numbers than periods."""

import numpy as np

from mamo_cli.analysis.exact import exact_alpha, summarised
from mamo_cli.core.seam import Played
from mamo_cli.core.weights import alpha_grid
from tests.analysis.tiny_domain import Pumps


def test_an_alpha_that_lies_at_the_limit_exactly_holds_it():
    # From 5/13 on the choices are 1 and 0: (.2 + .3) / 2 = .25, and no rounding in it.
    domain = Pumps(limit=0.25)
    assert exact_alpha(domain, alpha_grid(0.1)) == 0.4
    assert exact_alpha(Pumps(limit=np.nextafter(0.25, 0.0)), alpha_grid(0.1)) == 0.6


def test_every_measure_and_violation_has_its_own_mean():
    # Three periods, two agents; two measures and three violations: once to five times 0..5, whose mean is 2.5.
    count = np.arange(6.0).reshape(3, 2, 1)
    played = Played(40 * np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), count * [1, 2], count * [3, 4, 5])
    # Costs are 40, the dearest, times 1..6: 3.5 on average.
    assert summarised(Pumps(agents=2), played) == [3.5, 2.5, 5.0, 7.5, 10.0, 12.5]


def test_a_finer_grid_closes_in_on_the_alpha_that_holds():
    # From 5/13 = .3846 on: of tenths .4, of hundredths .39, of thousandths .385.
    found = [exact_alpha(Pumps(limit=0.25), alpha_grid(0.1), refinements) for refinements in (0, 1, 2)]
    np.testing.assert_allclose(found, [0.4, 0.39, 0.385], rtol=1e-12)
    # Where the first holds, there is nothing below it; where none holds, nothing at all.
    assert exact_alpha(Pumps(limit=0.45), alpha_grid(0.1), 2) == 0.0
    assert exact_alpha(Pumps(limit=-0.01), alpha_grid(0.1), 2) is None
