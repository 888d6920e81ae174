"""A run as it is seen from outside, from tables whose numbers were laid out by hand."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mamo_cli.cli.charts import ASCII
from mamo_cli.cli.watch import drawn
from mamo_cli.core.errors import DataError, MamoError
from mamo_cli.experiments.watch import Watched
from mamo_cli.runs.locks import locked
from tests.experiments.planted import CYCLES, MAMO, STARTED, TRAIN, TRAINING, append, iterations, planted

BEGAN = datetime.fromisoformat(STARTED)


def cycle(number: int, *members: tuple[float, str, str, str]) -> list[str]:
    """Rows of a cycle: alpha, cost, rejection and feasible of each seed."""
    return [
        f"{seed},{number},{alpha},1,1,{cost},2,{rejection},{feasible}"
        for seed, (alpha, cost, rejection, feasible) in enumerate(members)
    ]


FIRST = cycle(0, (0.1, "0.2", "0.5", "0"), (0.3, "0.4", "0.4", "0"), (0.9, "0.9", "0.03", "1"))
SECOND = cycle(1, (0.7, "0.5", "0.04", "1"), (0.8, "0.7", "0.02", "1"), (0.9, "", "", ""))


def test_of_a_loop_there_are_medians_of_alpha_and_cost_means_of_violations_and_who_is_within(tmp_path):
    run = planted(tmp_path / "run")
    append(run / "training.csv", TRAINING, [*iterations(0, 1), *iterations(2, 3)])
    append(run / "cycles.csv", CYCLES, [*FIRST, *SECOND])
    picture = Watched(run).look()
    [series] = picture.series
    first, second = series.points
    assert (first.alphas, first.cost, first.violations) == ((0.3,), 0.4, (pytest.approx(0.31),))
    assert (first.members, first.diverged, first.within, first.limits) == (3, 0, 1, ((0.05, 0.05),))
    assert second.alphas == (pytest.approx(0.75),)
    assert (second.cost, second.violations) == (pytest.approx(0.6), (pytest.approx(0.03),))
    assert (second.members, second.diverged, second.within) == (3, 1, 2)
    assert (picture.unit, picture.over, picture.total) == ("cycle", 2, 10)
    assert (picture.members, picture.diverged, picture.violations) == (3, 1, ("rejection",))
    assert picture.env_steps == 3 * 4 * 4 * 5  # members, iterations, steps of one, copies


def test_a_cycle_that_is_not_whole_yet_is_not_shown(tmp_path):
    run = planted(tmp_path / "run")
    append(run / "training.csv", TRAINING, iterations(0, 1))
    append(run / "cycles.csv", CYCLES, [*FIRST, *SECOND[:2]])
    with (run / "cycles.csv").open("a") as file:
        file.write(SECOND[2][:7])
    watched = Watched(run)
    assert watched.look().over == 1
    with (run / "cycles.csv").open("a") as file:
        file.write(SECOND[2][7:] + "\n")
    assert watched.look().over == 2


def test_of_fixed_alphas_each_has_its_own_curves_over_iterations(tmp_path):
    run = planted(tmp_path / "run", "train", config=TRAIN)
    append(run / "training.csv", TRAINING, [*iterations(0, 1, alpha=0.1), *iterations(0, 1, alpha=0.9)])
    append(run / "training.csv", TRAINING, iterations(2, alpha=0.1))
    picture = Watched(run).look()
    assert [(series.alphas, len(series.points)) for series in picture.series] == [(("0.1",), 3), (("0.9",), 2)]
    # Costs are .1 of the seed and the iteration: the median seed is 1.
    assert [point.cost for point in picture.series[0].points] == pytest.approx([0.1, 1.1, 2.1])
    assert (picture.unit, picture.over, picture.total, picture.members) == ("iteration", 2, 40, 6)
    assert picture.env_steps == 15 * 20


def test_pace_and_time_left_follow_from_when_the_table_grew(tmp_path):
    run = planted(tmp_path / "run", status="running")
    watched, start = Watched(run), BEGAN.timestamp() + 50
    append(run / "training.csv", TRAINING, iterations(0, 1), start)
    with locked(run):
        first = watched.look(BEGAN + timedelta(seconds=60))
        # So far 6 iterations of 20 steps in 60 s; of 3 x 10 x 2 there are 54 left, and 10 s have passed since then.
        assert (first.env_steps_per_second, first.on_average) == (2.0, True)
        assert first.seconds_left == pytest.approx(54 * 20 / 2.0 - 10)
        append(run / "training.csv", TRAINING, iterations(2, 3), start + 4)
        append(run / "training.csv", TRAINING, iterations(4, 5), start + 8)
        second = watched.look(BEGAN + timedelta(seconds=60))
        # 12 iterations of 20 steps in 8 s; 42 are left, and 2 s have passed.
        assert (second.env_steps_per_second, second.on_average) == (30.0, False)
        assert second.seconds_left == pytest.approx(42 * 20 / 30.0 - 2)
        assert (second.seconds, second.all_seconds_known, second.env_steps) == (60.0, True, 18 * 20)
        assert watched.look(BEGAN + timedelta(hours=1)).seconds_left == 0.0


def test_what_was_prepared_before_the_first_cycle_counts_as_played(tmp_path):
    run = planted(tmp_path / "run", config=MAMO + "[preparation]\niterations = 66\n")
    append(run / "training.csv", TRAINING, iterations(0))
    assert Watched(run).look().env_steps == 3 * (66 + 1) * 20


def test_of_a_start_that_was_killed_nobody_knows_the_pace(tmp_path):
    starts = [{"status": "crashed", "started": STARTED}, {"started": STARTED, "seconds": 60.0}]
    run = planted(tmp_path / "run", starts=starts)
    append(run / "training.csv", TRAINING, iterations(0))
    picture = Watched(run).look()
    assert (picture.seconds, picture.all_seconds_known) == (60.0, False)
    assert (picture.env_steps, picture.env_steps_per_second, picture.seconds_left) == (60, None, None)


def test_what_a_run_took_over_is_not_its_pace(tmp_path):
    starts = [{"started": STARTED, "seconds": 60.0, "argv": ["run-mamo", "--grow", "other"]}]
    run = planted(tmp_path / "run", starts=starts)
    append(run / "training.csv", TRAINING, iterations(0))
    assert Watched(run).look().env_steps_per_second is None


def test_a_run_that_was_resumed_is_read_anew_from_its_cut_table(tmp_path):
    run = planted(tmp_path / "run")
    append(run / "training.csv", TRAINING, iterations(0, 1))
    append(run / "cycles.csv", CYCLES, FIRST)
    length = (run / "cycles.csv").stat().st_size
    append(run / "cycles.csv", CYCLES, SECOND)
    watched = Watched(run)
    assert watched.look().over == 2
    os.truncate(run / "cycles.csv", length)
    assert watched.look().over == 1
    append(run / "cycles.csv", CYCLES, SECOND)
    assert watched.look().over == 2
    manifest = json.loads((run / "run.json").read_text())
    manifest["starts"] *= 2
    (run / "run.json").write_text(json.dumps(manifest))
    os.truncate(run / "cycles.csv", length)  # and grown again before anybody looked
    append(run / "cycles.csv", CYCLES, [row.replace("0.7,1", "0.2,1") for row in SECOND])
    assert watched.look().series[0].points[1].alphas == (pytest.approx(0.5),)


def test_while_new_members_catch_up_their_tables_are_shown(tmp_path):
    run = planted(tmp_path / "run", status="running", seeds=[0, 1, 2, 3, 4])
    (run / "growing").mkdir()
    append(run / "growing" / "training.csv", TRAINING, iterations(0, 1, seeds=(3, 4)))
    append(run / "growing" / "cycles.csv", CYCLES, [*FIRST[:2], *SECOND[:2]])
    watched = Watched(run)
    with locked(run):
        picture = watched.look()
        assert picture.doing == "new members catch up with those that are taken over"
        assert (picture.over, picture.total, picture.seconds_left) == (1, None, None)  # the second may not be whole
        (run / "growing" / "training.csv").unlink()
        (run / "growing" / "cycles.csv").unlink()
        (run / "growing").rmdir()
        assert (watched.look().over, watched.look().total, watched.look().doing) == (0, 10, "prepares")


def test_with_several_agents_a_member_is_the_mean_of_its_own(tmp_path):
    run = planted(tmp_path / "run", seeds=[0, 1], limits={"rejection": [0.05, 0.1]})
    append(
        run / "training.csv",
        f"{TRAINING},function",
        [f"{row},{f}" for row in iterations(0, seeds=(0, 1)) for f in "ab"],
    )
    rows = [
        (0, 0.2, 0.4, 0.02, 1, "a"),
        (0, 0.4, 0.8, 0.06, 1, "b"),
        (1, 0.9, 0.9, 0.03, 1, "a"),
        (1, 1, 1, 0.2, 0, "b"),
    ]
    append(
        run / "cycles.csv",
        f"{CYCLES},function",
        [f"{seed},0,{alpha},1,1,{cost},2,{rej},{fits},{name}" for seed, alpha, cost, rej, fits, name in rows],
    )
    picture = Watched(run).look()
    [point] = picture.series[0].points
    # Members: alpha .3 and .95, cost .6 and .95, rejection .04 and .115.
    assert (point.alphas, point.cost) == ((pytest.approx(0.625),), pytest.approx(0.775))
    assert point.violations == (pytest.approx(0.0775),)
    assert (point.members, point.within, point.limits) == (2, 1, ((0.05, 0.1),))
    assert picture.env_steps == 2 * 20


def of_both(rows: list[str]) -> list[str]:
    return [f"{row},{name}" for row in rows for name in "ab"]


def rounds_of_one() -> list[str]:
    """Two rounds of an iteration each, of one seed at two alphas."""
    return of_both([row for i in (0, 1) for alpha in (0.1, 0.9) for row in iterations(i, seeds=(0,), alpha=alpha)])


def test_members_of_one_seed_at_several_alphas_are_told_apart_where_rounds_have_one_iteration(tmp_path):
    run = planted(tmp_path / "run", "train", config=TRAIN, seeds=[0])
    append(run / "training.csv", f"{TRAINING},function", rounds_of_one())
    picture = Watched(run).look()
    assert [(series.alphas, len(series.points)) for series in picture.series] == [(("0.1",), 2), (("0.9",), 2)]
    assert (picture.over, picture.members, picture.env_steps) == (2, 2, 2 * 2 * 20)


def test_rows_that_come_one_by_one_are_all_shown(tmp_path):
    run = planted(tmp_path / "run", "train", config=TRAIN, seeds=[0])
    watched, over = Watched(run), []
    for row in rounds_of_one():
        append(run / "training.csv", f"{TRAINING},function", [row])
        over.append(watched.look().over)
    assert over == [0, 0, 0, 1, 1, 1, 1, 2]  # two rows of each alpha are an iteration
    assert watched.look().env_steps == 2 * 2 * 20


def test_a_cycle_that_was_over_before_the_number_of_agents_was_known_is_shown(tmp_path):
    run = planted(tmp_path / "run", seeds=[0])
    watched, over = Watched(run), []
    for i in (0, 1):
        append(run / "training.csv", f"{TRAINING},function", of_both(iterations(i, seeds=(0,))))
        append(run / "cycles.csv", f"{CYCLES},function", of_both(cycle(i, (0.1, "0.2", "0.5", "0"))))
        over.append(watched.look().over)
    assert over == [0, 2]


def test_each_of_several_violations_has_its_own_alpha_and_limit(tmp_path):
    violations = [{"name": name, "label": name} for name in ("rejection", "latency")]
    limits = {"rejection": [0.05], "latency": [0.2]}
    run = planted(tmp_path / "run", seeds=[0, 1], violations=violations, limits=limits)
    append(run / "training.csv", "seed,iteration", ["0,0", "1,0"])
    head = "seed,cycle,alpha_rejection,alpha_latency,eval_cost,eval_rejection,eval_latency,feasible"
    append(run / "cycles.csv", head, ["0,0,0.3,0.1,0.5,0.04,0.3,0", "1,0,0.5,0.3,0.7,0.02,0.1,1"])
    picture = Watched(run).look()
    [point] = picture.series[0].points
    assert picture.violations == ("rejection", "latency")
    assert point.alphas == (pytest.approx(0.4), pytest.approx(0.2))
    assert point.violations == (pytest.approx(0.03), pytest.approx(0.2))
    assert (point.limits, point.within) == (((0.05, 0.05), (0.2, 0.2)), 1)
    told = "\n".join(drawn(picture, 80, None, ASCII))
    for title in ("alpha of rejection 0.4", "alpha of latency 0.2", "latency 0.2 of 0.2 (mean)"):
        assert f"\n{title}" in told


def test_a_limit_that_drifts_is_that_of_each_cycle(tmp_path):
    drift = "[drift]\ntolerance = [[1, 0.02]]\n"
    run = planted(tmp_path / "run", config=MAMO + drift, limits={"rejection": [0.02]})
    append(run / "training.csv", TRAINING, [*iterations(0, 1), *iterations(2, 3)])
    append(run / "cycles.csv", CYCLES, [*FIRST, *SECOND])
    [series] = Watched(run).look().series
    assert [point.limits for point in series.points] == [((0.05, 0.05),), ((0.02, 0.02),)]


def test_a_run_from_before_limits_were_recorded_has_that_of_its_configuration(tmp_path):
    run = planted(tmp_path / "run", limits={})
    append(run / "training.csv", TRAINING, iterations(0, 1))
    append(run / "cycles.csv", CYCLES, FIRST)
    assert Watched(run).look().series[0].points[0].limits == ((0.05, 0.05),)


def test_a_walk_is_told_of_by_its_windows(tmp_path):
    run = planted(tmp_path / "run", status="running", config="continual = true\n" + MAMO)
    append(run / "continual.csv", "seed,player,window", ["0,learning,0", "0,learning,1", "0,frozen,1"])
    with locked(run):
        assert Watched(run).look().doing == "walks the evaluation: 2 windows are over"


def test_a_comparison_counts_its_cells(tmp_path):
    done = planted(tmp_path / "done", status="complete", summary=[])
    run = planted(tmp_path / "all", "compare", cells={"a": "done", "b": "all", "c": "missing"})
    picture = Watched(run).look()
    assert (picture.unit, picture.over, picture.total) == ("cell", 1, 3)
    assert done.exists()


def test_nothing_is_written_and_no_lock_is_held(tmp_path):
    run = planted(tmp_path / "run", status="running")
    append(run / "training.csv", TRAINING, iterations(0, 1))
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.iterdir()}
    picture = Watched(run).look()
    assert picture.status == "crashed"
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.iterdir()} == before
    with locked(run):
        assert Watched(run).look().status == "running"


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda run: (run / "run.json").unlink(), DataError, "is not a run folder"),
        (lambda run: (run / "config.toml").unlink(), MamoError, "cannot read the configuration"),
        (
            lambda run: (run / "cycles.csv").write_text("seed,cycle\n0,0\n1,0\n2,0\n"),
            DataError,
            "cycles.csv is damaged",
        ),
        (lambda run: append(run / "cycles.csv", CYCLES, ["0,x,1,1,1,1,1,1,1"]), DataError, "cycles.csv is damaged"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, damage, error, message):
    run = planted(tmp_path / "run")
    append(run / "training.csv", TRAINING, iterations(0, 1))
    damage(run)
    with pytest.raises(error, match=message):
        Watched(run).look()


def test_without_tables_there_is_still_a_picture(tmp_path):
    picture = Watched(planted(tmp_path / "run")).look(datetime(2026, 11, 26, 15, tzinfo=UTC))
    assert (picture.over, picture.env_steps, picture.series) == (0, None, [])
    assert Path(picture.run).name == "run"
