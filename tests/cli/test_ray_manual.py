"""The manual's steps to a Ray cluster, its very commands: nodes and drivers with the token, and without."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.invoke import COMMAND, TINY, Result, mamo
from tests.cli.killing import contents
from tests.cli.test_exit_codes import refused
from tests.clock import HANG_SECONDS

pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "clusters.md"
TRAIN = ("train", *TINY, "--alpha", "0.1", "--alpha", "0.9", "--name", "x", "--jobs", "2")
COPY = "copy ~/.ray/auth_token from the machine that started it"


class Cluster(NamedTuple):
    """What the manual's steps have made: commands, the folder that is each user's home, and the address."""

    steps: dict[str, str]
    home: Path
    stranger: Path
    address: str


def steps(port: int) -> dict[str, str]:
    """The manual's commands, in order, by their first words; its port and host are made this machine's."""
    block = re.search(r"```sh\n(pip install [^`]*ray start --head[^`]*)```", PAGE.read_text("utf-8"))[1]
    commands = [line.partition("#")[0].strip() for line in block.splitlines()]
    assert [command.split()[0] for command in commands] == ["pip", "export", "ray", "ray", "ray", "mamo"]
    commands = [command.replace("HOST", "127.0.0.1").replace("6379", str(port)) for command in commands]
    return dict(zip(("install", "mode", "token", "head", "node", "run"), commands, strict=True))


def shell(home: Path, *commands: str, **environment: str) -> Result:
    """What a person whose home is that folder types one after another."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own |= {"HOME": str(home), "PATH": path, "RAY_TMPDIR": str(home.parent / "t"), **environment}
    done = subprocess.run(
        ["bash", "-ec", "\n".join(commands)], capture_output=True, text=True, check=False, env=own, timeout=HANG_SECONDS
    )
    return Result(done.returncode, done.stdout, done.stderr)


def end_all_of(folder: Path) -> None:
    """End what was started for homes under a folder, and nothing else: `ray stop` would end every cluster here."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"RAY_TMPDIR={folder}".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="m", dir="/tmp"))  # short, as Ray's sockets are below it
    home, stranger = folder / "h", folder / "s"
    home.mkdir()
    stranger.mkdir()
    made = Cluster(steps(port), home, stranger, f"127.0.0.1:{port}")
    try:
        started = shell(home, made.steps["mode"], made.steps["token"], made.steps["head"])
        assert started.code == 0, started.err
        yield made
    finally:
        end_all_of(folder)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_node_joins_with_the_token_and_not_without(cluster):
    with_token = shell(cluster.home, cluster.steps["mode"], cluster.steps["node"])
    assert with_token.code == 0, with_token.err
    without = shell(cluster.stranger, cluster.steps["mode"], cluster.steps["node"])
    assert without.code != 0
    assert "no authentication token was found" in without.err


def test_the_run_is_the_same_as_on_this_machine(cluster, folder):
    """With the manual's own options for the cluster, the run itself made small."""
    options = cluster.steps["run"].partition("--seeds 200")[2].strip()
    assert options == "--engine ray"
    run = " ".join(["mamo", *TRAIN, options, "-q", "--ray-address", cluster.address])
    done = shell(cluster.home, cluster.steps["mode"], run)
    assert (done.code, done.err) == (0, "")
    found = contents(folder / "results" / "x")
    assert mamo(*TRAIN, "--results", "here").code == 0
    assert found == contents(folder / "here" / "x")


def test_where_the_token_lies_it_is_shown_without_being_asked_for(cluster):
    done = shell(cluster.home, f"{COMMAND} {' '.join(TRAIN)} --engine ray --ray-address {cluster.address} -q")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("whose", "environment", "phrases"),
    [
        ("stranger", {}, ["asks for a token, and this machine has none", COPY]),
        ("stranger", {"RAY_AUTH_MODE": "token"}, ["RAY_AUTH_MODE is token, but this machine has no token", COPY]),
        ("stranger", {"RAY_AUTH_TOKEN": "another" * 8}, ["asks for a token other than that of RAY_AUTH_TOKEN", COPY]),
        ("home", {"RAY_AUTH_MODE": "disabled"}, ["RAY_AUTH_MODE=disabled keeps ours back: set RAY_AUTH_MODE=token"]),
    ],
    ids=["missing", "missing, mode on", "wrong", "mode off"],
)
def test_2_where_the_token_is_missing_wrong_or_kept_back(cluster, whose, environment, phrases):
    command = f"{COMMAND} {' '.join(TRAIN)} --engine ray --ray-address {cluster.address}"
    done = shell(getattr(cluster, whose), command, **environment)
    refused(done, 2, cluster.address, *phrases)
