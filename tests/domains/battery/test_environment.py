"""A battery's bookkeeping, by hand and beside plain Python, and what the batch promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.battery.domain import build, load
from mamo_cli.domains.battery.environment import HomesEnvironment
from mamo_cli.domains.battery.settings import BatteryConfig
from tests.domains.battery.homes import TINY, load_trace, reference, tiny

DAY = np.array([[1.0, 0.5], [0.4, 0.2], [2.0, 3.0], [1.5, 0.0]])


def played(environment, actions, draws):
    """Paid, three measures, cost and excess `(n, K, E, A, 6)` under choices and loads `(n, K, E, A)`."""
    steps = [environment.step(action, draw) for action, draw in zip(actions, draws, strict=True)]
    return np.stack([np.concatenate((s.paid[..., None], s.measures, s.objectives), -1) for s in steps])


def random_play(environment, steps, seed):
    """Seeded choices and loads, the same for each member of a pair."""
    rng, shape = np.random.default_rng(seed), environment.observe().mask.shape
    actions = rng.integers(0, shape[-1], (steps, *shape[:3]))
    return played(environment, actions, rng.uniform(0.0, 3.0, (steps, *shape[:3])))


def test_five_periods_by_hand():
    # Steps of 1 kWh, at most one a period, up to 2; efficiency .8; limit 2 kWh; mean load 1; prices .2 .1 .4 .3.
    #  t  charge  choice     at meter      load   grid        bill           excess
    #  0    0     + : 1       1.25         1.0    2.25        .2  x 2.25 = .45     .25
    #  1    1     + : 2       1.25         0.5    1.75        .1  x 1.75 = .175     0
    #  2    2     + : 2 (full)  0          3.0    3.0         .4  x 3    = 1.2       1
    #  3    2     - : 1       -0.8         0.5    0 (lost)     0                    0
    #  4    1     - : 0       -0.8         1.3    0.5         .2  x .5   = .1        0
    environment = tiny([0.5, 1.5, 1.0, 1.0]).environment(Part.TRAINING, 1)
    seen, told = [environment.observe()], []
    for choice, came in zip((2, 2, 2, 0, 0), (1.0, 0.5, 3.0, 0.5, 1.3), strict=True):
        told.append(played(environment, [np.full((1, 1, 1), choice)], [np.full((1, 1, 1), came)]).ravel())
        seen.append(environment.observe())
    largest = 0.4 * (1.5 * 1.3 + 1.0 / 0.8)
    np.testing.assert_allclose(
        told,
        [
            [0.45, 1, 1, 2.25, 0.45 / largest, 0.25],
            [0.175, 2, 1, 1.75, 0.175 / largest, 0],
            [1.2, 2, 0, 3.0, 1.2 / largest, 1.0],
            [0, 1, -1, 0, 0, 0],
            [0.1, 0, -1, 0.5, 0.1 / largest, 0],
        ],
        atol=1e-15,
    )
    # Expected load over 1.5, price over .4, charge over 2, and a quarter of the circle a period, then half of it.
    numbers = [
        [1 / 3, 0.5, 0, 0, 1, 0, 1],
        [1, 0.25, 0.5, 1, 0, 0, -1],
        [2 / 3, 1, 1, 0, -1, 0, 1],
        [2 / 3, 0.75, 1, -1, 0, 0, -1],
        [1 / 3, 0.5, 0.5, 0, 1, 0, 1],
        [1, 0.25, 0, 1, 0, 0, -1],
    ]
    np.testing.assert_allclose([one.values[0, 0, 0] for one in seen], numbers, atol=1e-6)
    masks = [[0, 1, 1], [1, 1, 1], [1, 1, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1]]
    np.testing.assert_array_equal([one.mask[0, 0, 0] for one in seen], np.array(masks, dtype=bool))


@given(
    seed=st.integers(0, 2**32),
    moves=st.integers(1, 4),
    levels=st.integers(1, 9),
    step=st.sampled_from([0.25, 0.75, 1.0]),
    efficiency=st.sampled_from([0.5, 0.95, 1.0]),
    limit=st.sampled_from([0.5, 1.5, 4.0]),
)
@settings(max_examples=100, deadline=None)
def test_a_home_does_what_plain_python_says(seed, moves, levels, step, efficiency, limit):
    rng = np.random.default_rng(seed)
    config = BatteryConfig(
        tariff=tuple(rng.uniform(0.0, 1.0, 6)),
        change_step=step,
        most_change=moves * step,
        capacity=levels * step,
        efficiency=efficiency,
        peak_limit=limit,
    )
    mean = rng.uniform(0.0, 3.0, (6, 2))
    domain = build(config, load_trace(mean, day=6))
    loads, choices = rng.uniform(0.0, 6.0, (15, 2)), rng.integers(0, 2 * moves + 1, (15, 2))
    found = played(domain.environment(Part.TRAINING, 1), choices[:, None, None], loads[:, None, None])[:, 0, 0]
    for home in range(2):
        told = reference(config, loads[:, home], choices[:, home], scale=mean[:, home].mean())
        expected = np.column_stack((told[:, :4], told[:, 0] / domain.spec.cost_scale, told[:, 4]))
        np.testing.assert_allclose(found[:, home], expected, rtol=1e-12, atol=1e-12)


def test_what_may_be_chosen_is_what_is_done():
    environment, rng = (
        tiny(DAY, capacity=3.0, most_change=2.0).environment(Part.TRAINING, 2, 3),
        np.random.default_rng(0),
    )
    done = set()
    for _ in range(200):
        mask = environment.observe().mask
        actions = np.where(mask, rng.random(mask.shape), -1.0).argmax(-1)
        change = environment.step(actions, np.ones(actions.shape)).measures[..., 1]
        np.testing.assert_array_equal(change, actions - 2)
        done |= set(actions.ravel().tolist())
        assert not mask.all(-1).all()
    assert done == {0, 1, 2, 3, 4}


def test_the_default_is_specs_battery_of_nine_changes():
    domain = build(BatteryConfig(), load(BatteryConfig()))
    environment = domain.environment(Part.TRAINING, 1)
    change = []
    for choice in (8, 8, 8, *range(8, -1, -1), 0):
        change.append(environment.step(np.full((1, 1, 1), choice), np.zeros((1, 1, 1))).measures[0, 0, 0].tolist())
    assert [row[0] for row in change[:3]] == [3.0, 6.0, 9.0]  # full
    assert [row[1] for row in change[8:12]] == [-0.75, -1.5, -2.25, -3.0]
    assert domain.spec.choices == (9,)
    assert change[0][2] == 3.0 / 0.95  # at the meter
    assert domain.spec.agents == ("h0",)
    assert domain.spec.block == 24  # a day
    assert domain.training.load.sum() / 364 == pytest.approx(21.13)


def test_copies_begin_on_days_of_their_own_with_empty_batteries():
    domain = build(BatteryConfig(**TINY), load_trace(np.tile(DAY, (5, 1))))
    environment = domain.environment(Part.TRAINING, 1, 3)
    np.testing.assert_array_equal(environment.state_dict()["steps"], [0, 4, 12])
    assert (environment.observe().values[..., 2] == 0).all()
    assert not environment.observe().mask[..., 0].any()


def test_loads_are_drawn_about_their_own_copys_mean():
    domain = build(BatteryConfig(**TINY, noise=0.25), load_trace([0.0, 2.0, 1.0, 8.0] * 2))
    drawn = HomesEnvironment(domain.training, 1, 2).draw(4000, [MemberStreams(3, "te")])[:, 0, :, 0].reshape(-1, 4, 2)
    share = drawn[:, 1:] / np.array([[2.0], [1.0], [8.0]]) - 1.0
    assert (drawn[:, 0] == 0).all()
    assert -0.25 <= share.min() < -0.249
    assert 0.249 < share.max() <= 0.25
    assert abs(share.mean()) < 5 * 0.25 / 3**0.5 / share.size**0.5
    assert share.std() == pytest.approx(0.25 / 3**0.5, rel=0.02)


def test_a_members_numbers_do_not_depend_on_its_company():
    alone, company = (tiny(DAY).environment(Part.TRAINING, members, 3) for members in (1, 3))
    one, three = ([MemberStreams(seed, "te") for seed in seeds] for seeds in ([7], [5, 7, 9]))
    draws = company.draw(20, three)
    np.testing.assert_array_equal(alone.draw(20, one)[:, 0], draws[:, 1])
    actions = np.random.default_rng(0).integers(0, 3, draws.shape)
    own, every = played(alone, actions[:, 1:2], draws[:, 1:2]), played(company, actions, draws)
    np.testing.assert_array_equal(own[:, 0], every[:, 1])
    assert (every[:, 0] != every[:, 1]).any()


def test_a_state_put_back_goes_on_bit_for_bit():
    environment = tiny(DAY).environment(Part.TRAINING, 2, 3)
    random_play(environment, 5, seed=0)
    middle = environment.state_dict()
    ahead_of_it = random_play(environment, 9, seed=1)
    other = tiny(DAY).environment(Part.TRAINING, 2, 3)
    other.load_state_dict(middle)
    np.testing.assert_array_equal(ahead_of_it, random_play(other, 9, seed=1))


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("steps", lambda saved: saved + 4),
        ("steps", lambda saved: saved - 5),
        ("steps", lambda saved: saved.astype(float)),
        ("charge", lambda saved: saved + 3),
        ("charge", lambda saved: saved - 1),
        ("charge", lambda saved: saved[:1]),
    ],
)
def test_a_state_that_would_lead_compiled_code_astray_is_refused(part, change):
    environment = tiny(DAY).environment(Part.TRAINING, 2, 3)
    state = environment.state_dict()
    with pytest.raises(ValueError, match=r"stands where|beyond the trace's 4 steps|hold 0 to 2 steps"):
        environment.load_state_dict({**state, part: change(state[part])})
