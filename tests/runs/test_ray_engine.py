import signal

import pytest

from mamo_cli.core.errors import MamoError, UsageError
from mamo_cli.runs.cpu_time import CPU_TIME, own_seconds
from mamo_cli.runs.engine import LocalEngine
from tests.clock import HANG_SECONDS
from tests.runs.counting import CountingShard, DivergedShard, HeavyShard, MeteredShard, Spec, busy, refuse
from tests.runs.ray_nodes import two_nodes
from tests.runs.test_engine import NAMES, played

pytest.importorskip("ray", reason="Ray is not installed")

from mamo_cli.runs import ray_cluster, ray_engine
from mamo_cli.runs.ray_cluster import joined_cluster, refuse_other_versions
from mamo_cli.runs.ray_engine import RayEngine

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster():
    """The present process as part of a cluster of two nodes, and what makes it lose one of them."""
    with pytest.MonkeyPatch.context() as patch, two_nodes() as nodes:
        for patience in ("JOIN_SECONDS", "PROBE_SECONDS"):
            patch.setattr(ray_cluster, patience, HANG_SECONDS)
        with joined_cluster(nodes.address) as cpus:
            assert cpus == 2
            yield nodes.lose


@pytest.fixture(scope="module")
def expected():
    return played(LocalEngine(CountingShard, [Spec(name) for name in NAMES], None))


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_tasks_make_the_same_rows(cluster, expected, processes):
    assert played(RayEngine(CountingShard, [Spec(name) for name in NAMES], None, processes)) == expected


def test_killed_workers_are_retried_and_change_nothing(cluster, tmp_path, expected):
    marks = [tmp_path / name for name in NAMES]
    specs = [Spec(name, 4, deadly, str(mark)) for name, deadly, mark in zip(NAMES, (0, -1, 3), marks, strict=True)]
    assert played(RayEngine(CountingShard, specs, None, 2)) == expected
    assert [mark.exists() for mark in marks] == [True, False, True]


def test_a_worker_that_dies_again_and_again_ends_the_run(cluster, monkeypatch):
    monkeypatch.setattr(ray_engine, "MOST_RESTARTS", 1)
    engine = RayEngine(CountingShard, [Spec("a", deadly_round=0)], None, 1)
    with pytest.raises(MamoError, match=r"failed to run a task again and again: The worker died"):
        engine.advance()


def test_a_tasks_error_comes_in_a_line_with_its_traceback_behind(cluster):
    engine = RayEngine(CountingShard, [Spec("a", failing_round=0)], None, 1)
    with pytest.raises(RuntimeError, match=r"^in a task on the Ray cluster: ValueError: a bug in a worker$") as caught:
        engine.advance()
    assert "counting.py" in str(caught.value.__cause__)


def test_an_error_of_ours_comes_as_itself(cluster):
    with pytest.raises(UsageError, match=r"^refused$"):
        RayEngine(refuse, [Spec("a")], None, 1)


def test_tasks_tell_what_they_have_used(cluster):
    """Beside what their processes say: neither twice nor but a part, in rounds that no new process plays."""
    engine = RayEngine(MeteredShard, [Spec("a", 6), Spec("b", 6)], None, 2)
    told = used = 0.0
    last: dict[int, float] = {}
    while not engine.done:
        before = CPU_TIME.seconds() - own_seconds()
        now = dict(sorted(engine.advance()["counts"]))  # of a process that played both, what it said last
        if now.keys() <= last.keys():
            told += CPU_TIME.seconds() - own_seconds() - before
            used += sum(seconds - last[process] for process, seconds in now.items())
        last |= now
    assert used >= 2 * 0.05  # of one round at least
    assert told == pytest.approx(used, rel=0.1)


def test_a_task_tells_of_its_process_since_the_last_one():
    ray_engine._used_since()
    busy(0.2)
    assert ray_engine._used_since() == pytest.approx(0.2, rel=0.01, abs=0.002)
    assert ray_engine._used_since() < 0.002


def test_diverged_seeds_are_told(cluster):
    assert RayEngine(DivergedShard, [Spec(name) for name in NAMES], None, 2).diverged_seeds == [7, 7, 7]


def test_states_go_from_one_engine_to_another_and_back(cluster, expected):
    specs = [Spec(name) for name in NAMES]
    first = RayEngine(CountingShard, specs, None, 2)
    first.advance()
    second = LocalEngine(CountingShard, specs, first.states())
    second.advance()
    rounds, states = played(RayEngine(CountingShard, specs, second.states(), 2))
    assert (rounds, states) == (expected[0][2:], expected[1])


def test_signals_are_python_s_again(cluster):
    handler = signal.signal(signal.SIGTERM, lambda *_: got.append(1))
    got = []
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert got == [1]


def test_a_lost_nodes_states_are_made_again(cluster, expected):
    """The last test on the cluster, of which one node is left."""
    engine = RayEngine(HeavyShard, [Spec(name) for name in NAMES], None, 2)
    rounds = [engine.advance()["counts"], engine.advance()["counts"]]
    cluster()
    rounds += [engine.advance()["counts"], engine.advance()["counts"]]
    assert rounds == expected[0]
    assert [state["round"] for state in engine.states()] == [4, 4, 4]


def test_other_versions_are_named():
    with pytest.raises(UsageError, match=r"Ray node n has torch 2\.4 instead of 2\.5, numba None instead of 0\.6"):
        refuse_other_versions(
            {"torch": "2.5", "numpy": "2", "numba": "0.6"}, {"torch": "2.4", "numpy": "2", "numba": None}, "n"
        )
