"""Who is worst off, and how equally agents are served: by hand."""

import numpy as np
import pytest

from mamo_cli.analysis.equality import compared, equality_of
from tests.strategies.exact_learner import spec_of

THREE = spec_of([0.1], [0.1], [0.1])


def test_the_worst_is_named_and_jains_index_is_of_what_is_served():
    name, worst, equal = equality_of(THREE, np.array([0.2, 0.5, 0.0]))
    assert (name, worst) == ("a1", 0.5)
    assert equal == pytest.approx((0.8 + 0.5 + 1.0) ** 2 / (3 * (0.64 + 0.25 + 1.0)), rel=1e-12)
    assert equality_of(THREE, np.array([0.2, np.nan, 0.0])) == [None, None, None]


def test_agents_are_compared_that_play_together_with_one_violation_each():
    assert not compared(THREE)
    assert compared(THREE._replace(touching=True))
    assert compared(THREE._replace(use=np.zeros((3, 2), dtype=int)))
    assert not compared(THREE._replace(team=True))  # a team is told the same
    assert not compared(spec_of([0.1, 0.2], [0.1, 0.2])._replace(touching=True))
    assert not compared(spec_of([0.1])._replace(touching=True))
