"""The best play of a stock for whom demand is known, and for whom its law is: against all plays of a tiny stock."""

import itertools

import numpy as np
import pytest

from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.inventory.optimum import prospect
from tests.domains.inventory.stocks import domain_of, stock

DEMAND = np.array([2, 0, 3, 1, 4])
LEVELS, LEAD = 6, 1
ORDERED = 2  # before the first choice: the expected demand of the first period, rounded


def by_hand(positions):
    """On hand and unmet, means over five periods: what period t ends with is decided by the position of t - 1."""
    on_hand, unmet = [max(ORDERED - DEMAND[0], 0)], [max(DEMAND[0] - ORDERED, 0)]
    for t, position in enumerate(positions):
        before, after = position - DEMAND[t], position - DEMAND[t] - DEMAND[t + 1]
        on_hand.append(max(after, 0))
        unmet.append(max(-after, 0) - max(-before, 0))  # what the backlog grows by
    return np.mean(on_hand), np.sum(unmet) / DEMAND.sum()


def known_stock():
    domain = domain_of(np.full(5, 2.0), levels=LEVELS, lead_time=LEAD)
    domain.evaluation = stock(np.full((5, 1), 2.0), levels=LEVELS, lead_time=LEAD, demand=DEMAND[:, None])
    return domain


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.9, 1.0])
def test_who_knows_the_demand_plays_the_best_of_all_plays(alpha):
    answer = known_stock().answer(weights_of(np.array([alpha])), knowledge=Knowledge.CLAIRVOYANT)
    plays = np.array([by_hand(each) for each in itertools.product(range(LEVELS + 1), repeat=4)])
    scores = -rewards(plays / [LEVELS, 1.0], weights_of(np.array(alpha)))
    assert -rewards(answer.objectives[0], weights_of(np.array(alpha))) == pytest.approx(scores.min(), abs=1e-15)
    np.testing.assert_allclose(answer.objectives[0] * [LEVELS, 1.0], by_hand(answer.plan[:4, 0]), rtol=1e-14)


def test_a_plan_under_a_known_demand_is_what_the_environment_plays():
    domain, plan = known_stock(), np.array([[3], [6], [2], [5], [0]])  # an order after the second would be negative
    _, came = domain.replayed(plan)
    brought = np.stack((came.paid, came.violations[..., 0]), -1)
    np.testing.assert_allclose(prospect(domain.evaluation, known=True).of(plan), brought, rtol=1e-14)


@pytest.mark.parametrize("part", Part)
def test_who_knows_more_never_does_worse_and_of_the_training_nobody_knows_more(part):
    domain, weights = domain_of(np.full(48, 5.0), levels=30, lead_time=2), weights_of(np.array([0.5]))
    knows, sees = (domain.answer(weights, part, knowledge) for knowledge in Knowledge)
    better = rewards(knows.objectives, weights)[0] - rewards(sees.objectives, weights)[0]
    assert better > 0.05 if part is Part.EVALUATION else better == 0.0
