"""A policy that is served decides what it decides in an evaluation, restarts and all; what it does not act on."""

import numpy as np
import pytest

from mamo_cli.serving.decisions import Service
from mamo_cli.serving.log import DecisionLog, check
from tests.serving.nodes import PERIOD_S, THREE, node, played, policy

NOW = 1_700_000_000.0
MEMORY = {"memory_per_replica": 64, "node_memory": 700}
CASES = {
    "one function": node,
    "one function under a shield": lambda: node(shield=0.05),
    "one function within its noise": lambda: node(shield=0.0, noise=0.3),
    "caps that change": lambda: node(caps=np.tile([[8], [3], [5]], (8, 1))),
    "three functions": lambda: node(THREE),
    "three functions in one memory": lambda: node(THREE, **MEMORY),
    "three functions in one memory under a shield": lambda: node(THREE, shield=0.05, **MEMORY),
    "simulated": lambda: node(THREE, rejection_model="simulation", simulated_seconds=5.0, shield=0.05, **MEMORY),
}


def named(domain, numbers):
    return dict(zip(domain.spec.agents, numbers, strict=True))


@pytest.mark.parametrize("plays", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_a_trace_played_through_it_gives_the_choices_of_an_evaluation_however_often_it_starts_anew(
    case, plays, tmp_path
):
    domain = CASES[case]()
    made = policy(domain, plays)
    whole, again = tmp_path / "whole.jsonl", tmp_path / "again.jsonl"
    told = played(domain, made)
    with DecisionLog(whole) as log:
        service = Service(made, log)
        for at, (measured, replicas, asked) in enumerate(told):
            now = NOW + at * PERIOD_S
            decision = service.decide(measured, now)
            assert decision.agents == named(domain, replicas)
            assert decision.policy_alone == named(domain, asked)
            assert decision.overridden == (replicas != asked)
            assert service.current(now) == decision
            with DecisionLog(again) as other:
                assert Service(made, other).decide(measured, now) == decision
    assert whole.read_bytes() == again.read_bytes()
    assert check(whole).count == len(told)
    assert len({tuple(replicas) for _, replicas, _ in told}) > 2
    if "shield" in case:
        assert any(replicas != asked for _, replicas, asked in told)
