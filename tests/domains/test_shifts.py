"""What shifts, does so against the configuration, whatever has shifted before; in every domain that can."""

import numpy as np
import pytest

from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Part, Scope, Shift
from mamo_cli.core.weights import shared_alpha
from mamo_cli.domains import registry

# Small instances of those that can; of the others, those that can be built without a file.
CAN = {"faas": {}, "fleet": {"topology": "ring", "max_replicas": 5}, "inventory": {"levels": 40}, "battery": {}}
CANNOT = {"gridworld": {}, "junction": {"places": 3}, "chain": {}}
SHIFTS = {
    "load": Shift(load=1.25),
    "both": Shift(load=0.8, tolerance=0.2),
    "tolerance": Shift(tolerance=0.03),
    "nothing": AS_CONFIGURED,
}


def domain_of(name):
    settings = registry.about(name).SETTINGS(**{**CAN, **CANNOT}[name])
    return registry.build(name, settings, registry.load_source(name, settings))


def _best(domain):
    """What the best plan by step costs; nothing where no such plan is made."""
    try:
        return domain.optimum(Scope.AVERAGE, solver="highs").objective
    except NothingExactError:
        return 0.0


def told(domain):
    """All that a domain says of itself, and what a play and the exact answers bring."""
    weights = shared_alpha(np.full(len(domain.spec.agents), 0.3), 1)
    answer, environment = domain.answer(weights), domain.environment(Part.EVALUATION, 1)
    played = [environment.step(np.full((1, 1, len(domain.spec.agents)), step % 3)) for step in range(30)]
    return [
        domain.conditions(),
        domain.spec.limits,
        domain.spec.cost_scale,
        answer.plan,
        answer.objectives,
        _best(domain),
        np.stack([step.objectives for step in played]),
        np.stack([step.seen.values for step in played]),
    ]


def test_every_domain_is_here_but_those_that_need_a_file_or_have_no_answer():
    assert CAN.keys() | CANNOT.keys() | {"tabular", "gymnasium"} == registry.DOMAINS.keys()


@pytest.mark.parametrize("second", SHIFTS)
@pytest.mark.parametrize("name", CAN)
def test_a_shift_of_what_has_shifted_is_against_the_configuration(name, second):
    domain = domain_of(name)
    twice = domain.shifted(Shift(load=1.1, tolerance=0.07)).shifted(SHIFTS[second])
    for ours, expected in zip(told(twice), told(domain.shifted(SHIFTS[second])), strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("name", CAN)
def test_the_shifts_are_seen(name):
    domain = domain_of(name)
    before = told(domain)
    assert (told(domain.shifted(SHIFTS["load"]))[0] != before[0]).any()
    assert set(told(domain.shifted(SHIFTS["both"]))[1].ravel().tolist()) == {0.2}
    for ours, same in zip(told(domain.shifted(AS_CONFIGURED)), before, strict=True):
        np.testing.assert_array_equal(ours, same)


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_shift_says_so(name):
    with pytest.raises(UsageError, match="can shift"):
        domain_of(name).shifted(SHIFTS["load"])
