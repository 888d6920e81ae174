import pytest

from mamo_cli.core.errors import MamoError
from mamo_cli.runs import worker
from mamo_cli.runs.engine import LocalEngine, ProcessEngine
from mamo_cli.runs.worker import Pool
from tests.runs.counting import CountingShard, Spec

NAMES = ("a", "b", "c")


def played(engine) -> list:
    """All rows of an engine, by round, and its last states."""
    rounds = []
    try:
        while not engine.done:
            rounds.append(engine.advance()["counts"])
            if len(rounds) == 2:
                engine.states()
        return [rounds, [(state["round"], state["total"].item()) for state in engine.states()]]
    finally:
        engine.close()


@pytest.fixture(scope="module")
def expected():
    return played(LocalEngine(CountingShard, [Spec(name) for name in NAMES], None))


def test_rounds_are_in_the_order_of_the_shards(expected):
    rounds, states = expected
    assert [row[0] for row in rounds[0]] == list(NAMES)
    assert states == [(4, 10.0)] * 3


def test_processes_make_the_same_rows(expected):
    assert played(ProcessEngine(CountingShard, [Spec(name) for name in NAMES], None, 2)) == expected


def test_killed_workers_are_retried_and_change_nothing(tmp_path, expected):
    marks = [tmp_path / name for name in NAMES]
    specs = [Spec(name, 4, deadly, str(mark)) for name, deadly, mark in zip(NAMES, (0, -1, 3), marks, strict=True)]
    assert played(ProcessEngine(CountingShard, specs, None, 2)) == expected
    assert [mark.exists() for mark in marks] == [True, False, True]


def processes(engine):
    return [worker._process for worker in engine._workers]


def test_a_pools_processes_serve_one_engine_after_another_and_change_nothing(expected):
    specs = [Spec(name) for name in NAMES]
    with Pool() as pool:
        first = ProcessEngine(CountingShard, specs, None, 2, pool)
        served = processes(first)
        assert played(first) == expected
        assert all(process.poll() is None for process in served)
        second = ProcessEngine(CountingShard, specs, None, 3, pool)
        assert set(served) < set(processes(second))  # and a third, which is new
        assert played(second) == expected
    assert all(process.poll() is not None for process in (*served, *processes(second)))


def test_a_process_that_dies_while_it_waits_is_started_again(expected):
    specs = [Spec(name) for name in NAMES]
    with Pool() as pool:
        first = ProcessEngine(CountingShard, specs, None, 1, pool)
        first.close()
        (died,) = processes(first)
        died.kill()
        died.wait()
        assert played(ProcessEngine(CountingShard, specs, None, 1, pool)) == expected


def test_a_process_that_is_at_work_or_failed_is_ended_and_never_waits():
    with Pool() as pool:
        engine = ProcessEngine(CountingShard, [Spec("a")], None, 1, pool)
        engine._workers[0].ask("advance")
        engine.close()
        failing = ProcessEngine(CountingShard, [Spec("a", failing_round=0)], None, 1, pool)
        with pytest.raises(RuntimeError, match="a bug in a worker"):
            failing.advance()
        failing.close()
        assert [process.poll() is None for process in (*processes(engine), *processes(failing))] == [False, False]


def test_a_worker_that_dies_again_and_again_ends_the_run(monkeypatch):
    monkeypatch.setattr(worker, "MOST_RESTARTS", 1)
    engine = ProcessEngine(CountingShard, [Spec("a", deadly_round=0)], None, 1)
    with pytest.raises(MamoError, match=r"died 1 times in a row \(exit code -9\): try --jobs 1"):
        engine.advance()
    engine.close()


def test_a_workers_error_comes_with_its_traceback():
    engine = ProcessEngine(CountingShard, [Spec("a", failing_round=0)], None, 1)
    with pytest.raises(RuntimeError, match=r"Traceback[\s\S]*a bug in a worker"):
        engine.advance()
    engine.close()


def test_states_start_another_engine_where_one_was(expected):
    specs = [Spec(name) for name in NAMES]
    first = LocalEngine(CountingShard, specs, None)
    first.advance()
    rounds, states = played(LocalEngine(CountingShard, specs, first.states()))
    assert (rounds, states) == (expected[0][1:], expected[1])
