"""The node behind the seam: what it says of itself, and that its exact answers are one another's."""

import numpy as np
import pytest

from mamo_cli.core.errors import SolverError, UsageError
from mamo_cli.core.seam import Part, Scope
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import rewards, weights_of
from mamo_cli.domains.faas.domain import build, load
from mamo_cli.domains.faas.settings import InstanceConfig, Planning
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace, saved


@pytest.fixture(params=[1, 3], ids=["one function", "three functions"])
def domain(request, tmp_path):
    config = saved(made_trace(request.param, caps=True), tmp_path, replica_cost=2.0, tolerance=0.1)
    return build(config, load(config))


def test_it_says_what_kind_of_problem_it_is(domain):
    spec, node = domain.spec, domain.case.training
    functions = node.functions
    assert spec.agents == tuple(f"f{index}" for index in range(functions))
    assert spec.limits.tolist() == [[0.1]] * functions
    assert spec.choices == (node.replica_choices,) * functions
    assert spec.cost_scale == pytest.approx(2.0 * made_trace(functions, caps=True).max_replicas.max(0).mean())
    assert spec.objectives == 2
    assert spec.observation == domain.environment(Part.TRAINING, 1).observe().values.shape[-1]


def test_a_periods_reward_is_the_same_from_choices_and_from_play(domain):
    # Every function runs one replica: the expected plan and the environment pay alike, and reject alike without noise.
    steps, functions = domain.conditions().shape[:2]
    environment = domain.environment(Part.EVALUATION, 1)
    lowest = np.zeros((1, 1, functions), dtype=np.int64)
    played = [environment.step(lowest) for _ in range(steps)]
    came = domain.replayed(np.zeros((steps, functions), dtype=np.int64))[1]
    np.testing.assert_array_equal([step.paid[0, 0] for step in played], came.paid)
    np.testing.assert_array_equal([step.measures[0, 0] for step in played], came.measures)
    violations = np.array([step.objectives[0, 0, :, 1:] for step in played])
    np.testing.assert_allclose(violations, came.violations, rtol=0, atol=1e-4)  # the table's own bound
    assert environment.steps == steps


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9, 1.0])
def test_a_perfect_agents_choices_are_the_exact_optimum_of_scope_alpha(domain, alpha):
    functions = len(domain.spec.agents)
    weights = weights_of(np.linspace(alpha, alpha / 2, functions))
    plan, optimum = domain.perfect(weights), domain.optimum(Scope.ALPHA, weights, "cbc")
    for choices in (plan, optimum.plan):
        played = domain.expected(choices)
        objectives = np.concatenate((played.paid[..., None], played.violations), -1)
        reward = rewards(objectives, weights, domain.spec.cost_scale).mean()
        assert -reward == pytest.approx(optimum.objective, abs=1e-9)


def test_measures_tell_of_the_choices(domain):
    steps, functions = domain.conditions().shape[:2]
    plan = np.random.default_rng(0).integers(0, domain.case.evaluation.replica_choices, (steps, functions))
    planned, came = domain.replayed(plan)
    for played in (planned, came, domain.expected(plan)):
        np.testing.assert_array_equal(domain.choices_of(played.measures), plan)
        np.testing.assert_array_equal(played.paid, 2.0 * (plan + 1))


def test_only_training_draws_noise_each_member_from_its_own_stream(domain):
    pair = [MemberStreams(seed, "te") for seed in (3, 4)]
    alone = MemberStreams(4, "te")
    both = domain.environment(Part.TRAINING, 2, 5).draw(7, pair)
    np.testing.assert_array_equal(both[:, 1:], domain.environment(Part.TRAINING, 1, 5).draw(7, [alone]))
    assert both.shape == (7, 2, 5, len(domain.spec.agents))
    assert 0.1 < np.abs(both).max() <= 0.2
    assert not np.array_equal(both[:, 0], both[:, 1])
    assert not domain.environment(Part.EVALUATION, 2, 5).draw(7, pair).any()


def test_a_plan_is_shown_at_the_rates_it_was_made_for():
    # 60 and 5 requests/s in turns, 3.9 and .325 Erlang; expected is what came before, and planned for is what comes.
    came = np.tile([60.0, 5.0], 20)[:, None]
    trace = Trace(("f0",), np.vstack((came[:1] * 0 + 5.0, came[:-1])), came)
    domain = build(InstanceConfig(), trace, trace)
    optimum = domain.optimum(Scope.STEP, solver="cbc")
    planned, played = domain.replayed(optimum.plan)
    assert optimum.feasible.all()
    assert planned.violations.max() <= 0.05
    assert planned.violations.mean() == pytest.approx(0.03285, abs=5e-6)
    np.testing.assert_array_equal(planned.violations, played.violations)
    np.testing.assert_array_equal(domain.conditions()[1:, 0, 0], came[:-1, 0])  # what is expected stays as it is


def test_a_plan_for_a_load_that_repeats_is_shown_before_the_noise():
    source = load(InstanceConfig())
    domain = build(InstanceConfig(), source, source)
    planned, played = domain.replayed(np.full((288, 1), 6))
    exact = domain.case.exact_rejection(source.expected_rate_rps, np.full((288, 1), 7))
    np.testing.assert_array_equal(planned.violations[..., 0], exact)
    assert (planned.violations != played.violations).mean() > 0.9


def test_memory_too_small_names_the_option_and_the_functions():
    trace = made_trace(3)
    with pytest.raises(SolverError) as refusal:
        build(InstanceConfig(), trace, trace, Planning(memory_per_replica=100.0, node_memory=299.0))
    assert str(refusal.value) == (
        "one replica of each function (f0, f1, f2) takes 300 MB, and --node-memory is 299: set it to 300 or more, or "
        "leave functions out of the trace"
    )
    crowded = build(InstanceConfig(), trace, trace, Planning(memory_per_replica=100.0, node_memory=300.0))
    assert (crowded.optimum(Scope.STEP, solver="highs").plan == 0).all()


def test_memory_binds_plans_and_answers_and_scaling_up_the_plan_alone():
    config = InstanceConfig()
    source = load(config)
    free = build(config, source, source)
    memory = build(config, source, source, Planning(memory_per_replica=100.0, node_memory=700.0))
    scaled = build(config, source, source, Planning(scale_up_cost=0.5))
    plans = [domain.optimum(Scope.STEP, solver="cbc").plan for domain in (free, memory)]
    assert plans[0].max() + 1 > 7
    assert plans[1].max() + 1 == 7
    costs = [domain.optimum(Scope.AVERAGE, solver="cbc").objective for domain in (free, scaled)]
    assert costs[1] > costs[0]
    weights = weights_of(np.array([0.8]))
    np.testing.assert_array_equal(scaled.perfect(weights), free.perfect(weights))
    assert free.perfect(weights).max() + 1 > 7
    np.testing.assert_array_equal(memory.perfect(weights), np.minimum(free.perfect(weights), 6))
    for part in ({"memory_per_replica": 1.0}, {"node_memory": 1.0}):
        with pytest.raises(UsageError, match="--memory-per-replica and --node-memory go together"):
            build(config, source, source, Planning(**part))
