"""`mamo export`, and `mamo evaluate` with what it wrote in place of a run."""

import json
import os
from pathlib import Path

import onnx
import pytest

from tests.cli.invoke import mamo


def test_a_policy_file_takes_the_place_of_its_run(finished):
    done = mamo("export", "wa", "--json")
    told = json.loads(done.out)
    assert (done.code, told["policy"], told["seed"]) == (0, "results/wa/policy.npz", 0)
    assert told["bytes"] == (finished / "wa" / "policy.npz").stat().st_size
    assert mamo("evaluate", "results/wa/policy.npz", "--name", "played").code == 0
    run, played = ((finished / name / "evaluation.csv").read_text().splitlines() for name in ("wa", "played"))
    assert played == [line for line in run if line.startswith(("seed", "0,"))]
    assert f"digest    {told['digest']}" in mamo("export", "wa").out
    folder = json.loads(mamo("evaluate", "results/wa/policy.npz", "--json").out)["run"]
    assert folder.startswith("results/evaluate-wa-s0-")


def test_an_onnx_model_says_which_policy_it_is_of(finished):
    done = mamo("export", "wa", "--format", "onnx", "--json")
    told = json.loads(done.out)
    assert (done.code, done.err, told["policy"]) == (0, "", "results/wa/policy.onnx")
    model = onnx.load(finished / "wa" / "policy.onnx")
    assert {prop.key: prop.value for prop in model.metadata_props}["policy_digest"] == told["digest"]
    assert told["digest"] == json.loads(mamo("export", "wa", "--json").out)["digest"]
    assert mamo("export", "wa", "--format", "onnx").code == 0


def test_tables_are_written_for_tensorboard(finished):
    done = mamo("export", "te", "--format", "tensorboard")
    assert (done.code, done.err) == (0, "next: tensorboard serve --logdir results/te/tensorboard\n")
    told = json.loads(mamo("export", "te", "--format", "tensorboard", "--json").out)
    files = sorted((finished / "te" / "tensorboard").glob("*/*tfevents*"))
    assert (told["members"], told["bytes"]) == (len(files), sum(file.stat().st_size for file in files))
    assert len(files) == 4
    assert json.loads(mamo("export", "wa", "--format", "tensorboard", "--out", "tb", "--json").out)["members"] == 2
    assert sorted(path.name for path in Path("tb").iterdir()) == ["seed0", "seed1"]


def test_it_may_be_called_anything_and_a_run_of_that_name_comes_first(finished):
    mamo("export", "te", "--out", "wa")
    mamo("export", "te", "--out", "other.npz")
    folders = [json.loads(mamo("evaluate", name, "--json").out)["run"] for name in ("wa", f".{os.sep}wa", "other.npz")]
    assert folders[0].startswith("results/evaluate-wa-")
    assert folders[1] == folders[2]
    assert folders[1].startswith("results/evaluate-te-s0-")
    assert mamo("plot", folders[1].removeprefix("results/")).code == 0


def test_the_newest_run_of_a_kind_that_has_policies_is_exported(finished):
    assert mamo("export", "--out", "p.npz", "--seed", "1").out.split()[:4] == ["policy", "p.npz", "run", "results/wa"]
    assert mamo("export", "--out", "p.npz").err == (
        "mamo: p.npz is already there, and is another: use --force to replace it\n"
    )
    assert mamo("export", "te", "--out", "p.npz", "--alpha", "0.9", "--force").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("plan",), 2, "is a complete solve-offline run: name a complete train or run-mamo run"),
        (("wa", "--seed", "2"), 2, "results/wa has no such member: its seeds are 2"),
        (("wa", "--format", "pt"), 2, "--format must be one of npz, onnx, tensorboard, got 'pt'"),
        (("wa", "--format", "tensorboard", "--seed", "0"), 2, "--format tensorboard takes all members of a run"),
        (("wa", "--format", "tensorboard", "--alpha", "0"), 2, "--format tensorboard takes all members of a run"),
        (("wa", "--out", "results"), 2, "results is a folder or a device: name a file"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_line(finished, arguments, code, said):
    done = mamo("export", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert said in done.err


def test_a_damaged_policy_file_is_refused_by_name(finished):
    mamo("export", "wa", "--out", "p.npz")
    data = (finished.parent / "p.npz").read_bytes()
    for damaged in (data[:-40], data[:2000] + bytes([data[2000] ^ 1]) + data[2001:]):
        (finished.parent / "p.npz").write_bytes(damaged)
        done = mamo("evaluate", "p.npz", "--name", "played")
        assert (done.code, done.err.count("\n")) == (7, 1)
        assert done.err.startswith("mamo: p.npz is not a sound policy file: ")
    assert not (finished / "played").exists()


def test_a_policy_file_that_is_not_there_is_not_called_a_run(finished):
    done = mamo("evaluate", "results/te/polcy.npz")
    assert (done.code, done.err) == (2, "mamo: no policy file results/te/polcy.npz: mamo export writes that of a run\n")
