"""`--engine ray` on a real cluster of two nodes: the same bytes as on this machine, whatever is killed."""

import json
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import pytest

from mamo_cli.experiments import machines
from mamo_cli.runs.engine import ProcessEngine
from tests.cli.invoke import TINY, mamo, patched
from tests.cli.killing import contents, deadly_shard
from tests.cli.test_exit_codes import refused
from tests.cli.test_signals import LONG_ROUND, SUMMARISING, stopped
from tests.cli.test_working_folder import plant
from tests.clock import HANG_SECONDS
from tests.runs.ray_nodes import two_nodes

pytest.importorskip("ray", reason="Ray is not installed")

from mamo_cli.runs import ray_cluster
from mamo_cli.runs.ray_engine import RayEngine

COMMANDS = {
    "train": ("train", *TINY, "--alpha", "0.1", "--alpha", "0.9"),
    "run-mamo": ("run-mamo", *TINY, "--cycles", "4"),
    "fleet": ("train", *TINY, "--domain", "fleet", "--topology", "ring", "--messages", "ring", "--loss", "0.3"),
}
RAY = ("--engine", "ray", "--ray-address")
IN_A_ROUND = """
from mamo_cli.runs.ray_engine import RayEngine
advance = RayEngine.advance
RayEngine.advance = lambda self: print("here", file=SAID) or advance(self)
"""


# How long a cluster is waited for is not what is tested here, but for where nothing answers.
PATIENT = "from mamo_cli.runs import ray_cluster\nray_cluster.JOIN_SECONDS = ray_cluster.PROBE_SECONDS = {}\n"


@pytest.fixture(scope="module")
def nodes():
    with two_nodes() as nodes:
        yield nodes


@pytest.fixture
def address(nodes, monkeypatch):
    for patience in ("JOIN_SECONDS", "PROBE_SECONDS"):
        monkeypatch.setattr(ray_cluster, patience, HANG_SECONDS)
    return nodes.address


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("local"))
        for name, command in COMMANDS.items():
            assert mamo(*command, "--jobs", "2", "--name", name).code == 0
        return {name: contents(Path("results") / name) for name in COMMANDS}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_ends_with_the_same_bytes(folder, address, local, command):
    assert mamo(*COMMANDS[command], *RAY, address, "--name", "x").code == 0
    assert contents(folder / "results" / "x") == local[command]
    manifest = json.loads((folder / "results" / "x" / "run.json").read_text())
    assert (manifest["engine"], manifest["jobs"]) == ("ray", 2)


@pytest.mark.slow
def test_workers_run_nothing_from_the_working_folder(folder, address, local):
    plant(folder)
    assert mamo(*COMMANDS["train"], *RAY, address, "--name", "x").code == 0
    assert contents(folder / "results" / "x") == local["train"]


@pytest.mark.slow
def test_a_killed_worker_changes_nothing_and_is_told_in_the_log_only(folder, address, local, monkeypatch):
    monkeypatch.setattr(machines, "build_shard", partial(deadly_shard, folder / "mark"))
    done = mamo(*COMMANDS["run-mamo"], *RAY, address, "--name", "x", "--json", "-q")
    assert (done.code, done.err) == (0, ""), done.err
    assert json.loads(done.out)["status"] == "complete"
    assert contents(folder / "results" / "x") == local["run-mamo"]
    assert (folder / "mark").exists()
    assert "A worker died" in (folder / "results" / "x" / "log.txt").read_text()


@pytest.mark.slow
def test_an_interrupted_run_goes_on_under_another_engine_and_back(folder, address, local, monkeypatch):
    command = (*COMMANDS["run-mamo"], "--name", "x")
    engines = {RayEngine: (*RAY, address), ProcessEngine: ("--jobs", "2")}
    for owner in (ProcessEngine, RayEngine):
        with monkeypatch.context() as patch:
            patch.setattr(owner, "advance", _stopping(owner.advance))
            assert mamo(*command, *engines[owner]).code == 130
    starts = json.loads((folder / "results" / "x" / "run.json").read_text())["starts"]
    assert [start["status"] for start in starts] == ["interrupted", "interrupted"]
    assert mamo(*command, *engines[ProcessEngine]).code == 0
    assert contents(folder / "results" / "x") == local["run-mamo"]
    manifest = json.loads((folder / "results" / "x" / "run.json").read_text())
    assert [start["engine"] for start in manifest["starts"]] == ["local", "ray", "local"]
    assert manifest["energy"]["missing"] == ["Ray itself, and tasks whose process died"]


def _stopping(advance):
    """The same, and a signal at the same time."""

    def stopping(self):
        signal.raise_signal(signal.SIGINT)
        return advance(self)

    return stopping


@pytest.mark.slow
@pytest.mark.parametrize(
    ("patches", "command"),
    [(IN_A_ROUND, LONG_ROUND), (SUMMARISING, (*COMMANDS["run-mamo"], "--name", "x"))],
    ids=["a round beyond its grace", "summarising"],
)
def test_143_within_5_seconds(nodes, patches, command):
    patient = PATIENT.format(HANG_SECONDS)
    code, err = stopped(patient + patches, (*command, *RAY, nodes.address), signal.SIGTERM, nodes.process)
    *progress, last = err.splitlines()
    assert (code, "Resume with: mamo" in last) == (143, True), err
    assert all(line.startswith("run-mamo: ") for line in progress), err


@pytest.mark.slow
def test_a_stopped_round_is_not_left_on_the_cluster(address):
    """The round before would last for hours, and there are CPUs for two tasks."""
    assert mamo(*COMMANDS["train"], *RAY, address, "--name", "x").code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("address")
def test_a_node_with_another_version_is_refused_before_any_training(folder):
    (folder / "mamo-0.0.1.dist-info").mkdir()
    (folder / "mamo-0.0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mamo\nVersion: 0.0.1\n")
    with two_nodes(PYTHONPATH=str(folder)) as other:
        done = mamo(*COMMANDS["train"], *RAY, other.address, "--name", "x")
    refused(done, 2, "Ray node", "has mamo 0.0.1 instead of 0.", "install the same versions")
    assert not (folder / "results" / "x" / "training.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "phrases"),
    [
        (("--engine", "spark"), ["--engine", "local, ray", "'spark'"]),
        (("--ray-address", "auto"), ["--ray-address auto", "--engine ray"]),
        ((*RAY, "ray://head:10001"), ["HOST:PORT", "'ray://head:10001'"]),
        ((*RAY, "127.0.0.1:1"), ["no Ray cluster at 127.0.0.1:1", "refused", "ray start"]),
    ],
)
def test_2_usage(arguments, phrases):
    refused(mamo(*COMMANDS["train"], *arguments), 2, *phrases)


def test_auto_is_what_the_environment_names(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    refused(mamo(*COMMANDS["train"], "--engine", "ray"), 2, "no Ray cluster at 127.0.0.1:1")


def test_2_without_ray(monkeypatch):
    for module in ("ray_cluster", "ray_engine"):
        monkeypatch.delitem(sys.modules, f"mamo_cli.runs.{module}")
    monkeypatch.setitem(sys.modules, "ray", None)
    refused(mamo(*COMMANDS["train"], "--engine", "ray"), 2, "pip install 'mamo[ray]'")


def test_2_where_something_else_listens():
    hasty = PATIENT.format(1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        refused(patched(hasty, *COMMANDS["train"], *RAY, address), 2, f"no Ray cluster at {address} (no answer)")
