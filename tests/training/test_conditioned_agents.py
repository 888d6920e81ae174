"""Task agents that know the weights: they learn once, for all weights, and every cycle measures the same networks."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.experiments.configs import MamoConfig, TrainConfig, configured
from mamo_cli.learners.dqn.conditioned import ConditionedDQN
from mamo_cli.learners.protocol import Shape
from mamo_cli.training.conditioned_agents import ConditionedAgents
from mamo_cli.training.readout import only
from mamo_cli.training.records import columns_of
from mamo_cli.training.settings import Preparation
from mamo_cli.training.shards import build_domain, build_shard, cut
from tests.learners.agents import through_a_file
from tests.training.runs import CYCLES, LEARNER, PHASE, columns, mamo_spec, rounds_of

PREPARATION = Preparation(iterations=5)
SPEC = mamo_spec((0, 1, 2), te="conditioned", preparation=PREPARATION, readout="mix")
DOMAIN = build_domain(SPEC)
STEPS = PHASE.iteration_steps * PHASE.environments


def agents(seeds=(0, 1), **changes):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    learner = ConditionedDQN(LEARNER, Shape.of(DOMAIN.spec), streams)
    return ConditionedAgents(DOMAIN, learner, PHASE.model_copy(update=changes), PREPARATION, streams)


def of(*alphas):
    return weights_of(np.array(alphas)[:, None])


def test_they_learn_before_the_first_iteration_under_weights_that_every_copy_draws_anew_and_never_again():
    tasks = agents()
    learner, roamed, learnt = tasks._knowing, [], []
    roam, learn = learner.roam, learner.learn
    learner.roam = lambda copies: (roam(copies), roamed.append(learner._acting))
    learner.learn = lambda *given: (learnt.append(given[0]), learn(*given))[1]
    first = tasks.train_iteration(0, of(0.2, 0.9))
    assert len(roamed) == 5
    assert len(np.unique(roamed)) > 4 * 2 * 16
    assert learnt == [PHASE.updates_per_step] * PHASE.iteration_steps * 5
    before, held = learner.state_dict()["networks"], learner.replay.size
    assert held == min(5 * STEPS, LEARNER.replay_capacity)
    assert before["updates"] == 9  # all but in the first step, when the replay held half a batch
    second = tasks.train_iteration(1, of(0.3, 0.1))
    after = learner.state_dict()["networks"]
    assert len(learnt) == 10
    assert learner.replay.size == held
    assert all(np.array_equal(before[name], after[name]) for name in before)
    for told in (first, second):  # greedy, and nothing learnt
        assert told.epsilon == 0.0
        assert np.isnan(told.loss).all()


def test_exploration_follows_the_phases_schedule_over_the_preparation():
    tasks, epsilons = agents(epsilon=((0.0, 1.0), (1.0, 0.0))), []
    explorations = tasks._knowing.explorations
    tasks._knowing.explorations = lambda epsilon, copies: epsilons.extend(epsilon) or explorations(epsilon, copies)
    tasks.train_iteration(0, of(0.2, 0.9))
    np.testing.assert_allclose(epsilons, [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0], atol=1e-12)


def test_all_steps_are_counted_those_before_the_first_cycle_too():
    rounds = rounds_of(build_shard(SPEC))
    rows = columns(rounds, "training", columns_of(DOMAIN.spec, ())["training"])
    played = np.arange(1, CYCLES * PHASE.iterations + 1) * STEPS + 5 * STEPS
    assert rows["env_steps"][rows["seed"] == 1].tolist() == played.tolist()
    assert SPEC.prepared_transitions == 5 * STEPS
    assert mamo_spec((0,)).prepared_transitions == 0


def test_a_policy_is_the_network_under_its_weights():
    # What a cycle measured is what is delivered, whatever was asked for since; and under other weights it is another.
    tasks = agents((3, 4), updates_per_step=40, learning_rate=((0.0, 3e-3),))
    low, high = (tasks.train_iteration(iteration, of(alpha, alpha)) for iteration, alpha in ((0, 0.02), (1, 0.98)))
    assert np.all(high.measures > low.measures)
    played = tasks.evaluate(DOMAIN)
    kept = only(tasks.policies(), of(0.98, 0.98))
    tasks.train_iteration(2, of(0.02, 0.02))
    assert np.all(tasks.evaluate(DOMAIN).measures.mean(1) < played.measures.mean(1))
    assert np.array_equal(tasks.evaluate(DOMAIN, kept).measures, played.measures)


def test_who_goes_on_studying_acts_under_the_weights_of_the_day():
    tasks = agents((3, 4), updates_per_step=40, learning_rate=((0.0, 3e-3),))
    tasks.train_iteration(0, of(0.02, 0.98))
    before = tasks.evaluate(DOMAIN).measures.mean(1)
    tasks.study(1, of(0.98, 0.02), 0.0)
    after = tasks.evaluate(DOMAIN).measures.mean(1)
    assert np.array_equal(before < before.mean(), after > after.mean())


@pytest.mark.parametrize("sizes", [(1, 2), (1, 1, 1)])
def test_members_are_their_own(sizes):
    whole = rounds_of(build_shard(SPEC))
    shards = [rounds_of(build_shard(part)) for part in cut(SPEC, sizes)]
    for table in whole[0]:
        joined = [[row for part in parts for row in part[table]] for parts in zip(*shards, strict=True)]
        assert repr(joined) == repr([one[table] for one in whole])


def test_a_run_from_a_file_goes_on_bit_identically_and_does_not_learn_again():
    whole = build_shard(SPEC)
    whole.advance()
    again = build_shard(SPEC)
    again.load_state_dict(through_a_file(whole.state_dict()))
    assert repr(rounds_of(again)) == repr(rounds_of(whole))
    assert again._tasks.state_dict()["learner"]["networks"]["updates"] == 9


@pytest.mark.parametrize("readout", ["last", "best", "mix"])
def test_what_was_delivered_is_played_again_from_a_file(readout):
    spec = replace(SPEC, readout=readout)
    whole, again = build_shard(spec), build_shard(spec)
    played = [row for one in rounds_of(whole) for row in one["evaluation"]]
    again.load_state_dict(through_a_file(whole.state_dict()))
    assert again.evaluate(DOMAIN) == played


def test_their_settings_come_with_them():
    config = configured(MamoConfig, {"te": "conditioned", "phase": {"window": 3}})
    assert (config.preparation.iterations, config.phase.iterations, config.phase.window) == (66, 6, 3)
    assert config.learner.batch_size == 64
    assert (configured(MamoConfig).phase.iterations, configured(TrainConfig).learner.batch_size) == (20, 32)
    with pytest.raises(UsageError, match="preparation"):
        configured(MamoConfig, {"preparation": {"iterations": 3}})
    with pytest.raises(UsageError, match="te"):
        configured(MamoConfig, {"te": "prepared"})
