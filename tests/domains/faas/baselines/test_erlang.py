"""Erlang inversion, by hand and by looking at every margin."""

import numpy as np
import pytest

from mamo_cli.core.seam import AS_CONFIGURED, Shift
from mamo_cli.domains.faas.baselines.erlang import MARGINS, erlang_inversion, first_holding
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace


def node(trace, **settings):
    return build(InstanceConfig(**{"rejection_model": "erlang", "warm_service_time": 0.1, **settings}), trace)


def constant(rate, steps=4):
    rates = np.full((steps, 1), rate)
    return Trace(("f0",), rates, rates, period_steps=steps)


def test_the_fewest_replicas_that_keep_the_limit_at_the_expected_rate():
    # 20 requests/s of .1 s are 2 erlangs; B(2, n) for n = 1 to 5: 2/3, 2/5, 4/19, 2/21, 4/109. Without noise the margin
    # ends where the rejection still holds, so that the rule plays what the constant load needs.
    for limit, choice in ((0.7, 0), (0.4, 1), (0.25, 2), (0.1, 3), (0.04, 4)):
        domain = node(constant(20.0), tolerance=limit, noise=0.0)
        assert erlang_inversion(domain, domain).ravel().tolist() == [choice] * 4


def test_its_margin_is_the_cheapest_whose_mean_rejection_holds_in_training():
    domain = node(made_trace(2, period=20), max_replicas=14)
    expected = domain.case.training.trace.expected_rate_rps
    plan = erlang_inversion(domain, domain)

    def mean(choices):
        return domain.expected(choices).violations.mean(0)[:, 0]

    plans = []
    for margin in MARGINS:
        every = erlang_b(expected * margin * 0.1, 14)
        plans.append((every <= 0.05).argmax(-1))
    for function in range(2):
        held = [each for each in plans if mean(each)[function] <= 0.05]
        cheapest = min(held, key=lambda each: each[:, function].sum())
        assert plan[:, function].tolist() == cheapest[:, function].tolist()
    assert (mean(plan) <= 0.05).all()


def test_it_sees_rates_and_caps_and_the_limit_and_nothing_else_that_changes():
    domain = node(made_trace(1, period=20), max_replicas=20)
    plan = erlang_inversion(domain, domain)
    assert erlang_inversion(domain, domain.shifted(Shift(service=1.4))).tolist() == plan.tolist()
    assert (erlang_inversion(domain, domain.shifted(Shift(load=1.5))) > plan).any()
    capped = erlang_inversion(domain, domain.shifted(Shift(cap=4)))
    assert capped.tolist() == np.minimum(plan, 3).tolist()
    tighter = domain.shifted(Shift(tolerance=0.01))
    assert (erlang_inversion(tighter, tighter) >= plan).all()
    assert (erlang_inversion(tighter, tighter) > plan).any()


def test_in_a_window_it_plays_what_it_plays_there_in_the_whole():
    domain = node(made_trace(1, period=20))
    whole = erlang_inversion(domain, domain)
    assert erlang_inversion(domain, domain.shifted(AS_CONFIGURED, (5, 9))).tolist() == whole[5:9].tolist()


def test_where_nothing_holds_the_margin_is_the_largest():
    domain = node(constant(50.0), max_replicas=2)
    assert erlang_inversion(domain, domain).ravel().tolist() == [1] * 4
    assert pytest.approx(3.0) == MARGINS[-1]


def test_halving_finds_for_each_function_the_first_candidate_that_holds_and_else_the_last():
    firsts = np.array([0, 1, 4, 6, 7, 9])  # of 8 candidates; the last function's never holds
    asked = []

    def holds(places):
        asked.append(places)
        return places >= firsts

    assert first_holding(8, 6, holds).tolist() == [0, 1, 4, 6, 7, 7]
    assert len(asked) == 3
