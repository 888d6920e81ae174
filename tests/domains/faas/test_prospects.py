"""What choices bring to whom: prospects worked out by hand, and the best nondecreasing function against all of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.prospects import Prospects, nondecreasing
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace


@st.composite
def problems(draw):
    """Up to six steps whose expectations may be equal, and scores on a coarse scale, so that there are ties."""
    steps, choices = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    expected = draw(st.lists(st.integers(0, 3), min_size=steps, max_size=steps))
    scores = draw(st.lists(st.integers(-4, 4), min_size=steps * choices, max_size=steps * choices))
    return np.array(expected, dtype=float), np.array(scores, dtype=float).reshape(steps, choices)


@given(problems())
def test_the_best_nondecreasing_function_is_the_best_of_all_of_them(problem):
    expected, score = problem
    found = nondecreasing(expected, score)
    levels = np.unique(expected)
    functions = itertools.combinations_with_replacement(range(score.shape[1]), len(levels))
    totals = [sum(score[t, f[at]] for t, at in enumerate(np.searchsorted(levels, expected))) for f in functions]
    assert score[np.arange(len(expected)), found].sum() == min(totals)
    order = np.argsort(expected, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert all(
        found[s] == found[t] for s, t in itertools.combinations(range(len(found)), 2) if expected[s] == expected[t]
    )


def test_a_function_of_what_is_expected_by_hand():
    # Expected 2, 1, 2, 3. Alone, steps would choose 0, 1, 2, 0; the two at 2 must agree (1: 4 + 1 is least), and 3 may
    # not be below: 1 costs it 2.
    score = np.array([[1.0, 4.0, 9.0], [3.0, 0.0, 5.0], [6.0, 1.0, 0.0], [0.0, 2.0, 7.0]])
    assert nondecreasing(np.array([2.0, 1.0, 2.0, 3.0]), score).tolist() == [1, 1, 1, 1]
    assert nondecreasing(np.array([1.0, 2.0, 3.0, 0.0]), score).tolist() == [0, 1, 2, 0]  # each its own


RATES = np.array([[10.0], [30.0], [20.0], [40.0], [30.0], [10.0]])
SERVICE, CAP, COST = 0.065, 4, 2.0


def node(expected, noise=0.2):
    """A node of four replicas on six periods, the last two of them evaluated, as they came."""
    settings = InstanceConfig(
        rejection_model="erlang", max_replicas=CAP, replica_cost=(COST,), train_share=0.67, noise=noise
    )
    return build(settings, Trace(("f0",), np.asarray(expected), RATES))


def test_prospects_by_hand():
    lagged = np.vstack((RATES[:1], RATES[:-1]))
    domain = node(lagged)
    prospects = Prospects(domain.case, 0.2)
    knows, sees = (prospects[Part.EVALUATION, knowledge] for knowledge in Knowledge)
    # Costs of 1 to 4 replicas at 2 each, over the 8 that all four cost; rejections at the rates that came, 30 and 10.
    np.testing.assert_allclose(knows.objectives[..., 0], np.broadcast_to([0.25, 0.5, 0.75, 1.0], (2, 1, 4)))
    np.testing.assert_allclose(knows.objectives[:, 0, :, 1], erlang_b(RATES[4:, 0] * SERVICE, CAP), rtol=1e-12)
    np.testing.assert_array_equal(sees.objectives, knows.objectives)  # of rates that carry their own deviations
    assert knows.expected is None
    assert sees.expected.tolist() == lagged[4:].tolist()
    # The training draws its noise anew: nobody knows more of it than its law.
    trained = prospects[Part.TRAINING, Knowledge.CLAIRVOYANT]
    nodes, weights = np.polynomial.legendre.leggauss(32)
    mean = sum(
        w / 2 * erlang_b(RATES[:4, 0] * (1 + 0.2 * u) * SERVICE, CAP) for u, w in zip(nodes, weights, strict=True)
    )
    np.testing.assert_allclose(trained.objectives[:, 0, :, 1], mean, rtol=1e-10)
    assert prospects[Part.TRAINING, Knowledge.CAUSAL].expected.tolist() == lagged[:4].tolist()


def test_who_expects_what_comes_needs_no_function():
    prospects = Prospects(node(RATES).case, 0.2)
    assert prospects[Part.EVALUATION, Knowledge.CAUSAL].expected is None


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.6, 0.8, 1.0])
def test_a_lagged_rate_answers_with_the_best_function_of_it(alpha):
    source = Trace(("f0",), np.vstack((RATES[:1], RATES[:-1])), RATES)
    settings = InstanceConfig(rejection_model="erlang", max_replicas=CAP, replica_cost=(COST,))
    domain = build(settings, source, source)
    answer = domain.answer(weights_of(np.array([alpha])))
    score = (1 - alpha) * np.arange(1, 5) / 4 + alpha * erlang_b(RATES[:, 0] * SERVICE, CAP)
    seen = np.searchsorted([10.0, 20.0, 30.0, 40.0], source.expected_rate_rps[:, 0])
    totals = {f: score[np.arange(6), np.array(f)[seen]].mean() for f in itertools.product(range(4), repeat=4)
              if all(a <= b for a, b in itertools.pairwise(f))}  # fmt: skip
    reached = answer.objectives[0] @ [1 - alpha, alpha]
    assert reached == pytest.approx(min(totals.values()), rel=1e-12)
    assert score[np.arange(6), answer.plan[:, 0]].mean() == pytest.approx(reached, rel=1e-12)
