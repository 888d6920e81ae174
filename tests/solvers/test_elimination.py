"""Elimination against trying everything."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import NothingExactError
from mamo_cli.solvers.elimination import Term, least


@st.composite
def problems(draw):
    """Terms over a few variables of a few values each, and the variables' sizes."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    scopes = draw(
        st.lists(st.sets(st.integers(0, len(sizes) - 1), min_size=0, max_size=3).map(sorted), min_size=1, max_size=6)
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    terms = [Term(tuple(scope), rng.integers(-5, 6, (2, *(sizes[v] for v in scope))).astype(float)) for scope in scopes]
    return terms, sizes


def total(terms, t, values):
    return sum(term.values[(t, *(values[v] for v in term.scope))] for term in terms)


@given(problems())
def test_no_combination_of_values_has_a_smaller_sum(problem):
    terms, sizes = problem
    found = least(terms, sizes)
    assert found.shape == (2, len(sizes))
    for t in range(2):
        every = [total(terms, t, values) for values in itertools.product(*map(range, sizes))]
        assert total(terms, t, found[t]) == min(every)


def test_a_long_ring_is_solved_two_variables_at_a_time():
    size, length = 5, 40
    rng = np.random.default_rng(0)
    terms = [Term(tuple(sorted((i, (i + 1) % length))), rng.random((1, size, size))) for i in range(length)]
    tables = [term.values[0] if term.scope[0] == i else term.values[0].T for i, term in enumerate(terms)]
    ring = tables[0]  # the least sum from the first variable's value to the next's, in the algebra of min and plus
    for table in tables[1:]:
        ring = (ring[:, :, None] + table).min(1)
    assert total(terms, 0, least(terms, [size] * length)[0]) == pytest.approx(ring.diagonal().min(), abs=1e-12)


def test_what_is_too_entangled_is_said():
    with pytest.raises(NothingExactError, match="more than 200,000 ways"):
        least([Term(tuple(range(8)), np.zeros((1, *(8,) * 8)))], [8] * 8)
