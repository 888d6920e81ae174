"""What the batched environment promises of its observations, starts and caps."""

import numpy as np
import pytest

from mamo_cli.core.settings import InstanceConfig
from mamo_cli.domains.faas.environment import BatchedScaling
from tests.domains.faas.nodes import case_of, made_trace, saved


def random_play(environment, steps, seed):
    """Observations, replicas and objectives of random play, stacked over steps."""
    instance, generator = environment.instance, np.random.default_rng(seed)
    shape = (*environment.observe().shape[:2], instance.functions)
    played = []
    for _ in range(steps):
        actions = generator.integers(0, instance.replica_choices, shape)
        played.append(environment.step(actions, generator.uniform(-0.2, 0.2, shape)))
    return tuple(np.stack(parts) for parts in zip(*played, strict=True))


def test_observations_stay_in_their_ranges_and_are_float32(tmp_path):
    instance = case_of(saved(made_trace(3, caps=True), tmp_path)).training
    _, _, observations = random_play(BatchedScaling(instance, 2, 4), 60, seed=0)
    rate, replicas, rejection, cap = np.moveaxis(observations.reshape(60, 2, 4, 4, 3), -2, 0)
    assert observations.dtype == np.float32
    assert observations.shape == (60, 2, 4, 12)
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
    instance = case_of(config).training
    environment = BatchedScaling(instance, 1)
    played = environment.step(np.array([[[0, 5]]]))
    rate, replicas, rejection, cap = played.observations[0, 0].reshape(4, 2)
    trace, limit = instance.trace, instance.replica_choices
    np.testing.assert_array_equal(rate, np.float32(trace.expected_rate_rps[1] / trace.expected_rate_rps.max()))
    np.testing.assert_array_equal(cap, np.float32(trace.max_replicas[1] / limit))
    np.testing.assert_array_equal(replicas, np.float32(np.minimum([1, 6], trace.max_replicas[0]) / limit))
    exact = case_of(config).models[0].rejection_probability(trace.actual_rate_rps[0, :1], 1)
    assert abs(rejection[0].item() - exact.item()) < 1e-4


def test_replicas_never_exceed_the_cap_of_their_step(tmp_path):
    instance = case_of(saved(made_trace(1, caps=True), tmp_path)).training
    environment = BatchedScaling(instance, 1)
    steps = instance.trace.steps
    most = np.full((1, 1, 1), instance.replica_choices - 1)
    replicas = np.concatenate([environment.step(most).replicas[0, 0] for _ in range(2 * steps)])
    np.testing.assert_array_equal(replicas, np.tile(instance.max_replicas[:, 0], 2))


def test_copies_start_staggered_and_wrap_around():
    instance = case_of(InstanceConfig()).training
    environment = BatchedScaling(instance, 1, 4)
    expected = np.float32(instance.trace.expected_rate_rps[:, 0] / instance.rate_scale_rps)
    np.testing.assert_array_equal(environment.observe()[0, :, 0], expected[[0, 72, 144, 216]])
    for _ in range(100):
        seen = environment.step(np.zeros((1, 4, 1), dtype=np.int64)).observations
    np.testing.assert_array_equal(seen[0, :, 0], expected[[100, 172, 244, 28]])


def test_play_is_deterministic_step_by_step_and_independent_of_the_neighbours():
    instance = case_of(InstanceConfig()).training
    once = random_play(BatchedScaling(instance, 2, 3), 50, seed=1)
    again = random_play(BatchedScaling(instance, 2, 3), 50, seed=1)
    other = random_play(BatchedScaling(instance, 2, 3), 50, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))
    assert not np.array_equal(once[1], other[1])


def test_reset_and_state_dict_go_back_to_where_they_say():
    environment = BatchedScaling(case_of(InstanceConfig()).training, 2, 3)
    begin = environment.observe()
    random_play(environment, 5, seed=0)
    middle = environment.state_dict()
    ahead = random_play(environment, 5, seed=1)
    environment.load_state_dict(middle)
    assert all(np.array_equal(a, b) for a, b in zip(ahead, random_play(environment, 5, seed=1), strict=True))
    assert np.array_equal(environment.reset(), begin)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("steps", lambda saved: saved + 288),
        ("steps", lambda saved: saved - 289),
        ("steps", lambda saved: saved.double()),
        ("steps", lambda saved: saved[:1]),
        ("objectives", lambda saved: saved[:, :, :0]),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(part, change):
    environment = BatchedScaling(case_of(InstanceConfig()).training, 2, 3)
    state = environment.state_dict()
    with pytest.raises(ValueError, match=r"stands where|beyond the trace's 288 steps"):
        environment.load_state_dict({**state, part: change(state[part])})
