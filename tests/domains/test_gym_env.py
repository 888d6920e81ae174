"""Every domain keeps Gymnasium's rules, and plays there what its batch plays."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Part
from mamo_cli.domains.faas.gym_env import ReplicaScalingEnv
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.gym_env import ENVIRONMENT_ID, DomainEnv
from mamo_cli.domains.nearest import nearest
from mamo_cli.domains.registry import DOMAINS
from mamo_cli.workload.trace_csv import write_trace
from tests.domains.battery.homes import load_trace

# Small, and of every kind: with states, with chance that ends episodes, with masks.
SMALL = {
    "faas": {},
    "fleet": {"topology": "ring", "messages": "full", "loss": 0.3, "max_replicas": 4},
    "inventory": {"levels": 40},
    "battery": {},
    "chain": {"levels": (12, 15, 22), "evaluation_steps": 50},
    "gridworld": {"evaluation_steps": 50},
    "junction": {"places": 3, "evaluation_steps": 50},
}
EACH = pytest.mark.parametrize("name", SMALL)


def test_every_domain_is_here_but_gymnasiums_own_and_the_one_that_needs_a_file():
    assert SMALL.keys() | {"gymnasium", "tabular"} == DOMAINS.keys()  # the latter: tabular/test_own.py


@EACH
@pytest.mark.parametrize("evaluation", [False, True])
def test_the_environment_checker_has_nothing_to_say(name, evaluation):
    env = gymnasium.make(ENVIRONMENT_ID, domain=name, settings=SMALL[name], evaluation=evaluation)
    check_env(env.unwrapped)  # warnings are errors in this suite


@EACH
def test_an_evaluation_is_that_of_the_batch_step_by_step(name):
    env, alpha = DomainEnv(name, 0.3, SMALL[name], evaluation=True), 0.3
    batch = env.domain.environment(Part.EVALUATION, 1)
    observation, info = env.reset(seed=0)
    seen = batch.observe()
    for _ in range(50):
        np.testing.assert_array_equal(observation, seen.values.ravel())
        masks = [row[:own] for row, own in zip(seen.mask[0, 0], env.domain.spec.choices, strict=True)]
        np.testing.assert_array_equal(np.hstack(info["action_mask"]), np.hstack(masks))
        action = env.action_space.sample(info["action_mask"])
        played = batch.step(np.reshape(action, (1, 1, -1)))
        observation, reward, terminated, truncated, info = env.step(action)
        cost, violation = played.objectives[0, 0].T
        assert reward == pytest.approx(-(0.7 * cost + alpha * violation).mean(), rel=1e-12)
        np.testing.assert_array_equal(info["cost"], cost)
        np.testing.assert_array_equal(info["violations"], violation[:, None])
        told = np.where(np.isnan(played.measures[0, 0]), 0.0, played.measures[0, 0])  # nobody is agent 0
        np.testing.assert_array_equal(info["measures"], told)
        assert terminated == (played.continues.item() == 0)
        if terminated and not truncated:
            observation, info = env.reset()
        seen = played.seen


def test_one_play_is_as_long_as_the_workload_and_episodes_within_it_go_on_by_chance():
    env = DomainEnv("gridworld", settings={"gamma": 0.5, "evaluation_steps": 200})
    ends, starts = [], set()
    observation, _ = env.reset(seed=3)
    for _ in range(200):
        starts.add(int(observation.argmax())) if not ends or any(ends[-1]) else None
        observation, *_, terminated, truncated, _ = env.step(0)
        ends.append((terminated, truncated))
        if terminated:
            observation, _ = env.reset()
    assert 60 < sum(one for one, _ in ends) < 140
    assert len(starts) > 15  # of 25 cells
    junction = DomainEnv("junction", settings={"places": 2, "evaluation_steps": 7})
    junction.reset(seed=0)
    assert [junction.step(0)[2:4] for _ in range(7)] == [(False, False)] * 6 + [(False, True)]


def test_a_reset_within_an_episode_and_one_with_a_seed_begin_from_the_start():
    env = DomainEnv("battery")
    first, _ = env.reset(seed=5)
    once = [env.step(8)[0] for _ in range(3)]
    again, _ = env.reset()
    np.testing.assert_array_equal(again, first)
    another = [env.step(8)[-1]["paid"] for _ in range(3)]
    env.reset(seed=5)
    paid = []
    for observation in once:
        told = env.step(8)
        np.testing.assert_array_equal(told[0], observation)
        paid.append(told[-1]["paid"])
    assert (np.array(paid) != np.array(another)).all()  # other loads


def test_what_may_not_be_chosen_is_replaced_by_what_is_nearest():
    mask = np.array([[0, 1, 0, 0, 1], [1, 1, 0, 1, 1]], dtype=bool)
    np.testing.assert_array_equal(nearest(np.array([0, 2]), mask), [1, 1])
    np.testing.assert_array_equal(nearest(np.array([3, 4]), mask), [4, 4])
    env = DomainEnv("battery")
    env.reset(seed=0)
    _, _, _, _, info = env.step(0)  # discharges an empty battery
    assert info["choices"] == 4
    assert info["measures"][0, :2].tolist() == [0.0, 0.0]


def test_several_agents_choose_at_once(tmp_path):
    write_trace(load_trace([[1.0, 0.5]] * 24, day=24), tmp_path / "two.csv")
    env = gymnasium.make(ENVIRONMENT_ID, domain="battery", alpha=0.4, settings={"trace": str(tmp_path / "two.csv")})
    check_env(env.unwrapped)
    assert env.action_space == gymnasium.spaces.MultiDiscrete([9, 9])
    env.reset(seed=0)
    _, reward, _, _, info = env.step(np.array([8, 4]))
    assert info["measures"][:, 1].tolist() == [3.0, 0.0]
    assert reward == pytest.approx(-(0.6 * info["cost"] + 0.4 * info["violations"][:, 0]).mean())
    assert [mask.tolist() for mask in info["action_mask"]] == [[1] * 9, [0] * 4 + [1] * 5]


def test_a_node_here_is_the_node_of_its_own_face():
    general, own = DomainEnv("faas", 0.8, evaluation=True), ReplicaScalingEnv(0.8, evaluation=True)
    one, other = general.reset(seed=0)[0], own.reset(seed=0)[0]
    for t in range(288):
        np.testing.assert_allclose(one, other, rtol=1e-6)
        (one, reward, *ends, info), (other, own_reward, *own_ends, own_info) = general.step(t % 10), own.step(t % 10)
        assert (reward, ends) == (pytest.approx(own_reward, rel=1e-12), own_ends)
        np.testing.assert_allclose(info["violations"][:, 0], own_info["rejection"], rtol=1e-12)


def test_what_makes_no_sense_is_refused():
    env = DomainEnv("junction")
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset()
    for action in (4, -1, 1.0, [0, 1]):
        with pytest.raises(ValueError, match=r"an index below each of \[4\]"):
            env.step(action)
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\], got 1.5"):
        DomainEnv("junction", 1.5)
    with pytest.raises(UsageError, match="--domain is one of"):
        DomainEnv("nowhere")
    with pytest.raises(UsageError, match="places"):
        DomainEnv("junction", settings={"places": 0})
    with pytest.raises(UsageError, match="functions that share a budget choose jointly"):
        DomainEnv("faas", settings={"node_memory": 1024, "memory_per_replica": 128})


def test_rewards_of_a_proxy_are_told_to_be_such_and_those_of_the_evaluation_are_none():
    settings = {"places": 3, "evaluation_steps": 50, "proxy": "busier-queue"}
    with pytest.warns(UserWarning, match="rewards are of a proxy: cost is queue 1 alone, .*; evaluation=True plays"):
        told = DomainEnv("junction", settings=settings)
    assert told.domain.spec.proxy is not None
    DomainEnv("junction", settings=settings, evaluation=True)  # warnings are errors in this suite
    with pytest.raises(UsageError, match="it needs --counting requests"):
        ReplicaScalingEnv(instance=InstanceConfig(proxy="periods"))
