"""Costs, violations and actions of one environment, and what is said where it does not fit."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import Part
from mamo_cli.domains.gymnasium.copy import Copy
from mamo_cli.domains.gymnasium.domain import GymnasiumDomain, build, load
from mamo_cli.domains.gymnasium.settings import GymnasiumConfig

NAME = "mamo-tests/Teller-v0"


class Teller(gymnasium.Env):
    """Hands out one info, and remembers the action."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, info=None, reward=0.0, actions=None, seen=0.0):
        self.info, self.reward, self.seen = info or {}, reward, np.full(1, seen, dtype=np.float32)
        self.action_space = actions or spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action):
        self.action = action
        return self.seen, self.reward, False, False, self.info


@pytest.fixture
def registered():
    """Registers an environment that tells of this and that."""

    def register(**told):
        gymnasium.registry.pop(NAME, None)
        gymnasium.register(NAME, lambda: Teller(**told), max_episode_steps=5)

    yield register
    gymnasium.registry.pop(NAME, None)


def played(choice=0, **settings):
    """The copy, and what it tells of one step."""
    copy = Copy(GymnasiumConfig(environment=NAME, **settings))
    copy.begin(0)
    return copy, copy.play(choice)[1]


def test_cost_and_violation_are_the_entries_of_info_and_the_cost_is_else_the_reward_negated(registered):
    registered(info={"paid": np.float32(3.5), "late": np.bool_(True)}, reward=-2.0)
    both = {"violation_key": "late", "cost_scale": 10.0}
    assert played(cost_key="paid", **both)[1] == [3.5, 1.0]
    assert played(**both)[1] == [2.0, 1.0]
    assert played(cost_offset=4.0, cost_scale=10.0)[1] == [6.0]  # the reward alone: no violation
    registered(info={"paid": 3.5, "late": 0.25})
    config = GymnasiumConfig(environment=NAME, cost_key="paid", cost_offset=0.5, **both, tolerance=0.2)
    domain = build(config, load(config))
    step = domain.environment(Part.EVALUATION, 2, 3).step(np.ones((2, 3, 1), dtype=np.int64))
    np.testing.assert_array_equal(step.objectives, np.tile([0.4, 0.25], (2, 3, 1, 1)))  # (3.5 + .5) / 10
    assert (step.paid == 4.0).all()
    assert (domain.spec.limits.tolist(), domain.spec.cost_scale, domain.spec.block) == ([[0.2]], 10.0, 5)


@pytest.mark.parametrize(
    ("told", "settings", "error", "message"),
    [
        ({"info": {"a": 1, "b": 2}}, {"cost_key": "c"}, UsageError, "--cost-key c: the info of a step has a, b"),
        ({}, {"violation_key": "v"}, UsageError, "--violation-key v: the info of a step has nothing"),
        ({"info": {"v": "1"}}, {"violation_key": "v"}, DataError, "info['v'] must be a finite number, got '1'"),
        ({"info": {"v": np.nan}}, {"violation_key": "v"}, DataError, "info['v'] must be a finite number, got nan"),
        ({"info": {"v": None}}, {"violation_key": "v"}, DataError, "info['v'] must be a finite number, got None"),
        ({"info": {"c": np.inf}}, {"cost_key": "c"}, DataError, "info['c'] must be a finite number, got inf"),
        ({"seen": np.nan}, {}, DataError, "numbers observed must be finite, got array([nan], dtype=float32)"),
        ({"reward": np.ones(2)}, {}, DataError, "got array([1., 1.]): name the cost with --cost-key"),
        ({"info": {"v": 0}, "reward": 1.0}, {"violation_key": "v"}, DataError, "must be 0 to 1, got -1: set --cost"),
        ({"info": {"v": 0}, "reward": -11}, {"violation_key": "v", "cost_scale": 10}, DataError, "got 1.1: set"),
    ],
)
def test_what_cannot_be_weighed_is_refused_in_one_line(registered, told, settings, error, message):
    registered(**told)
    with pytest.raises(error) as caught:
        played(**settings)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{NAME}: ")
    assert "\n" not in str(caught.value)


def test_a_vector_of_rewards_is_no_hindrance_where_info_has_the_cost(registered):
    registered(info={"c": 0.5, "v": 0}, reward=np.ones(2))
    assert played(cost_key="c", violation_key="v")[1] == [0.5, 0.0]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-3, 3)), min_size=1, max_size=4))
def test_every_joint_action_is_meant_by_one_choice(parts):
    sizes, starts = zip(*parts, strict=True)
    space = spaces.MultiDiscrete(sizes, start=starts)
    gymnasium.register(NAME, lambda: Teller(actions=space), max_episode_steps=5)
    try:
        copy = Copy(GymnasiumConfig(environment=NAME))
    finally:
        del gymnasium.registry[NAME]
    actions = [copy._action(choice) for choice in range(copy.choices)]
    assert copy.choices == np.prod(sizes)
    assert all(space.contains(action) for action in actions)
    assert len({tuple(action) for action in actions}) == copy.choices


def test_joint_actions_count_like_a_number_and_begin_where_their_space_does(registered):
    registered(actions=spaces.MultiDiscrete([3, 4], start=[5, -1]))
    copies = [played(choice)[0] for choice in range(12)]
    actions = [copy._environment.unwrapped.action.tolist() for copy in copies]
    assert copies[0].choices == 12
    assert actions[:5] == [[5, -1], [5, 0], [5, 1], [5, 2], [6, -1]]
    assert actions[-1] == [7, 2]
    assert all(copy._environment.action_space.contains(copy._environment.unwrapped.action) for copy in copies)


def test_spaces_of_joint_actions_may_have_more_axes_than_one(registered):
    registered(actions=spaces.MultiDiscrete([[2, 2], [2, 2]]))
    assert played(6)[0]._environment.unwrapped.action.tolist() == [[0, 1], [1, 0]]


def test_too_many_joint_actions_are_refused(registered):
    registered(actions=spaces.MultiDiscrete([11] * 30))
    with pytest.raises(UsageError, match=r"has 174494\d+ joint actions, at most 1024 are learnt: make them coarser"):
        Copy(GymnasiumConfig(environment=NAME))


def test_an_environment_that_fails_is_told_of_with_its_place(registered, monkeypatch):
    registered(info={"v": 0})

    def broken(self, action):
        return {}["gone"]

    monkeypatch.setattr(Teller, "step", broken)
    with pytest.raises(DataError, match=r"its step failed in test_copy.py, line \d+: KeyError: 'gone'"):
        played()
    gymnasium.registry[NAME].entry_point = lambda: 1 / 0
    with pytest.raises(DataError, match=r"its making failed in test_copy.py, line \d+: ZeroDivisionError"):
        played()


def test_what_is_warned_of_at_the_making_is_told_once(registered):
    def make():
        gymnasium.logger.warn("old")
        return Teller()

    registered()
    gymnasium.registry[NAME].entry_point = make
    assert GymnasiumDomain(GymnasiumConfig(environment=NAME)).warnings == (f"{NAME}: WARN: old",)


def test_commands_need_a_constraint_and_no_trace(registered):
    registered(info={"v": 0.5})
    config = GymnasiumConfig(environment=NAME, evaluation_steps=7)
    source = load(config)
    assert source.steps == 7
    with pytest.raises(UsageError, match="--violation-key must name"):
        build(config, source)
    config = config.model_copy(update={"violation_key": "v"})
    with pytest.raises(UsageError, match="not on a trace"):
        build(config, source, load(config))
    domain = build(config, source)
    assert domain.conditions().shape == (7, 1, 2)
    assert domain.environment(Part.EVALUATION, 1).steps == 7


def test_evaluations_under_other_seeds_play_other_episodes():
    def first(noise_seed):
        domain = GymnasiumDomain(GymnasiumConfig(noise_seed=noise_seed))
        return domain.environment(Part.EVALUATION, 1, 100).observe().values

    values = np.concatenate([first(seed)[0, :, 0] for seed in (0, 1, 2)])
    assert len(np.unique(values, axis=0)) == 300
