"""Who is joined to whom."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.fleet.topology import neighbours


def test_the_graphs_that_have_names():
    assert neighbours("none", 3, 2) == ((), (), ())
    assert neighbours("ring", 4, 2) == ((1, 3), (0, 2), (1, 3), (0, 2))
    assert neighbours("ring", 2, 2) == ((1,), (0,))
    assert neighbours("ring", 1, 2) == ((),)
    assert neighbours("star", 4, 2) == ((1, 2, 3), (0,), (0,), (0,))
    assert neighbours("full", 3, 2) == ((1, 2), (0, 2), (0, 1))


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 100))
def test_a_random_graph_is_regular_mutual_connected_and_of_its_seed(nodes, degree, seed):
    assume(degree < nodes and nodes * degree % 2 == 0 and (degree > 1 or nodes == 2))
    near = neighbours("random", nodes, degree, seed)
    assert near == neighbours("random", nodes, degree, seed)
    assert all(len(set(each)) == degree and i not in each for i, each in enumerate(near))
    assert all(i in near[j] for i, each in enumerate(near) for j in each)
    reached = {0}
    for _ in range(nodes):
        reached |= {j for i in reached for j in near[i]}
    assert len(reached) == nodes


@pytest.mark.parametrize(("nodes", "degree"), [(3, 3), (5, 3), (4, 1)])
def test_degrees_that_no_connected_graph_has_are_refused(nodes, degree):
    with pytest.raises(UsageError, match=f"no {nodes} nodes of {degree} neighbours each"):
        neighbours("random", nodes, degree)
