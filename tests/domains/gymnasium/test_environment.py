"""The adapter against plain loops over the same Gymnasium environments, number by number."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mamo_cli.core.errors import NothingExactError, UsageError
from mamo_cli.core.seam import Part, Scope
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.gymnasium.domain import GymnasiumDomain
from mamo_cli.domains.gymnasium.environment import EVALUATED, SEEDS
from mamo_cli.domains.gymnasium.settings import GymnasiumConfig


class Countdown(gymnasium.Env):
    """Counts down from 2 to 4, by the seed; action -1 stays, action 0 goes on; terminates at 0. Rewards tell where."""

    observation_space = spaces.Discrete(5, start=10)
    action_space = spaces.Discrete(2, start=-1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(2, 5))
        return 10 + self.left, {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.left -= action + 1
        return 10 + self.left, float(self.left), self.left == 0, False, {}


@pytest.fixture(autouse=True, scope="module")
def _registered():
    gymnasium.register(id="mamo-tests/Countdown-v0", entry_point=Countdown, max_episode_steps=6)
    yield
    del gymnasium.registry["mamo-tests/Countdown-v0"]


def streams(*seeds):
    return [MemberStreams(seed, "env") for seed in seeds]


def training(name, *seeds, copies=2, **settings):
    domain = GymnasiumDomain(GymnasiumConfig(environment=name, **settings))
    return domain.environment(Part.TRAINING, len(seeds), copies), streams(*seeds)


def play(environment, members, steps, rng):
    """What is seen first, and every step of random choices."""
    draws = environment.draw(steps, members)
    first = environment.observe()
    shape = (*first.values.shape[:2], 1)
    actions = rng.integers(0, first.mask.shape[-1], (steps, *shape))
    return first, actions, draws, [environment.step(*pair) for pair in zip(actions, draws, strict=True)]


@pytest.mark.parametrize(("name", "steps"), [("CartPole-v1", 300), ("Acrobot-v1", 60), ("MountainCar-v0", 40)])
def test_every_number_is_that_of_a_plain_loop(name, steps):
    environment, members = training(name, 5, 6, episode_steps=25)
    first_seeds = [member["environment"].integers(SEEDS, size=2) for member in streams(5, 6)]
    first, actions, draws, told = play(environment, members, steps, np.random.default_rng(0))
    ended = set()
    for k, e in np.ndindex(2, 2):
        plain = gymnasium.make(name, max_episode_steps=25)
        seen, _ = plain.reset(seed=int(first_seeds[k][e]))
        np.testing.assert_array_equal(first.values[k, e, 0], seen)
        for step in range(steps):
            seen, reward, terminated, truncated, _ = plain.step(actions[step, k, e, 0])
            one = told[step]
            ended |= {(terminated, truncated)}
            assert one.objectives[k, e].tolist() == [[-reward]]
            assert (one.continues[k, e], one.over[k, e]) == (not terminated, terminated or truncated)
            np.testing.assert_array_equal(one.after.values[k, e, 0], seen)
            if terminated or truncated:
                seen, _ = plain.reset(seed=int(draws[step][k, e]))
            np.testing.assert_array_equal(one.seen.values[k, e, 0], seen)
    assert (False, True) in ended
    assert ((True, False) in ended) == (name == "CartPole-v1")


def test_an_observed_index_is_one_hot_and_an_action_counts_from_the_spaces_start():
    environment, members = training("mamo-tests/Countdown-v0", 0, 1, 2)
    first, actions, _, told = play(environment, members, 40, np.random.default_rng(1))
    assert first.values.shape == (3, 2, 1, 5)
    left = first.values.argmax(-1)
    for choice, step in zip(actions, told, strict=True):
        left = left - choice
        np.testing.assert_array_equal(step.after.values[..., 0, :], np.eye(5, dtype=np.float32)[left[..., 0]])
        np.testing.assert_array_equal(step.paid, -left)
        np.testing.assert_array_equal(step.continues == 0, left[..., 0] == 0)
        left = step.seen.values.argmax(-1)
        assert ((left >= 2) | ~step.over[..., None]).all()


def test_an_episode_cut_short_goes_on_and_one_that_terminates_does_not():
    environment, members = training("mamo-tests/Countdown-v0", 0, copies=1)
    environment.draw(1, members)
    count = int(environment.observe().values.argmax())
    stay, on = np.zeros((1, 1, 1), dtype=np.int64), np.ones((1, 1, 1), dtype=np.int64)
    cut = [environment.step(stay) for _ in range(6)]
    assert [(step.continues.item(), step.over.item()) for step in cut] == [(1, False)] * 5 + [(1, True)]
    assert cut[-1].after.values.argmax() == count
    count = int(cut[-1].seen.values.argmax())
    ended = [environment.step(on) for _ in range(count)]
    assert [(step.continues.item(), step.over.item()) for step in ended] == [(1, False)] * (count - 1) + [(0, True)]
    assert ended[-1].after.values.argmax() == 0


def test_a_members_numbers_do_not_depend_on_its_company():
    def alone_or_not(*seeds):
        environment, members = training("CartPole-v1", *seeds)
        draws = [environment.draw(60, members), environment.draw(60, members)]
        choices = np.random.default_rng(3).integers(0, 2, (120, 1, 2, 1)).repeat(len(seeds), 1)
        return [environment.step(*pair) for pair in zip(choices, np.concatenate(draws), strict=True)]

    alone, beside = alone_or_not(8), alone_or_not(7, 8, 9)
    assert any(step.over.any() for step in alone)
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one.seen.values[0], other.seen.values[1])
    assert not np.array_equal(other.seen.values[0], other.seen.values[1])


def test_a_copy_from_a_state_goes_on_bit_identically():
    environment, members = training("CartPole-v1", 1, 2)
    play(environment, members, 47, np.random.default_rng(4))
    again, _ = training("CartPole-v1", 1, 2)
    again.load_state_dict(environment.state_dict())
    np.testing.assert_array_equal(again.observe().values, environment.observe().values)
    twins = [play(one, streams(3, 4), 80, np.random.default_rng(5))[-1] for one in (environment, again)]
    assert any(step.over.any() for step in twins[0])
    for one, other in zip(*twins, strict=True):
        np.testing.assert_array_equal(one.after.values, other.after.values)
        np.testing.assert_array_equal(one.seen.values, other.seen.values)
        np.testing.assert_array_equal(one.over, other.over)


def test_environments_that_never_began_say_so_and_are_put_back_as_such():
    new, _ = training("CartPole-v1", 1)
    begun, members = training("CartPole-v1", 1)
    begun.draw(1, members)
    begun.load_state_dict(new.state_dict())
    for environment in (new, begun):
        with pytest.raises(gymnasium.error.ResetNeeded, match="draw"):
            environment.observe()


def test_a_state_of_other_environments_is_refused():
    environment, members = training("CartPole-v1", 1, 2)
    environment.draw(1, members)
    with pytest.raises(ValueError, match="reshape"):
        training("CartPole-v1", 1)[0].load_state_dict(environment.state_dict())


def test_the_evaluation_plays_the_same_episodes_for_all_members_and_none_of_the_trainings():
    domain = GymnasiumDomain(GymnasiumConfig(noise_seed=40))
    environment = domain.environment(Part.EVALUATION, 2, 3)
    seen, plain, first = environment.observe().values, gymnasium.make("CartPole-v1"), SEEDS + 40 * EVALUATED
    for e in range(3):
        np.testing.assert_array_equal(seen[:, e, 0], [plain.reset(seed=first + e)[0]] * 2)
    push = np.ones((2, 3, 1), dtype=np.int64)
    while not (step := environment.step(push)).over[0, 1]:
        pass
    np.testing.assert_array_equal(step.seen.values[0, 1, 0], plain.reset(seed=first + 1 + 3)[0])


def test_costs_and_observations_are_scaled_as_told():
    raw, members = training("MountainCar-v0", 0)
    scaled, _ = training("MountainCar-v0", 0, cost_offset=3.0, cost_scale=8.0, observation_scale=(2.0, 0.5))
    scaled.draw(1, streams(0))
    first = play(raw, members, 1, np.random.default_rng(0))[0]
    np.testing.assert_allclose(scaled.observe().values, first.values / [2.0, 0.5], rtol=1e-6)
    step = scaled.step(np.zeros((1, 2, 1), dtype=np.int64))
    assert (step.paid == 4.0).all()  # the reward is -1
    assert (step.objectives == 0.5).all()


def test_what_does_not_fit_is_refused():
    for settings, problem in {
        "Pendulum-v1": "needs actions that are Discrete",
        "NoSuchThing-v1": "NoSuchThing",
        "Blackjack-v1": "set --episode-steps",
    }.items():
        with pytest.raises(UsageError, match=problem):
            GymnasiumDomain(GymnasiumConfig(environment=settings))
    with pytest.raises(UsageError, match="needs 1 or 4 numbers, got 2"):
        GymnasiumDomain(GymnasiumConfig(observation_scale=(2.0, 1.0)))
    with pytest.raises(NothingExactError, match="nothing exact is known"):
        GymnasiumDomain(GymnasiumConfig()).optimum(Scope.STEP)
