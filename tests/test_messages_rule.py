"""The rule that the benchmark of messages plays: by hand, by its laws, and by another way to the same numbers."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.messages import LAST, TOPOLOGIES, Blind, conditions, shares
from benchmarks.messages_rule import (
    NODES,
    RULES,
    SECONDS,
    SERVICE_S,
    TOLERANCE,
    Watched,
    estimates,
    fleet,
    influences,
    least,
    load,
    play,
    rates_of,
    replicas,
    tuned,
    watch,
)
from mamo_cli.core.seam import Part
from mamo_cli.domains.faas.rejection.models import ErlangModel

ERLANG = 1 / SERVICE_S
"""Requests/s that take one second of service a second."""


def test_the_fewest_replicas_by_hand():
    """Erlang B at a load of 1: 1/2, 1/5, 1/16; and at 2: 2/3, 2/5, 4/19."""
    model, rates = ErlangModel(1.0), np.array([1.0, 2.0])
    for margin, few in ((0.51, [1, 2]), (0.49, [2, 2]), (0.21, [2, 4]), (0.19, [3, 4]), (0.06, [4, 4])):
        np.testing.assert_array_equal(replicas(rates, margin, model, cap=4), few)
    assert replicas(np.zeros(1), 0.1) == 1


def test_what_is_known_is_tuned_by_hand():
    """At a load of 1, 3 replicas reject 1/16 and 4 reject 1/65: of .05 = 52/1040, 36/49 of the periods have 3."""
    rates = np.full((5, 2), ERLANG)
    found = tuned(rates, rates[..., None])
    assert found.share == pytest.approx(36 / 49)
    assert found.mean == pytest.approx(4 - 36 / 49)
    np.testing.assert_allclose(found.rejection, 0.05)
    assert found.margins == pytest.approx((1 / 16, 1 / 16), rel=1e-5)


def test_who_counts_too_much_is_tuned_with_the_others_by_hand():
    """Both have a load of 1, and the second takes it for 2. Below a margin of 1/5 they run 3 and 4 replicas, and reject
    (1/16 + 1/65) / 2 = 81/2080 of theirs; from there on 2 and 4, and (1/5 + 1/65) / 2 = 224/2080. Of .05 = 104/2080,
    the share 23/143 of the periods has the latter.
    """
    found = tuned(np.full((3, 1), ERLANG), np.full((3, 1, 2), [ERLANG, 2 * ERLANG]))
    assert found.share == pytest.approx(23 / 143)
    assert found.mean == pytest.approx(3.5 - 0.5 * 23 / 143)
    assert found.margins[0] < 0.2 <= found.margins[1] + 1e-6


def test_the_best_plan_of_who_knows_the_rates_by_hand_and_never_worse_than_a_margin():
    """One rate leaves nothing to choose. Of loads of 1 and 2 it is the most that a replica saves for its rejection."""
    assert least(np.full((5, 2), ERLANG)) == pytest.approx(4 - 36 / 49)
    both = np.full((4, 2), [ERLANG, 2 * ERLANG])
    # From 3 and 4 replicas, which reject (1/16 + 2/21) / 2 = .0789, a fourth of the first saves 1/16 - 1/65 = .047, and
    # a fifth of the second 2/21 - 4/109 = .059: it is the fifth, in so many periods that .05 are left.
    fifths = ((1 / 16 + 2 / 21) / 2 - 0.05) / ((2 / 21 - 4 / 109) / 2)
    assert least(both) == pytest.approx(3.5 + fifths / 2)
    assert least(RATES) < tuned(RATES, RATES[..., None]).mean


def test_where_no_margin_rejects_enough_that_is_said():
    with pytest.raises(ValueError, match=r"never is 0\.05"):
        tuned(np.full((2, 1), 1e-3), np.full((2, 1, 1), 1e-3))


def test_the_means_of_what_is_heard_by_hand():
    """Own counts of 10 and 20; the first neighbour's 40 arrives at once, and the second's 70 never does."""
    known, heard = np.array([[[10.0]], [[20.0]]]), np.array([[[[40.0, 0.0]]], [[[40.0, 0.0]]]])
    watched = Watched(known, heard, np.array([[[[True, False]]], [[[False, False]]]]))
    np.testing.assert_array_equal(estimates(watched, "keeps").ravel(), [25, 30])
    np.testing.assert_array_equal(estimates(watched, "forgets").ravel(), [25, 20])


def test_the_load_has_the_spread_and_the_memory_that_it_says():
    state = np.log(load(4000, 6, 0).actual_rate_rps[:, 0].reshape(4000, 6) / 50) / 0.4
    assert abs(state.mean()) < 4 / np.sqrt(4000)
    assert state.var() == pytest.approx(1, abs=4 * np.sqrt(2 / 4000))
    assert np.corrcoef(state[:, 0], state[:, 1])[0, 1] == pytest.approx(0.95, abs=4 * 0.0975 / np.sqrt(4000))
    assert np.corrcoef(state[:, 0], state[:, 5])[0, 1] == pytest.approx(0.95**5, abs=4 * 0.4 / np.sqrt(4000))


PIECES = 8
SOURCE = load(PIECES, 250, 5)
RATES = rates_of(SOURCE, PIECES)


def test_what_is_heard_is_what_others_counted_and_as_much_is_lost_as_is_said():
    watched = watch(fleet(SOURCE, messages="full", loss=0.3), PIECES, 0)
    others = np.array([[j for j in range(NODES) if j != m] for m in range(NODES)])
    told = watched.known[..., others]
    np.testing.assert_array_equal(watched.heard[watched.fresh], told[watched.fresh])
    assert watched.fresh.mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / watched.fresh.size))
    assert watched.known.mean() == pytest.approx(RATES.mean(), rel=0.01)


@pytest.mark.parametrize("loss", [0.0, 0.5])
def test_the_rule_is_as_good_on_draws_that_no_environment_made(loss):
    """Counts, losses and means written down directly: what it needs more than who knows the rate, within 4 errors."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.repeat(RATES[..., None], NODES, 2) * SECONDS) / SECONDS
    arrives = (rng.random((*counts.shape, NODES)) >= loss) | np.eye(NODES, dtype=bool)
    direct = (arrives * counts[..., None, :]).sum(-1) / arrives.sum(-1)
    shown = estimates(watch(fleet(SOURCE, messages="full", loss=loss), PIECES, 0), "forgets")
    one, other = tuned(RATES, direct), tuned(RATES, shown)
    error = (influences(RATES, direct, one) - influences(RATES, shown, other)).std(ddof=1) / np.sqrt(PIECES)
    assert error < 0.01
    assert one.mean == pytest.approx(other.mean, abs=4 * error)


def test_what_is_tuned_is_what_is_played():
    domain = fleet(SOURCE, messages="ring", loss=0.2, burst=10.0)
    known = estimates(watch(domain, PIECES, 0), "keeps")
    found = tuned(RATES, known)
    count, lost = play(domain, known, found, 0)
    assert count == pytest.approx(found.mean, rel=2e-3)
    assert lost == pytest.approx(TOLERANCE, rel=1e-2)


def test_a_pieces_influence_is_what_the_mean_misses_without_it():
    known = estimates(watch(fleet(SOURCE, messages="full"), PIECES, 0), "keeps")
    found = tuned(RATES, known)
    every = influences(RATES, known, found)
    for piece in range(3):
        without = tuned(np.delete(RATES, piece, 1), np.delete(known, piece, 1)).mean
        assert found.mean - without == pytest.approx(every[piece] / (PIECES - 1), rel=0.1, abs=2e-3)


def test_policies_are_mixed_to_reject_what_they_may_or_not_at_all():
    np.testing.assert_allclose(shares(np.array([0.09, 0.06, 0.02])), [0, 0.75, 0.25])
    assert shares(np.array([0.04, 0.03])) is None
    assert shares(np.array([0.09, 0.06])) is None


def test_who_is_blind_sees_all_but_the_last_rejection():
    seen = []
    for blind in (False, True):
        environment = fleet(SOURCE, messages="full").environment(Part.TRAINING, 1, PIECES)
        played = Blind(environment) if blind else environment
        step = played.step(np.zeros((1, PIECES, NODES), dtype=np.int64))
        seen.append((step.seen.values, played.observe().values))
    for one, other in zip(*seen, strict=True):
        assert one[..., LAST].all()
        assert not other[..., LAST].any()
        np.testing.assert_array_equal(np.delete(other, LAST, -1), np.delete(one, LAST, -1))


def test_every_topology_is_played_at_every_loss_in_bursts_and_late():
    told = list(conditions())
    assert len(told) == 1 + len(TOPOLOGIES) * (5 + 3 + 2)
    assert len({tuple(sorted(each.items())) for each in told}) == len(told)


def test_the_page_says_what_the_table_of_the_benchmark_says():
    """Every number of the rules' table: replicas more than who knows the rate needs."""
    root = Path(__file__).parents[1]
    with (root / "benchmarks" / "messages.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    over = {
        (row["who"], row["messages"], float(row["loss"]), bool(row["burst"]), row["late"] == "1"): row["over_known"]
        for row in rows
        if row["who"].startswith("rule")
    }
    columns = [(0.0, False, False), (0.2, False, False), (0.5, False, False), (0.8, False, False)]
    columns += [(0.2, True, False), (0.5, True, False), (0.8, True, False), (0.0, False, True), (0.5, False, True)]
    page = (root / "docs" / "results" / "messages.md").read_text(encoding="utf-8").splitlines()
    told = [
        [cell.strip() for cell in line.split("|")[2:-1]] for line in page if "keeps |" in line or "forgets |" in line
    ]
    rules = [(f"rule that {rule}", name) for name in TOPOLOGIES for rule in RULES]
    assert [cells[0] for cells in told] == [who.split()[-1] for who, _ in rules]
    for (who, name), (_, *cells) in zip(rules, told, strict=True):
        assert cells == [f"{float(over[who, name, *column]):.3f}"[1:] for column in columns]
