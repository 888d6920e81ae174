"""What a run took: against the kernel's own sum over children, by hand, and by idleness."""

import json
import os
import signal
import sys
import time

import pytest

from mamo_cli.core.energy import declared
from mamo_cli.core.errors import MamoError, UsageError
from mamo_cli.runs import driver, ledger
from mamo_cli.runs.cpu_time import CPU_TIME, CpuTime, own_seconds
from mamo_cli.runs.engine import LocalEngine, ProcessEngine
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.runs.worker import Pool
from tests.runs.counting import COLUMNS, BusyShard, CountingShard, Spec, busy, opened

ROUND = 0.05
"""CPU-seconds of a round of a busy shard."""
STARTED = {"started": "2026-11-26T20:00:00+00:00", "rapl_missing": "none here"}


def spent(run) -> float:
    return json.loads((run.path / "run.json").read_text())["energy"]["cpu_seconds"]


def clock(process: int) -> float:
    """CPU-seconds of a process that lives, by its clock: the id that the C library's clock_getcpuclockid makes."""
    return time.clock_gettime((~process << 3) | 2)


@pytest.mark.skipif(sys.platform != "linux", reason="the clock of another process is Linux's")
def test_a_pools_processes_are_each_runs_while_they_serve_it_and_the_parts_make_the_whole(tmp_path):
    parts, clocks, workers = [], [], []

    def used() -> float:
        return own_seconds() + sum(clock(worker) for worker in workers)

    with Pool() as pool:
        for name in ("x", "y", "z"):
            before = used()
            with opened(tmp_path, name=name) as run:
                engine = ProcessEngine(BusyShard, [Spec("a"), Spec("b")], None, 2, pool)
                while not engine.done:
                    engine.advance()
                workers = [worker._process.pid for worker in engine._workers]
                engine.close()
            parts.append(spent(run))
            clocks.append(used() - before)
    assert sum(parts) == pytest.approx(sum(clocks), rel=0.005)
    assert all(part > 8 * ROUND for part in parts)
    assert parts[0] > max(parts[1:])  # for it the processes were started


def test_workers_are_counted_as_the_kernel_counts_them_one_that_died_included(tmp_path):
    before, mark = own_seconds(), tmp_path / "mark"
    with opened(tmp_path) as run:
        engine = ProcessEngine(BusyShard, [Spec("a", 4, 3, str(mark)), Spec("b")], None, 2)
        while not engine.done:
            engine.advance()
        engine.close()
    whole = own_seconds() - before
    assert mark.exists()
    assert spent(run) == pytest.approx(whole, rel=0.005)
    assert spent(run) > 11 * ROUND  # 8, and the 3 that were played once more


def test_ten_idle_seconds_take_less_than_two_percent_of_ten_busy_ones(tmp_path):
    """Half a second of each, workers that wait included: by CPU time, so that a busy machine changes nothing."""
    engine = ProcessEngine(CountingShard, [Spec("a"), Spec("b")], None, 2)
    try:
        idle = ledger.Meter(whole_process=False)
        time.sleep(0.5)
        engine.states()  # whereby the workers tell
        rested = idle.read()["cpu_seconds"]
        at_work = ledger.Meter(whole_process=False)
        busy(0.5)
        worked = at_work.read()["cpu_seconds"]
    finally:
        engine.close()
    assert 0.5 <= worked < 0.55
    assert rested < 0.02 * worked


def test_a_run_that_only_waits_takes_next_to_nothing(tmp_path):
    with opened(tmp_path) as run:
        time.sleep(0.5)
    assert spent(run) < 0.02 * 10.0


def test_one_living_counts_by_what_it_told_and_one_ended_by_what_the_kernel_says():
    cpu = CpuTime()
    base = cpu.seconds()
    cpu.told(1, 5.0)
    cpu.told(2, 7.0)
    cpu.told(1, 6.0)
    assert cpu.seconds() == pytest.approx(base + 13.0, abs=0.05)
    cpu.ended(1)
    cpu.ended(3)  # which never told
    cpu.add(0.5)
    assert cpu.seconds() == pytest.approx(base + 7.5, abs=0.05)


def test_all_that_the_process_has_used_where_it_is_all_for_the_run(tmp_path, monkeypatch):
    used = iter([100.0, 130.0, 107.0])
    monkeypatch.setattr(CPU_TIME, "seconds", lambda: next(used))
    before = ledger.Meter(whole_process=False)  # reads 100
    assert before.read()["cpu_seconds"] == 30.0
    assert ledger.Meter(whole_process=True).read()["cpu_seconds"] == 107.0


def test_starts_add_up_to_the_units_that_are_declared(monkeypatch):
    numbers = declared({"MAMO_WATTS_PER_CORE": "10", "MAMO_CO2_G_PER_KWH": "100..400"})
    starts = [{**STARTED, "cpu_seconds": 7000.0, "seconds": 1.0}, {**STARTED, "cpu_seconds": 200.0, "seconds": 2.0}]
    found = ledger.ledger({"starts": starts}, numbers)
    assert found["cpu_seconds"] == 7200.0
    assert found["kwh"] == pytest.approx([0.02, 0.02], rel=1e-12)  # 7200 s x 10 W = 72 kJ
    assert found["co2_g"] == pytest.approx([2.0, 8.0], rel=1e-12)
    assert (found["whole"], found["missing"]) == (True, [])
    assert (found["rapl_joules"], found["rapl_missing"]) == (None, "none here")
    assert ledger.told({"energy": found}) == "7200 CPU-seconds, 20 Wh, 2 to 8 g of CO2"


def test_what_the_machine_says_adds_up_and_is_nothing_where_a_start_lacks_it():
    starts = [{"cpu_seconds": 1.0, "seconds": 1.0, "rapl_joules": each} for each in (10.5, 2.25)]
    found = ledger.ledger({"starts": starts}, declared({}))
    assert (found["rapl_joules"], found["rapl_missing"]) == (12.75, None)
    found = ledger.ledger({"starts": [*starts, {**STARTED, "cpu_seconds": 1.0, "seconds": 1.0}]}, declared({}))
    assert (found["rapl_joules"], found["rapl_missing"]) == (None, "none here")


@pytest.mark.parametrize(
    ("facts", "last", "reason"),
    [
        ({}, {"cpu_seconds": 2.0}, "what 1 of 2 starts used after the last checkpoint: killed, or still at work"),
        ({}, {"seconds": 3.0}, "1 of 2 starts: an earlier version did not meter it"),
        ({}, {"cpu_seconds": 2.0, "seconds": 3.0, "device": "cuda"}, "the GPU, which is not metered"),
        ({}, {"cpu_seconds": 2.0, "seconds": 3.0, "engine": "ray"}, "Ray itself, and tasks whose process died"),
        (
            {"start": {"run": "b", "content": "d"}},
            {"cpu_seconds": 2.0, "seconds": 3.0},
            "what b took, with whose networks this began: see its own",
        ),
        ({"grown_from": "b"}, {"cpu_seconds": 2.0, "seconds": 3.0}, "what b took, from which this grew: see its own"),
    ],
)
def test_what_is_not_in_it_is_said_and_makes_it_a_lower_bound(facts, last, reason):
    manifest = {"starts": [{"cpu_seconds": 1.0, "seconds": 1.0}, last], **facts}
    found = ledger.ledger(manifest, declared({}))
    assert (found["whole"], found["missing"]) == (False, [reason])
    line = ledger.told({"energy": found})
    assert line.startswith("at least ")
    assert line.endswith(f" (not in it: {reason})")


def test_what_was_not_metered_of_an_earlier_start_is_missing_whatever_the_last_one_ran_on(tmp_path):
    def stopped(run) -> None:
        run.record_start(engine="ray", device="cuda")
        raise SystemExit

    with pytest.raises(SystemExit), opened(tmp_path) as run:
        stopped(run)
    with opened(tmp_path) as run:
        run.record_start(engine="local", device="cpu")
    found = read_manifest(run.path)
    assert (found["engine"], found["device"]) == ("local", "cpu")
    assert [(start["engine"], start["device"]) for start in found["starts"]] == [("ray", "cuda"), ("local", "cpu")]
    assert found["energy"]["missing"] == ["the GPU, which is not metered", "Ray itself, and tasks whose process died"]


def test_earlier_runs_tell_nothing_and_damaged_ones_do_not_stop_a_list():
    assert ledger.told({"starts": []}) is None
    assert ledger.told({"energy": {"whole": True}}) == ledger.told({"energy": [1]}) == "damaged"


def driven(root, deadly_round: int = -1) -> None:
    with opened(root) as run:
        driver.drive(
            run, COLUMNS, lambda states: LocalEngine(BusyShard, [Spec("a", 4, deadly_round)], states), lambda *_: None
        )


def test_a_run_that_was_killed_and_goes_on_adds_up(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(driver, "CHECKPOINT_SHARE", float("inf"))
    child = os.fork()
    if not child:
        driven(tmp_path, deadly_round=2)  # which kills this process with two rounds saved
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    killed = read_manifest(tmp_path / "x")
    assert killed["status"] == "crashed"
    assert not killed["energy"]["whole"]
    assert 2 * ROUND <= killed["energy"]["cpu_seconds"] == killed["starts"][0]["cpu_seconds"]
    driven(tmp_path)
    found = read_manifest(tmp_path / "x")
    first, second = found["starts"]
    assert first["cpu_seconds"] == killed["energy"]["cpu_seconds"]
    assert second["cpu_seconds"] >= 2 * ROUND
    assert found["energy"]["cpu_seconds"] == pytest.approx(first["cpu_seconds"] + second["cpu_seconds"], abs=2e-3)
    assert found["energy"]["missing"] == ["what 1 of 2 starts used after the last checkpoint: killed, or still at work"]


def test_one_that_failed_tells_all_of_it(tmp_path):
    def failing() -> None:
        busy(2 * ROUND)
        raise MamoError("no")

    with pytest.raises(MamoError), opened(tmp_path) as run:
        failing()
    assert spent(run) >= 2 * ROUND
    assert read_manifest(run.path)["energy"]["whole"]


def test_what_is_declared_wrongly_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("MAMO_WATTS_PER_CORE", "much")
    with pytest.raises(UsageError, match="MAMO_WATTS_PER_CORE is a number"):
        opened(tmp_path).__enter__()
    assert not list(tmp_path.iterdir())


def test_what_is_declared_is_no_part_of_what_a_run_is(tmp_path, monkeypatch):
    with pytest.raises(SystemExit), opened(tmp_path) as run:
        raise SystemExit
    monkeypatch.setenv("MAMO_WATTS_PER_CORE", "36")
    monkeypatch.setenv("MAMO_CO2_G_PER_KWH", "1000")
    with opened(tmp_path) as again:
        pass
    assert again.digest == run.digest
    found = read_manifest(again.path)["energy"]
    assert found["kwh"] == pytest.approx([found["cpu_seconds"] / 1e5] * 2)  # 36 W for 100,000 s are 1 kWh
    assert found["co2_g"] == pytest.approx([found["cpu_seconds"] / 100] * 2)
