"""The batched and the Gymnasium environment are one: held equal step by step."""

import numpy as np
import pytest

from mamo_cli.domains.faas.environment import ScalingEnvironment
from mamo_cli.domains.faas.gym_env import ReplicaScalingEnv
from tests.domains.faas.nodes import case_of, made_trace, saved

MEMBERS, COPIES, EPISODES = 2, 3, 3


@pytest.fixture(params=[1, 3], ids=["one function", "three functions"])
def config(request, tmp_path):
    return saved(made_trace(request.param, caps=True), tmp_path)


def joint(seen, place):
    """What one copy sees, as Gymnasium has it: the first number of every function, then the second."""
    return seen.values[place].T.ravel()


def compare_step(env, action, played, place):
    """Step one Gymnasium environment and hold what it gives against the batch's entry at `place`."""
    observation, reward, terminated, truncated, info = env.step(action)
    cost, rejection = played.objectives[place].T
    assert not terminated
    np.testing.assert_array_equal(observation, joint(played.seen, place))
    np.testing.assert_array_equal(info["replicas"], played.measures[place][:, 0])
    np.testing.assert_array_equal(info["cost"], cost)
    np.testing.assert_allclose(info["rejection"], rejection, rtol=0, atol=1e-15)
    assert reward == pytest.approx(-np.mean(0.7 * cost + 0.3 * rejection), abs=1e-15)
    return truncated


@pytest.mark.parametrize("evaluation", [False, True])
def test_every_copy_of_every_member_equals_a_gymnasium_environment(config, evaluation):
    case = case_of(config)
    node = case.evaluation if evaluation else case.training
    steps, functions, limit = node.trace.steps, node.functions, node.replica_choices
    noise = 0.0 if evaluation else config.noise
    rng = np.random.default_rng(5)
    deviations = rng.uniform(-noise, noise, (EPISODES + 1, MEMBERS, COPIES, steps, functions))
    batch = ScalingEnvironment(node, MEMBERS, COPIES)
    places = [(member, copy) for member in range(MEMBERS) for copy in range(COPIES)]
    envs = {place: ReplicaScalingEnv(0.3, config, evaluation) for place in places}
    step_of = {(member, copy): copy * steps // COPIES for member, copy in places}
    episode_of = dict.fromkeys(places, 0)
    first = batch.observe()
    for place, env in envs.items():
        observation, _ = env.reset(options={"deviations": deviations[0][place], "start": step_of[place]})
        np.testing.assert_array_equal(observation, joint(first, place))
    for _ in range(EPISODES * steps):
        actions = rng.integers(0, limit, (MEMBERS, COPIES, functions))
        now = np.stack([deviations[episode_of[place]][place][step_of[place]] for place in places])
        played = batch.step(actions, now.reshape(MEMBERS, COPIES, functions))
        for place, env in envs.items():
            action = actions[place] if functions > 1 else actions[place][0]
            truncated = compare_step(env, action, played, place)
            step_of[place] = (step_of[place] + 1) % steps
            assert truncated == (step_of[place] == 0)
            if truncated:
                episode_of[place] += 1
                env.reset(options={"deviations": deviations[episode_of[place]][place]})


def test_the_largest_rate_the_table_covers_is_read_alike(config):
    node = case_of(config).training
    peak = int(node.trace.actual_rate_rps.max(1).argmax())
    up = np.full(node.trace.actual_rate_rps.shape, config.noise)
    batch, env = ScalingEnvironment(node, 1), ReplicaScalingEnv(0.3, config)
    env.reset(options={"deviations": up})
    lowest = np.zeros((1, 1, node.functions), dtype=np.int64)
    for _ in range(peak + 1):
        played = batch.step(lowest, up[None, :1])
        info = env.step(lowest[0, 0])[-1]
    np.testing.assert_allclose(info["rejection"], played.objectives[0, 0, :, 1], rtol=0, atol=1e-15)
    assert info["rejection"].max() > 0.5
