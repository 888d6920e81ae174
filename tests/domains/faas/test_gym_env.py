"""The Gymnasium face keeps Gymnasium's rules, and an exact plan played through it costs what the solver says."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.gym_env import ENVIRONMENT_ID, ReplicaScalingEnv
from mamo_cli.domains.faas.offline.problem import ReplicaProblem, at_plan
from mamo_cli.domains.faas.offline.solve import solve
from mamo_cli.domains.faas.settings import InstanceConfig
from tests.domains.faas.nodes import case_of, made_trace, play, saved


@pytest.mark.parametrize("evaluation", [False, True])
@pytest.mark.parametrize("functions", [1, 3])
def test_the_environment_checker_has_nothing_to_say(tmp_path, functions, evaluation):
    config = saved(made_trace(functions, caps=True, deviations=True), tmp_path)
    env = gymnasium.make(ENVIRONMENT_ID, alpha=0.5, instance=config, evaluation=evaluation)
    check_env(env.unwrapped)  # warnings are errors in this suite
    assert env.observation_space.shape == (4 * functions,)
    assert env.observation_space.dtype == np.float32


@pytest.mark.parametrize("name", [ENVIRONMENT_ID, f"mamo_cli.domains.faas.gym_env:{ENVIRONMENT_ID}"])
def test_made_by_name_it_plays_a_whole_day(name):
    env = gymnasium.make(name, alpha=0.1)
    env.reset(seed=0)
    ends = [env.step(9)[2:4] for _ in range(288)]
    assert ends == [(False, False)] * 287 + [(False, True)]
    assert env.action_space == gymnasium.spaces.Discrete(10)
    assert env.unwrapped.alpha == 0.1


def test_noise_comes_from_the_seed_alone_and_is_drawn_anew_every_episode():
    def episode(env, seed=None):
        env.reset(seed=seed)
        return np.array([env.step(4)[-1]["actual_rate_rps"][0] for _ in range(288)])

    env = ReplicaScalingEnv()
    first, second = episode(env, seed=3), episode(env)
    np.testing.assert_array_equal(episode(ReplicaScalingEnv(), seed=3), first)
    deviations = np.concatenate([first, second]) / np.tile(env.scaling.trace.actual_rate_rps[:, 0], 2) - 1
    assert not np.array_equal(first, second)
    assert -0.2 <= deviations.min() < -0.19
    assert 0.19 < deviations.max() <= 0.2


def test_evaluation_plays_the_same_rates_whatever_the_seed():
    env = ReplicaScalingEnv(evaluation=True)
    rates = []
    for seed in (1, 2):
        env.reset(seed=seed)
        rates.append([env.step(4)[-1]["actual_rate_rps"][0] for _ in range(288)])
    assert rates[0] == rates[1]
    np.testing.assert_array_equal(rates[0], case_of(InstanceConfig()).evaluation.trace.actual_rate_rps[:, 0])


def test_what_makes_no_sense_is_refused():
    env = ReplicaScalingEnv()
    with pytest.raises(ResetNeeded):
        env.step(0)
    with pytest.raises(ValueError, match=r"start must be a step in 0\.\.287, got 288"):
        env.reset(options={"start": 288})
    with pytest.raises(ValueError, match=r"deviations must have the shape \(288, 1\)"):
        env.reset(options={"deviations": np.zeros(288)})
    env.reset()
    for action in (10, -1, 2.0, [1, 2]):
        with pytest.raises(ValueError, match=r"indices in 0\.\.9"):
            env.step(action)
    with pytest.raises(ValueError, match=r"alpha must be in \[0, 1\], got 1.5"):
        ReplicaScalingEnv(alpha=1.5)


@pytest.mark.parametrize("scope", ["step", "average", "alpha"])
@pytest.mark.parametrize("functions", [1, 3])
def test_the_solvers_plan_replayed_gives_the_solvers_objective(tmp_path, functions, scope):
    # 20 steps that count as one period: trained on whole, so that the environment plays what the solver saw.
    config = saved(made_trace(functions, caps=True, period=20), tmp_path)
    case, alpha = case_of(config), 0.6
    problem = ReplicaProblem(1.0, case.planned_rejection(), case.training.max_replicas, config.tolerance, alpha)
    solution = solve(problem, scope, solver="cbc")
    actions = solution.plan if functions > 1 else solution.plan[:, 0]
    env = ReplicaScalingEnv(alpha, config)
    _, rewards, infos = play(env, actions, deviations=np.zeros((20, functions)))
    replicas = np.array([info["replicas"] for info in infos])
    cost = -rewards.mean() if scope == "alpha" else replicas.sum(1).mean()  # alpha: the reward; else: replicas
    assert cost == pytest.approx(solution.objective, abs=1e-4 if scope == "alpha" else 1e-9)  # 1e-4: the table's
    exact = at_plan(case.planned_rejection(), solution.plan + 1)
    np.testing.assert_allclose([info["rejection"] for info in infos], exact, rtol=0, atol=1e-4)


@pytest.mark.slow
def test_a_third_partys_dqn_learns_in_it():
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    env = gymnasium.make(ENVIRONMENT_ID, alpha=0.8)
    model = stable_baselines3.DQN(
        "MlpPolicy", env, seed=0, gamma=0.5, learning_rate=2e-3, batch_size=64, train_freq=2, learning_starts=300,
        target_update_interval=200, exploration_fraction=0.5, policy_kwargs={"net_arch": [64, 64]}, device="cpu",
    )  # fmt: skip
    model.learn(6000)
    judge = ReplicaScalingEnv(0.8, evaluation=True)
    observation, _ = judge.reset()
    rewards = []
    for _ in range(288):
        action, _ = model.predict(observation, deterministic=True)
        observation, reward, *_ = judge.step(int(action))
        rewards.append(reward)
    case = case_of(InstanceConfig())
    replicas = np.arange(1, 11)
    cost = 0.2 * replicas / 10 + 0.8 * case.expected_rejection()[:, 0]  # (288, 10)
    optimum, random_play = -cost.min(1).mean(), -cost.mean()
    # At least nine tenths of the way from random play to the exact optimum.
    assert np.mean(rewards) > optimum - 0.1 * (optimum - random_play)


def test_a_simulated_node_is_refused():
    with pytest.raises(UsageError, match="simulation works in the commands alone"):
        ReplicaScalingEnv(instance=InstanceConfig(rejection_model="simulation"))
