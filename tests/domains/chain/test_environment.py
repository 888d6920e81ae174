"""A chain's bookkeeping, by hand and by law, and what the batch promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.chain.environment import ChainEnvironment
from mamo_cli.domains.chain.exact import Chain
from tests.domains.chain.chains import SMALL, played


def environment_of(chain=SMALL, members=1, copies=1, demand=(1, 0, 2, 1, 3, 0)):
    return ChainEnvironment(chain, np.array(demand), members, copies)


def random_play(environment, steps, seed):
    """Seeded choices, whether these may be chosen or not, and seeded demand."""
    rng, shape = np.random.default_rng(seed), environment.observe().mask.shape[:3]
    actions = rng.integers(0, max(environment.chain.levels) + 1, (steps, *shape))
    return played(environment, actions, rng.poisson(1.5, (steps, *shape[:2])))


def test_five_periods_by_hand():
    # Two points of price 2 and 1, one and two periods away; levels to 6 and 9. At first one unit is due on each way in
    # each period (below | 1; above | 1 1), and two are on hand below. Written: on hand or -backlog | on the way.
    #  t  below     above      arrived      echelons  S     shipped  demand  below     above     cost   owed
    #  0   2 | 1    0 | 1 1     3    1 | 1   3, 5      4 9    1  4      5     -2 | 1    0 | 1 4    0      2
    #  1  -2 | 1    0 | 1 4    -1    1 | 4  -1, 4      6 7    1  3      0     -1 | 1    0 | 4 3    0      1
    #  2  -1 | 1    0 | 4 3     0    4 | 3   0, 7      3 5    3  0      1     -1 | 3    1 | 3 0    1      1
    #  3  -1 | 3    1 | 3 0     2    4 | 0   2, 6      2 8    0  2      1      1 | 0    4 | 0 2    6      0
    #  4   1 | 0    4 | 0 2     1    4 | 2   1, 7      6 7    4  0      0      1 | 4    0 | 2 0    2      0
    environment = environment_of()
    seen, steps = [environment.observe()], []
    for levels, demand in zip(([4, 9], [6, 7], [3, 5], [2, 8], [6, 7]), (5, 0, 1, 1, 0), strict=True):
        steps.append(environment.step(np.array([[levels]]), np.array([[demand]])))
        seen.append(steps[-1].seen)
    positions, on_hand = np.stack([step.measures[0, 0] for step in steps]).transpose(2, 0, 1)
    np.testing.assert_array_equal(positions, [[4, 9], [0, 7], [3, 7], [2, 8], [5, 7]])
    np.testing.assert_array_equal(on_hand, [[0, 0], [0, 0], [0, 1], [1, 4], [1, 0]])
    for a in range(2):
        np.testing.assert_array_equal([step.paid[0, 0, a] for step in steps], [0, 0, 1, 6, 2])
        np.testing.assert_allclose([step.objectives[0, 0, a, 0] * 18 for step in steps], [0, 0, 1, 6, 2])
        np.testing.assert_array_equal([step.objectives[0, 0, a, 1] * 4 for step in steps], [2, 1, 1, 0, 0])
    below = [[3, 2, 0, 1, 0], [-1, 0, 2, 1, 0], [0, 0, 1, 1, 0], [2, 0, 1, 3, 0], [1, 1, 0, 0, 0], [5, 1, 0, 4, 0]]
    above = [[5, 0, 0, 1, 1], [4, 0, 0, 1, 4], [7, 0, 0, 4, 3], [6, 1, 0, 3, 0], [7, 4, 0, 0, 2], [7, 0, 0, 2, 0]]
    values = np.stack([one.values[0, 0] for one in seen])
    np.testing.assert_array_equal(values[:, 0], np.float32(np.array(below) / 6))
    np.testing.assert_array_equal(values[:, 1], np.float32(np.array(above) / 9))
    # Below, from what the echelon has to what one above would still give it: 3 and 1 more, 0, 4 more, ...
    allowed = [[np.flatnonzero(row).tolist() for row in one.mask[0, 0]] for one in seen[:5]]
    assert [one[0] for one in allowed] == [[3, 4], [0], [0, 1, 2, 3, 4], [2, 3, 4, 5, 6], [1, 2, 3, 4, 5]]
    assert [one[1][0] for one in allowed] == [5, 4, 7, 6, 7]
    assert all(one[1][-1] == 9 for one in allowed)
    assert all(step.continues.all() and not step.over.any() for step in steps)


@given(seed=st.integers(0, 2**32), leads=st.lists(st.integers(1, 3), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_no_unit_is_lost_and_what_is_shipped_comes_when_it_is_due(seed, leads):
    points = len(leads)
    chain = Chain(2.0, tuple(leads), (1.0,) * points, (5, 9, 12)[:points])
    environment, rng, shipped = environment_of(chain, 2, 2), np.random.default_rng(seed), []
    for t in range(12):
        before, seen = environment.state_dict(), environment.observe()
        position = np.cumsum(before["net"] + before["ways"].sum(-1), -1)
        demand = rng.poisson(2.0, (2, 2))
        step = environment.step(rng.integers(0, 13, (2, 2, points)), demand)
        after = environment.state_dict()
        sent = (step.measures[..., 0] - position).astype(np.int64)
        shipped.append(sent)
        assert (sent >= 0).all()
        passed_on = np.concatenate((demand[..., None], sent[..., :-1]), -1)
        np.testing.assert_array_equal(after["net"] - before["net"], before["ways"][..., 0] - passed_on)
        np.testing.assert_array_equal(after["ways"].sum(-1) - before["ways"].sum(-1), sent - before["ways"][..., 0])
        for a, lead in enumerate(leads):
            if t >= lead:
                np.testing.assert_array_equal(before["ways"][..., a, 0], shipped[t - lead][..., a])
        assert (after["net"][..., 1:] >= 0).all()
        np.testing.assert_array_equal(step.measures[..., 1], np.maximum(after["net"], 0))
        # What was played, may be chosen; nothing is sent to an echelon that is beyond its levels, or owes all it has.
        played_at, within = step.measures[..., 0].astype(np.int64), (position >= 0) & (position <= chain.levels)
        allowed = np.take_along_axis(seen.mask, np.where(within, played_at, 0)[..., None], -1)[..., 0]
        assert allowed[within].all()
        assert (sent[position > chain.levels] == 0).all()


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_what_may_be_chosen_is_what_follows(seed):
    environment, rng = environment_of(members=2, copies=3), np.random.default_rng(seed)
    for _ in range(12):
        seen = environment.observe()
        assert seen.mask.any(-1).all()
        scored = np.where(seen.mask, rng.random(seen.mask.shape), -1.0)
        actions = scored.argmax(-1)
        positions = np.cumsum(environment.state_dict()["net"] + environment.state_dict()["ways"].sum(-1), -1)
        step = environment.step(actions, rng.poisson(1.0, (2, 3)))
        had = positions >= 0  # of an echelon that owes more than it has, all that there is goes to it
        np.testing.assert_array_equal(step.measures[..., 0][had], actions[had])


@given(seed=st.integers(0, 2**32), levels=st.tuples(st.integers(0, 6), st.integers(0, 9)))
@settings(max_examples=60, deadline=None)
def test_what_base_stock_levels_leave_follows_from_the_demand_since(seed, levels):
    # Once what was there at first is gone: X = S_1 - D(2 periods), below min(S_0, X), and at the end that less D(2).
    environment, demand = environment_of(), np.random.default_rng(seed).poisson(2.0, 40)
    position, on_hand, paid, wait = (
        part[:, 0, 0] for part in played(environment, np.tile(levels, (40, 1, 1, 1)), demand[:, None, None])
    )
    np.testing.assert_array_equal(position[20:, 1], levels[1])
    for t in range(20, 40):
        above = levels[1] - demand[t - 2 : t].sum()
        assert position[t, 0] == min(levels[0], above)
        assert on_hand[t, 1] == above - position[t, 0]
        left = min(levels[0], levels[1] - demand[t - 3 : t - 1].sum()) - demand[t - 1 : t + 1].sum()
        assert on_hand[t, 0] == max(left, 0)
        assert (wait[t] * 4 == max(-left, 0)).all()
        assert (paid[t] == 2 * on_hand[t, 0] + on_hand[t, 1]).all()


def test_the_evaluations_demand_comes_where_none_is_drawn_and_copies_begin_apart():
    environment = environment_of(copies=2)
    empty = np.zeros((1, 2, 2), dtype=np.int64)
    before = environment.state_dict()["net"][0, :, 0]
    nets = [environment.state_dict()["net"][0, :, 0] for _ in range(6) if environment.step(empty) is not None]
    arrived = np.ones(2, dtype=np.int64)  # in the first period; then an echelon of 0 gets what is below that
    np.testing.assert_array_equal(nets[0], before + arrived - [1, 1])
    assert (environment.state_dict()["steps"] == [0, 3]).all()


def test_a_members_numbers_do_not_depend_on_its_company():
    alone, company = environment_of(members=1, copies=3), environment_of(members=3, copies=3)
    one, three = ([MemberStreams(seed, "te") for seed in seeds] for seeds in ([7], [5, 7, 9]))
    draws = company.draw(20, three)
    np.testing.assert_array_equal(alone.draw(20, one)[:, 0], draws[:, 1])
    actions = np.random.default_rng(0).integers(0, 10, (20, 3, 3, 2))
    for own, every in zip(played(alone, actions[:, 1:2], draws[:, 1:2]), played(company, actions, draws), strict=True):
        np.testing.assert_array_equal(own[:, 0], every[:, 1])


def test_draws_are_poisson_of_the_mean():
    drawn = environment_of(members=2, copies=4).draw(5_000, [MemberStreams(seed, "te") for seed in (1, 2)])
    assert drawn.shape == (5_000, 2, 4)
    # 20,000 draws of variance 1 a member: a standard error of .007, and of .012 for the variance.
    assert drawn.mean((0, 2)) == pytest.approx([1.0, 1.0], abs=0.035)
    assert drawn.var((0, 2)) == pytest.approx([1.0, 1.0], abs=0.06)
    assert (drawn[:, 0] != drawn[:, 1]).any()


def test_a_state_put_back_goes_on_bit_for_bit():
    environment = environment_of(members=2, copies=3)
    random_play(environment, 5, seed=0)
    middle = environment.state_dict()
    ahead_of_it = random_play(environment, 9, seed=1)
    other = environment_of(members=2, copies=3)
    other.load_state_dict(middle)
    for once, again in zip(ahead_of_it, random_play(other, 9, seed=1), strict=True):
        np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("steps", lambda saved: saved + 6),
        ("steps", lambda saved: saved - 7),
        ("steps", lambda saved: saved.astype(float)),
        ("net", lambda saved: saved[:1]),
        ("ways", lambda saved: saved[..., 1:]),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(part, change):
    environment = environment_of(members=2, copies=3)
    state = environment.state_dict()
    with pytest.raises(ValueError, match=r"stands where|beyond their 6 steps"):
        environment.load_state_dict({**state, part: change(state[part])})
