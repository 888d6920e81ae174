"""Choices of agents that share a budget: what fits, what is best of it, and how it is explored."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mamo_cli.core.errors import UsageError
from mamo_cli.learners.dqn import greedy, knapsack, repair
from mamo_cli.learners.dqn.acting import draw_within, make_act
from mamo_cli.learners.dqn.learner import refuse
from mamo_cli.learners.dqn.parts import chooser_for
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Exploration, Shape
from tests.learners.agents import everything, feed, learner, outcome, through_a_file

WITHIN = {"knapsack": knapsack, "repair": repair}
USE = np.array([[0, 1], [0, 1]])
SHARED = Shape(observation=1, agents=2, choices=2, objectives=1, use=USE)


def problem(seed, rows=12, whole=False):
    """Random values, masks, uses and budgets of three agents with four choices; sometimes nothing fits."""
    rng = np.random.default_rng(seed)
    q = rng.normal(size=(rows, 3, 4)).astype(np.float32)
    q = np.round(q) if whole else q
    allowed = rng.random(q.shape) < 0.7
    allowed[..., 2] |= ~allowed.any(-1)
    return q, allowed, rng.integers(0, 6, (3, 4)), rng.integers(0, 12, rows)


def used(use, chosen):
    return use[np.arange(len(use)), chosen].sum(-1)


def fitting(allowed, use, budget):
    """All joint choices that fit."""
    joint = itertools.product(*(np.flatnonzero(each) for each in allowed))
    return [each for each in joint if used(use, np.array(each)) <= budget]


def test_repair_gives_up_where_the_least_is_lost_for_a_unit():
    # Own bests 2 and 2 take 4 + 2 units of 3. The first agent may go from 9 to 5, which frees 3 units at 4/3 each, or
    # to 0, 4 at 9/4; the second from 6 to 5, 1 at 1, or to 4, 2 at 1: of the equals the first choice, 0, and 4 units
    # are taken. Then there is the first agent alone, to 1. It fits: 1 + 0.
    q = np.array([[[0, 5, 9], [4, 5, 6]]], dtype=np.float32)
    use, all_ = np.array([[0, 1, 4], [0, 1, 2]]), np.ones((1, 2, 3), dtype=np.bool_)
    found = {}
    for name, chooser in WITHIN.items():
        chosen = np.full((1, 2), -1)
        chooser.choose(q, all_, use, np.array([3]), chosen)
        found[name] = chosen.tolist()
    assert found["repair"] == [[1, 0]]
    assert found["knapsack"] == [[1, 2]]  # 5 + 6 in 1 + 2 units: two are given back


@pytest.mark.parametrize("name", WITHIN)
@settings(deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_compiled_and_torchs_choices_are_one(name, seed, whole):
    q, allowed, use, budgets = problem(seed, whole=whole)
    chosen = np.empty(q.shape[:2], dtype=np.int64)
    WITHIN[name].choose(q, allowed, use, budgets, chosen)
    given_ = [torch.from_numpy(each) for each in (q.reshape(3, 4, 3, 4), allowed.reshape(3, 4, 3, 4), use)]
    found = WITHIN[name].in_torch(*given_, torch.from_numpy(budgets).view(3, 4))
    assert np.array_equal(found.numpy().reshape(chosen.shape), chosen)


@pytest.mark.parametrize("name", ["greedy", *WITHIN])
def test_a_budget_for_all_is_no_budget(name):
    q, allowed, use, _ = problem(1, rows=500)
    uniforms, choices = np.random.default_rng(2).random((1, 500, 3)), np.zeros((1, 500, 3), dtype=np.int64)
    free, enough = np.zeros((1, 500), dtype=np.int64), np.full((1, 500), use.max(1).sum())
    chosen = make_act({"greedy": greedy, **WITHIN}[name])
    assert np.array_equal(
        make_act(greedy)(q[None], allowed[None], np.zeros_like(use), free, uniforms, 0.5, choices),
        chosen(q[None], allowed[None], use, enough, uniforms, 0.5, choices),
    )


@pytest.mark.parametrize("name", WITHIN)
@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([None, np.nan, np.inf, -np.inf]))
def test_whatever_the_values_and_who_explores_what_is_chosen_may_be_and_fits(name, seed, epsilon, odd):
    q, allowed, use, budgets = problem(seed)
    rng = np.random.default_rng(seed)
    if odd is not None:
        q[rng.random(q.shape) < 0.5] = odd
    uniforms, choices = rng.random((1, len(q), 3)), rng.integers(0, 4, (1, len(q), 3))
    chosen = make_act(WITHIN[name])(q[None], allowed[None], use, budgets[None], uniforms, epsilon, choices)[0]
    assert np.take_along_axis(allowed, chosen[..., None], -1).all()
    least = np.where(allowed, use, 99).min(-1).sum(-1)
    assert (used(use, chosen) <= np.maximum(budgets, least)).all()


@given(st.integers(0, 10_000))
def test_who_does_not_explore_makes_the_best_of_what_is_left(seed):
    q, allowed, use, budgets = problem(seed, rows=4)
    rng = np.random.default_rng(seed)
    uniforms, choices = rng.random((1, 4, 3)), rng.integers(0, 4, (1, 4, 3))
    chosen = make_act(knapsack)(q[None], allowed[None], use, budgets[None], uniforms, 0.5, choices)[0]
    for row in range(4):
        explored = uniforms[0, row] < 0.5
        rest = [joint for joint in fitting(allowed[row], use, budgets[row]) if (joint == chosen[row])[explored].all()]
        if rest:
            worth = [q[row, range(3), joint].astype(np.float64).sum() for joint in rest]
            assert q[row, range(3), chosen[row]].astype(np.float64).sum() == pytest.approx(max(worth), abs=1e-6)


@pytest.mark.parametrize("explorers", [(0, 1, 2), (0, 2), (1,)])
def test_explored_joint_choices_that_fit_are_equally_likely(explorers):
    # Three agents with choices of 0, 1, 3 units (the second may not take 0), and 4 units for all; who does not explore
    # keeps the least: the second 1, the others 0.
    use, allowed = np.tile([0, 1, 3], (3, 1)), np.ones((3, 3), dtype=np.bool_)
    allowed[1, 0] = False
    only = np.array([[0], [1], [0]]) == np.arange(3)
    open_ = [allowed[a] if a in explorers else only[a] for a in range(3)]
    possible = [tuple(joint[a] for a in explorers) for joint in fitting(open_, use, 4)]
    rng, counts = np.random.default_rng(0), dict.fromkeys(possible, 0)
    for shares in rng.random((6000, 3)):
        drawn = np.zeros(3, dtype=np.int64)
        draw_within(allowed, use, 4, np.where(np.isin(range(3), explorers), shares, -1.0), drawn)
        counts[tuple(drawn[list(explorers)])] += 1  # of no other: a key that is not there is an error
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_joint_choices_are_equally_likely_where_there_are_more_of_them_than_a_float_can_count():
    # 200 agents of 0..39 units: 40 ** 200 = 1e320 joint choices, half of them within 3900. Each takes some 19 units,
    # the mean of seven within 4.4 or so; where the count overflowed, the first seven all took 39.
    agents, choices = 200, 40
    use = np.tile(np.arange(choices), (agents, 1))
    allowed, drawn = np.ones(use.shape, dtype=np.bool_), np.zeros(agents, dtype=np.int64)
    draw_within(allowed, use, 3900, np.random.default_rng(3).random(agents), drawn)
    assert drawn.sum() <= 3900
    assert all(8.0 < part.mean() < 30.0 for part in np.split(drawn, [7, 50, 100, 150]))


def test_the_chooser_suits_the_problem_and_greedy_is_refused_where_a_budget_is_shared():
    free = SHARED._replace(use=None)
    assert [chooser_for(name, True) for name in ("auto", "knapsack", "repair")] == ["knapsack", "knapsack", "repair"]
    assert [chooser_for(name, False) for name in ("auto", "greedy", "repair")] == ["greedy", "greedy", "repair"]
    config = LearnerConfig(chooser="greedy")
    refuse(config, free)
    with pytest.raises(UsageError, match=r"learner\.chooser greedy: these agents share a budget"):
        refuse(config, SHARED)
    with pytest.raises(UsageError, match="share a budget"):
        learner(shape=SHARED, chooser="greedy")


def constant(device="cpu"):
    """Both networks say 0 and 4 of the first agent's choices, 0 and 5 of the second's, whatever they see."""
    settings_ = {"hidden": (1,), "batch_size": 32, "replay_capacity": 32, "importance_exponent": 0.0, "discount": 0.5}
    agent = learner((0,), SHARED, device, **settings_)
    state = agent.state_dict()
    for vector in ("online", "target"):
        state["networks"][vector][:] = [0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 5]  # the last four are the outputs' shifts
    agent.load_state_dict(state)
    return agent


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_acting_and_the_target_keep_the_budget_seen(device):
    agent = constant(device)
    seen = everything(np.ones((1, 32, 2, 1)), 2)._replace(budget=np.tile([0, 1, 2, 2], (1, 8)))
    assert agent.act(seen)[0, :4].tolist() == [[0, 0], [0, 1], [1, 1], [1, 1]]
    one = seen._replace(budget=np.ones((1, 32), dtype=np.int64))
    agent.store(seen, np.zeros((1, 32, 2), dtype=np.int64), outcome(np.zeros((1, 32, 2, 1)), one))
    # One unit goes to the second agent, worth 5: the goals are 0 and .5 * 5 = 2.5, the values 0; Huber 0 and 2.5 - .5.
    assert agent.learn(1, np.ones((1, 2, 1)), 0.0).item() == pytest.approx((0 + 2) / 2, rel=1e-6)


def test_exploration_keeps_the_budget_seen():
    agent = constant()
    seen = everything(np.ones((1, 3, 2, 1)), 2)._replace(budget=np.array([[1, 1, 2]]))
    exploration = Exploration(np.array([[[0.2, 0.9], [0.4, 0.9], [0.4, 0.1]]]), 0.5, np.ones((1, 3, 2), dtype=np.int64))
    # Share .4 of the first agent's draws are of 0, and the second takes the unit; .8 are of 1, and it is left none. Two
    # units bind nobody: both take what they drew.
    assert agent.act(seen, exploration).tolist() == [[[0, 1], [1, 0], [1, 1]]]


def test_budgets_are_kept_where_there_are_some_and_come_back_from_a_file():
    agent, free = learner((0, 1), SHARED), learner((0, 1), SHARED._replace(use=None))
    feed(agent, 2, SHARED)
    state = agent.state_dict()["replay"]
    assert state["budgets"].shape == (2, 60)
    assert set(np.unique(state["budgets"])) == {0, 1, 2}
    assert "budgets" not in free.state_dict()["replay"]  # as in earlier versions, whose checkpoints it reads
    assert free.replay.memory.budgets.shape == (2, 1)
    copy = learner((0, 1), SHARED)
    copy.load_state_dict(through_a_file(agent.state_dict()))
    assert np.array_equal(copy.state_dict()["replay"]["budgets"], state["budgets"])
    with pytest.raises(ValueError, match="stands where"):
        copy.load_state_dict({**agent.state_dict(), "replay": {**state, "budgets": state["budgets"][:1]}})


def test_a_budget_that_is_not_seen_is_an_error():
    with pytest.raises(AssertionError, match="not seen"):
        learner(shape=SHARED).act(everything(np.ones((1, 1, 2, 1)), 2))
