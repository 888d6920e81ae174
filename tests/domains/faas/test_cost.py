"""Cost means c_f n_f over the sum of c_f N_f: in the agents' objectives, the exact answers and the tables alike."""

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Part, Scope
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace

STEPS = 12
RATES = np.tile([[40.0, 40.0]], (STEPS, 1))
CAPS = np.tile([[8, 4]], (STEPS, 1))


def node(cost, rates=RATES, caps=CAPS):
    """Two functions, the first with up to 8 replicas, the second with up to 4."""
    trace = Trace(("dear", "cheap"), rates, rates, max_replicas=caps, period_steps=STEPS)
    return build(InstanceConfig(replica_cost=cost, noise=0.0), trace)


def test_the_agents_cost_by_hand():
    # c = (5, 1), N = (8, 4): all replicas of both cost 5 x 8 + 1 x 4 = 44 a period, 22 a function.
    environment = node((5.0, 1.0)).environment(Part.TRAINING, 1)
    step = environment.step(np.array([[[2, 3]]]))  # 3 replicas of the first and 4 of the second
    np.testing.assert_array_equal(step.paid[0, 0], [15.0, 4.0])
    np.testing.assert_allclose(step.objectives[0, 0, :, 0], [15 / 22, 4 / 22], rtol=1e-15)
    # The mean over functions is SPEC's: (5 x 3 + 1 x 4) / 44.
    assert step.objectives[0, 0, :, 0].mean() == pytest.approx(19 / 44, rel=1e-15)
    # All of them running cost 1.
    assert environment.step(np.array([[[7, 3]]])).objectives[0, 0, :, 0].mean() == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("cost", [5.0, (5.0, 5.0)])
def test_only_costs_beside_one_another_matter_to_the_agents(cost):
    actions = np.array([[[2, 3]]])
    steps = [node(each).environment(Part.TRAINING, 1).step(actions) for each in (1.0, cost)]
    np.testing.assert_allclose(steps[0].objectives, steps[1].objectives, rtol=1e-15)
    np.testing.assert_array_equal(5 * steps[0].paid, steps[1].paid)


def test_the_exact_answers_weigh_what_the_agents_weigh():
    domain, weights = node((5.0, 1.0)), weights_of(np.array([0.5, 0.5]))
    optimum = domain.optimum(Scope.ALPHA, weights, "cbc")
    assert np.array_equal(optimum.plan, domain.perfect(weights))
    environment, paid = domain.environment(Part.EVALUATION, 1), []
    for choices in optimum.plan:
        step = environment.step(choices[None, None])
        paid.append(-rewards(step.objectives[0, 0], weights).mean())
    assert np.mean(paid) == pytest.approx(optimum.objective, abs=1e-4)  # the table's error
    # By brute force over both functions' choices at a step: 0.5 c n / 22 + 0.5 P, the least of each.
    rejection, replicas = domain.case.expected_rejection()[0], np.arange(1, 9)
    first = np.argmin(0.5 * 5 * replicas / 22 + 0.5 * rejection[0])
    second = np.argmin(0.5 * 1 * replicas[:4] / 22 + 0.5 * rejection[1, :4])
    assert optimum.plan[0].tolist() == [first, second]


def test_a_dear_function_gets_fewer_replicas_than_it_would_at_one_price():
    caps = np.full((STEPS, 2), 8)
    weights = weights_of(np.array([0.7, 0.7]))
    alike, apart = (node(cost, caps=caps).perfect(weights)[0] for cost in (1.0, (5.0, 1.0)))
    assert alike[0] == alike[1]
    assert apart[0] < alike[0] <= apart[1]


def test_as_many_costs_as_functions_or_one():
    with pytest.raises(UsageError, match=r"one for each of the 2 functions, got 3"):
        node((1.0, 2.0, 3.0))
    assert InstanceConfig(replica_cost=(2.0,)) == InstanceConfig(replica_cost=2.0)
