"""The decision: by hand, and held equal to what the learner chooses, whatever is observed and may be chosen."""

import subprocess
import sys

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.core.seam import Seen
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.conditioned import ConditionedDQN
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import Policy
from tests.policies.small import about, policy

STATES = 300
SHARES = np.array([[0.5, 0.0, 0.25], [0.5, 1.0, 0.75]])
USE = np.outer([1, 3, 2], np.arange(1, 6))


def test_by_hand():
    # One input of each of two agents, no hidden layer: values are x0 (1, -1) and 2 x1 (1, -1) plus (0, 1) each.
    wide = {"agents": ("f", "g"), "choices": (2, 2), "observation": 1}
    row = np.array([1, -1, 0, 0, 0, 0, 2, -2, 0, 1, 0, 1], dtype=np.float32)
    one = Policy(
        about=about(**wide), parameters=row[None], widths=np.array([2, 4]), shares=np.ones((1, 2)),
        weights=np.ones((1, 2, 2)), use=np.zeros((2, 2), dtype=np.int64),
    )  # fmt: skip
    decider, free = Decider(one), np.ones((2, 2), dtype=np.bool_)
    observed = np.array([[0.75], [0.125]], dtype=np.float32)
    np.testing.assert_array_equal(decider.values(0, observed), [[0.75, 0.25], [0.25, 0.75]])
    assert decider.decide(observed, free).tolist() == [0, 1]
    assert decider.decide(observed, np.array([[False, True], [True, False]])).tolist() == [1, 0]
    assert decider.decide(np.array([[0.5], [0.25]], dtype=np.float32), free).tolist() == [0, 0]  # equals: the first


def test_each_agent_of_a_mixture_plays_by_its_own_draw():
    decider, free = Decider(policy()), np.ones((2, 3), dtype=np.bool_)
    observed = np.random.default_rng(11).normal(size=(2, 4)).astype(np.float32)
    first, second = (decider.values(play, observed).argmax(1) for play in (0, 1))
    assert (first != second).all()
    assert decider.decide(observed, free, None, np.array([0.2, 0.2])).tolist() == first.tolist()
    assert decider.decide(observed, free, None, np.array([0.25, 0.99])).tolist() == [second[0], first[1]]
    assert decider.decide(observed, free, None, 0.9).tolist() == [second[0], first[1]]


def test_what_is_not_finite_and_a_budget_that_is_not_told_are_refused():
    free = np.ones((2, 3), dtype=np.bool_)
    for bad in (np.nan, np.inf, 3e38):
        with pytest.raises(DataError, match="not a finite number"), np.errstate(all="ignore"):
            Decider(policy()).decide(np.full((2, 4), bad, dtype=np.float32), free)
    coupled = Decider(policy(about=about(coupled=True, chooser="knapsack"), use=np.ones((2, 3), dtype=np.int64)))
    with pytest.raises(DataError, match="share a budget, and none was told"):
        coupled.decide(np.zeros((2, 4), dtype=np.float32), free)


def exported(learner, rows, shape, config, kind):
    """The policy of these rows of parameters, as a file has it."""
    told = None
    if kind is ConditionedDQN:
        rows, told = np.split(rows, [-shape.agents], 1)
        told = told.reshape(len(rows), shape.agents, 1)
    names = ("f", "g", "h")[: shape.agents]
    many = shape.agents
    said = about(
        agents=names, choices=[5] * many, observation=3, alpha=[[0.5]] * many, limits=[[0.5]] * many,
        chooser=config.chooser, coupled=shape.use is not None,
    )  # fmt: skip
    shares = SHARES[:, :many] if shape.use is None else SHARES[:, :1].repeat(many, 1)
    return Policy(
        about=said, parameters=np.ascontiguousarray(rows),
        widths=np.array([learner.inputs(shape), *config.hidden, many * 5]), shares=shares,
        weights=np.full((2, many, 2), 0.5), use=shape.units(), told=told,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [DQN, ConditionedDQN])
@pytest.mark.parametrize(
    ("agents", "chooser", "use"), [(1, "greedy", None), (3, "greedy", None), (3, "knapsack", USE), (3, "repair", USE)]
)
def test_the_decision_is_the_learners(kind, agents, chooser, use):
    shape = Shape(observation=3, agents=agents, choices=5, objectives=2, use=use)
    config = LearnerConfig(hidden=(30, 16), chooser=chooser)
    learner = kind(config, shape, [MemberStreams(seed, "te") for seed in (0, 1)])
    rng = np.random.default_rng(5)
    if kind is ConditionedDQN:
        learner.weigh(rng.dirichlet(np.ones(2), (2, agents)))
    rows = learner.policies()  # of two members, here of one
    seen = Seen(
        values=rng.normal(size=(1, STATES, agents, 3)).astype(np.float32) * 3.0,
        mask=rng.random((1, STATES, agents, 5)) < 0.7,
        budget=None if use is None else rng.integers(0, 33, (1, STATES)),
    )
    seen.mask[..., 0] |= ~seen.mask.any(-1)
    both = Seen(*(None if part is None else part.repeat(2, 0) for part in seen))
    each = learner.act(both, policies=rows)
    decider, draws = Decider(exported(learner, rows, shape, config, kind)), rng.random((STATES, agents))
    draws = draws if use is None else draws[:, :1].repeat(agents, 1)
    plays = (draws >= decider.policy.shares[0]).astype(int)
    for state in range(STATES):
        budget = None if use is None else int(seen.budget[0, state])
        chosen = decider.decide(seen.values[0, state], seen.mask[0, state], budget, draws[state])
        wanted = [each[plays[state, a]][state, a] for a in range(agents)]
        assert chosen.tolist() == wanted
    assert np.mean(each[0] != each[1]) > 0.05  # so that which policy plays is seen
    assert len(np.unique(each[0])) > 2


def test_no_training_is_imported():
    heavy = "('torch', 'numba', 'scipy', 'pandas')"
    code = f"import sys, mamo_cli.policies.decide; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("network", ["shared", "apart"])
def test_networks_that_see_one_agent_choose_as_the_learner_does_whatever_the_others_see(network):
    shape = Shape(observation=4, agents=3, choices=5, objectives=2)
    learner = DQN(LearnerConfig(hidden=(8, 6), network=network), shape, [MemberStreams(7, "te")])
    row = learner.policies()
    names = {"agents": ("f", "g", "h"), "choices": (5, 5, 5), "limits": [[0.1]] * 3, "alpha": [[0.5]] * 3}
    ours = Policy(
        about=about(network=network, **names), parameters=row, widths=np.array([12, 8, 6, 15]), shares=np.ones((1, 3)),
        weights=np.ones((1, 3, 2)), use=np.zeros((3, 5), dtype=np.int64),
    )  # fmt: skip
    decider, rng, free = Decider(ours), np.random.default_rng(0), np.ones((3, 5), dtype=np.bool_)
    for _ in range(STATES):
        observed = rng.normal(size=(3, 4)).astype(np.float32)
        np.testing.assert_allclose(
            decider.values(0, observed), learner.q_values(observed[None, None])[0, 0], rtol=1e-4, atol=1e-6
        )
        elsewhere = rng.normal(size=(3, 4)).astype(np.float32) * 100
        elsewhere[1] = observed[1]
        np.testing.assert_array_equal(decider.values(0, elsewhere)[1], decider.values(0, observed)[1])
        assert decider.decide(elsewhere, free)[1] == decider.decide(observed, free)[1]
