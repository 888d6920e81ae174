"""Learning first from the log of a rule: what is stored, when it is learnt from, and how it is counted."""

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains import registry
from mamo_cli.domains.faas.baselines.registry import ruled
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.domains.rules import DEFAULT
from mamo_cli.learners.exploration import explorations
from mamo_cli.learners.protocol import Shape
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.pretraining import Log
from mamo_cli.training.settings import PhaseConfig, PretrainConfig
from mamo_cli.training.shards import build_shard
from tests.domains.faas.nodes import made_trace
from tests.learners.agents import through_a_file
from tests.training.runs import PHASE, mamo_spec, rounds_of

SERVICE_S, NOISE, SEEDS = 0.065, 0.2, (3, 4)
NODE = build(InstanceConfig(rejection_model="erlang", noise=NOISE), made_trace(caps=True, period=20))
WEIGHTS = weights_of(np.full((2, 1), 0.8))
ONE = PhaseConfig(
    iterations=2, iteration_steps=1, environments=3, updates_per_step=1, learning_rate=((0.0, 0.5), (1, 0.1))
)


class Notes:
    """A learner that writes down what it is given."""

    def __init__(self, streams):
        self._streams, self.stored, self.learnt = streams, [], []

    def explorations(self, epsilon, copies):
        return explorations(self._streams, Shape.of(NODE.spec), epsilon, copies)

    def act(self, seen, exploration):
        return np.zeros(seen.mask.shape[:3], dtype=np.int64)

    def store(self, seen, actions, step):
        self.stored.append((seen, actions, step))

    def learn(self, updates, weights, rate):
        self.learnt.append((updates, weights.tolist(), rate))


def noted(steps, phase=ONE, **settings):
    """What a learner is given in its first iteration, after so many steps of a log."""
    streams = [MemberStreams(seed, "te") for seed in SEEDS]
    learner = Notes(streams)
    log = Log(registry.logged("faas", NODE, "erlang"), PretrainConfig(rule="erlang", steps=steps, **settings))
    agents = TaskAgents(NODE, learner, phase, streams, log=log)
    agents.train_iteration(0, WEIGHTS)
    return learner, agents


def test_the_log_holds_the_rules_choices_and_what_they_bring_under_the_trainings_noise():
    """A second implementation: copies begin a third of the 20 steps apart; Erlang-B at the noise of their stream."""
    learner, _ = noted(30, updates=7)
    plan, trace = registry.logged("faas", NODE, "erlang"), NODE.case.training.trace
    drawn = [MemberStreams(seed, "te")["environment"].uniform(-NOISE, NOISE, (30, 3, 1)) for seed in SEEDS]
    replicas_before = np.ones((2, 3))
    for step, (seen, actions, brought) in enumerate(learner.stored[:30]):
        for k in range(2):
            for e, first in enumerate((0, 6, 13)):
                at = (first + step) % 20
                replicas = plan[at, 0] + 1
                assert actions[k, e, 0] == plan[at, 0]
                rate = trace.actual_rate_rps[at, 0] * (1.0 + drawn[k][step, e, 0])
                rejection = erlang_b(np.array(rate * SERVICE_S), NODE.spec.choices[0])[replicas - 1]
                np.testing.assert_allclose(brought.objectives[k, e, 0], [replicas / 6, rejection], atol=1e-4)
                assert seen.values[k, e, 0, 1] == pytest.approx(replicas_before[k, e] / 6)
                replicas_before[k, e] = replicas


def test_it_is_learnt_from_once_under_the_first_weights_before_anything_else():
    learner, agents = noted(30, updates=7)
    assert [(made, weights) for made, weights, _ in learner.learnt] == [(1, WEIGHTS.tolist())] * 8
    assert len(learner.stored) == 31
    agents.train_iteration(1, WEIGHTS)
    assert len(learner.learnt) == 9
    assert noted(5, updates=0)[0].learnt == [(1, WEIGHTS.tolist(), 0.5)]


def test_the_step_size_falls_over_the_logs_gradient_steps_as_over_a_phase():
    """From .5 to .1 over 4 steps: .5, .4, .3, .2; then the first iteration's own. Two at once: of 5, the last alone."""
    learner, _ = noted(5, updates=4)
    assert [rate for *_, rate in learner.learnt] == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.5])
    learner, _ = noted(5, ONE.model_copy(update={"updates_per_step": 2}), updates=5)
    assert [made for made, *_ in learner.learnt] == [2, 2, 1, 2]
    assert [rate for *_, rate in learner.learnt] == pytest.approx([0.5, 0.34, 0.18, 0.5])


def test_who_tries_things_draws_what_may_be_chosen():
    plan, tried = registry.logged("faas", NODE, "erlang"), []
    for step, (seen, actions, _) in enumerate(noted(200, updates=0, epsilon=0.5)[0].stored[:200]):
        assert np.take_along_axis(seen.mask, actions[..., None], -1).all()
        tried += (actions[:, 0, 0] != plan[step % 20, 0]).tolist()
    # Half of 400 explore; of six choices one is the rule's, and those beyond the cap are not taken.
    assert 0.2 < np.mean(tried) < 0.45


def test_members_with_a_log_resume_exactly_and_count_its_steps():
    spec = mamo_spec([3, 4], pretrain=PretrainConfig(rule="static", steps=9, updates=5))
    assert spec.prepared_transitions == 9 * PHASE.environments
    loop, copy, alone = build_shard(spec), build_shard(spec), build_shard(spec.of([(4,)]))
    first = loop.advance()
    assert first["training"][0][3] == 9 * PHASE.environments + spec.iteration_transitions
    copy.load_state_dict(through_a_file(loop.state_dict()))
    rest = rounds_of(loop)
    assert rounds_of(copy) == rest
    own = [row for one in (first, *rest) for row in one["training"] if row[0] == 4]
    assert own == [row for one in rounds_of(alone) for row in one["training"]]
    assert own != [row for one in rounds_of(build_shard(mamo_spec([4]))) for row in one["training"]]


def test_a_log_is_what_the_rule_does_where_nothing_deviates():
    """Without noise, the evaluation of a periodic trace is its training, and `mamo baselines` plays the rules there."""
    calm = build(InstanceConfig(noise=0.0), made_trace(steps=12, period=12))
    played = {one.rule: one.played for one in ruled(calm, None) if one.knobs == DEFAULT}
    assert len(played) == 6
    for rule, told in played.items():
        replicas = np.ceil(np.round(told.measures[..., 0], 9))
        assert registry.logged("faas", calm, rule).tolist() == (replicas - 1).astype(int).tolist(), rule


def test_rules_that_are_not_there_are_refused():
    with pytest.raises(UsageError, match=r"a rule to learn from is one of static, erlang, .*, got 'hpa'"):
        registry.logged("faas", NODE, "hpa")
    with pytest.raises(UsageError, match="--domain battery: nobody told of rules that people run there today"):
        registry.logged("battery", NODE, "static")
    shared = build(InstanceConfig(memory_per_replica=100, node_memory=1000), made_trace(2))
    with pytest.raises(UsageError, match="rules of today know no shared memory"):
        registry.logged("faas", shared, "static")
