"""The environments are the arrays: every state, choice and draw; and what the batch promises."""

import numpy as np
import pytest

from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.tabular import gridworld, junction
from mamo_cli.domains.tabular.environment import TabularEnvironment

GRID, CROSSING = gridworld.process(0.9), junction.process((0.3, 0.2), 3)
BOTH = pytest.mark.parametrize("process", [GRID, CROSSING], ids=["grid", "junction"])
NOTHING = np.zeros(7, dtype=np.int64)


def placed(process, states):
    """An environment with a copy in each of some states."""
    environment = TabularEnvironment(process, NOTHING, 1, len(states))
    environment.load_state_dict({**environment.state_dict(), "states": states[None]})
    return environment


def random_play(environment, seeds, steps, at=0):
    """What happens under seeded choices that are allowed."""
    rng, told = np.random.default_rng(at), []
    draws = environment.draw(steps, [MemberStreams(seed, "te") for seed in seeds])
    for draw in draws:
        mask = environment.observe().mask
        scores = np.tile(rng.random((1, *mask.shape[1:])), (len(mask), 1, 1, 1))
        step = environment.step(np.where(mask, scores, -1.0).argmax(-1), draw)
        told.append((step.objectives, step.paid, step.measures, step.continues, step.seen.values, step.seen.mask))
    return [np.stack(part) for part in zip(*told, strict=True)]


@BOTH
def test_every_state_choice_and_draw_lead_where_the_arrays_say(process):
    _, choices, ways = process.successor.shape
    for choice, way in np.ndindex(choices, ways):
        at = np.flatnonzero(process.allowed[:, choice])
        environment = placed(process, at)
        before = environment.observe()
        np.testing.assert_array_equal(before.values[0, :, 0], process.observed[at])
        np.testing.assert_array_equal(before.mask[0, :, 0], process.allowed[at])
        step = environment.step(np.full((1, len(at), 1), choice), np.full((1, len(at)), way))
        np.testing.assert_array_equal(environment.states[0], process.successor[at, choice, way])
        np.testing.assert_array_equal(step.objectives[0, :, 0], process.objectives[at, choice])
        np.testing.assert_allclose(step.paid[0, :, 0], process.objectives[at, choice, 0] * process.cost_scale)
        np.testing.assert_array_equal(step.measures[0, :, 0], process.measures[at, choice])
        assert (step.over == process.ends[way]).all()
        assert (step.continues == 1 - process.ends[way]).all()


@BOTH
def test_draws_follow_their_chances(process):
    drawn = TabularEnvironment(process, NOTHING, 1, 4).draw(25_000, [MemberStreams(3, "te")])
    shares = np.bincount(drawn.ravel(), minlength=len(process.chance)) / drawn.size
    # Five standard deviations of a binomial share, for each of at most 26 ways: false once in 60,000 seeds.
    band = 5 * np.sqrt(process.chance * (1 - process.chance) / drawn.size)
    assert (np.abs(shares - process.chance) < band).all()


def test_the_gridworld_by_hand():
    # From 24, the lower right corner: right is a wall, up 19; from 1 and 3 every move leaps; 22 goes down into a wall.
    #  cell move      next  reward
    cases = [
        (24, 3, 24, -1),
        (24, 0, 19, 0),
        (1, 2, 21, 10),
        (3, 1, 13, 5),
        (22, 1, 22, -1),
        (0, 1, 5, 0),
        (5, 2, 5, -1),
    ]
    for cell, move, after, reward in cases:
        environment = placed(GRID, np.array([cell]))
        step = environment.step(np.full((1, 1, 1), move), np.zeros((1, 1), dtype=np.int64))
        assert environment.states[0, 0] == after
        assert step.paid[0, 0, 0] == pytest.approx(10 - reward)
        assert step.objectives[0, 0, 0, 1] == {1: 0.9, 3: 0.0}.get(cell, 1.0)
        assert step.measures[0, 0, 0].tolist() == [reward, cell, move]


def test_a_junctions_switch_by_hand():
    # Both queues hold at most 3. Ways: nobody, queue 2, queue 1, both. Phases: green 1, green 2, yellow to 1, to 2.
    #  queues phase choice way   queues after  phase after  switch
    cases = [
        ((2, 1), 0, 0, 0, (1, 1), 0, 0),  # kept: one leaves queue 1
        ((2, 1), 0, 0, 3, (2, 2), 0, 0),  # before both arrive
        ((0, 3), 0, 0, 1, (0, 3), 0, 0),  # nobody there to leave; the fourth of queue 2 is lost
        ((2, 1), 0, 3, 2, (3, 1), 3, 1),  # the switch: nobody leaves
        ((3, 1), 3, 1, 2, (3, 1), 1, 0),  # yellow: nobody leaves, the fourth of queue 1 is lost
        ((3, 1), 1, 1, 3, (3, 1), 1, 0),  # kept green 2: one leaves queue 2, one comes
        ((3, 1), 1, 2, 0, (3, 1), 2, 1),
        ((3, 1), 2, 0, 1, (3, 2), 0, 0),
    ]
    shape = (4, 4, 4)
    for queues, phase, choice, way, after, phase_after, switch in cases:
        environment = placed(CROSSING, np.array([np.ravel_multi_index((*queues, phase), shape)]))
        assert environment.observe().mask[0, 0, 0, choice]
        step = environment.step(np.full((1, 1, 1), choice), np.full((1, 1), way))
        assert np.unravel_index(environment.states[0, 0], shape) == (*after, phase_after)
        assert step.objectives[0, 0, 0].tolist() == pytest.approx([sum(queues) / 6, switch])
        assert step.measures[0, 0, 0].tolist() == [*queues, phase, choice]


def test_the_mask_of_a_junction_leaves_what_may_follow():
    expected = np.array([[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]], dtype=bool)
    np.testing.assert_array_equal(CROSSING.allowed.reshape(16, 4, 4), np.tile(expected, (16, 1, 1)))


@BOTH
def test_the_evaluation_plays_the_ways_that_came_over_and_over(process):
    coming = np.array([2, 0, 1, 3, 0])
    told, drawn = (TabularEnvironment(process, coming, 2, 1) for _ in range(2))
    for step in range(12):
        choices = told.observe().mask.argmax(-1)
        told.step(choices)
        drawn.step(choices, np.full((2, 1), coming[step % 5]))
        np.testing.assert_array_equal(told.states, drawn.states)


@BOTH
def test_a_members_numbers_do_not_depend_on_its_company(process):
    alone, company = (TabularEnvironment(process, NOTHING, members, 3) for members in (1, 3))
    for one, every in zip(random_play(alone, [7], 60), random_play(company, [5, 7, 9], 60), strict=True):
        np.testing.assert_array_equal(one[:, 0], every[:, 1])


@BOTH
def test_a_state_put_back_goes_on_bit_for_bit(process):
    environment, other = (TabularEnvironment(process, np.arange(7) % 4, 2, 3) for _ in range(2))
    random_play(environment, [1, 2], 9)
    other.load_state_dict(environment.state_dict())
    for once, again in zip(
        random_play(environment, [3, 4], 20, at=1), random_play(other, [3, 4], 20, at=1), strict=True
    ):
        np.testing.assert_array_equal(once, again)
    choices = environment.observe().mask.argmax(-1)
    np.testing.assert_array_equal(environment.step(choices).seen.values, other.step(choices).seen.values)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("steps", lambda saved: saved + 7),
        ("states", lambda saved: saved - 64),
        ("states", lambda saved: saved + 64),
        ("states", lambda saved: saved[:1]),
        ("states", lambda saved: saved.astype(float)),
    ],
)
def test_a_state_of_other_environments_is_refused(part, change):
    environment = TabularEnvironment(CROSSING, NOTHING, 2, 3)
    state = environment.state_dict()
    with pytest.raises(ValueError, match=r"stand beyond their|stands where"):
        environment.load_state_dict({**state, part: change(state[part])})
