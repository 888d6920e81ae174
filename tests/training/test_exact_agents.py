"""Task agents that play the exact answer: what they tell is what the domain says of it, and mixtures are means."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Part
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.gymnasium.domain import GymnasiumDomain
from mamo_cli.domains.gymnasium.settings import GymnasiumConfig
from mamo_cli.training.exact_agents import ExactAgents
from mamo_cli.training.readout import Delivery
from mamo_cli.training.shards import build_shard
from mamo_cli.training.two_phase import TwoPhaseLoop
from tests.analysis.test_mixing import pair
from tests.domains.faas.nodes import made_trace
from tests.strategies.exact_learner import strategy_of
from tests.training.runs import mamo_spec, rounds_of

DOMAIN = build(InstanceConfig(), made_trace(2))
WEIGHTS = weights_of(np.array([[0.3, 0.8], [0.9, 0.6]]))  # (K, A, M)


def test_they_tell_what_the_domain_answers():
    agents = ExactAgents(DOMAIN, 2)
    told = agents.train_iteration(0, WEIGHTS)
    for k in range(2):
        assert np.array_equal(told.objectives[k], DOMAIN.answer(WEIGHTS[k], Part.TRAINING).objectives)
        answer = DOMAIN.answer(WEIGHTS[k])
        played = agents.evaluate(DOMAIN)
        assert np.array_equal(played.paid[k], DOMAIN.expected(answer.plan).paid)
        violations = played.violations[k].mean(0)[:, 0]
        assert violations == pytest.approx(answer.objectives[:, 1], rel=1e-12)
    assert np.array_equal(agents.replayed(agents.policies()[None])[0], told.objectives)


def test_a_mixture_brings_the_mean_of_what_its_policies_bring_agent_by_agent():
    agents = ExactAgents(DOMAIN, 2)
    policies = np.stack((WEIGHTS.reshape(2, -1), WEIGHTS[::-1].reshape(2, -1)))
    shares = np.array([[[0.25, 1.0], [0.5, 0.0]], [[0.75, 0.0], [0.5, 1.0]]])
    delivery = Delivery(
        policies, shares, np.zeros((2, 2, 2, 2)), np.zeros((2, 2, 2, 2)), np.zeros((2, 2), dtype=np.int64)
    )
    played = agents.evaluate(DOMAIN, delivery)
    means = np.stack((played.paid.mean(1) / DOMAIN.spec.cost_scale, played.violations[..., 0].mean(1)), -1)
    first, second = (DOMAIN.answer(WEIGHTS[k]).objectives for k in range(2))
    assert means[0] == pytest.approx(np.array([0.25 * first[0] + 0.75 * second[0], first[1]]), rel=1e-12)
    assert means[1] == pytest.approx(np.array([(first[0] + second[0]) / 2, first[1]]), rel=1e-12)


def test_a_run_of_them_is_told_in_the_same_tables():
    (*_, last) = rounds_of(build_shard(mamo_spec((0, 1), te="exact", readout="mix")))
    assert {table: len(rows) > 0 for table, rows in last.items()} == dict.fromkeys(last, True)
    assert all(np.isnan(row[5]) for row in last["training"])  # no loss


def test_where_nothing_is_exact_there_are_none():
    with pytest.raises(NothingExactError, match="nothing exact is known"):
        ExactAgents(GymnasiumDomain(GymnasiumConfig()), 1)


def test_two_that_share_a_budget_take_turns_in_the_mixture_that_is_delivered():
    # One of the two may have the choice that violates nothing, see test_mixing: within .5 each has it half of the time.
    domain = pair([0.5, 0.5])
    loop = TwoPhaseLoop(
        seeds=[0, 1], domain=domain, tasks=ExactAgents(domain, 2),
        strategy=strategy_of("dual", domain, (0, 1), step=1.0),
        cycles=12, phase_iterations=1, round_iterations=1, window=1, steps_per_iteration=1, readout="mix",
    )  # fmt: skip
    tables = rounds_of(loop)[-1]
    delivery = loop.delivery()
    assert (delivery.shares == delivery.shares[..., :1]).all()
    brought = np.einsum("jka,jkam->kam", delivery.shares, delivery.objectives)
    np.testing.assert_allclose(brought, [[[0.5, 0.5], [0.5, 0.5]]] * 2, atol=1e-9)
    assert bound(domain).cost == pytest.approx(brought[0, :, 0].mean(), abs=1e-9)
    shares = [row[3] for row in tables["delivered"]]
    assert len(shares) == 8  # two policies, each for both agents of both members
    assert shares == pytest.approx([0.5] * 8)
    evaluated = [row[-2:] for row in tables["evaluation"]]  # cost and violation of each agent of each member
    np.testing.assert_allclose(np.array(evaluated, dtype=float), [[0.5, 0.5]] * 4, atol=1e-9)
