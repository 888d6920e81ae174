"""The simulated node as environments: equal to the slow simulator pool by pool, independent, resumable, whole."""

import numpy as np
import pytest

from mamo_cli.core.seam import AS_CONFIGURED, Part, Scope
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import NOTICE, build, load
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.settings import FunctionConfig, InstanceConfig
from mamo_cli.domains.faas.simulation.pool import Service
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace, saved
from tests.domains.faas.simulation.reference import Node

SHORT = {"rejection_model": "simulation", "idle_timeout": 0.5, "warm_service_time": 0.05, "cold_service_time": 0.2}
SEEDS = (3, 7, 11)


def simulated(tmp_path, functions=2, steps=12, step_seconds=10.0, **settings):
    trace = made_trace(functions, steps, caps=True)
    trace = Trace(**{**trace.__dict__, "step_seconds": step_seconds})
    config = saved(trace, tmp_path, **{**SHORT, **settings})
    return build(config, load(config))


def streams(seeds=SEEDS):
    return [MemberStreams(seed, "te") for seed in seeds]


def random_actions(environment, steps):
    shape, choices = environment.observe().values.shape[:3], environment.node.replica_choices
    return np.random.default_rng(5).integers(0, choices, (steps, *shape))


def stacked(steps):
    each = ((step.objectives, step.paid, step.measures, step.seen.values) for step in steps)
    return [np.stack(part) for part in zip(*each, strict=True)]


def equal(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def test_every_period_is_the_slow_simulators(tmp_path):
    """Each function of each copy of each member has its own pool, which goes on from period to period."""
    domain = simulated(tmp_path, simulated_seconds=4.0)
    environment = domain.environment(Part.TRAINING, 2, 3)
    draws, actions = environment.draw(6, streams((3, 7))), random_actions(environment, 6)
    node = environment.node
    pools = {place: Node(Service(0.05, 0.2, 0.5)) for place in np.ndindex(2, 3, 2)}
    for step, (deviations, seeds) in enumerate(draws):
        played = environment.step(actions[step], draws[step])
        for place, pool in pools.items():
            at = (place[1] * node.trace.steps // 3 + step) % node.trace.steps
            cap = min(actions[step][place] + 1, node.max_replicas[at, place[2]])
            before = np.array([pool.arrived, pool.rejected, pool.cold])
            busy_s, warm_s, answered = pool.busy_s, pool.warm_s, len(pool.responses)
            rate = node.trace.actual_rate_rps[at, place[2]] * (1.0 + deviations[place])
            pool.play(int(cap), rate, 4.0, int(seeds[place]))
            arrived, rejected, cold = [pool.arrived, pool.rejected, pool.cold] - before
            responses = np.array(pool.responses[answered:])
            assert played.objectives[place][1] == rejected / arrived
            replicas, cold_share, mean_ms, tail_ms, warm, busy = played.measures[place]
            assert replicas == cap
            assert played.paid[place] == cap
            assert cold_share == cold / len(responses)
            assert mean_ms == pytest.approx(1000.0 * responses.mean(), rel=1e-12)
            exact = 1000.0 * np.sort(responses)[int(np.ceil(0.95 * len(responses))) - 1]
            assert tail_ms == pytest.approx(exact, rel=1 / 31)  # the width of a bin
            assert warm == pytest.approx((pool.warm_s - warm_s) * 2.5, rel=1e-9)  # 4 s stand for 10 s
            assert busy == pytest.approx((pool.busy_s - busy_s) * 2.5, rel=1e-9)
            seen = played.seen.values[place]
            assert seen[2] == np.float32(rejected / arrived)


def test_members_are_independent_to_the_last_bit(tmp_path):
    domain = simulated(tmp_path)
    together = domain.environment(Part.TRAINING, 3, 2)
    draws, actions = together.draw(8, streams()), random_actions(together, 8)
    whole = stacked([together.step(actions[step], draws[step]) for step in range(8)])
    for member, seed in enumerate(SEEDS):
        alone = domain.environment(Part.TRAINING, 1, 2)
        own = alone.draw(8, streams((seed,)))
        told = stacked([alone.step(actions[step, member : member + 1], own[step]) for step in range(8)])
        assert equal(told, [part[:, member : member + 1] for part in whole])


def test_it_goes_on_from_its_state_bit_for_bit(tmp_path):
    domain = simulated(tmp_path)
    environment, actions = domain.environment(Part.TRAINING, 3, 2), None
    actions = random_actions(environment, 10)
    draws = environment.draw(10, streams())
    for step in range(5):
        environment.step(actions[step], draws[step])
    state = environment.state_dict()
    told = stacked([environment.step(actions[step], draws[step]) for step in range(5, 10)])
    again, fresh = domain.environment(Part.TRAINING, 3, 2), domain.environment(Part.TRAINING, 3, 2)
    again.load_state_dict(state)
    assert equal(told, stacked([again.step(actions[step], draws[step]) for step in range(5, 10)]))
    fresh.load_state_dict({**state, "pools": fresh.state_dict()["pools"]})  # a planted fault: the replicas are lost
    assert not equal(told, stacked([fresh.step(actions[step], draws[step]) for step in range(5, 10)]))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("counts", lambda counts: counts + 9),
        ("counts", lambda counts: counts[:1]),
        ("until", lambda until: np.full_like(until, np.nan)),
    ],
)
def test_a_state_of_other_pools_is_refused(tmp_path, name, wrong):
    environment = simulated(tmp_path).environment(Part.TRAINING, 2)
    for actions in random_actions(environment, 2):
        environment.step(actions)
    state = environment.state_dict()
    state["pools"][name] = wrong(state["pools"][name])
    with pytest.raises(ValueError, match="replicas"):
        environment.load_state_dict(state)


def test_the_evaluation_is_whole_and_the_same_for_all_members_and_windows(tmp_path):
    domain = simulated(tmp_path, steps=40, simulated_seconds=1.0)
    environment = domain.environment(Part.EVALUATION, 2)
    actions = np.zeros((2, 1, 2), dtype=np.int64)
    steps = [environment.step(actions) for _ in range(environment.steps)]
    for step in steps:
        assert np.array_equal(step.measures[0], step.measures[1], equal_nan=True)
        assert np.all(step.measures[..., 4] > 9.0)  # of 10 replica-seconds
    state = None
    for window in ((0, 5), (5, environment.steps)):  # walked window by window, the replicas handed on
        part = domain.shifted(AS_CONFIGURED, window).environment(Part.EVALUATION, 1)
        if state is not None:
            part.load_state_dict(state)
        for step in range(*window):
            told = part.step(actions[:1])
            assert np.array_equal(told.measures[0], steps[step].measures[0], equal_nan=True)
        state = part.state_dict()


def test_where_nothing_arrives_nothing_is_rejected_and_no_response_is_known():
    rates = np.zeros((4, 1))
    trace = Trace(functions=("f0",), expected_rate_rps=rates, actual_rate_rps=rates)
    domain = build(InstanceConfig(**SHORT), trace)
    played = domain.environment(Part.EVALUATION, 1).step(np.array([[[3]]]))
    assert played.objectives[0, 0, 0, 1] == 0.0
    np.testing.assert_array_equal(played.measures[0, 0, 0], [4.0, 0.0, np.nan, np.nan, 0.0, 0.0])


def test_draws_share_the_workload_with_the_models(tmp_path):
    """The same seed sees the same rates, whoever says what they bring."""
    config = saved(made_trace(2, 12), tmp_path)
    model = build(config, load(config)).environment(Part.TRAINING, 3, 2).draw(5, streams())
    told = simulated(tmp_path).environment(Part.TRAINING, 3, 2).draw(5, streams())
    assert np.array_equal(model, np.stack([deviations for deviations, _ in told]))
    seeds = np.stack([seeds for _, seeds in told])
    assert len(np.unique(seeds)) == seeds.size


def test_what_is_exact_is_erlangs_and_what_comes_is_simulated(tmp_path):
    domain = simulated(tmp_path, step_seconds=60.0, idle_timeout=0.02)
    assert NOTICE in domain.warnings
    plan = domain.optimum(Scope.STEP, None, "highs").plan
    planned, came = domain.replayed(plan)
    rates = domain.case.known_rate_rps
    exact = erlang_b(rates * 0.05, domain.spec.choices[0])
    np.testing.assert_allclose(planned.violations[..., 0], np.take_along_axis(exact, plan[..., None], 2)[..., 0])
    environment = domain.environment(Part.EVALUATION, 1)
    steps = [environment.step(choices[None, None]) for choices in plan]
    assert np.array_equal(came.violations[..., 0], [step.objectives[0, 0, :, 1] for step in steps])
    assert np.array_equal(came.measures, planned.measures, equal_nan=True)  # which no model knows
    assert np.array_equal(domain.choices_of(came.measures), plan)
    # With a timeout of 20 ms, cold starts make the node worse than the model's: it is no mean of the two.
    assert came.violations.mean() > planned.violations.mean() + 0.01
    answer = domain.answer(weights_of(np.array([0.8, 0.8])))
    assert np.isnan(domain.expected(answer.plan).measures[..., 1:]).all()
    assert [one.name for one in domain.spec.words.measures][1] == "cold_start_share"
    assert domain.spec.block == 2


def test_a_faster_cold_start_is_the_bound(tmp_path):
    """Where starting replicas serve faster, a node that is always cold rejects less than one that is always warm."""
    model = simulated(tmp_path, cold_service_time=0.01, warm_service_time=0.05).case.models[0]
    assert model.rejection_probability(100.0, 3)[-1] == pytest.approx(erlang_b(1.0, 3)[-1], rel=1e-12)


def test_functions_are_simulated_each_with_its_own_times(tmp_path):
    """Little: 20 requests/s of .05 s and of .01 s keep 1 and .2 replicas busy."""
    rates = np.full((20, 2), 20.0)
    trace = Trace(functions=("f0", "f1"), expected_rate_rps=rates, actual_rate_rps=rates)
    config = InstanceConfig(**{**SHORT, "idle_timeout": 60.0}, noise=0.0, max_replicas=9)
    config = config.having({"f1": FunctionConfig(warm_service_time=0.01, cold_service_time=0.02)})
    domain = build(config, trace)
    environment = domain.environment(Part.EVALUATION, 1)
    busy = np.mean([environment.step(np.full((1, 1, 2), 8)).measures[0, 0, :, 5] for _ in range(20)][1:], 0)
    np.testing.assert_allclose(busy, [20 * 0.05 * 300.0, 20 * 0.01 * 300.0], rtol=0.02)
    assert domain.spec.block == 2


def test_a_long_start_lets_a_policy_play_on(tmp_path):
    """Ten times (.05 + 2) s are 2.05 periods of 10 s: 1 + 3."""
    assert simulated(tmp_path, cold_service_time=2.0).spec.block == 4


def test_first_seconds_stand_for_a_period_up_to_its_start():
    """The reference's peak at 7 replicas: 10 s of each period or all of it, the mean rejection is within .005."""
    rates = np.full((40, 1), 60.0)
    trace = Trace(functions=("f0",), expected_rate_rps=rates, actual_rate_rps=rates)

    def mean(seconds):
        domain = build(InstanceConfig(rejection_model="simulation", simulated_seconds=seconds, noise=0.0), trace)
        environment = domain.environment(Part.TRAINING, 1, 20)
        draws = environment.draw(10, streams((0,)))
        return np.mean([environment.step(np.full((1, 20, 1), 6), draw).objectives[..., 1] for draw in draws[1:]])

    assert mean(10.0) == pytest.approx(mean(300.0), abs=0.005)
    assert mean(300.0) == pytest.approx(erlang_b(3.9, 7)[-1], rel=0.02)
