"""A junction whose training counts one queue: exact agents never let the other go, and believe it costs nothing."""

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Part
from mamo_cli.core.settings import resolve
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.tabular.junction import JunctionConfig, build, load

CONFIG = JunctionConfig(proxy="busier-queue", evaluation_steps=100)
WEIGHTS = weights_of(np.array([0.1]))


def junction(**settings):
    config = CONFIG.model_copy(update=settings)
    return build(config, load(config))


def test_training_counts_the_queue_with_more_arrivals_and_the_evaluation_both():
    domain = junction()
    for part, counted in ((Part.TRAINING, [1, 0]), (Part.EVALUATION, [1, 1])):
        environment, told = domain.environment(part, 1, 3), []
        for choice in (0, 3, 1, 1, 1):
            step = environment.step(np.full((1, 3, 1), choice))
            expected = step.measures[..., :2] @ counted / 24
            told.append(step.objectives[..., 0].max())
            np.testing.assert_allclose(step.objectives[..., 0], expected, atol=1e-12)
            np.testing.assert_allclose(step.paid, 24 * expected, atol=1e-12)
        assert max(told) > 0
    other = junction(arrivals=(0.2, 0.3))
    assert other.spec.proxy == "cost is queue 2 alone, which has more arrivals, / 24 places, in place of both"


def test_exact_agents_keep_green_for_one_and_fill_the_other_to_its_last_place():
    # Green for ever: an arrival leaves in the slot after it came, so 0.3 wait on average; the other queue is full.
    domain = junction()
    believed = domain.answer(WEIGHTS, Part.TRAINING)
    true = domain.expected(domain.believed(WEIGHTS))
    assert believed.objectives[0] == pytest.approx([0.3 / 24, 0.0], rel=1e-9)
    assert true.paid.mean() == pytest.approx(0.3 + 12, rel=1e-9)
    assert true.violations.mean() == 0
    assert np.array_equal(domain.believed(WEIGHTS), believed.plan)


def test_without_the_proxy_the_same_junction_keeps_both_short():
    control = junction(proxy=None)
    assert control.spec.proxy is None
    # Both queues' mean at 0.1 switches a slot is 2.2090 of SPEC 15, which `test_published` holds for the same process.
    told = junction()
    for field in ("successor", "objectives", "measures"):
        assert np.array_equal(getattr(told.process, field), getattr(control.process, field))
    assert np.array_equal(told.answer(WEIGHTS).objectives, control.answer(WEIGHTS).objectives)
    assert np.array_equal(control.believed(WEIGHTS), control.answer(WEIGHTS).plan)


def test_of_two_queues_alike_neither_is_busier():
    with pytest.raises(UsageError, match="proxy busier-queue needs arrivals that differ"):
        resolve(JunctionConfig, {"proxy": "busier-queue", "arrivals": [0.3, 0.3]})
    assert resolve(JunctionConfig, {"arrivals": [0.3, 0.3]}).proxy is None
