"""What lies between the networks, by hand: how choices are explored, what follows a transition, how it is weighed."""

import numpy as np
import pytest
import torch

from mamo_cli.learners.dqn import double_q, equations, greedy, independent
from mamo_cli.learners.dqn.acting import make_act, permitted
from mamo_cli.learners.dqn.equations import Rules
from mamo_cli.learners.dqn.replay import Batch, Memory
from mamo_cli.learners.dqn.update import make_temporal_difference
from tests.learners.agents import FREE, UNMIXED


def test_importance_need_not_be_a_whole_number_of_times():
    # 3/16 over 1/8 is 1.5: weight 2/3.
    assert equations.importance_weight(3 / 16, 1 / 8, 1.0) == pytest.approx(2 / 3, rel=1e-12)


@pytest.mark.parametrize(
    ("choice", "share", "allowed", "found"),
    [
        (3, 0.0, [1, 1, 1, 1, 1], 3),  # what is allowed stands, wherever the second draw falls
        (3, 0.9, [1, 0, 0, 1, 0], 3),
        (2, 0.9, [0, 0, 0, 0, 0], 2),  # so does anything where nothing is
        (0, 0.0, [0, 1, 0, 1, 1], 1),  # else the three that are allowed have a third of the draw each
        (0, 0.3, [0, 1, 0, 1, 1], 1),
        (0, 0.34, [0, 1, 0, 1, 1], 3),
        (2, 0.6, [0, 1, 0, 1, 1], 3),
        (2, 0.7, [0, 1, 0, 1, 1], 4),
        (2, 1.0, [0, 1, 0, 1, 1], 4),  # a share that rounds to 1 is the last
        (0, 0.99, [0, 0, 1, 0, 0], 2),
    ],
)
def test_a_forbidden_choice_becomes_an_allowed_one_by_the_second_draw(choice, share, allowed, found):
    assert permitted(choice, share, np.array(allowed, dtype=np.bool_)) == found


def test_choices_are_random_where_the_uniforms_are_below_epsilon():
    # Two members, two copies, two agents of three choices. Greedy is 2, where it is allowed, else 1.
    q = np.tile(np.array([1, 5, 7], dtype=np.float32), (2, 2, 2, 1))
    allowed = np.ones((2, 2, 2, 3), dtype=np.bool_)
    allowed[1, 0, 1] = [False, True, False]
    allowed[0, 1, 1] = [False, True, True]
    uniforms = np.array([[[0.0, 0.5], [0.25, 0.1]], [[0.9, 0.4], [0.49, 0.6]]])
    act, none = make_act(greedy), np.zeros((2, 2), dtype=np.int64)
    found = act(q, allowed, FREE, none, uniforms, 0.5, np.zeros((2, 2, 2), dtype=np.int64))
    # Random is 0: below a half, not at it. The second agent of copy [0, 1] may not do 0, and 0.1 / 0.5 = 0.2 of its
    # list 1, 2 is 1; that of [1, 0] may only do 1.
    assert found.tolist() == [[[0, 2], [0, 1]], [[2, 1], [0, 2]]]
    # At 0.12 it is 0.1 / 0.12 = 0.83 of the list: 2, as the greedy choices are; [0, 0] explores still.
    found = act(q, allowed, FREE, none, uniforms, 0.12, np.zeros((2, 2, 2), dtype=np.int64))
    assert found.tolist() == [[[0, 2], [2, 2]], [[2, 1], [2, 2]]]
    assert act(q, allowed, FREE, none, uniforms, 0.0, np.zeros((2, 2, 2), dtype=np.int64)).tolist() == [
        [[2, 2], [2, 2]],
        [[2, 1], [2, 2]],
    ]


def test_what_follows_a_transition_is_read_from_its_own_place_and_member():
    # Two members, four places, two agents of two choices and three objectives, three numbers a state.
    states = np.arange(2 * 4 * 2 * 3, dtype=np.float32).reshape(2, 4, 2, 3)
    outcomes = 100 + np.arange(2 * 4 * 9, dtype=np.float32).reshape(2, 4, 9)
    outcomes[:, :, 8] = [[-1, -1, -1, 1], [1, 0, 1, -1]]  # went on, was cut short, went on, terminated
    masks = np.array([[[[3], [3]]] * 4, [[[3], [3]], [[1], [2]], [[3], [3]], [[2], [3]]]], dtype=np.uint64)
    budgets = np.array([[50, 51, 52, 53], [60, 61, 62, 63]])
    sums, ring = np.zeros((2, 8)), np.zeros(3, dtype=np.int64)
    memory = Memory(states, outcomes, masks, budgets, sums, np.ones((2, 1)), ring)
    batch = Batch(
        places=np.array([3, 1]),
        probability=np.ones(2),
        states=np.zeros((4, 3), dtype=np.float32),
        actions=np.zeros((2, 2), dtype=np.int64),
        objectives=np.zeros((2, 2, 3), dtype=np.float32),
        discounts=np.zeros(2),
        allowed=np.zeros((2, 2, 2), dtype=np.bool_),
        budgets=np.zeros(2, dtype=np.int64),
    )
    double_q.follow(memory, 1, 0.75, batch)
    # Member 1's states begin at 24, six numbers a place, the latter three of them after: 24 + 18 + 3, 24 + 6 + 3.
    assert batch.states.tolist() == [[0, 0, 0], [0, 0, 0], [45, 46, 47], [33, 34, 35]]
    # Its outcomes begin at 136, nine a place: two choices, then three objectives of each agent.
    assert batch.objectives.tolist() == [[[165, 166, 167], [168, 169, 170]], [[147, 148, 149], [150, 151, 152]]]
    assert batch.discounts.tolist() == [0.0, 0.75]
    assert batch.allowed.tolist() == [[[False, True], [True, True]], [[True, False], [False, True]]]
    assert batch.budgets.tolist() == [63, 61]
    # Where agents share nothing there is one, of nothing.
    double_q.follow(memory._replace(budgets=np.zeros((2, 1), dtype=np.int64)), 1, 0.75, batch)
    assert batch.budgets.tolist() == [0, 0]


def test_the_first_of_equal_values_is_taken_row_by_row():
    q = np.array([[[1, 3, 3], [-2, -1, -3]], [[-5, -5, -5], [0, 0, 1]]], dtype=np.float32)
    allowed = np.array([[[1, 1, 1], [1, 0, 1]], [[0, 1, 1], [1, 1, 0]]], dtype=np.bool_)
    chosen = np.full((2, 2), 9)
    greedy.choose(q, allowed, FREE, np.zeros(2, dtype=np.int64), chosen)
    assert chosen.tolist() == [[1, 0], [1, 0]]
    # A member's second row and second agent are as much its own as the first.
    worth = np.zeros((2, 2), dtype=np.float32)
    double_q.bootstrap(q, 10 * q, chosen, worth)
    assert worth.tolist() == [[30, -20], [-50, 0]]


def test_torchs_forms_say_the_same_of_any_axes_before():
    q = torch.tensor([[[1.0, 3, 3], [-2, -1, -3]], [[-5, -5, -5], [0, 0, 1]]])
    allowed = torch.tensor([[[1, 1, 1], [1, 0, 1]], [[0, 1, 1], [1, 1, 0]]]).bool()
    chosen = greedy.in_torch(q, allowed, None, None)
    assert chosen.tolist() == [[1, 0], [1, 0]]
    assert double_q.in_torch(q, 10 * q, chosen).tolist() == [[30, -20], [-50, 0]]
    assert double_q.in_torch(q[0, 0], q[1, 1], torch.tensor(2)).item() == 1.0


def test_a_loss_is_the_mean_over_all_terms_of_the_batch_and_small_errors_are_small_priorities():
    # Every value is 0, so an error is a cost: three transitions of two agents, six terms.
    costs = np.array([[0.5, 0.25], [0.25, 0.125], [0.125, 0.5]])
    batch = Batch(
        places=np.arange(3),
        probability=np.full(3, 0.1),
        states=np.empty((6, 1), dtype=np.float32),
        actions=np.array([[0, 1], [1, 1], [1, 0]]),
        objectives=np.stack((costs, np.full((3, 2), 7.0)), -1).astype(np.float32),
        discounts=np.full(3, 0.5),
        allowed=np.ones((3, 2, 2), dtype=np.bool_),
        budgets=np.zeros(3, dtype=np.int64),
    )
    zeros = np.zeros((6, 4), dtype=np.float32)
    slope, priority = np.full((3, 4), 9.0, dtype=np.float32), np.empty(3)
    rules = Rules(0.5, 1.0, 0.5, 10.0, 1000)
    found = make_temporal_difference(double_q, greedy, independent)(
        zeros, zeros[:3], batch, np.array([[[1.0, 0.0], [1.0, 0.0]]]), FREE[:, :2], rules, UNMIXED, slope, priority
    )
    # Half the squares 1/4, 1/16, 1/16, 1/64, 1/64, 1/4: together 42/128, a sixth of it.
    assert found == pytest.approx(42 / 128 / 6, rel=1e-12)
    expected = [[0.5, 0, 0, 0.25], [0, 0.25, 0, 0.125], [0, 0.125, 0.5, 0]]
    np.testing.assert_allclose(slope, np.array(expected) / 6, rtol=1e-6)
    np.testing.assert_allclose(priority, [0.501**0.5, 0.251**0.5, 0.501**0.5], rtol=1e-12)


def test_a_transition_is_weighed_by_its_own_weights_where_it_has_some():
    # Every value is 0, so an error is what a transition costs its agents: (1, 4) to the first, (2, 8) to the second.
    batch = Batch(
        places=np.arange(2),
        probability=np.full(2, 0.1),
        states=np.empty((4, 1), dtype=np.float32),
        actions=np.zeros((2, 2), dtype=np.int64),
        objectives=np.tile(np.array([[1, 4], [2, 8]], dtype=np.float32), (2, 1, 1)),
        discounts=np.zeros(2),
        allowed=np.ones((2, 2, 1), dtype=np.bool_),
        budgets=np.zeros(2, dtype=np.int64),
    )
    zeros = np.zeros((4, 2), dtype=np.float32)
    slope, priority = np.empty((2, 2), dtype=np.float32), np.empty(2)
    weights = np.array([[[0.75, 0.25], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]])
    rules = Rules(0.5, 0.0, 1.0, 10.0, 1000)
    given = (zeros, zeros[:2], batch), (FREE[:, :1], rules, UNMIXED, slope, priority)
    temporal_difference = make_temporal_difference(double_q, greedy, independent)
    # 3/4 + 1 = 1.75 and 1 + 4 = 5; 1 and 8: beyond 1 the loss is the error less a half.
    assert temporal_difference(*given[0], weights, *given[1]) == pytest.approx((1.25 + 4.5 + 0.5 + 7.5) / 4)
    np.testing.assert_allclose(priority, [5.001, 8.001])
    assert temporal_difference(*given[0], weights[:1], *given[1]) == pytest.approx((1.25 + 4.5) / 2)
    np.testing.assert_allclose(priority, [5.001, 5.001])
