"""Caps that change over time mask acting, exploration, greedy evaluation and the target: nobody wishes beyond them."""

import numpy as np
import pytest

from mamo_cli.core.seam import Part
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace
from tests.learners.agents import population, train

STEPS = 24
ALTERNATING = np.tile([[10], [3]], (STEPS // 2, 1))


@pytest.fixture(scope="module")
def domain():
    """Caps alternating between 10 and 3 under a load that wants about 8 replicas."""
    rate = np.full((STEPS, 1), 80.0)
    trace = Trace(("f0",), rate, rate, max_replicas=ALTERNATING, period_steps=STEPS)
    return build(InstanceConfig(), trace)


def test_the_mask_is_the_cap_of_the_coming_period(domain):
    environment = domain.environment(Part.TRAINING, 2, 3)
    masks = [environment.observe().mask]
    for _ in range(STEPS):
        step = environment.step(np.zeros((2, 3, 1), dtype=np.int64))
        assert step.seen is step.after
        masks.append(step.seen.mask)
    for copy, start in enumerate((0, 8, 16)):
        caps = np.resize(ALTERNATING[:, 0], 2 * STEPS)[start : start + STEPS + 1]
        assert np.array_equal(np.stack(masks)[:, 1, copy, 0].sum(-1), caps)
        assert np.all(np.stack(masks)[:, 1, copy, 0, 0])


def test_no_agent_wishes_for_what_its_cap_forbids_trained_or_not(domain):
    agents = population([3, 4], domain=domain)
    for iterations in (range(0), range(4)):
        train(agents, [3, 4], iterations)
        environment = domain.environment(Part.EVALUATION, 2)
        seen, wishes = environment.observe(), []
        for _ in range(STEPS):
            wishes.append(agents._learner.act(seen)[:, 0, 0] + 1)
            seen = environment.step(wishes[-1][:, None, None] - 1).seen
        assert np.all(np.array(wishes) <= ALTERNATING)
        assert np.array_equal(agents.evaluate(domain).measures[:, :, 0, 0], np.array(wishes).T)


def test_no_transition_holds_a_forbidden_choice(domain):
    agents = population([5], domain=domain)
    train(agents, [5], range(4))
    memory = agents._learner.replay.memory
    held = memory.ring[1]
    caps = np.rint(memory.states[0, :held, 0, 3] * 10)  # what was observed of the cap before the choice
    assert set(caps) == {3.0, 10.0}
    assert np.all(memory.outcomes[0, :held, 0] + 1 <= caps)
    assert (memory.outcomes[0, :held, 0] + 1 > 3).any()


def test_the_perfect_plan_obeys_the_caps_and_a_masked_agent_reaches_it(domain):
    weights = weights_of(np.array([0.9]))
    plan = domain.perfect(weights)
    assert np.all(plan + 1 <= ALTERNATING)
    assert np.all(plan[1::2] + 1 == 3)
