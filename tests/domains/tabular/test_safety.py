"""The junction's safety layer: whatever is asked for, what is played is lawful; without the layer harm is done."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.domains.gym_env import DomainEnv
from mamo_cli.domains.nearest import nearest
from mamo_cli.domains.tabular import junction
from mamo_cli.domains.tabular.environment import TabularEnvironment
from mamo_cli.domains.tabular.exact import best, means
from mamo_cli.domains.tabular.occupancy import constrained_optimum
from mamo_cli.domains.tabular.process import Process
from tests.domains.tabular.processes import bracketing, processes
from tests.domains.tabular.test_domain import domain_of

GREEN_1, GREEN_2, YELLOW_TO_1, YELLOW_TO_2 = range(4)
# What may follow each phase, by hand.
LAWFUL = {(GREEN_1, GREEN_1), (GREEN_1, YELLOW_TO_2), (GREEN_2, GREEN_2), (GREEN_2, YELLOW_TO_1)}
LAWFUL |= {(YELLOW_TO_1, GREEN_1), (YELLOW_TO_2, GREEN_2)}
# Of 64 members in 64 copies each: 1,024,000 slots in all.
MEMBERS, COPIES, SLOTS = 64, 64, 250
WITH, WITHOUT = (junction.process((0.30, 0.20), 12, safety) for safety in (True, False))
COMING = np.zeros(1, dtype=np.int64)


def of(process, members=MEMBERS, copies=COPIES):
    return TabularEnvironment(process, COMING, members, copies)


def phases(environment):
    return environment.states % 4


def conflicts(told):
    """Slots of green directly after a slot of the other's green, of phases `(T + 1, ...)`: counted apart from mamo."""
    before, after = told[:-1], told[1:]
    return int(((before < 2) & (after < 2) & (before != after)).sum())


def unlawful(told):
    pairs = np.unique(np.stack((told[:-1].ravel(), told[1:].ravel())), axis=1).T
    return {tuple(pair) for pair in pairs.tolist()} - LAWFUL


def the_others_green(environment, _):
    """From a green the other's; from a yellow the green that was left."""
    return np.array([GREEN_2, GREEN_1, GREEN_2, GREEN_1])[phases(environment)]


def anything(environment, rng):
    """At random, also what is no phase."""
    return rng.integers(-3, 7, environment.states.shape)


def in_search_of_harm(environment, _):
    """Tries every request on a copy of all there is, and asks for the most harmful: a conflict, else most waiting."""
    found, before = [], phases(environment)
    for request in range(-1, 5):
        twin = of(environment.process, *environment.states.shape)
        twin.load_state_dict(environment.state_dict())
        waiting = twin.step(np.full((*before.shape, 1), request), np.zeros(before.shape, dtype=np.int64)).after
        crashed = (before < 2) & (phases(twin) < 2) & (before != phases(twin))
        found.append(100.0 * crashed + waiting.values[..., 0, :2].sum(-1))
    return np.argmax(found, 0) - 1


ADVERSARIES = pytest.mark.parametrize("adversary", [the_others_green, anything, in_search_of_harm])


def attacked(process, adversary, slots=SLOTS):
    """Phases `(T + 1, K, E)`, and what was asked for `(T, K, E)`."""
    environment, rng = of(process), np.random.default_rng(7)
    told, asked = [phases(environment)], []
    streams = [MemberStreams(seed, "te") for seed in range(MEMBERS)]
    for draw in environment.draw(slots, streams):
        asked.append(adversary(environment, rng))
        environment.step(asked[-1][..., None], draw)
        told.append(phases(environment))
    return np.stack(told), np.stack(asked)


@ADVERSARIES
def test_no_adversary_does_harm_in_a_million_slots(adversary):
    told, asked = attacked(WITH, adversary)
    assert asked.size == 1_024_000
    assert conflicts(told) == 0
    assert unlawful(told) == set()


@ADVERSARIES
def test_the_same_adversaries_succeed_where_the_layer_is_taken_away(adversary):
    slots = 30 if adversary is in_search_of_harm else SLOTS
    told, asked = attacked(WITHOUT, adversary, slots)
    np.testing.assert_array_equal(told[1:], np.clip(asked, 0, 3))  # each is obeyed
    if adversary is anything:
        # What is played is independent from slot to slot, green 1 with .4, green 2 with .1: 2 * .4 * .1 of all slots.
        assert conflicts(told) == pytest.approx(0.08 * asked.size, rel=0.01)
    else:
        assert conflicts(told) == asked.size  # every single slot


def test_a_layer_that_plays_what_it_is_asked_for_is_found_out(monkeypatch):
    monkeypatch.setattr(Process, "played", lambda _, states, asked: np.broadcast_to(asked, np.shape(asked)))
    told, asked = attacked(WITH, the_others_green, 10)
    assert conflicts(told) == asked.size


def test_every_request_in_every_state_is_played_by_the_rule():
    # Asked for:        below 0 1  2  3  beyond, in green 1: the wrong yellow leads to the right one, all else keeps.
    rule = {
        GREEN_1: [GREEN_1, GREEN_1, GREEN_1, YELLOW_TO_2, YELLOW_TO_2, YELLOW_TO_2],
        GREEN_2: [GREEN_2, GREEN_2, GREEN_2, YELLOW_TO_1, YELLOW_TO_1, YELLOW_TO_1],
        YELLOW_TO_1: [GREEN_1] * 6,
        YELLOW_TO_2: [GREEN_2] * 6,
    }
    states = np.arange(WITH.states)
    for place, request in enumerate((-(2**62), 0, 1, 2, 3, 2**62)):
        environment = of(WITH, 1, WITH.states)
        environment.load_state_dict({"steps": np.zeros(len(states), dtype=np.int64), "states": states[None]})
        step = environment.step(np.full((1, len(states), 1), request), np.zeros((1, len(states)), dtype=np.int64))
        expected = np.array([rule[phase][place] for phase in range(4)])[states % 4]
        np.testing.assert_array_equal(phases(environment)[0], expected)
        np.testing.assert_array_equal(step.measures[0, :, 0, 3], expected)  # what is told is what was played
        np.testing.assert_array_equal(step.objectives[0, :, 0, 1], (states % 4 < 2) & (expected != states % 4))


@given(
    requests=st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 3), min_size=1, max_size=40),
    copies=st.integers(1, 3),
)
@settings(max_examples=50, deadline=None)
def test_any_sequence_of_requests_is_played_lawfully(requests, copies):
    environment = of(WITH, 2, copies)
    told = [phases(environment)]
    for slot, request in enumerate(requests):
        environment.step(np.full((2, copies, 1), request), np.full((2, copies), slot % 4))
        told.append(phases(environment))
    assert unlawful(np.stack(told)) == set()


@given(of_any=processes(most=6), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_no_process_is_ever_played_where_it_forbids(of_any, seed):
    states, choices = of_any.allowed.shape
    rng = np.random.default_rng(seed)
    here, asked = rng.integers(0, states, 50), rng.integers(-2, choices + 2, 50)
    played = of_any.played(here, asked)
    assert of_any.allowed[here, played].all()
    within = (asked >= 0) & (asked < choices)
    lawful = within & of_any.allowed[here, np.clip(asked, 0, choices - 1)]
    np.testing.assert_array_equal(played[lawful], asked[lawful])
    np.testing.assert_array_equal(played[within], nearest(asked[within], of_any.allowed[here[within]]))


def test_who_overwrites_the_mask_that_is_shown_changes_nothing():
    environment = of(WITH, 1, 1)
    seen = environment.observe()
    seen.mask[...] = True
    seen.values[...] = 1.0
    step = environment.step(np.full((1, 1, 1), GREEN_2), np.zeros((1, 1), dtype=np.int64))
    assert phases(environment).item() == GREEN_1
    step.seen.mask[...] = True
    environment.step(np.full((1, 1, 1), GREEN_2), np.zeros((1, 1), dtype=np.int64))
    assert phases(environment).item() == GREEN_1
    assert environment.observe().mask.ravel().tolist() == [True, False, False, True]


@pytest.mark.parametrize("safety", [True, False])
def test_gymnasiums_face_stands_under_the_same_layer(safety):
    env = DomainEnv("junction", settings={"safety": safety})
    batch = env.domain.environment(Part.EVALUATION, 1)
    observation, _ = env.reset(seed=3)
    rng, told = np.random.default_rng(5), [0]
    for _ in range(400):
        phase = int(observation[2:6].argmax())
        request = int(rng.integers(4)) if rng.random() < 0.5 else [GREEN_2, GREEN_1, GREEN_2, GREEN_1][phase]
        observation, *_, info = env.step(request)
        batch.load_state_dict({"steps": np.zeros(1, dtype=np.int64), "states": np.array([[phase]])})
        batch.step(np.full((1, 1, 1), request))
        assert info["choices"].item() == phases(batch).item()
        told.append(int(observation[2:6].argmax()))
    assert (conflicts(np.array(told)) == 0) == safety
    assert (unlawful(np.array(told)) == set()) == safety


def test_what_who_always_asks_for_the_others_green_brings_is_known_exactly():
    asked = np.array([GREEN_2, GREEN_1, GREEN_2, GREEN_1])[np.arange(WITH.states) % 4][:, None]
    # With the layer green 1 stays. Queue 1 holds who came in the slot before, .3; queue 2 is full, 12.
    brought = domain_of("junction").expected(asked)
    assert brought.paid.item() == pytest.approx(12.3, rel=1e-9)
    assert brought.violations.item() == 0
    # Without it nobody ever leaves, as every slot is a switch: both are full.
    brought = domain_of("junction", safety=False).expected(asked)
    assert brought.paid.item() == pytest.approx(24.0, rel=1e-9)
    assert (brought.violations.item(), brought.measures[0, 0, 4]) == (1, 1)


def test_a_forbidden_plan_is_replayed_as_it_is_expected():
    asked = np.full((WITH.states, 1), YELLOW_TO_1)
    exact, played = domain_of("junction", evaluation_steps=20_000).replayed(asked)
    stretches = played.paid.reshape(40, 500).mean(1)
    assert abs(stretches.mean() - exact.paid.item()) < 5 * stretches.std(ddof=1) / np.sqrt(40)
    assert unlawful(played.measures[:, 0, 2].astype(np.int64)) == set()


# Most switches a slot (none: no limit), least mean vehicles waiting without the layer, conflicts a slot then.
TEMPTATIONS = [(1.0, 1.0835, 0.2353), (0.15, 1.3712, 0.15), (0.10, 1.8227, 0.10), (0.05, 3.3423, 0.05)]


@pytest.mark.parametrize(("limit", "waiting", "harm"), TEMPTATIONS)
def test_what_it_would_gain_to_have_no_layer_is_known_exactly(limit, waiting, harm):
    found = constrained_optimum(WITHOUT, limit)
    assert round(24 * found.cost, 4) == waiting
    assert (found.shares * WITHOUT.measures[..., 4]).sum() == pytest.approx(harm, abs=5e-5)
    within, beyond = bracketing(WITHOUT, limit)
    share = (limit - beyond[1]) / (within[1] - beyond[1]) if within[1] < beyond[1] else 0.0
    assert found.cost == pytest.approx(share * within[0] + (1 - share) * beyond[0], abs=1e-9)


def test_the_tempted_one_plays_as_it_is_told_without_the_layer_and_harmlessly_under_it():
    plan = best(WITHOUT, np.array([1.0, 0.0]))
    told, waiting = {}, {}
    for process in (WITH, WITHOUT):
        environment = of(process, 8, 8)
        phase, cost = [phases(environment)], []
        for draw in environment.draw(1_000, [MemberStreams(seed, "te") for seed in range(8)]):
            cost.append(environment.step(plan[environment.states][..., None], draw).paid[..., 0])
            phase.append(phases(environment))
        told[process], waiting[process] = np.stack(phase), np.stack(cost)
    assert conflicts(told[WITH]) == 0
    exact = means(WITHOUT, plan, WITHOUT.measures)[4]
    each = [conflicts(told[WITHOUT][:, k, e]) / 1_000 for k, e in np.ndindex(8, 8)]
    assert abs(np.mean(each) - exact) < 5 * np.std(each, ddof=1) / 8
    assert waiting[WITHOUT].mean() == pytest.approx(1.0835, rel=0.03)
    assert waiting[WITH].mean() > 1.7556 * 0.97  # nobody does better under the layer than the best


def test_a_junction_without_the_layer_says_so_and_measures_it():
    safe, bare = domain_of("junction"), domain_of("junction", safety=False)
    assert safe.warnings == ()
    assert [one.name for one in safe.spec.words.measures][-1] == "next_phase"
    assert bare.warnings[0].startswith("no safety layer")
    assert [one.name for one in bare.spec.words.measures][-1] == "conflicts"
