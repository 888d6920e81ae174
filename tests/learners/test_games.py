"""Short cases of `python -m benchmarks --only games`: each mixer ends with the values that it must."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.games import KNOWN, MATRIX, NEAR, TWO_STEP, Play


def added(payoffs):
    """The sum of a value of each agent's that is nearest to payoffs, by least squares."""
    count = len(payoffs)
    first, second = np.divmod(np.arange(count * count), count)
    terms = np.concatenate((np.eye(count)[first], np.eye(count)[second]), 1)
    return (terms @ np.linalg.lstsq(terms, payoffs.ravel(), rcond=None)[0]).reshape(payoffs.shape)


def rising(payoffs, first, second):
    """The nearest table that rises along either agent's choices in an order, and its mean squared error."""
    wanted, size = payoffs[np.ix_(first, second)], payoffs.size
    places = np.arange(size).reshape(payoffs.shape)
    pairs = np.concatenate([np.stack((places[:-1].ravel(), places[1:].ravel()), 1),
                            np.stack((places[:, :-1].ravel(), places[:, 1:].ravel()), 1)])  # fmt: skip
    rises = np.eye(size)[pairs[:, 1]] - np.eye(size)[pairs[:, 0]]
    rules = {"type": "ineq", "fun": lambda table: rises @ table, "jac": lambda _: rises}
    found = minimize(
        lambda table: ((table - wanted.ravel()) ** 2).mean(),
        np.sort(wanted.ravel()),
        jac=lambda table: 2 * (table - wanted.ravel()) / size,
        constraints=[rules],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    table = np.empty_like(payoffs)
    table[np.ix_(first, second)] = found.x.reshape(payoffs.shape)
    return table, found.fun


def test_known_sums_are_the_nearest_that_there_are():
    best = [[0.99 * added(payoffs).max()] * 2 for payoffs in TWO_STEP.payoffs[1:]]  # of the game that is picked
    np.testing.assert_allclose(*KNOWN["two-step", "sum"].values(), best, rtol=1e-12)


def test_known_mixes_are_the_nearest_of_their_order():
    # The second game of the two-step game rises in both choices: it is learnt as it is, 8 of it discounted.
    assert (np.diff(TWO_STEP.payoffs[2], axis=0) > 0).all()
    assert (np.diff(TWO_STEP.payoffs[2], axis=1) > 0).all()
    assert list(KNOWN["two-step", "monotone"].values()) == [[[0.99 * 7] * 2, [0.99 * 8] * 2]]
    orders = list(itertools.permutations(range(3)))
    found = [rising(MATRIX.payoffs[0], *pair) for pair in itertools.product(orders, orders)]
    assert min(error for _, error in found) == pytest.approx(32.0, abs=1e-6)
    for table, error in zip(KNOWN["matrix", "monotone"].values(), (32.0, 320 / 9), strict=True):
        of_it = [each for each, mean in found if mean == pytest.approx(error, abs=1e-6)]
        assert min(np.abs(each - table).max() for each in of_it) < 1e-4
        assert error == pytest.approx(((np.array(table) - MATRIX.payoffs[0]) ** 2).mean())


def test_two_steps_bring_7_by_the_sum_and_8_by_the_monotone_mix():
    for mixer, worth, near in (("sum", 7.0, 0.15), ("monotone", 8.0, 0.1)):
        play = Play(TWO_STEP, mixer, range(3))
        play.learn(12)
        assert play.returns().tolist() == [worth] * 3
        (apart,) = play.distances().values()
        assert (apart <= near).all()


def test_the_matrix_is_learnt_as_one_of_the_two_mixes_where_the_error_has_a_minimum():
    play = Play(MATRIX, "monotone", range(2))
    play.learn(24)
    apart = np.array(list(play.distances().values()))
    assert (apart.min(0) <= NEAR).all()
    assert play.returns().tolist() == [(8.0, 0.0)[each] for each in apart.argmin(0)]
