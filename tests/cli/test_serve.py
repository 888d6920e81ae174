"""`mamo serve` as a process: it says where it listens, decides by a run or a policy file, and stops on request."""

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from mamo_cli.experiments.export import policy_of_run
from mamo_cli.policies.file import read_policy
from mamo_cli.serving.decisions import Service
from mamo_cli.serving.log import DecisionLog, check
from tests.cli.invoke import COMMAND, mamo, patched
from tests.clock import HANG_SECONDS
from tests.serving.nodes import node, policy
from tests.serving.running import http_to, metrics_request, scaler
from tests.serving.test_access import CA, SERVER, SERVER_KEY, TOKEN, bearer, caller, grpc_caller
from tests.serving.test_connections import until
from tests.serving.test_prometheus import fake, vector

FREE = ("--grpc-port", "0", "--http-port", "0")
LOADS = {"rate_rps": 30.0}
ASKED = ("--prometheus", "http://127.0.0.1:1", "--load", "up")
PACKAGES = ("grpc", "google.protobuf", "aiohttp", "prometheus_client")
HEAVY = f"""import atexit, sys
atexit.register(lambda: print([name for name in {(*PACKAGES, "torch")} if name in sys.modules], file=sys.stderr))"""


@pytest.fixture
def policy_file(folder):
    """Of one function, from random numbers."""
    path = folder / "one.npz"
    path.write_bytes(policy(node()).to_bytes())
    return path


@pytest.fixture
def log(folder):
    """Of three decisions."""
    path = folder / "kept.jsonl"
    with DecisionLog(path) as opened:
        service = Service(policy(node()), opened)
        for at, rate in enumerate((20.0, 40.0, 30.0)):
            service.decide({"rate_rps": rate}, 1_700_000_000.0 + 300.0 * at)
    return path


@pytest.fixture
def refusing(monkeypatch):
    """What is to be refused before anything is served ends at once where it is not."""

    def serve(*_):
        raise AssertionError("it serves")

    monkeypatch.setattr("mamo_cli.cli.serve._serve", serve)


@contextmanager
def serving(*arguments):
    """The command in a process of its own; yields it, and what it says of itself."""
    command = [COMMAND, "serve", *FREE, "--json", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            yield process, SimpleNamespace(**{"host": "127.0.0.1", **json.loads(line or "{}")})
        finally:
            process.kill()


def ended(process, number=signal.SIGTERM):
    """How it ends on a signal: exit code and the lines of stderr."""
    process.send_signal(number)
    _, err = process.communicate(timeout=HANG_SECONDS)
    return process.returncode, err.splitlines()


def test_a_run_is_served_as_it_would_be_exported(finished):
    with serving("wa") as (process, bound):
        assert (bound.policy, bound.log) == ("results/wa", "results/wa/decisions.jsonl")
        assert bound.digest == policy_of_run(finished / "wa").digest
        assert http_to(bound, body=LOADS).status == 200
        assert ended(process)[0] == 143
    assert check(Path(bound.log)).count == 1


def test_a_policy_file_is_served_until_a_signal_and_goes_on_from_its_log(policy_file):
    made = read_policy(policy_file)
    with serving(policy_file) as (process, bound):
        assert http_to(bound, "/healthz").status == 503
        decided = http_to(bound, body=LOADS)
        with scaler(bound) as keda:
            (value,) = keda.GetMetrics(metrics_request()).metricValues
        assert {value.metricName: value.metricValue} == decided.json["agents"]
        assert ended(process) == (
            143,
            [
                f"policy of run {made.about.run}, seed 7, digest {made.digest[:12]}",
                f"gRPC for KEDA on 127.0.0.1:{bound.grpc_port}, HTTP on http://127.0.0.1:{bound.http_port}",
                f"it answers everyone on this machine; decisions go to {policy_file.parent}/decisions.jsonl",
                "mamo: stopped by SIGTERM",
            ],
        )
    with serving(policy_file, "-q") as (process, bound):
        assert http_to(bound).json == decided.json
        again = http_to(bound, body=LOADS)
        assert ended(process, signal.SIGINT) == (130, ["mamo: stopped by SIGINT"])
    assert (decided.json["number"], again.json["number"]) == (1, 2)
    assert check(policy_file.parent / "decisions.jsonl").head == again.json["head"]


def test_beyond_loopback_it_answers_a_certificate_or_the_token_and_says_so(policy_file, folder):
    token = folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o644)
    tls = ("--tls-cert", SERVER, "--tls-key", SERVER_KEY, "--tls-client-ca", CA)
    with serving(policy_file, "--listen", "0.0.0.0", "--token-file", token, *tls) as (process, bound):
        bound.listen = "127.0.0.1"
        assert http_to(bound, body=LOADS, context=caller()).status == 401
        assert http_to(bound, body=LOADS, context=caller(), headers=bearer(TOKEN)).status == 200
        assert http_to(bound, context=caller("caller")).json["number"] == 1
        with scaler(bound, grpc_caller("caller")) as keda:
            assert keda.IsActive(metrics_request().scaledObjectRef).result is True
        code, err = ended(process)
    assert code == 143
    assert err[0] == f"mamo: --token-file: {token} can be read by other users of this machine: chmod 600 {token}"
    assert err[2] == f"gRPC for KEDA on 0.0.0.0:{bound.grpc_port}, HTTP on https://0.0.0.0:{bound.http_port}"
    assert err[3].startswith("it answers who has a certificate of the client CA or who shows the token wherever they")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--listen", "0.0.0.0"), "--listen 0.0.0.0 lets others ask: give --token-file, or --tls-cert, --tls-key"),
        (("--listen", "localhost"), "--listen must be an address of this machine such as 127.0.0.1 or ::"),
        (("--tls-cert", "x"), "--tls-cert and --tls-key go together"),
        (("--token-file", "none"), "--token-file: none cannot be read: No such file or directory"),
        (("--load", "up"), "--load is a query to Prometheus: say with --prometheus where it is"),
        (("--prometheus", "http://localhost:9090"), "--prometheus needs --load for f"),
        ((*ASKED, "--counted", "n"), "--counted is of no use to this policy: it has no shield that counts requests"),
        ((*ASKED, "--memory", "m"), "--memory is of no use to this policy: its functions share no memory"),
        ((*ASKED, "--cap", "c", "--cap", "c"), "--cap must give one query for f, got 'c'"),
        (("--memory", "m"), "--memory is a query to Prometheus: say with --prometheus where it is"),
        (("--stale-after", "0"), "--stale-after must be a finite number of s > 0, got 0"),
        (("--stale-after", "nan"), "--stale-after must be a finite number of s > 0, got nan"),
        (("--http-port", "70000"), "Invalid value for '--http-port': Input should be less than or equal to 65535"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("refusing")
def test_what_makes_no_sense_is_refused_before_anything_is_written(policy_file, folder, arguments, told):
    before = sorted(folder.iterdir())
    result = mamo("serve", str(policy_file), *FREE, *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"mamo: {told}")
    assert result.err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"shield": 0.05}, "--prometheus needs --counted for f: its shield counts requests"),
        (
            {"rejection_model": "simulation", "simulated_seconds": 5.0},
            "--prometheus needs --rejected for f: its file has no model of the node to stand in for it",
        ),
    ],
    ids=["shield", "simulation"],
)
@pytest.mark.usefixtures("refusing")
def test_a_server_that_could_never_decide_does_not_start(folder, settings, told):
    (folder / "p.npz").write_bytes(policy(node(**settings)).to_bytes())
    assert mamo("serve", "p.npz", *FREE, *ASKED) == (2, "", f"mamo: {told}\n")
    assert [path.name for path in folder.iterdir()] == ["p.npz"]


def test_prometheus_tells_the_caps_and_the_memory_or_the_server_says_what_it_takes_them_for(folder):
    (folder / "p.npz").write_bytes(policy(node(memory_per_replica=64, node_memory=350)).to_bytes())
    told = {"r": "40", "x": "0.25", "c": "2", "m": "320"}
    with fake(**{query: vector(value, stamp=time.time()) for query, value in told.items()}) as (url, _):
        asked = ("--prometheus", url, "--load", "r")
        more = ("--rejected", "x", "--cap", "f=c", "--memory", "m")
        for given in ((), more):
            with serving("p.npz", "--log", f"{len(given)}.jsonl", *asked, *given) as (process, bound):
                until(lambda bound=bound: http_to(bound).status == 200)
                code, err = ended(process)
            assert code == 143
            assert [line for line in err if line.startswith("no --")] == [
                "no --cap: max_replicas is taken to be 8 (f) at all times",
                "no --rejected: rejection is taken to be what the node's model says (f) at all times",
                "no --memory: memory_mb is taken to be 350 at all times",
            ] * (not given)
    last = json.loads((folder / "6.jsonl").read_text().splitlines()[-1])
    assert last["observation"]["memory_mb"] == 320.0
    assert last["observation"]["functions"]["f"] == {
        "rate_rps": 40.0, "rejection": 0.25, "rejection_from": "told", "max_replicas": 2,
    }  # fmt: skip
    assert last["actions"]["f"] <= 2


@pytest.mark.parametrize("option", ["--grpc-port", "--http-port"])
def test_a_port_that_is_in_use_is_told_in_a_line(policy_file, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = mamo("serve", str(policy_file), *FREE, option, port)
    assert result == (
        8,
        "",
        f"mamo: cannot listen on 127.0.0.1 port {port}: Address already in use; see --listen and {option}\n",
    )


def test_an_address_that_is_not_of_this_machine_is_told_in_a_line(policy_file, folder):
    (folder / "token").write_text(TOKEN)
    result = mamo("serve", str(policy_file), *FREE, "--listen", "192.0.2.1", "--token-file", "token", "-q")
    assert (result.code, result.out) == (8, "")
    told = "mamo: cannot listen on 192.0.2.1 port 0: Cannot assign requested address; see --listen and --http-port"
    assert result.err.splitlines()[-1] == told


@pytest.mark.usefixtures("refusing")
def test_a_log_that_another_process_writes_is_told_in_a_line(policy_file, log):
    with DecisionLog(log):
        result = mamo("serve", str(policy_file), *FREE, "--log", str(log))
    assert (result.code, result.out, result.err.count("\n")) == (6, "", 1)
    assert result.err.startswith(f"mamo: {log} is written by another process: end that, or name another")


@pytest.mark.usefixtures("refusing")
def test_a_policy_or_a_log_that_is_not_sound_is_told_in_a_line(policy_file, log, folder):
    policy_file.write_bytes(policy_file.read_bytes()[:-1])
    result = mamo("serve", str(policy_file), *FREE)
    assert (result.code, result.out, result.err.count("\n")) == (7, "", 1)
    assert "is not a sound policy file" in result.err
    policy_file.write_bytes(policy(node()).to_bytes())
    kept = log.read_bytes()
    log.write_bytes(
        kept[:-4] + (b"1" if kept[-4:-3] == b"0" else b"0") + kept[-3:]
    )  # the last digit of the last digest
    result = mamo("serve", str(policy_file), *FREE, "--log", str(log))
    assert (result.code, result.out, result.err.count("\n")) == (7, "", 1)


@pytest.mark.usefixtures("refusing")
def test_a_run_that_is_not_there_is_told_in_a_line():
    result = mamo("serve", *FREE)
    assert result == (2, "", "mamo: no complete train or run-mamo run under results/; next: mamo train\n")


def test_a_log_is_checked(log):
    head = check(log).head
    told = mamo("serve", "--check", str(log))
    assert told.code == 0
    assert {tuple(line.split(maxsplit=1)) for line in told.out.splitlines()} == {
        ("log", str(log)), ("decisions", "3"), ("head", head), ("head_number", str(int(head[:13], 16))),
    }  # fmt: skip
    asked = mamo("serve", "--check", str(log), "--json", "-q")
    assert (asked.code, asked.err) == (0, "")
    assert json.loads(asked.out) == {
        "schema_version": 1, "log": str(log), "decisions": 3, "head": head, "head_number": int(head[:13], 16),
    }  # fmt: skip


def test_a_line_that_was_changed_or_is_missing_is_named(log):
    lines = log.read_bytes().splitlines(keepends=True)
    for kept, place in (([lines[0], lines[2]], 2), ([lines[1], lines[0], lines[2]], 1)):
        log.write_bytes(b"".join(kept))
        result = mamo("serve", "--check", str(log))
        assert (result.code, result.out) == (3, "")
        assert result.err.startswith(f"mamo: {log}:{place}: ")
    assert mamo("serve", "--check", "none").code == 3


@pytest.mark.parametrize("given", ["one.npz", "--stale-after=9", "--results=x", "--http-port=0"])
def test_a_check_refuses_what_it_does_not_look_at(log, given):
    result = mamo("serve", "--check", str(log), given)
    left = given.partition("=")[0]
    assert result == (2, "", f"mamo: --check looks at a log and serves nothing: leave out {left}\n")


def test_the_head_in_metrics_is_that_of_the_check(policy_file, log):
    with serving(policy_file, "--log", log) as (process, bound):
        metrics = dict(line.rsplit(" ", 1) for line in http_to(bound, "/metrics").text.splitlines() if "#" not in line)
        assert ended(process)[0] == 143
    assert int(float(metrics["mamo_log_head"])) == check(log).number
    assert float(metrics["mamo_log_decisions"]) == 3.0


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.usefixtures("refusing")
def test_without_the_extra_it_is_named(policy_file, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    result = mamo("serve", str(policy_file), *FREE)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("mamo: serving needs more packages (")
    assert result.err.endswith('): pip install "mamo[serve]"\n')
    assert result.err.count("\n") == 1


def test_help_and_check_import_nothing_of_the_extra(log):
    for arguments in (("--help",), ("serve", "--help"), ("serve", "--check", str(log), "-q")):
        result = patched(HEAVY, *arguments)
        assert (result.code, result.err) == (0, "[]\n")


def test_over_which_window_the_shield_counts_is_said_at_the_start(folder):
    path = folder / "shielded.npz"
    path.write_bytes(policy(node(shield=0.05)).to_bytes())
    said = "the shield reads the requests of the last 30 s: tell it by "
    for more, how in (
        ((), "counted, with counted_seconds = 30"),
        (("--prometheus", "http://127.0.0.1:9", "--load", "a", "--counted", "c"), "a query of --counted"),
    ):
        with serving(path, *more) as (process, _):
            assert said + how in ended(process)[1]
