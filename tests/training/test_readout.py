"""What is delivered: by hand, and held against all mixtures of all policies that ever were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from mamo_cli.core.mixtures import best, mixed
from mamo_cli.core.weights import weights_of
from mamo_cli.training.readout import RULES, Delivery, Kept, places_of, shares_of
from tests.learners.agents import through_a_file
from tests.strategies.exact_learner import spec_of

LIMIT = np.array([0.25])
BLOCKS = spec_of(LIMIT)._replace(block=4)
SHARES = st.integers(0, 64).map(lambda n: n / 64)


def filled(readout, objectives, limits, total=None):
    """`Kept` after cycles with objectives `(cycles, K, A, M)`; policies are ten times the cycle and the member."""
    cycles, members, agents, _ = objectives.shape
    kept = Kept(readout, spec_of(*limits), members)
    for cycle in range(cycles):
        weights = weights_of(np.full((members, agents), cycle / (total or cycles)))
        kept.add(cycle, weights, objectives[cycle], np.array([[10.0 * cycle + k] for k in range(members)]))
    return kept


def test_two_that_bracket_the_limit_meet_it():
    # Costs 4, 3, 1, 2 at violations 0, .125, .5, .375: of the chords across .25, from .125 to .375 at 2.5, from .125 to
    # .5 at 3 - 2 / 3 and from 0 to .5 at 2.5, the second is the cheapest, with a third of its way behind it.
    objectives = np.array([[4.0, 0.0], [3.0, 0.125], [1.0, 0.5], [2.0, 0.375]])
    assert mixed(objectives, LIMIT) == pytest.approx([0.0, 2 / 3, 1 / 3, 0.0])
    assert best(objectives, LIMIT).tolist() == [0.0, 1.0, 0.0, 0.0]
    # Where one that holds is the cheapest of all, it is played alone; where none holds, the one of least violation.
    assert mixed(np.array([[1.0, 0.125], [2.0, 0.5]]), LIMIT).tolist() == [1.0, 0.0]
    assert mixed(objectives[2:], LIMIT).tolist() == best(objectives[2:], LIMIT).tolist() == [0.0, 1.0]


def judged(objectives, limit):
    """Cost, and violation beyond the limit: mixtures of one cost may violate differently within it."""
    return [objectives[0], max(objectives[1] - float(np.squeeze(limit)), 0.0)]


@given(arrays(np.float64, (6, 2), elements=SHARES), SHARES)
def test_the_cheapest_mixture_is_that_of_the_linear_program(objectives, limit):
    # The same limit twice takes the way of several limits: a linear program.
    twice = np.concatenate((objectives, objectives[:, 1:]), 1)
    ours, program = mixed(objectives, np.array([limit])), mixed(twice, np.array([limit, limit]))
    assert ours.sum() == pytest.approx(1.0)
    assert (ours >= 0.0).all()
    assert judged(ours @ objectives, limit) == pytest.approx(judged(program @ objectives, limit), abs=1e-7)


@given(arrays(np.float64, (4, 2, 2, 2), elements=SHARES))
def test_nothing_is_lost_by_forgetting_the_others(objectives):
    limits = np.array([[0.25], [0.5]])
    delivery = filled("mix", objectives, limits).delivery()
    brought = (delivery.shares[..., None] * delivery.objectives).sum(0)
    for k in range(2):
        for a in range(2):
            everything = mixed(objectives[:, k, a], limits[a]) @ objectives[:, k, a]
            assert judged(brought[k, a], limits[a]) == pytest.approx(judged(everything, limits[a]), abs=1e-9)


def test_policies_go_with_what_they_brought():
    objectives = np.array([[4.0, 0.0], [3.0, 0.125], [1.0, 0.5], [2.0, 0.375]])[:, None, None]
    objectives = np.concatenate((objectives, objectives[::-1]), 1)  # two members, the second the other way round
    delivery = filled("mix", objectives, LIMIT[None]).delivery()
    assert delivery.cycles.T.tolist() == [[1, 2], [1, 2]]
    assert delivery.policies[..., 0].T.tolist() == [[10.0, 20.0], [11.0, 21.0]]
    assert pytest.approx(np.array([[2 / 3, 1 / 3], [1 / 3, 2 / 3]])) == delivery.shares[..., 0].T
    # Alphas .25 and .5 were theirs.
    assert delivery.mean_weights()[:, 0, 1] == pytest.approx([1 / 3, 5 / 12])


def test_the_best_is_kept_though_others_follow():
    objectives = np.array([[0.75, 0.125], [0.5, 0.25], [0.25, 0.375], [0.625, 0.125]])[:, None, None]
    delivery = filled("best", objectives, LIMIT[None]).delivery()
    assert (delivery.cycles.item(), delivery.policies.item(), delivery.shares.item()) == (1, 10.0, 1.0)


def test_a_policy_plays_a_block_and_as_often_as_its_share():
    shares = np.array([0.75, 0.25])[:, None, None] * np.ones((2, 3, 1))
    at = Delivery(np.zeros((2, 3, 1)), shares, np.zeros((2, 3, 1, 2)), np.zeros((2, 3, 1, 2)), np.zeros((2, 3)))
    drawn = at.drawn(40_000, BLOCKS, (1, 2, 3))
    assert drawn.shape == (40_000, 3, 1)
    assert (drawn.reshape(-1, 4, 3) == drawn[::4, None, :, 0]).all()
    # 10,000 blocks: a standard error of .0043.
    assert drawn.mean(0) == pytest.approx(0.25, abs=0.02)
    alone = Delivery(*(part[:, 1:2] for part in at)).drawn(40_000, BLOCKS, (2,))
    assert np.array_equal(drawn[:, 1:2], alone)


def test_a_team_plays_one_policy_at_a_time_where_others_draw_for_themselves():
    shares = np.full((2, 1, 3), 0.5)
    at = Delivery(np.zeros((2, 1, 1)), shares, np.zeros((2, 1, 3, 2)), np.zeros((2, 1, 3, 2)), np.zeros((2, 1)))
    apart = at.drawn(400, spec_of(*[[0.25]] * 3), (1,))
    together = at.drawn(400, spec_of(*[[0.25]] * 3)._replace(team=True), (1,))
    assert apart.shape == together.shape == (400, 1, 3)
    assert (together == together[..., :1]).all()
    assert (apart != apart[..., :1]).any()


def test_what_is_kept_goes_through_a_file():
    objectives = np.random.default_rng(1).random((6, 2, 1, 2))
    whole, half = filled("mix", objectives, LIMIT[None]), filled("mix", objectives[:3], LIMIT[None], 6)
    resumed = Kept("mix", spec_of(LIMIT), 2)
    resumed.load_state_dict(through_a_file(half.state_dict()))
    for cycle in range(3, 6):
        weights = weights_of(np.full((2, 1), cycle / 6))
        resumed.add(cycle, weights, objectives[cycle], np.array([[10.0 * cycle + k] for k in range(2)]))
    for ours, theirs in zip(resumed.delivery(), whole.delivery(), strict=True):
        assert np.array_equal(ours, theirs)


SHARING = spec_of([0.25], [0.5])._replace(use=np.array([[1, 2], [1, 2]]))


@given(arrays(np.float64, (6, 2, 2), elements=SHARES))
def test_agents_that_share_a_budget_play_the_cheapest_mixture_of_joint_plays(objectives):
    shares = shares_of(RULES["mix"], objectives, SHARING.limits, coupled=True)
    assert (shares[:, 0] == shares[:, 1]).all()
    ours = shares[:, 0]
    assert np.count_nonzero(ours > 1e-9) <= 3  # two limits, and one
    brought = np.einsum("j,jam->am", ours, objectives)
    cost, rows = objectives[..., 0].mean(1), objectives[..., 1].T
    excess = linprog(np.r_[np.zeros(6), 1, 1], np.c_[rows, -np.eye(2)], [0.25, 0.5], [[1.0] * 6 + [0, 0]], [1.0]).fun
    assert np.maximum(brought[:, 1] - [0.25, 0.5], 0.0).sum() == pytest.approx(excess, abs=1e-7)
    if excess < 1e-9:
        least = linprog(cost, rows, [0.25, 0.5], [[1.0] * 6], [1.0]).fun
        assert brought[:, 0].mean() == pytest.approx(least, abs=1e-7)
        alone = shares_of(RULES["best"], objectives, SHARING.limits, coupled=True)
        held = (objectives[..., 1] <= [0.25, 0.5]).all(1)
        if held.any():
            assert cost @ alone[:, 0] == cost[held].min()
            assert cost @ alone[:, 1] >= least - 1e-9


def test_each_agents_own_best_need_not_be_the_best_together():
    # The first is cheapest for the left agent within its .25, the second for the right within its .5: apart they play
    # different ones. Together neither keeps both limits, and the third is the cheapest that does.
    objectives = np.array([[[0.1, 0.2], [0.9, 0.9]], [[0.9, 0.9], [0.1, 0.4]], [[0.6, 0.2], [0.6, 0.4]]])
    apart = shares_of(RULES["best"], objectives, SHARING.limits, coupled=False)
    assert apart.T.tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert shares_of(RULES["best"], objectives, SHARING.limits, coupled=True).T.tolist() == [[0.0, 0.0, 1.0]] * 2


def test_one_draw_for_all_who_share_a_budget():
    shares = np.array([0.75, 0.25])[:, None, None] * np.ones((2, 2, 2))
    at = Delivery(np.zeros((2, 2, 1)), shares, np.zeros((2, 2, 2, 2)), np.zeros((2, 2, 2, 2)), np.zeros((2, 2)))
    together, apart = at.drawn(4000, SHARING, (1, 2)), at.drawn(4000, spec_of([0.25], [0.5]), (1, 2))
    assert (together[..., 0] == together[..., 1]).all()
    assert 0.3 < (apart[..., 0] != apart[..., 1]).mean() < 0.45  # 2 x .75 x .25
    assert together.mean((0, 2)) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize(
    ("spec", "best_places", "mix_places"),
    [
        (spec_of(LIMIT), 1, 4),
        (spec_of([0.25], [0.5]), 4, 4),
        (SHARING, 1, 6),  # joint plays within two limits: a mixture of three
        (spec_of(*[[0.25]] * 5)._replace(use=np.ones((5, 2), dtype=int)), 1, 12),
        (spec_of(*[[0.25, 0.5]] * 2)._replace(use=np.ones((2, 2), dtype=int)), 1, 10),
        (spec_of([0.25, 0.5]), 1, 6),
    ],
)
def test_twice_as_many_policies_are_kept_as_a_mixture_may_need(spec, best_places, mix_places):
    assert [places_of(readout, spec) for readout in ("last", "best", "mix")] == [0, best_places, mix_places]


@given(arrays(np.float64, (5, 1, 2, 2), elements=SHARES))
def test_what_is_kept_of_joint_plays_is_what_the_rule_chooses_of_all(objectives):
    kept = Kept("best", SHARING, 1)
    for cycle, brought in enumerate(objectives):
        kept.add(cycle, weights_of(np.full((1, 2), 0.5)), brought, np.array([[float(cycle)]]))
    delivery = kept.delivery()
    chosen = shares_of(RULES["best"], objectives[:, 0], SHARING.limits, coupled=True)[:, 0].argmax()
    np.testing.assert_array_equal(delivery.objectives[0, 0], objectives[chosen, 0])
