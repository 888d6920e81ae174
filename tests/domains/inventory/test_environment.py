"""A stock's bookkeeping, by hand and by law, and what the batch promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.inventory.environment import StockEnvironment, ahead
from tests.domains.inventory.stocks import played, stock

SEASON = np.array([[2.0, 0.0], [6.0, 1.0], [1.0, 1.0], [3.0, 4.0], [0.0, 2.0], [4.0, 4.0]])


def random_play(environment, steps, seed):
    """Seeded choices and demand, the same for each member of a pair."""
    rng, shape = np.random.default_rng(seed), environment.observe().mask.shape[:3]
    actions = rng.integers(0, environment.stock.levels + 1, (steps, *shape))
    return played(environment, actions, rng.poisson(3.0, (steps, *shape)))


def test_four_periods_by_hand():
    # Two units a period are expected, so 2 and 2 are on their way; L = 2.
    #  t  position          S  ordered  level  arrives  net      demand  unmet  on hand  backlog
    #  0   0 + 2 + 2 = 4    7     3       7       2      0 -> 2     3      1       0        1
    #  1  -1 + 2 + 3 = 4    5     1       5       2     -1 -> 1     0      0       1        0
    #  2   1 + 3 + 1 = 5    4     0       5       3      1 -> 4     6      2       0        2
    #  3  -2 + 1 + 0 = -1   0     1       0       1     -2 -> -1    4      4       0        5
    environment = StockEnvironment(stock(np.full((4, 1), 2.0), demand=[[3], [0], [6], [4]]), 1)
    seen, steps = [environment.observe()], []
    for level in (7, 5, 4, 0):
        steps.append(environment.step(np.full((1, 1, 1), level)))
        seen.append(steps[-1].seen)
    told = np.array([[*step.measures.ravel(), *step.objectives.ravel(), *step.paid.ravel()] for step in steps])
    np.testing.assert_array_equal(told[:, 0], [7, 5, 5, 0])
    np.testing.assert_array_equal(told[:, 1], [0, 1, 0, 0])
    np.testing.assert_allclose(told[:, 2:4], [[0, 0.5], [0.1, 0], [0, 1], [0, 2]])
    np.testing.assert_array_equal(told[:, 4], told[:, 1])
    numbers = [[6, 0, 0, 2, 2], [6, 0, 1, 2, 3], [6, 1, 0, 3, 1], [6, 0, 2, 1, 0], [6, 0, 5, 0, 1]]
    np.testing.assert_array_equal(np.stack([one.values[0, 0, 0] for one in seen]), np.float32(np.array(numbers) / 10))
    assert all(one.mask.all() for one in seen)
    assert all(step.continues.all() and not step.over.any() for step in steps)


@given(
    lead=st.integers(0, 3),
    periods=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=6, max_size=20),
)
@settings(max_examples=150, deadline=None)
def test_what_a_period_ends_with_follows_from_the_position_l_periods_before(lead, periods):
    actions, demand = np.array(periods).T
    environment = StockEnvironment(stock(np.full((6, 1), 2.0), levels=12, lead_time=lead), 1)
    level, on_hand, unmet = (
        part.ravel() for part in played(environment, *(x[:, None, None, None] for x in (actions, demand)))
    )
    position = 2 * lead  # what is on its way at first
    for t, (wanted, came) in enumerate(periods):
        assert level[t] == max(wanted, position)  # never lowered
        position = level[t] - came
        if t + lead < len(periods):
            before, through = demand[t : t + lead].sum(), demand[t : t + lead + 1].sum()
            assert on_hand[t + lead] == max(level[t] - through, 0)
            assert unmet[t + lead] * 2 == max(through - level[t], 0) - max(before - level[t], 0)


@given(seed=st.integers(0, 2**32), lead=st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_no_unit_is_lost(seed, lead):
    environment = StockEnvironment(stock(SEASON, lead_time=lead), 2, 3)
    rng, awaited = np.random.default_rng(seed), []
    for _ in range(15):
        before, demand = environment.state_dict(), rng.poisson(3.0, (2, 3, 2))
        level = environment.step(rng.integers(0, 11, (2, 3, 2)), demand).measures[..., 0]
        after = environment.state_dict()
        position = before["net"] + before["orders"].sum(-1)
        awaited.append(level - position)
        arrived = before["orders"][..., 0] if lead else awaited[-1]
        np.testing.assert_array_equal(after["net"], before["net"] + arrived - demand)
        np.testing.assert_array_equal(after["orders"].sum(-1) + after["net"], level - demand)
        if len(awaited) > lead:
            np.testing.assert_array_equal(arrived, awaited[-1 - lead])  # exactly L periods later


def test_copies_start_staggered_each_with_what_is_expected_of_its_first_periods():
    environment = StockEnvironment(stock(SEASON, levels=100), 1, 3)
    first = environment.observe().values[0] * 100
    np.testing.assert_allclose(first[:, 0], [[9, 0, 0, 2, 6], [4, 0, 0, 1, 3], [6, 0, 0, 0, 4]], rtol=1e-6)
    for _ in range(7):
        seen = environment.step(np.zeros((1, 3, 2), dtype=np.int64)).seen
    np.testing.assert_allclose(seen.values[0, :, :, 0] * 100, ahead(SEASON, 3)[[1, 3, 5]], rtol=1e-6)


def test_what_is_on_its_way_at_first_is_never_above_the_highest_level():
    environment = StockEnvironment(stock(SEASON, levels=7), 1)
    np.testing.assert_array_equal(environment.state_dict()["orders"][0, 0], [[2, 5, 0], [0, 1, 0]])
    levels = random_play(environment, 40, seed=0)[0]
    assert levels.max() == 7


def test_draws_follow_each_copys_own_place_in_the_trace():
    environment = StockEnvironment(stock(np.array([[0.0], [4.0], [0.0], [900.0]])), 1, 2)
    drawn = environment.draw(4, [MemberStreams(3, "te")])[:, 0, :, 0]
    assert drawn.shape == (4, 2)
    assert (drawn[[0, 2]] == 0).all()
    np.testing.assert_array_equal(drawn > 500, [[0, 0], [0, 1], [0, 0], [1, 0]])


def test_a_members_numbers_do_not_depend_on_its_company():
    alone, company = (StockEnvironment(stock(SEASON), members, 3) for members in (1, 3))
    one, three = ([MemberStreams(seed, "te") for seed in seeds] for seeds in ([7], [5, 7, 9]))
    draws = company.draw(20, three)
    np.testing.assert_array_equal(alone.draw(20, one)[:, 0], draws[:, 1])
    actions = np.random.default_rng(0).integers(0, 11, draws.shape)
    for own, every in zip(played(alone, actions[:, 1:2], draws[:, 1:2]), played(company, actions, draws), strict=True):
        np.testing.assert_array_equal(own[:, 0], every[:, 1])


def test_a_state_put_back_goes_on_bit_for_bit():
    environment = StockEnvironment(stock(SEASON), 2, 3)
    random_play(environment, 5, seed=0)
    middle = environment.state_dict()
    ahead_of_it = random_play(environment, 9, seed=1)
    other = StockEnvironment(stock(SEASON), 2, 3)
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
        ("orders", lambda saved: saved[..., 1:]),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(part, change):
    environment = StockEnvironment(stock(SEASON), 2, 3)
    state = environment.state_dict()
    with pytest.raises(ValueError, match=r"stands where|beyond the trace's 6 steps"):
        environment.load_state_dict({**state, part: change(state[part])})
