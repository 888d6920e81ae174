"""Stable-Baselines3 as the task agent: it learns, weighs late, obeys masks and leaves global random states alone."""

import importlib
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners import registry
from mamo_cli.learners.protocol import Exploration, Shape
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.settings import PhaseConfig
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import MAMO, mamo
from tests.domains.faas.nodes import made_trace
from tests.learners.agents import BANDIT, DOMAINS, SMALL, everything, feed, outcome, through_a_file, train

TWO = Shape(observation=2, agents=1, choices=4, objectives=2)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """As in every process of a run: small networks gain nothing by more, and lose much on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def learner(seeds=(0,), shape=BANDIT, **settings):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    return registry.build("sb3", SMALL.model_copy(update=settings), shape, streams)


def values(agent, shape, k=0):
    """Of every choice where each of the numbers alone is 1."""
    return agent._members[k].values(np.eye(shape.observation, dtype=np.float32))


def test_learns_a_bandit_whose_best_arm_depends_on_what_is_seen():
    agent, rng = learner((0, 1), discount=0.0, replay_capacity=512), np.random.default_rng(0)
    worth = np.array([[0.1, 0.9, 0.3, 0.5], [0.8, 0.2, 0.6, 0.0]])
    context, arms = rng.integers(0, 2, (2, 400)), rng.integers(0, 4, (2, 400, 1))
    reward = worth[context, arms[..., 0]] + rng.normal(0, 0.1, (2, 400))
    seen = everything(np.eye(2)[context][:, :, None], 4)
    agent.store(seen, arms, outcome(-reward[..., None, None], seen))
    agent.learn(400, np.ones((2, 1, 1)), 5e-3)
    for k in range(2):
        np.testing.assert_allclose(values(agent, BANDIT, k), worth, rtol=0, atol=0.15)
    both = everything(np.tile(np.eye(2)[:, None], (2, 1, 1, 1)), 4)
    assert agent.act(both)[..., 0].tolist() == [[1, 0]] * 2


def test_a_stored_transition_is_weighed_by_the_weights_of_the_day():
    # Choice c costs c / 3 and violates 1 - c / 3: the first is best for the cost alone, the last for the violation.
    agent, rng = learner(shape=TWO, discount=0.0, replay_capacity=256), np.random.default_rng(0)
    arms = rng.integers(0, 4, (1, 256, 1))
    seen = everything(np.ones((1, 256, 1, 2)), 4)
    objectives = np.stack((arms / 3, 1 - arms / 3), -1)
    agent.store(seen, arms, outcome(objectives, seen))
    one = everything(np.ones((1, 1, 1, 2)), 4)
    for weights, best in (([0.9, 0.1], 0), ([0.1, 0.9], 3), ([0.9, 0.1], 0)):
        agent.learn(150, np.array([[weights]]), 5e-3)
        assert agent.act(one).item() == best


def test_a_batch_holds_minus_the_weighed_objectives():
    agent = learner(shape=TWO)
    feed(agent, 1, TWO)
    replay = agent._members[0].replay
    replay.weights = np.array([0.25, 0.75])
    batch = replay.sample(2000)
    stored = dict(zip(map(tuple, replay.observations[:60, 0]), replay.objectives[:60], strict=True))
    drawn = [tuple(row) for row in batch.observations.numpy()]
    assert len(set(drawn)) == 60  # each of those stored, none of the empty places
    expected = [-(0.25 * stored[row][0] + 0.75 * stored[row][1]) for row in drawn]
    np.testing.assert_allclose(batch.rewards[:, 0], expected, rtol=1e-5)


def test_nothing_forbidden_is_bootstrapped_from_or_chosen():
    # As for the package's own learner: reward -0.25, discount 0.5; of the state after, the choice worth 10 is
    # forbidden, the other is worth 1. The goal is -0.25 + 0.5 = 0.25, the chosen one is worth 1: Huber 0.75^2 / 2.
    shape = Shape(1, 1, 2, 1)
    agent = learner(shape=shape, discount=0.5, hidden=(1,), batch_size=32, replay_capacity=32)
    state = agent.state_dict()
    for network in ("online", "target"):
        state["members"][0][network][:] = [0.0, 1.0, 0.0, 0.0, 10.0, 1.0]
    agent.load_state_dict(state)
    seen = everything(np.ones((1, 32, 1, 1)), 2)
    after = seen._replace(mask=np.tile([False, True], (1, 32, 1, 1)))
    agent.store(seen, np.ones((1, 32, 1), dtype=np.int64), outcome(np.full((1, 32, 1, 1), 0.25), after))
    assert agent.learn(1, np.ones((1, 1, 1)), 0.0).item() == pytest.approx(0.75**2 / 2, rel=1e-6)
    assert agent.act(seen).ravel().tolist() == [0] * 32
    assert agent.act(after).ravel().tolist() == [1] * 32
    everywhere = Exploration(np.full((1, 32, 1), 0.5), 1.0, np.arange(32).reshape(1, 32, 1) % 2)
    assert agent.act(after, everywhere).ravel().tolist() == [1] * 32
    ended = outcome(np.full((1, 32, 1, 1), 0.25), after, np.zeros((1, 32), dtype=np.float32))
    agent.store(seen, np.ones((1, 32, 1), dtype=np.int64), ended)  # nothing follows: -0.25 against 1, Huber 1.25 - 0.5
    assert agent.learn(1, np.ones((1, 1, 1)), 0.0).item() == pytest.approx(0.75, rel=1e-6)


def test_the_target_is_copied_to_after_so_many_gradient_steps():
    agent = learner(shape=TWO, target_interval=3)
    feed(agent, 1, TWO)
    apart = []
    for _ in range(7):
        agent.learn(1, np.array([[[0.5, 0.5]]]), 1e-3)
        (state,) = agent.state_dict()["members"]
        apart.append(not np.array_equal(state["online"], state["target"]))
    assert apart == [True, True, False, True, True, False, True]


def story(seeds, member):
    agent = learner(seeds, TWO)
    rng = np.random.default_rng(1)
    numbers, arms, objectives = rng.normal(size=(40, 1, 2)), rng.integers(0, 4, (40, 1)), rng.random((40, 1, 2))
    seen = everything(np.stack([numbers] * len(seeds)), 4)
    agent.store(seen, np.stack([arms] * len(seeds)), outcome(np.stack([objectives] * len(seeds)), seen))
    loss = agent.learn(5, np.tile([0.5, 0.5], (len(seeds), 1, 1)), 1e-3)
    uniforms = agent.explorations(np.array([0.5]), 3)[0].uniforms
    return [agent.policies()[member], loss[member], uniforms[member]]


def test_a_member_is_the_same_in_any_company_and_like_no_other():
    alone = story([7], 0)
    for seeds in ([7, 3], [2, 9, 7]):
        assert all(map(np.array_equal, alone, story(seeds, seeds.index(7))))
    assert not any(map(np.array_equal, alone, story([7, 3], 1)))


def test_global_random_states_are_neither_read_nor_moved():
    def states():
        return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())  # noqa: NPY002

    before, first = states(), story([7], 0)
    assert states() == before
    torch.rand(1), random.random(), np.random.random()  # noqa: NPY002
    assert all(map(np.array_equal, first, story([7], 0)))


def test_policies_of_before_are_asked_and_the_present_one_stays():
    agent = learner((0, 1), TWO)
    feed(agent, 2, TWO)
    seen = everything(np.random.default_rng(5).normal(size=(2, 200, 1, 2)), 4)
    before, first = agent.policies(), agent.act(seen)
    agent.learn(60, np.tile([0.5, 0.5], (2, 1, 1)), 1e-2)
    after = agent.act(seen)
    assert (first != after).any()
    np.testing.assert_array_equal(agent.act(seen, policies=before), first)
    np.testing.assert_array_equal(agent.act(seen, policies=agent.policies().astype(np.float64)), after)
    np.testing.assert_array_equal(agent.act(seen), after)


def population(seeds):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    agent = registry.build("sb3", SMALL, Shape.of(DOMAINS[1].spec), streams)
    return TaskAgents(DOMAINS[1], agent, PhaseConfig(iterations=4, iteration_steps=5, environments=10), streams)


def test_a_population_from_a_file_goes_on_as_it_would_have():
    whole, resumed = population([3, 4]), population([3, 4])
    train(whole, [3, 4], range(2))
    train(resumed, [3, 4], range(1))  # something to overwrite
    resumed.load_state_dict(through_a_file(whole.state_dict()))
    ahead, again = (train(agents, [3, 4], range(2, 4)) for agents in (whole, resumed))
    for one, other in zip(ahead, again, strict=True):
        np.testing.assert_allclose(one.loss, other.loss, rtol=1e-5)
        np.testing.assert_array_equal(one.measures, other.measures)
    np.testing.assert_allclose(whole.policies(), resumed.policies(), rtol=1e-5)


def test_a_state_of_another_network_is_refused():
    with pytest.raises(ValueError, match="stands where"):
        learner(hidden=(8,)).load_state_dict(learner().state_dict())


def test_a_members_nan_is_reported_and_the_frozen_compute_nothing():
    agent = learner((0, 1), TWO)
    assert agent.learn(1, np.ones((2, 1, 2)), 1e-3) is None  # nothing is held yet
    feed(agent, 2, TWO)
    state = agent.state_dict()
    state["members"][0]["online"][3] = np.nan
    agent.load_state_dict(state)
    assert agent.diverged().tolist() == [True, False]
    agent.freeze(np.array([True, False]))
    before = agent.policies()
    loss = agent.learn(2, np.ones((2, 1, 2)), 1e-3)
    assert np.isnan(loss).tolist() == [True, False]
    np.testing.assert_array_equal(agent.policies()[0], before[0])
    assert not np.array_equal(agent.policies()[1], before[1])
    assert (agent.act(everything(np.ones((2, 3, 1, 2)), 4))[0] == 0).all()


def test_what_it_cannot_do_is_refused():
    with pytest.raises(UsageError, match="is for one agent, as its networks are; here act 2: take --te dqn"):
        learner(shape=Shape(2, 2, 4, 2))
    with pytest.raises(UsageError, match="knows no budget that choices must fit: take --te dqn"):
        learner(shape=Shape(2, 1, 2, 2, use=np.array([[0, 1]])))
    assert learner(chooser="greedy").policies().shape[0] == 1  # what auto stands for
    with pytest.raises(UsageError, match=r"learner\.mixer sum: --te sb3 has a mixer of its own"):
        learner(mixer="sum")
    with pytest.raises(UsageError, match=r"learner\.chooser other: --te sb3 has a chooser of its own"):
        learner(chooser="other")


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    for name in [name for name in sys.modules if name.startswith("mamo_cli.learners.sb3.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UsageError, match=r"--te sb3 needs Stable-Baselines3 \(.*\): pip install 'mamo\[sb3\]'"):
        importlib.import_module("mamo_cli.learners.sb3.learner")


def test_the_command_runs_it_and_evaluates_its_policies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mamo(*MAMO, "--te", "sb3", "--environments", "8", "--name", "loop", "-q").code == 0
    assert mamo("evaluate", "loop", "--name", "again", "-q").code == 0
    losses = [line.split(",")[5] for line in Path("results/loop/training.csv").read_text().splitlines()]
    assert losses[0] == "loss"
    assert 0 < float(losses[-1]) < 1
    own, again = (Path(f"results/{name}/evaluation.csv").read_text() for name in ("loop", "again"))
    assert own == again  # the same policies, out of the checkpoint


def test_the_command_says_what_it_cannot_do_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_trace(made_trace(2), Path("two.csv"))
    done = mamo(*MAMO, "--te", "sb3", "--trace", "two.csv")
    message = "mamo: --te sb3 is for one agent, as its networks are; here act 2: take --te dqn\n"
    assert (done.code, done.err, Path("results").exists()) == (2, message, False)
