"""A node's memory: whole units, what agents see of it, joint answers, and what does not fit."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Knowledge, Part, Scope
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import FunctionConfig, InstanceConfig
from tests.domains.faas.nodes import made_trace

MB = {"f0": 128, "f1": 256, "f2": 192}


def own(**shares):
    return {name: FunctionConfig(memory_per_replica=mb, priority=shares.get(name)) for name, mb in MB.items()}


def node(memory, trace=None, **shares):
    """Three functions of at most 5 replicas; a memory of so many MB, or one a step."""
    trace = made_trace(3, 12) if trace is None else trace
    if not np.isscalar(memory):
        return build(InstanceConfig(max_replicas=5).having(own(**shares)), replace(trace, node_memory_mb=memory), None)
    return build(InstanceConfig(max_replicas=5, node_memory=memory).having(own(**shares)), trace)


def test_memory_is_counted_in_the_largest_common_part():
    memory = node(1000).case.evaluation.memory
    assert memory.use[:, 0].tolist() == [2, 4, 3]  # of 64 MB
    assert memory.use[:, 4].tolist() == [10, 20, 15]
    assert set(memory.budgets.tolist()) == {15}  # 1000 / 64 = 15.6
    assert memory.full == 45
    assert not memory.short.any()


def test_agents_see_it_and_are_told_what_there_is():
    varying = np.array([1000, 576, 640, 999999] * 3)
    environment = node(varying).environment(Part.TRAINING, 2, copies=4)
    seen = environment.observe()  # 70 % of 12 steps are 8; copies stand at 0, 2, 4 and 6
    assert seen.budget.tolist() == [[15, 10, 15, 10]] * 2
    np.testing.assert_allclose(
        seen.values[..., 4], np.broadcast_to([[15 / 45], [10 / 45]] * 2, (4, 3))[None].repeat(2, 0)
    )
    step = environment.step(np.zeros((2, 4, 3), dtype=np.int64))
    assert step.seen.budget.tolist() == [[9, 45 * 0 + 15624, 9, 15624]] * 2
    assert step.seen.values[0, 1, 0, 4] == 1.0
    free = build(InstanceConfig(), made_trace(3, 12))
    assert (free.spec.observation, free.spec.use) == (4, None)
    assert free.environment(Part.TRAINING, 1).observe().budget is None


def test_what_does_not_fit_is_refused():
    environment = node(1000).environment(Part.EVALUATION, 1)
    environment.step(np.array([[[2, 0, 0]]]))  # 6 + 4 + 3 = 13 of 15 units
    environment.step(np.array([[[1, 1, 0]]]))  # 4 + 8 + 3 = 15
    with pytest.raises(ValueError, match=r"choices \[0 1 1\] take 16 units of memory, and there are 15"):
        environment.step(np.array([[[0, 1, 1]]]))


def test_where_one_of_each_does_not_fit_one_of_each_runs_and_the_step_is_marked():
    varying = np.array([1000] * 10 + [575, 1])
    domain = node(varying)
    memory = domain.case.evaluation.memory  # the last four steps
    assert memory.short.tolist() == [False, False, True, True]
    assert memory.budgets.tolist() == [15, 15, 9, 9]
    assert "node_memory is too small for one replica of each function at 2 of 4 steps, the first of them 2" in str(
        domain.warnings
    )
    for scope, weights in ((Scope.STEP, None), (Scope.AVERAGE, None), (Scope.ALPHA, weights_of(np.full(3, 0.5)))):
        optimum = domain.optimum(scope, weights, solver="highs")
        assert optimum.plan[2:].tolist() == [[0, 0, 0], [0, 0, 0]]
        assert not optimum.feasible[2:].any()
    assert optimum.feasible[:2].all()  # scope alpha asks for nothing else
    environment = domain.environment(Part.EVALUATION, 1)
    for choice in (0, 0, 0, 0):
        environment.step(np.full((1, 1, 3), choice))


@pytest.mark.parametrize("knowledge", list(Knowledge))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_answer_is_the_best_of_all_joint_choices_that_fit(knowledge, data):
    budget = data.draw(st.integers(576, 2900))
    alphas = np.array(data.draw(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3)))
    shares = data.draw(st.sampled_from([{}, {"f0": 0.6, "f1": 0.3, "f2": 0.1}]))
    domain = node(budget, made_trace(3, 12, period=12), **shares)
    answer = domain.answer(weights_of(alphas), Part.EVALUATION, knowledge)
    prospect = domain.prospect(Part.EVALUATION, knowledge)
    scores = (
        -rewards(prospect.objectives, weights_of(alphas)[:, None]) * np.array([*shares.values()] or [1.0] * 3)[:, None]
    )
    joint = np.array(list(product(range(5), repeat=3)))
    joint = joint[(joint + 1) @ list(MB.values()) <= budget]
    totals = scores[:, np.arange(3), joint].sum(-1)  # (T, joint)
    ours = np.take_along_axis(scores, answer.plan[..., None], 2)[..., 0].sum(-1)
    assert ((answer.plan + 1) @ list(MB.values())).max() <= budget
    np.testing.assert_allclose(ours, totals.min(1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        answer.objectives, np.take_along_axis(prospect.objectives, answer.plan[..., None, None], 2)[..., 0, :].mean(0)
    )


@pytest.mark.parametrize("part", list(Part))
def test_a_huge_memory_moves_no_number(part):
    trace = made_trace(3, 12)
    free, huge = build(InstanceConfig(max_replicas=5), trace), node(10**9)
    for alpha in (0.0, 0.3, 0.8, 1.0):
        for knowledge in Knowledge:
            one, other = (domain.answer(weights_of(np.full(3, alpha)), part, knowledge) for domain in (free, huge))
            np.testing.assert_array_equal(one.plan, other.plan)
            np.testing.assert_array_equal(one.objectives, other.objectives)
    ours, theirs = (domain.environment(part, 2, 2) for domain in (free, huge))
    for choice in (4, 0, 2):
        steps = [each.step(np.full((2, 2, 3), choice)) for each in (ours, theirs)]
        np.testing.assert_array_equal(steps[0].objectives, steps[1].objectives)
        np.testing.assert_array_equal(steps[0].seen.values, steps[1].seen.values[..., :4])


def test_lagged_rates_have_no_exact_answer_where_memory_binds():
    lagged = made_trace(3, 12, deviations=True)
    domain = node(1000, lagged)
    few = domain.answer(weights_of(np.zeros(3)))  # one replica of each fits
    assert (few.plan == 0).all()
    with pytest.raises(NothingExactError, match="where memory ties functions together"):
        domain.answer(weights_of(np.full(3, 0.9)))
    assert domain.answer(weights_of(np.full(3, 0.9)), knowledge=Knowledge.CLAIRVOYANT).plan.any()


def test_memory_said_in_part_is_refused():
    trace = made_trace(3, 12)
    with_column = replace(trace, node_memory_mb=np.full(12, 1000))
    together = "--memory-per-replica and --node-memory go together"
    for config, source, message in (
        (InstanceConfig(memory_per_replica=1), trace, together),
        (InstanceConfig(node_memory=1), trace, together),
        (InstanceConfig(), with_column, "the trace has a column node_memory: say what a replica takes of it"),
    ):
        with pytest.raises(UsageError, match=message):
            build(config, source)
    odd = {name: FunctionConfig(memory_per_replica=mb) for name, mb in zip(MB, (999_983, 2, 2), strict=True)}
    with pytest.raises(UsageError, match="at most 100,000 can be shared; round --memory-per-replica"):
        build(InstanceConfig(node_memory=10**9).having(odd), trace)
