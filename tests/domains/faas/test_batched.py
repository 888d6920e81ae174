"""What the batched environment promises of what is seen, of starts and of caps."""

import numpy as np
import pytest

from mamo_cli.domains.faas.environment import ScalingEnvironment
from mamo_cli.domains.faas.settings import InstanceConfig
from tests.domains.faas.nodes import case_of, made_trace, saved


def random_play(environment, steps, seed):
    """Replicas, objectives and numbers seen of random play, stacked over steps."""
    generator = np.random.default_rng(seed)
    shape, choices = environment.observe().values.shape[:3], environment.node.replica_choices
    played = [
        environment.step(generator.integers(0, choices, shape), generator.uniform(-0.2, 0.2, shape))
        for _ in range(steps)
    ]
    parts = ([step.measures[..., 0], step.objectives, step.seen.values] for step in played)
    return tuple(np.stack(part) for part in zip(*parts, strict=True))


def test_what_is_seen_stays_in_its_ranges_and_is_float32(tmp_path):
    node = case_of(saved(made_trace(3, caps=True), tmp_path)).training
    _, _, seen = random_play(ScalingEnvironment(node, 2, 4), 60, seed=0)
    rate, replicas, rejection, cap = np.moveaxis(seen, -1, 0)
    assert seen.dtype == np.float32
    assert seen.shape == (60, 2, 4, 3, 4)
    assert rate.min() >= 0
    assert rate.max() == 1.0
    assert replicas.min() > 0
    assert replicas.max() <= 1
    assert cap.min() > 0
    assert cap.max() == 1.0
    assert rejection.min() >= 0
    assert rejection.max() <= 1
    assert rejection.std() > 0.05


def test_an_observation_tells_the_coming_rate_and_cap_and_what_came_before(tmp_path):
    config = saved(made_trace(2, caps=True), tmp_path)
    node = case_of(config).training
    played = ScalingEnvironment(node, 1).step(np.array([[[0, 5]]]))
    rate, replicas, rejection, cap = played.seen.values[0, 0].T
    trace, limit = node.trace, node.replica_choices
    np.testing.assert_array_equal(rate, np.float32(trace.expected_rate_rps[1] / trace.expected_rate_rps.max()))
    np.testing.assert_array_equal(cap, np.float32(trace.max_replicas[1] / limit))
    np.testing.assert_array_equal(replicas, np.float32(np.minimum([1, 6], trace.max_replicas[0]) / limit))
    exact = case_of(config).models[0].rejection_probability(trace.actual_rate_rps[0, :1], 1)
    assert abs(rejection[0].item() - exact.item()) < 1e-4


def test_a_period_costs_its_replicas_and_its_normalised_cost_is_their_share_of_all(tmp_path):
    source = made_trace(2, caps=True)
    node = case_of(saved(source, tmp_path, replica_cost=2.5)).training
    played = ScalingEnvironment(node, 1).step(np.array([[[0, 5]]]))
    replicas = np.minimum([1, 6], node.trace.max_replicas[0])
    np.testing.assert_array_equal(played.measures[0, 0, :, 0], replicas)
    np.testing.assert_array_equal(played.paid[0, 0], 2.5 * replicas)
    everything = source.max_replicas.max(0).sum()  # replicas, where each function runs its largest cap
    assert played.objectives[0, 0, :, 0].mean() == pytest.approx(replicas.sum() / everything, rel=1e-15)


def test_an_episode_never_ends_and_what_the_cap_leaves_may_be_chosen(tmp_path):
    node = case_of(saved(made_trace(2, caps=True), tmp_path)).training
    environment = ScalingEnvironment(node, 2, 3)
    within = np.arange(node.replica_choices) < node.max_replicas[..., None]  # (T, F, N)
    start = np.arange(3) * node.trace.steps // 3
    np.testing.assert_array_equal(environment.observe().mask, np.broadcast_to(within[start], (2, 3, 2, 6)))
    for step in range(node.trace.steps + 1):
        played = environment.step(np.zeros((2, 3, 2), dtype=np.int64))
        assert np.all(played.continues == 1)
        assert not played.over.any()
        now = (start + step + 1) % node.trace.steps
        np.testing.assert_array_equal(played.seen.mask, np.broadcast_to(within[now], (2, 3, 2, 6)))
        assert played.after is played.seen  # nothing begins anew between the two


def test_replicas_never_exceed_the_cap_of_their_step(tmp_path):
    node = case_of(saved(made_trace(1, caps=True), tmp_path)).training
    environment = ScalingEnvironment(node, 1)
    most = np.full((1, 1, 1), node.replica_choices - 1)
    replicas = np.concatenate([environment.step(most).measures[0, 0, :, 0] for _ in range(2 * node.trace.steps)])
    np.testing.assert_array_equal(replicas, np.tile(node.max_replicas[:, 0], 2))


def test_copies_start_staggered_and_wrap_around():
    node = case_of(InstanceConfig()).training
    environment = ScalingEnvironment(node, 1, 4)
    expected = np.float32(node.trace.expected_rate_rps[:, 0] / node.rate_scale_rps)
    np.testing.assert_array_equal(environment.observe().values[0, :, 0, 0], expected[[0, 72, 144, 216]])
    for _ in range(100):
        seen = environment.step(np.zeros((1, 4, 1), dtype=np.int64)).seen
    np.testing.assert_array_equal(seen.values[0, :, 0, 0], expected[[100, 172, 244, 28]])


def test_play_is_deterministic_step_by_step_and_independent_of_the_neighbours():
    node = case_of(InstanceConfig()).training
    once = random_play(ScalingEnvironment(node, 2, 3), 50, seed=1)
    again = random_play(ScalingEnvironment(node, 2, 3), 50, seed=1)
    other = random_play(ScalingEnvironment(node, 2, 3), 50, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert not np.array_equal(once[1], other[1])


def test_reset_and_state_dict_go_back_to_where_they_say():
    environment = ScalingEnvironment(case_of(InstanceConfig()).training, 2, 3)
    begin = environment.observe()
    random_play(environment, 5, seed=0)
    middle = environment.state_dict()
    ahead = random_play(environment, 5, seed=1)
    environment.load_state_dict(middle)
    assert all(np.array_equal(a, b) for a, b in zip(ahead, random_play(environment, 5, seed=1), strict=True))
    assert np.array_equal(environment.reset().values, begin.values)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("steps", lambda saved: saved + 288),
        ("steps", lambda saved: saved - 289),
        ("steps", lambda saved: saved.astype(np.float64)),
        ("steps", lambda saved: saved[:1]),
        ("before", lambda saved: saved[:, :, :0]),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(part, change):
    environment = ScalingEnvironment(case_of(InstanceConfig()).training, 2, 3)
    state = environment.state_dict()
    with pytest.raises(ValueError, match=r"stands where|beyond the trace's 288 steps"):
        environment.load_state_dict({**state, part: change(state[part])})
