"""`mamo serve` that serves nobody: `--dry-run` prints what `mamo evaluate` does, `--manifest` what KEDA is told."""

import json

import pytest
import yaml

from mamo_cli.experiments.manifest import manifest
from mamo_cli.policies.file import read_policy
from tests.cli.invoke import mamo


@pytest.fixture
def exported(finished):
    """A policy file, and a trace of 24 periods; the folder that both are in."""
    assert mamo("export", "wa", "--out", "p.npz").code == 0
    assert mamo("generate", "sinusoidal", "--steps", "24", "--out", "day.csv").code == 0
    return finished.parent


def test_a_dry_run_prints_the_very_table_of_evaluate(exported):
    table = mamo("evaluate", "p.npz", "--trace", "day.csv", "-q")
    members = json.loads(mamo("evaluate", "p.npz", "--trace", "day.csv", "--json").out)["members"]
    dry = mamo("serve", "p.npz", "--dry-run", "day.csv")
    assert (dry.code, dry.out) == (0, table.out)
    assert dry.err.endswith("24 decisions over HTTP, each read back by gRPC\n")
    told = json.loads(mamo("serve", "wa", "--dry-run", "day.csv", "--json").out)
    assert (told["members"], told["decisions"]) == (members, 24)
    assert {path.name for path in exported.iterdir()} == {"results", "p.npz", "day.csv"}
    assert not list(exported.rglob("decisions.jsonl"))


def test_a_dry_run_says_at_how_many_steps_more_is_expected_than_training_saw(exported):
    assert mamo("generate", "sinusoidal", "--mean", "900", "--steps", "24", "--out", "high.csv").code == 0
    dry = mamo("serve", "p.npz", "--dry-run", "high.csv")
    assert dry.code == 0
    assert "mamo: at 24 of 24 steps there is what training never met: there the server asks the policy" in dry.err
    told = json.loads(mamo("serve", "p.npz", "--dry-run", "day.csv", "--json").out)
    assert told["beyond"] == 0


def test_the_manifest_is_printed_and_nothing_is_served(exported):
    policy = read_policy(exported / "p.npz")
    said = mamo("serve", "p.npz", "--manifest", "--grpc-port", "7001")
    assert (said.code, said.out) == (0, manifest(policy, 7001))
    assert said.err == "set what is called SET-..., then: kubectl apply -f FILE\n"
    (scaled,) = yaml.safe_load_all(json.loads(mamo("serve", "p.npz", "--manifest", "--json").out)["manifest"])
    assert scaled["spec"]["triggers"][0]["metadata"]["scalerAddress"] == "SET-ADDRESS:9090"
    secure = mamo("serve", "p.npz", "--manifest", "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a").out
    assert secure == manifest(policy, 9090, tls=True)


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("--manifest", "--check", "x"), 2, "mamo: --manifest, --dry-run and --check are three things: ask for one"),
        (("--manifest", "--grpc-port", "0"), 2, "mamo: --manifest: give the --grpc-port that KEDA will find, 0 is any"),
        (
            ("--dry-run", "day.csv", "--log", "x"),
            2,
            "mamo: --dry-run serves this process alone, from a log that is thrown away: leave out --log",
        ),
        (("--dry-run", "day.csv", "--listen", "127.0.0.1"), 2, "mamo: --dry-run serves this process alone, from a log"),
        (("--manifest", "--prometheus", "http://x"), 2, "mamo: --manifest serves nothing: leave out --prometheus"),
        (("--manifest", "--http-port", "8080"), 2, "mamo: --manifest serves nothing: leave out --http-port"),
        (("--dry-run", "none.csv"), 3, "mamo: none.csv"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(exported, arguments, code, line):
    said = mamo("serve", "p.npz", *arguments)
    assert (said.code, said.out, len(said.err.splitlines())) == (code, "", 1)
    assert said.err.startswith(line)
