import json
import logging
import warnings
from pathlib import Path

import pytest

from mamo_cli.core.errors import DivergedError, LockedError, MamoError, StorageError, UsageError
from mamo_cli.core.settings import digest, read_toml
from mamo_cli.core.weights import weights_of
from mamo_cli.experiments.configs import TrainConfig, configured
from mamo_cli.runs import locks
from mamo_cli.runs.folder import checked_name
from mamo_cli.runs.manifest import list_runs, read_manifest
from tests.runs.counting import opened


@pytest.mark.parametrize("name", ["a", "A-1.b_c", "9" * 64])
def test_names_that_stay_under_their_folder(name):
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "-a", "a/b", "a b", "a\n", "é", "9" * 65, "a\0"])
def test_names_that_might_not(name):
    with pytest.raises(UsageError, match="run name"):
        checked_name(name)


def test_a_folder_is_named_by_command_label_and_digest(tmp_path):
    with opened(tmp_path, name=None, content="of a trace") as run:
        pass
    assert run.path.name == f"train-label-{digest(configured(TrainConfig), 'of a trace')}"
    assert read_manifest(run.path)["status"] == "complete"


def named(trace: str) -> TrainConfig:
    return configured(TrainConfig, {"instance": {"trace": trace}})


def test_a_run_is_what_its_trace_holds_whatever_it_is_called(tmp_path):
    with opened(tmp_path, config=named("day.csv")):
        pass
    with opened(tmp_path, config=named("/elsewhere/night.csv")) as again:
        assert again.complete
    with pytest.raises(
        UsageError, match=r"another configuration \(the content of its trace or its start, or the device\)"
    ):
        opened(tmp_path, config=named("day.csv"), content="of another").__enter__()
    with pytest.raises(UsageError, match=r"\(instance.trace: 'given' -> unset\)"):
        opened(tmp_path).__enter__()


def test_a_run_of_an_earlier_version_is_known_by_the_words_it_was_typed_with(tmp_path):
    with pytest.raises(SystemExit), opened(tmp_path, config=named("day.csv"), content="c") as run:
        raise SystemExit
    words = digest(named("day.csv"), "c", words=True)
    assert words not in (run.digest, digest(named("./day.csv"), "c", words=True))
    (run.path / "run.json").write_text(json.dumps({**run.manifest, "config_digest": words}))
    with opened(tmp_path, config=named("./day.csv"), content="c") as again:
        assert again.digest == words  # under which its checkpoint is kept
    with pytest.raises(UsageError, match="another configuration"):
        opened(tmp_path, config=named("day.csv"), content="of another").__enter__()


def test_a_complete_run_is_shown_where_nothing_may_be_written(tmp_path, monkeypatch):
    with opened(tmp_path) as run:
        pass
    before = {path: path.stat().st_mtime_ns for path in (run.path, *run.path.iterdir())}
    with monkeypatch.context() as patch:
        patch.setattr(locks, "locked", None)
        patch.setattr(Path, "mkdir", None)
        with opened(tmp_path) as again:
            assert again.complete
    assert {path: path.stat().st_mtime_ns for path in (run.path, *run.path.iterdir())} == before


def test_config_toml_resolves_to_the_same_configuration(tmp_path):
    config = configured(TrainConfig, {"alpha": [0.3], "instance": {"tolerance": 0.1}})
    with opened(tmp_path, config=config) as run:
        pass
    assert configured(TrainConfig, read_toml(run.path / "config.toml")) == config


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DivergedError("x"), "diverged"),
        (StorageError("x"), "failed"),
        (OSError("x"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(143), "interrupted"),
    ],
)
def test_how_a_run_ends_is_recorded_and_raised_on(tmp_path, error, status):
    with pytest.raises(type(error)), opened(tmp_path):
        raise error
    manifest = read_manifest(tmp_path / "x")
    assert [manifest["status"], manifest["starts"][-1]["status"]] == [status, status]
    assert manifest["ended"] == manifest["starts"][-1]["ended"]


def test_a_bug_is_one_line_and_a_traceback_in_the_log(tmp_path):
    with pytest.raises(MamoError, match=r"a bug of ours: TypeError: .* \(traceback in .*x/log.txt\)"), opened(tmp_path):
        weights_of(None)
    assert "Traceback" in (tmp_path / "x" / "log.txt").read_text()


def test_a_mistake_in_code_that_is_not_ours_is_not_called_ours(tmp_path):
    said = r"^test_folder.py, line \d+, is not ours and failed: KeyError: 'x' \(traceback in .*x/log.txt\)"
    with pytest.raises(MamoError, match=said), opened(tmp_path):
        {}["x"]
    assert "Traceback" in (tmp_path / "x" / "log.txt").read_text()


def test_the_log_holds_messages_and_warnings(tmp_path):
    with opened(tmp_path), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.getLogger("mamo_cli.any").info("said")
        warnings.warn("careful", stacklevel=1)
    log = (tmp_path / "x" / "log.txt").read_text()
    assert "INFO mamo_cli.any: said" in log
    assert "careful" in log


def test_a_folder_at_work_is_locked(tmp_path):
    with opened(tmp_path) as run:
        assert locks.is_locked(run.path)
        assert read_manifest(run.path)["status"] == "running"
        with pytest.raises(LockedError, match="in use by another process"), opened(tmp_path):
            pass
    assert not locks.is_locked(run.path)


def test_running_without_a_lock_is_crashed_and_recorded_at_the_next_start(tmp_path):
    with opened(tmp_path) as run:
        pass
    manifest = json.loads((run.path / "run.json").read_text())
    del manifest["starts"][0]["status"]
    (run.path / "run.json").write_text(json.dumps({**manifest, "status": "running"}))
    assert read_manifest(run.path)["status"] == "crashed"
    with opened(tmp_path) as again:
        assert [start.get("status") for start in again.manifest["starts"]] == ["crashed", None]


def test_what_a_killed_start_left_unfinished_is_swept(tmp_path):
    with pytest.raises(SystemExit), opened(tmp_path) as run:
        raise SystemExit
    (run.path / ".checkpoint.pt.1.tmp").write_text("half")
    with opened(tmp_path):
        assert not list(run.path.glob(".*.tmp"))


def test_runs_are_listed_newest_first_without_links(tmp_path):
    assert list_runs(tmp_path / "none") == []
    for name in ("a", "b"):
        with opened(tmp_path, name=name):
            pass
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert [path.name for path in list_runs(tmp_path)] == ["b", "a"]
