"""Learning that goes on: nothing ahead is read, what was is kept, and who does not learn stays as it was delivered."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Played
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.conditions import DriftConfig, WalkConfig
from mamo_cli.training.shards import build_domain, build_shard, build_walk, cut
from mamo_cli.training.windows import Place, WalkRecords, walk_columns
from mamo_cli.workload.generators import noisy
from mamo_cli.workload.trace import Trace
from tests.domains.faas.nodes import made_trace
from tests.learners.agents import through_a_file
from tests.training.runs import columns, mamo_spec, rounds_of

WINDOW, WINDOWS = 4, 5
DRIFT = DriftConfig(load=((2, 1.5),), tolerance=((3, 0.4),))


def trace(spiked_from=None):
    """Forty steps, the latter half to walk on; from a step of it on, six times as much comes."""
    rates = 20.0 + 15.0 * np.sin(np.arange(40.0))[:, None]
    actual = rates * (1.0 + 0.1 * np.cos(np.arange(40.0))[:, None])
    if spiked_from is not None:
        actual[20 + spiked_from :] *= 6.0
    return Trace(("f0",), rates, actual)


def walking(strategy="dual", source=None, seeds=(3, 4), drift=DRIFT, **settings):
    sections = dict(strategies.sections_of(strategy))
    changed = {"cycles": 2, **settings.pop("adaptation", {})}
    sections["adaptation"] = sections["adaptation"].model_copy(update=changed)
    readout = settings.pop("readout", "mix")
    walk = WalkConfig(**{"window": WINDOW, "updates": 5, **settings})
    spec = mamo_spec(seeds, strategy=strategy, sections=sections, drift=drift, walk=walk, readout=readout)
    instance = spec.instance.model_copy(update={"train_share": 0.5})
    return replace(spec, source=source or trace(), instance=instance)


def walked(rounds):
    """Rows of continual.csv by window."""
    rows = [row for one in rounds for row in one["continual"]]
    return [[row for row in rows if row[2] == window] for window in range(WINDOWS)]


def table_of(rounds, spec):
    return columns(rounds, "continual", walk_columns(build_domain(spec).spec.words, 1))


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("strategy", ["dual", "wa-dqn"])
def test_nothing_ahead_of_the_walk_is_ever_read(strategy, restart):
    as_it_was = walked(rounds_of(build_shard(walking(strategy, restart=restart))))
    # What comes changes from step 8 on, far beyond all that was seen: windows 0 and 1 end with step 7.
    spiked = walked(rounds_of(build_shard(walking(strategy, trace(spiked_from=8), restart=restart))))
    assert [len(rows) for rows in spiked] == [4] * WINDOWS  # two members, who learn and who do not
    assert repr(spiked[:2]) == repr(as_it_was[:2])
    assert repr(spiked[2]) != repr(as_it_was[2])


def test_conditions_ahead_are_not_known_either():
    still, drifting = (walked(rounds_of(build_shard(walking(drift=drift)))) for drift in (DriftConfig(), DRIFT))
    assert repr(drifting[:2]) == repr(still[:2])
    assert repr(drifting[2]) != repr(still[2])


@pytest.mark.parametrize("settings", [{}, {"restart": True, "epsilon": 0.5, "readout": "last"}], ids=["mix", "restart"])
def test_it_resumes_to_the_last_bit_wherever_it_stopped(settings):
    spec = walking(**settings)
    whole = rounds_of(build_shard(spec))
    assert len(whole) == 2 + WINDOWS == spec.rounds
    for stop in (1, 2, 4, 6):  # in training, before the walk, in it at a change, before its last window
        first, second = build_shard(spec), build_shard(spec)
        for _ in range(stop):
            first.advance()
        second.load_state_dict(through_a_file(first.state_dict()))
        assert repr(rounds_of(second)) == repr(whole[stop:])
        assert second.done


def test_members_do_not_touch_one_another():
    spec = walking(seeds=(3, 4, 5), epsilon=0.3)
    whole = rounds_of(build_shard(spec))
    shards = [rounds_of(build_shard(part)) for part in cut(spec, (1, 2))]
    joined = [a["continual"] + b["continual"] for a, b in zip(*shards, strict=True)]
    assert repr(joined) == repr([one["continual"] for one in whole])


def test_who_neither_learns_nor_moves_plays_as_who_is_frozen_and_as_the_evaluation():
    spec = walking("fixed", updates=0, readout="last", drift=DriftConfig(), window=7)
    rounds = rounds_of(build_shard(spec))
    told = table_of(rounds, spec)
    numbers = [name for name in told if name not in ("seed", "player", "window")]
    for name in numbers:
        learning, frozen = (told[name][told["player"] == player] for player in ("learning", "frozen"))
        assert learning.tolist() == frozen.tolist()
    # 20 steps in windows of 7, the last shorter: one after another they are the evaluation.
    mine = (told["seed"] == 3) & (told["player"] == "frozen")
    assert told["steps"][mine].tolist() == [7, 14, 20]
    evaluation = [row for one in rounds for row in one["evaluation"] if row[0] == 3]
    replicas, rejection = (np.array([row[place] for row in evaluation], dtype=float) for place in (6, 8))
    means = [replicas[start:stop].mean() for start, stop in ((0, 7), (7, 14), (14, 20))]
    assert told["replicas"][mine].tolist() == pytest.approx(means, rel=1e-12)
    assert told["cumulative_rejection"][mine][-1] == pytest.approx(rejection.mean(), abs=2e-4)  # tables of windows


def test_what_was_seen_joins_the_replay_and_is_learnt_from():
    idle, busy = (build_shard(walking(updates=updates, drift=DriftConfig())) for updates in (0, 5))
    for loop in (idle, busy):
        while not loop.state_dict()["walk"]["window"]:
            loop.advance()
    at = [loop.state_dict()["tasks"]["learner"] for loop in (idle, busy)]
    idle.advance()
    following = idle.state_dict()["tasks"]["learner"]["replay"]["ring"][0]
    # 2 phases of 24 steps of 16 copies fill the 128 places six times over; then a place a step, round and round.
    assert at[0]["replay"]["ring"][0] == WINDOW
    assert following == 2 * WINDOW
    assert repr(at[0]["networks"]) != repr(at[1]["networks"])


def test_the_strategy_is_told_of_every_window_what_it_brought_and_its_limits(monkeypatch):
    heard = []

    class Listening(strategies.import_module("mamo_cli.strategies.dual").Dual):
        def observe(self, report):
            heard.append(report)
            return super().observe(report)

    monkeypatch.setattr("mamo_cli.strategies.dual.Dual", Listening)
    spec = walking()
    told = table_of(rounds_of(build_shard(spec)), spec)
    learning = told["player"] == "learning"
    assert [report.cycle for report in heard] == [0, 1, *range(2, 2 + WINDOWS)]  # the walk counts on
    assert [report.limits.item() for report in heard[2:]] == [0.05, 0.05, 0.05, 0.4, 0.4]
    for window, report in enumerate(heard[2:]):
        mine = learning & (told["window"] == window)
        assert report.objectives[:, 0].tolist() == np.stack((told["cost"][mine], told["rejection"][mine]), 1).tolist()
        assert report.weights[:, 0, 1].tolist() == told["alpha"][mine].tolist()
        assert (report.errors >= 0.0).all()


def test_a_strategy_that_is_told_of_changes_begins_anew():
    spec = walking(restart=True, adaptation={"initial_alpha": 0.5})
    told = table_of(rounds_of(build_shard(spec)), spec)
    alphas = told["alpha"][(told["player"] == "learning") & (told["seed"] == 3)]
    assert (alphas == 0.5).tolist() == [False, False, True, True, False]  # as the load and the limit change


def test_a_windows_rows_by_hand():
    spec = build_domain(mamo_spec((0,))).spec._replace(limits=np.array([[0.25]]), cost_scale=4.0)
    records = WalkRecords(spec, (7, 9), np.array([True, False]))
    weights = np.full((2, 1, 2), 0.5)

    def play(*steps):
        one = np.array(steps)
        paid = np.tile(one[:, 0], (2, 1))[..., None]
        return Played(paid, paid[..., None], np.tile(one[:, 1], (2, 1))[..., None, None])

    records.add(Place("learning", 0, 0, 2, False), spec, weights, play((2.0, 0.0), (4.0, 0.5)))  # .75, .25: within
    records.add(Place("learning", 1, 2, 4, True), spec, weights, play((4.0, 0.25), (4.0, 0.75)))  # 1, .5: beyond
    brought = records.add(Place("learning", 2, 4, 5, False), spec, weights, play((2.0, 0.0)))  # .5, 0: within again
    assert brought[0].tolist() == [[0.5, 0.0]]
    assert records.taken() == [
        [7, "learning", 0, 2, 0.5, 0.25, 0.75, 3.0, 0.25, 0.75, 0.25, 1],
        [7, "learning", 1, 4, 0.5, 0.25, 1.0, 4.0, 0.5, 0.875, 0.375, 0],
        [7, "learning", 2, 5, 0.5, 0.25, 0.5, 2.0, 0.0, 0.8, 0.3, 1],
        *([9, "learning", window, steps, 0.5, *[None] * 7] for window, steps in ((0, 2), (1, 4), (2, 5))),
    ]
    assert records.taken() == []


def test_a_periodic_evaluation_is_walked_with_new_noise_each_time_and_another_only_once():
    periodic = walking(source=made_trace(period=20), periods=3, drift=DriftConfig())
    walk = build_walk(periodic, periodic.walk)
    assert (walk.steps, walk.windows) == (60, 15)
    deviations = np.concatenate([walk.at(window).conditions()[:, 0] for window in range(15)])
    relative = deviations[:, 1] / deviations[:, 0]
    assert deviations[:20, 0].tolist() == deviations[20:40, 0].tolist()
    assert len(np.unique(relative)) == 60
    first = build_domain(periodic).conditions()[:, 0]
    assert deviations[:20].tolist() == first.tolist()  # as it is evaluated when it is not walked
    once = walking(source=noisy(made_trace(period=20)), periods=3)
    with pytest.raises(UsageError, match=r"does not repeat is walked once, not walk\.periods = 3 times"):
        build_walk(once, once.walk)
