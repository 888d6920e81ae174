"""Every domain whose agents choose apart keeps PettingZoo's rules, and plays there what its batch plays."""

import importlib
import sys
import warnings

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from pettingzoo.utils.conversions import parallel_to_aec

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains import parallel_env
from mamo_cli.domains.gym_env import DomainEnv
from mamo_cli.domains.parallel_env import ParallelDomainEnv
from mamo_cli.domains.play import SEEDS

with warnings.catch_warnings():  # the tests themselves import an environment in a way that PettingZoo now calls old
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import parallel_api_test, parallel_seed_test

FLEET = {"topology": "ring", "messages": "full", "loss": 0.3, "max_replicas": 4}
ALPHAS = {"node1": 0.2, "node2": 0.5, "node3": 0.9}
# With caps and messages; a team; one agent whose episodes chance ends.
SMALL = {
    "fleet": FLEET,
    "chain": {"levels": (12, 15, 22), "evaluation_steps": 50},
    "gridworld": {"gamma": 0.9, "evaluation_steps": 50},
}


@pytest.mark.parametrize("name", SMALL)
def test_pettingzoos_own_tests_have_nothing_to_say(name):
    env = ParallelDomainEnv(name, settings=SMALL[name])
    parallel_api_test(env, num_cycles=400)  # warnings are errors in this suite
    parallel_seed_test(lambda: ParallelDomainEnv(name, settings=SMALL[name]), num_cycles=100)


@pytest.mark.parametrize("evaluation", [False, True])
def test_it_is_the_compiled_environment_step_by_step_to_the_last_bit(evaluation):
    env = ParallelDomainEnv("fleet", ALPHAS, FLEET, evaluation)
    batch = env.domain.environment(Part.EVALUATION if evaluation else Part.TRAINING, 1)
    streams = [MemberStreams(int(np.random.default_rng(7).integers(SEEDS)), "gymnasium")]
    observations, infos = env.reset(seed=7)
    seen, alpha = batch.observe(), np.array(list(ALPHAS.values()))
    for t in range(batch.steps):
        np.testing.assert_array_equal(np.stack(list(observations.values())), seen.values[0, 0])
        np.testing.assert_array_equal(env.state(), seen.values.ravel())
        np.testing.assert_array_equal(np.stack([info["action_mask"] for info in infos.values()]), seen.mask[0, 0])
        actions = {name: env.action_space(name).sample(infos[name]["action_mask"]) for name in env.agents}
        played = batch.step(np.array([[list(actions.values())]]), None if evaluation else batch.draw(1, streams)[0])
        observations, rewards, terminations, truncations, infos = env.step(actions)
        objectives = played.objectives[0, 0]
        own = -((1.0 - alpha) * objectives[:, 0] + alpha * objectives[:, 1])
        assert list(rewards.values()) == own.tolist()
        for m, (name, info) in enumerate(infos.items()):
            assert (info["cost"], *info["violations"]) == tuple(objectives[m])
            assert (info["paid"], info["choice"]) == (played.paid[0, 0, m], actions[name])
            told = np.where(np.isnan(played.measures[0, 0, m]), 0.0, played.measures[0, 0, m])  # nobody is node 0
            np.testing.assert_array_equal(info["measures"], told)
        assert set(terminations.values()) == {False}
        assert set(truncations.values()) == {t == batch.steps - 1}
        seen = played.seen if t < batch.steps - 1 else played.after
    assert env.agents == []
    np.testing.assert_array_equal(env.state(), seen.values.ravel())


def test_its_mean_reward_is_that_of_the_gymnasium_face_under_one_alpha():
    env, whole = ParallelDomainEnv("fleet", 0.3, FLEET), DomainEnv("fleet", 0.3, FLEET)
    env.reset(seed=5)
    whole.reset(seed=5)
    for t in range(40):
        action = [t % 20, (3 * t) % 20, 7]  # masked ones among them
        _, rewards, _, _, infos = env.step(dict(zip(env.agents, action, strict=True)))
        _, reward, _, _, info = whole.step(action)
        assert np.mean(list(rewards.values())) == reward
        assert [each["choice"] for each in infos.values()] == info["choices"].tolist()


def test_a_users_loop_one_agent_after_another_brings_the_same_rewards():
    env, turns = ParallelDomainEnv("fleet", ALPHAS, FLEET), parallel_to_aec(ParallelDomainEnv("fleet", ALPHAS, FLEET))
    env.reset(seed=1)
    total, periods = dict.fromkeys(ALPHAS, 0.0), 0
    while env.agents:
        _, rewards, *_ = env.step(dict.fromkeys(env.agents, 2))
        total, periods = {name: total[name] + rewards[name] for name in total}, periods + 1
    turns.reset(seed=1)
    summed = dict.fromkeys(ALPHAS, 0.0)
    for name in turns.agent_iter():
        _, reward, termination, truncation, _ = turns.last()
        summed[name] += reward
        turns.step(None if termination or truncation else 2)
    assert periods == 288
    assert summed == pytest.approx(total, rel=1e-12)
    assert len(set(summed.values())) == 3


def test_seeds_tell_loads_apart_and_an_episode_that_chance_ended_goes_on():
    env = ParallelDomainEnv("fleet", 0.5, FLEET)

    def arriving(seed):
        env.reset(seed=seed)
        return [env.step(dict.fromkeys(env.agents, 0))[-1]["node1"]["measures"][3] for _ in range(3)]

    first, other, again = arriving(1), arriving(2), arriving(1)
    assert first == again
    assert not set(first) & set(other)
    settings = {"gamma": 0.5, "evaluation_steps": 200}
    maze, one = ParallelDomainEnv("gridworld", settings=settings), DomainEnv("gridworld", settings=settings)
    maze.reset(seed=3)
    one.reset(seed=3)
    (agent,), ends = maze.possible_agents, 0
    for _ in range(199):
        _, _, terminations, truncations, _ = maze.step({agent: 0})
        _, _, terminated, truncated, _ = one.step(0)
        assert (terminations, truncations) == ({agent: terminated}, {agent: truncated})
        assert maze.agents == ([] if terminated else [agent])
        if terminated:
            ends += 1
            maze.reset()
            one.reset()
    assert 60 < ends < 140


def test_what_makes_no_sense_is_refused():
    env = ParallelDomainEnv("fleet", 0.5, FLEET)
    with pytest.raises(ResetNeeded, match="before state"):
        env.state()
    with pytest.raises(ResetNeeded, match="before step"):
        env.step({})
    env.reset(seed=0)
    with pytest.raises(ValueError, match="an action each of node1, node2, node3, got those of node1, node4"):
        env.step({"node1": 0, "node4": 0})
    with pytest.raises(ValueError, match=r"an index below each of \[20, 20, 20\]"):
        env.step({"node1": 0, "node2": 0, "node3": 20})
    with pytest.raises(ValueError, match="one each for node1, node2, node3, got"):
        ParallelDomainEnv("fleet", {"node1": 0.5}, FLEET)
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\], got -0.1"):
        ParallelDomainEnv("fleet", {**ALPHAS, "node2": -0.1}, FLEET)
    with pytest.raises(UsageError, match="functions that share a budget choose jointly"):
        ParallelDomainEnv("faas", settings={"node_memory": 1024, "memory_per_replica": 128})


def test_where_pettingzoo_is_absent_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(UsageError, match=r"needs PettingZoo \(.*\): pip install 'mamo\[pettingzoo\]'"):
        importlib.reload(parallel_env)
