"""The shield between choices and play: it holds whatever is chosen, and what it costs is told as it is."""

import numpy as np
import pytest

from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import AS_CONFIGURED, Knowledge, Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.environment import ScalingEnvironment
from mamo_cli.domains.faas.guarded import GuardedEnvironment
from mamo_cli.domains.faas.gym_env import ReplicaScalingEnv
from mamo_cli.domains.faas.settings import WORDS, FunctionConfig, InstanceConfig, Planning
from mamo_cli.domains.faas.shield import Shield
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace

TOLERANCE = 0.05


def steady(rates, steps=8):
    """A trace of fixed rates, one a function."""
    expected = np.repeat(np.array([rates], dtype=float), steps, 0)
    return Trace(tuple(f"f{i}" for i in range(len(rates))), expected, expected)


def node(source, **settings):
    config = InstanceConfig(**{"shield": 0.05, "max_replicas": 16, "rejection_model": "erlang", **settings})
    return build(config, source, source)


def streams(*seeds):
    return [MemberStreams(seed, "te") for seed in seeds]


def one(generator, shape, choices):
    return np.zeros(shape, dtype=np.int64)


def at_random(generator, shape, choices):
    return generator.integers(0, choices, shape)


def play(environment, choose, draws, choices=16):
    """Measures `(steps, K, E, F, 3)` of play."""
    generator, shape = np.random.default_rng(0), environment.observe().mask.shape[:3]
    return np.stack([environment.step(choose(generator, shape, choices), draw).measures for draw in draws])


def failures(domain, environment, choose, periods=40):
    """`(F,)` share of periods of drawn play in which P, by the model itself, exceeds the tolerance."""
    draws = environment.draw(periods, streams(3, 4))
    replicas = play(environment, choose, draws)[..., 0].astype(int)
    rates = domain.case.training.trace.actual_rate_rps[0]
    rejection = domain.case.models[0].rejection_probability(rates, 16)
    return np.stack([(rejection[f, replicas[..., f] - 1] > TOLERANCE).mean() for f in range(len(rates))])


RATES = (12.0, 47.0, 81.3)


@pytest.mark.parametrize("delta", [0.02, 0.2])
@pytest.mark.parametrize("choose", [one, at_random])
def test_at_fixed_rates_the_promise_holds_whatever_is_chosen(choose, delta):
    domain = node(steady(RATES), noise=0.0, shield=delta, shield_window=5.0)
    environment = domain.environment(Part.TRAINING, 2, 100)
    sigma = np.sqrt(delta / (2 * 100 * 40))
    assert (failures(domain, environment, choose) <= delta + 4 * sigma).all()


def test_the_planted_fault_of_a_mean_rate_without_a_bound_breaks_it():
    domain = node(steady(RATES), noise=0.0, shield=0.2, shield_window=5.0)
    guarded = domain.environment(Part.TRAINING, 2, 100)
    largest = build(InstanceConfig(shield=0.0, max_replicas=16, rejection_model="erlang", noise=0.0),
                    steady(RATES), steady(RATES))._guard.shield.enough  # fmt: skip
    fault = Shield(np.floor(largest * 5.0), 5.0)
    environment = GuardedEnvironment(guarded._environment, fault, np.zeros((9, 3)))
    assert failures(domain, environment, one).max() > 0.25


def test_what_is_played_is_the_choice_or_the_floor_within_the_cap():
    source = made_trace(2, steps=30, caps=True)
    domain, free = node(source, max_replicas=6), node(source, max_replicas=6, shield=None)
    environment, plain = (each.environment(Part.EVALUATION, 2) for each in (domain, free))
    generator = np.random.default_rng(3)
    for t in range(30):
        choices, cap = generator.integers(0, 6, (2, 1, 2)), source.max_replicas[t]
        floor = np.minimum(environment._shield.floor(environment._counted), cap)
        asked = np.minimum(choices + 1, cap)
        played, unguarded = environment.step(choices), plain.step(np.maximum(asked, floor) - 1)
        np.testing.assert_array_equal(played.measures[..., 0], np.maximum(asked, floor))
        np.testing.assert_array_equal(played.measures[..., 1], asked < floor)
        np.testing.assert_array_equal(played.measures[..., 2], np.maximum(floor - asked, 0))
        for part in ("objectives", "paid"):
            np.testing.assert_array_equal(getattr(played, part), getattr(unguarded, part))
        np.testing.assert_array_equal(played.seen.values, unguarded.seen.values)
        np.testing.assert_array_equal(domain.choices_of(played.measures), asked - 1)


def test_without_a_shield_nothing_is_there_and_with_one_the_noise_is_the_same():
    source = made_trace(2, steps=30)
    free, guarded = node(source, shield=None), node(source)
    assert isinstance(free.environment(Part.TRAINING, 1), ScalingEnvironment)
    assert free.spec.words == WORDS
    member, other = streams(4, 4)
    plain = free.environment(Part.TRAINING, 1, 3).draw(5, [member])
    drawn = guarded.environment(Part.TRAINING, 1, 3).draw(5, [other])
    np.testing.assert_array_equal(plain, [deviations for deviations, _ in drawn])
    assert member.state_dict().keys() == {"environment", "exploration", "replay", "initialisation"}
    before, after = member.state_dict(), other.state_dict()
    assert {name: after[name] for name in before} == before


def test_members_are_independent_and_a_saved_play_goes_on_to_the_last_bit():
    domain = node(made_trace(2, steps=30))
    both, alone = domain.environment(Part.TRAINING, 2, 3), domain.environment(Part.TRAINING, 1, 3)
    pair, single = streams(3, 4), streams(4)
    first, other = both.draw(11, pair), alone.draw(11, single)
    np.testing.assert_array_equal(play(both, one, first)[:, 1:], play(alone, one, other))
    saved, kept = both.state_dict(), [member.state_dict() for member in pair]
    again, later = domain.environment(Part.TRAINING, 2, 3), streams(3, 4)
    again.load_state_dict(saved)
    for member, state in zip(later, kept, strict=True):
        member.load_state_dict(state)
    np.testing.assert_array_equal(
        play(both, at_random, both.draw(7, pair)), play(again, at_random, again.draw(7, later))
    )
    with pytest.raises(ValueError, match="stands where"):
        again.load_state_dict({**saved, "counted": np.zeros(3)})


def test_counts_are_those_of_the_period_before_and_of_its_noise():
    # Window 300 s: so many are counted that the count tells the rate within 2 %.
    domain = node(made_trace(1, steps=30, period=30), shield_window=300.0)
    environment = domain.environment(Part.TRAINING, 1, 3)
    draws = environment.draw(40, streams(5))
    rates = domain.case.training.trace.actual_rate_rps
    for t, (deviations, _) in enumerate(draws):
        at = (np.arange(3) * 10 + t) % 30
        environment.step(np.zeros((1, 3, 1), dtype=np.int64), draws[t])
        np.testing.assert_allclose(environment._counted[0] / 300, rates[at] * (1 + deviations[0]), rtol=0.15)
        spread = environment._counted[0] - rates[at] * (1 + deviations[0]) * 300
        assert (np.abs(spread) < 5 * np.sqrt(rates[at] * 300 * 1.2)).all()


def test_the_evaluation_walked_in_windows_is_that_walked_at_once():
    whole = node(made_trace(1, steps=30, period=30))
    at_once = whole.environment(Part.EVALUATION, 1)
    wanted = [at_once.step(np.zeros((1, 1, 1), dtype=np.int64)).measures for _ in range(30)]
    state, found = None, []
    for start in (0, 10, 20):
        environment = whole.shifted(AS_CONFIGURED, (start, start + 10)).environment(Part.EVALUATION, 1)
        if state is not None:
            environment.load_state_dict(state)
        found += [environment.step(np.zeros((1, 1, 1), dtype=np.int64)).measures for _ in range(10)]
        state = environment.state_dict()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "settings",
    [{"shield_window": 2.0}, {"shield_window": 2.0, "noise": 0.0}, {"shield": 0.0}],
    ids=["noise", "no noise", "edge"],
)
def test_what_is_expected_under_the_shield_is_the_mean_of_play(settings):
    # 4,000 plays of each step of a periodic trace, every choice equally often: means within five standard errors.
    source = made_trace(1, steps=10, caps=True, period=10)
    domain = node(source, max_replicas=6, **settings)
    environment = domain.environment(Part.TRAINING, 40, 10)
    plan = np.random.default_rng(1).integers(0, 6, (10, 1))
    told = []
    for draw in environment.draw(100, streams(*range(40))):
        at = environment._environment.at
        played = environment.step(np.broadcast_to(plan[at], (40, 10, 1)).copy(), draw)
        told.append(np.concatenate((played.measures, played.objectives), -1)[..., 0, :][:, np.argsort(at)])
    told = np.concatenate(told[1:])  # (plays, T, 5): before the first period the window's rate is another
    objectives = domain.prospect(Part.TRAINING, Knowledge.CAUSAL).objectives
    brought = np.take_along_axis(objectives, np.minimum(plan, source.max_replicas - 1)[..., None, None], 2)[:, 0, 0]
    error = told.std(0) / np.sqrt(len(told))
    assert (np.abs(told[..., 3:].mean(0) - brought) <= 5 * error[..., 3:] + 1e-4).all()
    expected = domain.expected(plan)  # of the evaluation, which is the same but for its first period
    means = np.concatenate((expected.measures, expected.paid[..., None]), -1)[1:, 0]
    found = told.mean(0)[1:, [0, 1, 2, 3]] * [1, 1, 1, domain.spec.cost_scale]
    assert (np.abs(found - means) <= 5 * error[1:, :4] * [1, 1, 1, domain.spec.cost_scale] + 1e-9).all()
    np.testing.assert_array_equal(domain.choices_of(expected.measures), np.minimum(plan, source.max_replicas - 1))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.8, 1.0])
def test_the_perfect_agent_under_the_shield_is_the_best_of_all_plans(alpha):
    domain = node(made_trace(2, steps=12, caps=True), max_replicas=6, shield_window=2.0)
    weights = weights_of(np.full(2, alpha))
    answer = domain.answer(weights)

    def worth(plan):
        played = domain.expected(plan)
        return (1 - alpha) * played.paid / domain.spec.cost_scale + alpha * played.violations[..., 0]

    every = np.stack([worth(np.full((12, 2), choice)) for choice in range(6)])
    np.testing.assert_allclose(worth(answer.plan), every.min(0), rtol=1e-12)
    np.testing.assert_allclose(answer.objectives @ [1 - alpha, alpha], every.min(0).mean(0), rtol=1e-12)
    np.testing.assert_array_equal(domain.perfect(weights), answer.plan)


def test_who_knows_what_comes_needs_no_shield():
    source = made_trace(1, steps=12)
    weights = weights_of(np.full(1, 0.6))
    with_it, without = (node(source, shield=shield).answer(weights, Part.EVALUATION, Knowledge.CLAIRVOYANT)
                        for shield in (0.01, None))  # fmt: skip
    np.testing.assert_array_equal(with_it.objectives, without.objectives)


def test_at_the_noises_edge_no_period_of_any_play_exceeds_the_tolerance():
    domain = node(made_trace(2, steps=30), shield=0.0)
    for part, draws in ((Part.TRAINING, 60), (Part.EVALUATION, 0)):
        environment = domain.environment(part, 2, 2)
        coming = environment.draw(draws, streams(1, 2)) if draws else [None] * 30
        shape = (2, 2, 2)
        worst = max(environment.step(np.zeros(shape, dtype=np.int64), each).objectives[..., 1].max() for each in coming)
        assert 0.7 * TOLERANCE < worst <= TOLERANCE


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"shield_window": 301.0},
            "--shield-window must be within the period before, of which 300 s are played, got 301",
        ),
        ({"shield": 0.0}, "--shield 0 is for deviations within the noise, and the trace carries its own"),
    ],
)
def test_what_cannot_be_is_refused(settings, said):
    with pytest.raises(UsageError, match=said):
        node(made_trace(1, deviations=True), **settings)


@pytest.mark.parametrize("choose", [one, at_random])
def test_on_simulated_requests_the_promise_holds_by_the_arrivals_themselves(choose):
    domain = node(steady((12.0, 47.0)), noise=0.0, shield=0.2, shield_window=5.0, rejection_model="simulation",
                  simulated_seconds=7.0)  # fmt: skip
    environment = domain.environment(Part.TRAINING, 2, 40)
    counted, inner = [], environment._environment
    draws = environment.draw(25, streams(1, 2))
    for draw in draws:
        environment.step(np.zeros((2, 40, 2), dtype=np.int64), draw)
        counted.append(inner.counted.copy())
        np.testing.assert_array_equal(environment._counted, inner.counted)
    np.testing.assert_allclose(np.mean(counted, (0, 1, 2)), [60.0, 235.0], rtol=0.03)
    np.testing.assert_allclose(np.var(counted, (0, 1, 2)), [60.0, 235.0], rtol=0.15)  # Poisson's
    sigma = np.sqrt(0.2 / (2 * 40 * 40))
    assert (failures(domain, environment, choose) <= 0.2 + 4 * sigma).all()


def test_a_simulated_period_played_in_two_is_one_period():
    # The same requests in all: what arrived is what was counted and what came before it, replicas going on between.
    source = steady((30.0,))
    config = {"noise": 0.0, "rejection_model": "simulation", "simulated_seconds": 300.0}
    whole = node(source, shield=0.05, shield_window=300.0, **config)
    parts = node(source, shield=0.05, shield_window=100.0, **config)
    told = []
    for domain in (whole, parts):
        environment = domain.environment(Part.TRAINING, 1, 30)
        played = [environment.step(np.full((1, 30, 1), 3), draw) for draw in environment.draw(10, streams(1))]
        told.append(np.stack([step.measures for step in played[2:]])[..., 0, :6].mean((0, 1, 2)))
        told[-1] = np.append(told[-1], np.mean([step.objectives[..., 1] for step in played[2:]]))
    np.testing.assert_allclose(*told, rtol=0.05, atol=2e-3)


def test_within_a_shared_memory_floors_come_first_and_as_little_as_can_be_yields():
    # Replicas of 2 and 3 units, 13 of them: compared with every joint choice up to what is wanted.
    source = made_trace(2, steps=30)
    domain = node(source, max_replicas=5, tolerance=0.2, memory_per_replica=1, node_memory=13)
    own = {"f1": FunctionConfig(memory_per_replica=3), "f0": FunctionConfig(memory_per_replica=2)}
    settings = domain.settings.having(own)
    domain = build(settings, source, source)
    environment, generator = domain.environment(Part.EVALUATION, 3), np.random.default_rng(0)
    use, yields = np.array([2, 3]), 0
    for _ in range(30):
        choices = generator.integers(0, 5, (3, 1, 2))
        floors = environment._shield.floor(environment._counted)
        played = environment.step(choices).measures[..., 0]
        for k in range(3):
            wanted, floor = np.maximum(choices[k, 0] + 1, floors[k, 0]), floors[k, 0]
            every = [np.array(n) for n in np.ndindex(*(wanted + 1)) if min(n) > 0 and (n * use).sum() <= 13]
            best = min((np.maximum(floor - n, 0).sum(), (wanted - n).sum(), *n) for n in every)
            assert (np.maximum(floor - played[k, 0], 0).sum(), (wanted - played[k, 0]).sum(), *played[k, 0]) == best
            yields += (wanted * use).sum() > 13
    assert yields > 40
    with pytest.raises(NothingExactError, match="share a memory"):
        domain.answer(weights_of(np.full(2, 0.5)))


def test_each_function_is_held_to_its_own_tolerance():
    source = steady((40.0, 40.0))
    plain = InstanceConfig(shield=0.0, noise=0.0, max_replicas=16, rejection_model="erlang")
    domain = build(plain.having({"f1": FunctionConfig(tolerance=0.3)}), source, source)
    step = domain.environment(Part.EVALUATION, 1).step(np.zeros((1, 1, 2), dtype=np.int64))
    # 2.6 erlang: 6 replicas reject .032 and 5 .077; 3 reject .296 and 2 .48.
    assert step.measures[0, 0, :, 0].tolist() == [6, 3]


def test_the_gymnasium_face_has_no_shield_and_says_so():
    with pytest.raises(UsageError, match="no shield stands before"):
        ReplicaScalingEnv(instance=InstanceConfig(shield=0.1))


def test_a_plan_needs_no_shield():
    source = made_trace(1)
    with pytest.raises(UsageError, match="solve-offline"):
        build(InstanceConfig(shield=0.1), source, source, Planning())


def test_the_notice_says_what_the_floor_follows_from():
    counted, edge = (node(made_trace(1), shield=shield).warnings[-1] for shield in (0.05, 0.0))
    assert (
        "--shield 0.05: replicas are at least what the requests of the last 30 s of the period before take" in counted
    )
    assert "--shield 0: replicas are at least what 1.2 times the expected rate takes" in edge


def test_a_short_period_is_the_window():
    short = Trace(("f0",), np.full((5, 1), 9.0), np.full((5, 1), 9.0), step_seconds=10.0)
    assert node(short)._guard.shield.window_s == 10.0
