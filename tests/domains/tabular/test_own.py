"""A process of the user's own: its probabilities, its exact answers, every command, and what is refused."""

import io
import json
from pathlib import Path

import gymnasium
import numpy as np
import pandas as pd
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.analysis.bounds import bound
from mamo_cli.analysis.perfect import UnreachableError
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.weights import weights_of
from mamo_cli.domains import registry
from mamo_cli.domains.gym_env import ENVIRONMENT_ID
from mamo_cli.domains.tabular import gridworld
from mamo_cli.domains.tabular.domain import TabularDomain
from mamo_cli.domains.tabular.occupancy import constrained_optimum
from mamo_cli.domains.tabular.own import AGENT, WORDS, OwnConfig, checked, process
from mamo_cli.workload.arrays_npz import Arrays, read_arrays, write_arrays
from tests.cli.invoke import MAMO, TRAIN, mamo


def two_states():
    """A machine that wears: 0 good, 1 worn; keep, or mend at a cost. A period worn is a violation."""
    transitions = np.array([[[0.8, 0.2], [1.0, 0.0]], [[0.0, 1.0], [0.9, 0.1]]])
    return {
        "transitions": transitions,
        "cost": np.array([[0.0, 4.0], [0.0, 4.0]]),
        "violations": np.array([[0.0, 0.0], [1.0, 1.0]]),
    }


def saved(path, arrays):
    np.savez(path, **arrays)
    return str(path)


def domain_of(file, **given):
    config = OwnConfig(process=file, **given)
    return registry.build("tabular", config, registry.load_source("tabular", config))


@st.composite
def random_arrays(draw):
    """Rows of rounded probabilities, some of them 0, in which each state may be followed by the next."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    states, choices = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    weights = rng.random((states, choices, states)) * (rng.random((states, choices, states)) < 0.6)
    weights[np.arange(states), 0, (np.arange(states) + 1) % states] += 0.3
    weights[weights.sum(-1) == 0.0, 0] = 1.0
    return weights / weights.sum(-1, keepdims=True), rng.random((states, choices)) * 7, rng.random((states, choices))


@given(random_arrays())
@settings(max_examples=100, deadline=None)
def test_each_next_state_is_as_likely_as_the_file_says(arrays):
    transitions, cost, violations = arrays
    made = process(*checked("a.npz", *arrays))
    found = np.zeros_like(transitions)
    for (state, choice, way), after in np.ndenumerate(made.successor):
        found[state, choice, after] += made.chance[way]
    np.testing.assert_allclose(found, transitions, atol=1e-10)
    np.testing.assert_allclose(made.objectives[..., 0] * made.cost_scale, cost)
    np.testing.assert_array_equal(made.objectives[..., 1], violations)
    assert made.came @ made.chance == pytest.approx(0.5)


def test_the_machine_by_hand(tmp_path):
    # Worn for a share v of all time. Who mends a worn machine with probability p is worn, in balance,
    # .2 (1 - v) = .9 p v; mending costs 4 p v = 4 (.2 / .9) (1 - v). At v = .25: 4 / 6.
    domain = domain_of(saved(tmp_path / "machine.npz", two_states()), tolerance=0.25)
    found = bound(domain)
    assert domain.spec.cost_scale == 4.0
    assert found.cost * 4.0 == pytest.approx(2 / 3, abs=1e-9)
    assert found.objectives[0, 1] == pytest.approx(0.25, abs=1e-12)
    assert constrained_optimum(domain.process, 0.25).cost * 4.0 == pytest.approx(2 / 3, abs=1e-9)


def test_the_gridworld_as_a_file_is_the_gridworld(tmp_path):
    own = gridworld.process(0.9)
    transitions = np.zeros((25, 4, 25))
    for (cell, move, way), after in np.ndenumerate(own.successor):
        transitions[cell, move, after] += own.chance[way]
    arrays = {"transitions": transitions, "cost": own.objectives[..., 0], "violations": own.objectives[..., 1]}
    found = bound(domain_of(saved(tmp_path / "grid.npz", arrays), tolerance=0.85))
    assert round((10 - 11 * found.cost) / 0.1, 4) == 16.5272


def domain_within(limit, *arrays):
    made = process(*checked("a.npz", *arrays))
    return TabularDomain(made, WORDS, AGENT, limit, block=1, settings=OwnConfig(tolerance=limit, evaluation_steps=1))


def one_state(*choices):
    """Arrays of a process of one state, from the cost and the violation of each choice."""
    cost, violations = np.array(choices, dtype=np.float64).T[:, None]
    return np.ones((1, len(choices), 1)), cost, violations


def exact(domain, alpha):
    return domain.answer(weights_of(np.array([alpha]))).objectives[0].tolist()


SCALES = st.integers(-9, 9).map(lambda power: 10.0**power)


@given(random_arrays(), SCALES, SCALES, st.floats(0.001, 1.0), st.sampled_from([1, 2, 9]))
@settings(max_examples=150, deadline=None)
def test_units_change_nothing_that_is_exact(arrays, of_cost, of_violations, share, digits):
    transitions, cost, violations = arrays
    cost, violations = np.round(cost, digits), np.round(violations, digits)  # coarse ones have ties
    unit, other = (process(*checked("a.npz", transitions, *both)) for both in ((cost, violations), (violations, cost)))
    # Who minds violations alone, as a linear program whose cost they are; its limit holds whatever is done.
    least = constrained_optimum(other, cost.max()).cost * violations.max()
    limit = least + share * (violations.max() - least) + 1e-6
    expected = constrained_optimum(unit, limit).cost
    scaled = domain_within(limit * of_violations, transitions, cost * of_cost, violations * of_violations)
    assert constrained_optimum(scaled.process, limit * of_violations).cost == pytest.approx(expected, abs=1e-7)
    found = bound(scaled)
    assert found.cost == pytest.approx(expected, abs=2e-6)
    assert found.objectives[0, 1] <= limit * of_violations * (1 + 2e-6)
    assert exact(scaled, 0.0)[0] == pytest.approx(constrained_optimum(unit, violations.max()).cost, abs=1e-8)
    assert exact(scaled, 1.0)[1] == pytest.approx(least * of_violations, abs=1e-8 * of_violations)


def test_choices_by_hand_whose_violations_are_not_of_the_order_of_1():
    large = domain_within(4e6, *one_state((1, 3e6), (1.2, 0)))
    assert exact(large, 0.0) == [1 / 1.2, 3e6]
    assert bound(large).cost == pytest.approx(1 / 1.2, rel=1e-12)
    mixed = bound(domain_within(1e6, *one_state((1, 3e6), (1.2, 0))))  # a third of all time the first
    assert mixed.cost == pytest.approx((1 / 3 + 2 / 3 * 1.2) / 1.2, rel=1e-9)
    tiny = (1, 3e-8), (2, 1e-9)
    assert exact(domain_within(2e-9, *one_state(*tiny)), 1.0) == [1.0, 1e-9]
    assert bound(domain_within(2e-9, *one_state(*tiny))).cost == pytest.approx((1 / 29 + 28 / 29 * 2) / 2, rel=1e-9)
    with pytest.raises(UnreachableError, match=r"within 9\.99e-10: the least is 1e-09"):
        bound(domain_within(9.99e-10, *one_state(*tiny)))


@pytest.mark.parametrize("never", [1e3, 1e12])
def test_a_choice_that_is_out_of_the_question_hides_no_difference_between_others(never):
    domain = domain_within(1.5, *one_state((1.0, never), (0.5, 2.0), (0.5, 1.0), (0.25, 2.0)))
    assert exact(domain, 0.0) == [0.25, 2.0]
    assert exact(domain, 1.0) == [0.5, 1.0]
    assert bound(domain).cost == pytest.approx(0.375, rel=1e-9)


def change(name, place, value):
    arrays = two_states()
    arrays[name][place] = value
    return arrays


REFUSED = {
    "sum": (change("transitions", (1, 0, 1), 0.7), r"transitions\[1, 0\] is no distribution: .* sum to 1, got 0\.7"),
    "negative": (change("transitions", (0, 1, 1), -0.5), r"transitions\[0, 1, 1\] must be at least 0, got -0\.5"),
    "nan": (change("transitions", (0, 1, 1), np.nan), r"transitions\[0, 1, 1\] must be finite, got nan"),
    "infinite": (change("cost", (1, 1), np.inf), r"cost\[1, 1\] must be finite, got inf"),
    "cost": (change("cost", (1, 0), -1.0), r"cost\[1, 0\] must be at least 0, got -1"),
    "violation": (change("violations", (0, 1), -0.1), r"violations\[0, 1\] must be at least 0, got -0\.1"),
    "shape": ({**two_states(), "cost": np.zeros((2, 3))}, r"cost must have the shape \(2, 2\), got \(2, 3\)"),
    "flat": ({**two_states(), "transitions": np.eye(2)}, r"transitions must have the shape \(S, C, S\), got \(2, 2\)"),
    "apart": (
        {**two_states(), "transitions": np.tile(np.eye(2)[:, None], (1, 2, 1))},
        "states 0 and 1 cannot both be reached from one another",
    ),
    "missing": ({"transitions": np.eye(2), "cost": np.eye(2)}, "has no array violations: it needs transitions, cost"),
    "text": ({**two_states(), "cost": np.array([["a", "b"]] * 2)}, "cost must hold numbers, got <U1"),
    "objects": ({**two_states(), "cost": np.array([[None, 1]] * 2)}, r"no \.npz file of plain arrays"),
    "none": (
        {**two_states(), "transitions": np.zeros((0, 2, 0))},
        r"transitions must have the shape .*, got \(0, 2, 0\)",
    ),
    "many": ({**two_states(), "transitions": np.zeros((1001, 1, 1001))}, "at most 1000 states, got 1001"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_process_is_refused_with_the_place(tmp_path, name):
    arrays, message = REFUSED[name]
    with pytest.raises(DataError, match=f"odd.npz: {message}"):
        domain_of(saved(tmp_path / "odd.npz", arrays))


def test_a_process_whose_table_would_be_too_large_is_refused_before_it_is_made(tmp_path):
    rows = np.random.default_rng(0).random((80, 10, 80))  # 64,000 sums at 800 places
    arrays = {"transitions": rows / rows.sum(-1, keepdims=True), "cost": rows[..., 0], "violations": rows[..., 1]}
    with pytest.raises(
        DataError, match=r"transitions: 6\d{4} different sums .* 80 states times 10 choices are too many"
    ):
        domain_of(saved(tmp_path / "dense.npz", arrays))


@pytest.mark.parametrize("data", [b"", b"transitions", b"PK\x03\x04" + bytes(40)])
def test_a_file_of_something_else_is_refused(tmp_path, data):
    (tmp_path / "odd.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"odd\.npz: no \.npz file of plain arrays"):
        domain_of(str(tmp_path / "odd.npz"))
    whole = io.BytesIO()
    np.savez(whole, **two_states())
    (tmp_path / "odd.npz").write_bytes(whole.getvalue()[:-30])
    with pytest.raises(DataError, match=r"no \.npz file of plain arrays"):
        domain_of(str(tmp_path / "odd.npz"))
    with pytest.raises(DataError, match=r"none\.npz: cannot be read"):
        domain_of(str(tmp_path / "none.npz"))


def test_it_keeps_gymnasiums_rules(tmp_path):
    settings = {"process": saved(tmp_path / "machine.npz", two_states()), "evaluation_steps": 20}
    env = gymnasium.make(ENVIRONMENT_ID, domain="tabular", alpha=0.5, settings=settings)
    check_env(env.unwrapped)
    env.reset(seed=0)
    _, reward, *_, info = env.step(1)
    assert (reward, info["paid"].item()) == (-0.5, 4.0)


def test_a_process_must_be_named():
    with pytest.raises(UsageError, match="--domain tabular needs --process FILE"):
        registry.load_source("tabular", OwnConfig())


def test_arrays_written_and_read_are_the_same_to_the_digest(tmp_path):
    arrays = read_arrays(saved(tmp_path / "a.npz", two_states()), ("transitions", "cost", "violations"))
    write_arrays(arrays, tmp_path / "b.npz")
    again = read_arrays(tmp_path / "b.npz", ("cost", "violations", "transitions"))
    assert again.digest() == arrays.digest()
    other = Arrays("a.npz", {**arrays.arrays, "cost": arrays.arrays["cost"] + 1e-12})
    assert other.digest() != arrays.digest()


def test_every_command_about_it_whatever_becomes_of_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = ("--domain", "tabular", "--process", saved(Path("machine.npz"), two_states()), "--tolerance", "0.25")
    exact = ("run-mamo", *about, "--te", "exact", "--strategy", "bisect", "--readout", "mix", "--seeds", "1")
    (member,) = json.loads(mamo(*exact, "--cycles", "8", "--json", "-q").out)["members"]
    assert member["mean_cost"] * 4 == pytest.approx(2 / 3, abs=1e-6)
    assert member["mean_violation"] == pytest.approx(0.25, abs=1e-9)
    assert mamo(*TRAIN, *about, "--evaluation-steps", "500", "--name", "te", "-q").code == 0
    assert mamo(*MAMO, *about, "--evaluation-steps", "500", "--name", "wa", "-q").code == 0
    Path("machine.npz").rename("elsewhere.npz")
    assert mamo("evaluate", "wa", "--noise-seed", "1", "--name", "again", "-q").code == 0
    assert mamo("plot", "te", "wa", "-q").code == 0
    assert mamo("export", "wa", "--out", "wa.npz", "-q").code == 0
    assert mamo("evaluate", "wa.npz", "--name", "file", "-q").code == 0
    own, file = (pd.read_csv(f"results/{name}/evaluation.csv") for name in ("wa", "file"))
    first = own[own["seed"] == own["seed"].min()]
    assert (file["action"].to_numpy() == first["action"].to_numpy()).all()
    assert (own["violation"] == (own["state"] == 1)).all()
    assert (own["cost"] == 4.0 * own["action"]).all()
    refused = mamo("train", "--domain", "tabular")
    assert (refused.code, refused.err.count("\n")) == (2, 1)


def test_another_process_under_the_same_name_is_another_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(Path("machine.npz"), two_states())
    about = (*TRAIN, "--domain", "tabular", "--process", "machine.npz", "--evaluation-steps", "100", "--name", "te")
    assert mamo(*about, "-q").code == 0
    saved(Path("machine.npz"), change("cost", (1, 1), 5.0))
    assert mamo(*about, "-q").code == 2
