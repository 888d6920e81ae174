"""A run is its configuration: the same command again, another configuration, a damaged folder."""

import json

import pytest

from tests.cli.invoke import MAMO, TRAIN, mamo
from tests.cli.killing import contents


def status(run: str) -> str:
    return json.loads(mamo("runs", "show", run, "--json").out)["status"]


@pytest.mark.parametrize(("command", "run"), [(TRAIN, "te"), (MAMO, "wa"), (("solve-offline",), "plan")])
def test_complete_says_so_and_changes_nothing(finished, command, run):
    before = {path: path.read_bytes() for path in (finished / run).iterdir()}
    again = mamo(*command, "--name", run)
    assert again.code == 0
    assert f"results/{run} is complete already; --fresh starts over" in again.err
    assert again.out
    assert {path: path.read_bytes() for path in (finished / run).iterdir()} == before


def test_fresh_starts_over_in_a_new_folder_with_the_same_result(finished):
    assert mamo(*MAMO, "--name", "wa", "--fresh").code == 0
    assert contents(finished / "wa-2") == contents(finished / "wa")
    assert mamo(*MAMO, "--name", "wa", "--fresh").code == 0
    assert (finished / "wa-3").is_dir()


def test_another_configuration_is_refused_listing_what_changed(finished):
    refused = mamo(*MAMO, "--name", "wa", "--tolerance", "0.1", "--kappa", "0.2")
    assert refused.code == 2
    assert "adaptation.kappa: 0.1 -> 0.2; instance.tolerance: 0.05 -> 0.1" in refused.err
    assert "--name" in refused.err


def test_another_content_of_the_trace_is_refused(folder):
    for mean in ("50", "60"):
        mamo("generate", "sinusoidal", "--mean", mean, "--out", "t.csv", "--force")
        done = mamo("solve-offline", "--trace", "t.csv", "--name", "x")
    assert done.code == 2
    assert "the content of its trace" in done.err


def test_another_command_is_refused(finished):
    refused = mamo("solve-offline", "--name", "wa")
    assert refused.code == 2
    assert "results/wa holds a run-mamo run, not a solve-offline run" in refused.err


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"status": "complete"}', '{"status": 7, "command": "train"}', "[" * 9999]
)
def test_a_damaged_manifest_is_named(finished, text):
    (finished / "plan" / "run.json").write_text(text)
    done = mamo("solve-offline", "--name", "plan")
    assert done.code == 3
    assert done.err.startswith("mamo: results/plan/run.json is damaged")
    listed = json.loads(mamo("runs", "list", "--json").out)["runs"]
    assert {run["run"]: run["status"] for run in listed} == {"plan": "damaged", "te": "complete", "wa": "complete"}
    assert mamo("runs", "rm", "plan", "--yes").code == 0


def test_config_toml_reproduces_the_run(finished):
    command = ("run-mamo", "--config", "results/wa/config.toml", "--jobs", "1")
    assert mamo(*command, "--name", "wa").err.startswith("results/wa is complete already")
    made = json.loads(mamo(*command, "--json").out)
    digest = json.loads((finished / "wa" / "run.json").read_text())["config_digest"]
    assert made["run"].endswith(digest)


def test_the_command_line_wins_over_the_file(finished):
    done = json.loads(
        mamo("run-mamo", "--config", "results/wa/config.toml", "--seeds", "1", "--json", "--jobs", "1").out
    )
    assert [member["seed"] for member in done["members"]] == [0]


@pytest.mark.parametrize(("command", "run", "jobs"), [(TRAIN, "te", "3"), (MAMO, "wa", "2")])
def test_results_do_not_depend_on_the_number_of_processes(finished, command, run, jobs):
    assert mamo(*command, "--jobs", jobs, "--name", "many").code == 0
    tables = ("training.csv", "evaluation.csv", "summary.csv")
    assert [(finished / "many" / name).read_bytes() for name in tables] == [
        (finished / run / name).read_bytes() for name in tables
    ]


def test_a_folder_that_is_no_run_is_left_alone(folder):
    (folder / "results" / "x").mkdir(parents=True)
    (folder / "results" / "x" / "training.csv").write_text("precious")
    done = mamo(*TRAIN, "--name", "x")
    assert (done.code, "not a run folder" in done.err) == (2, True)
    assert (folder / "results" / "x" / "training.csv").read_text() == "precious"


def test_links_are_neither_followed_nor_deleted(finished, folder):
    (folder / "elsewhere").mkdir()
    (finished / "plan").rename(folder / "elsewhere" / "plan")
    (finished / "plan").symlink_to(folder / "elsewhere" / "plan")
    for command in (("solve-offline", "--name", "plan"), ("runs", "rm", "plan", "--yes")):
        done = mamo(*command)
        assert (done.code, "is a link" in done.err) == (2, True)
    assert (folder / "elsewhere" / "plan" / "plan.csv").exists()
    assert mamo("runs", "rm", "elsewhere/plan", "--yes").code == 2


def test_rm_deletes_the_folder_and_what_links_point_to_stays(finished, folder):
    (folder / "precious").write_text("x")
    (finished / "te" / "link").symlink_to(folder / "precious")
    assert mamo("runs", "rm", "te", "--yes").code == 0
    assert not (finished / "te").exists()
    assert (folder / "precious").exists()


def test_a_crash_shows(finished):
    manifest = json.loads((finished / "te" / "run.json").read_text())
    (finished / "te" / "run.json").write_text(json.dumps({**manifest, "status": "running"}))
    assert status("te") == "crashed"
    assert mamo("evaluate", "te").code == 2


def test_warnings_shown_to_the_user_are_in_the_log(folder):
    done = mamo("solve-offline", "--idle-timeout", "0.05", "--name", "x")
    assert "erlang" in done.err
    assert "WARNING" in (folder / "results" / "x" / "log.txt").read_text()
    assert mamo("solve-offline", "--idle-timeout", "0.05", "-q").err == ""
