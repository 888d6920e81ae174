"""`mamo runs list`: what is shown of each run, and which are asked for."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.invoke import TINY, mamo, patched
from tests.cli.test_terminal import on_a_terminal


def listed(*filters: str) -> list[dict]:
    done = mamo("runs", "list", "--json", *filters)
    assert done.code == 0, done.err
    return json.loads(done.out)["runs"]


def names(*filters: str) -> list[str]:
    return sorted(run["run"] for run in listed(*filters))


def change(folder: Path, **facts) -> None:
    manifest = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**manifest, **facts}))


def test_what_is_listed_is_what_the_summaries_hold(finished):
    runs = {run["run"]: run for run in listed()}
    te, wa = (pd.read_csv(finished / name / "summary.csv") for name in ("te", "wa"))
    for one in runs["te"]["outcomes"]:
        own = te[te["alpha"] == one["alphas"]["rejection"]]
        assert (one["members"], one["violations"]["rejection"]) == (2, pytest.approx(own["mean_rejection"].mean()))
    [loop] = runs["wa"]["outcomes"]
    assert loop["label"] == "wa-dqn"
    assert loop["alphas"]["rejection"] == pytest.approx(wa["alpha"].median())
    assert loop["cost_over_causal_bound"] == pytest.approx(wa["cost_over_causal_bound"].median())
    assert (loop["holds"], loop["holds_of"]) == (wa["holds"].sum(), 2)
    [plan] = runs["plan"]["outcomes"]
    assert plan["violations"]["rejection"] == pd.read_csv(finished / "plan" / "summary.csv")["mean_rejection_actual"][0]
    assert all(run["seconds"] > 0 and run["all_seconds_known"] for run in runs.values())


def test_people_read_the_same(finished):
    change(finished / "wa", starts=[{"seconds": 3600.0}, {"seconds": 83.4}], started="2026-11-26T14:05:59+00:00")
    change(finished / "plan", starts=[{"status": "crashed"}, {"seconds": 5.0}])
    lines = {line.split()[0]: " ".join(line.split()) for line in mamo("runs", "list").out.splitlines() if line.strip()}
    [loop] = listed("--command", "run-mamo")[0]["outcomes"]
    assert lines["wa"] == (
        f"wa complete 2026-11-26 14:05 1:01:23 wa-dqn alpha {loop['alphas']['rejection']:.4g} "
        f"{loop['cost_over_causal_bound']:.4g} "
        f"rejection {loop['violations']['rejection']:.4g} of 0.05 {loop['holds']} of 2"
    )
    low, high = (one["violations"]["rejection"] for one in listed("--command", "train")[0]["outcomes"])
    assert f" alpha 0.1, 0.9 - rejection {low:.4g}, {high:.4g} of 0.05 -" in lines["te"]
    assert " > 0:00:05 scope step - rejection 0.03436 of 0.05 288 of 288" in lines["plan"]


def test_many_outcomes_are_cut_short_and_a_diverged_member_is_told_of(finished):
    alphas = [part for alpha in ("0.1", "0.2", "0.3", "0.4") for part in ("--alpha", alpha)]
    assert mamo("train", *TINY, *alphas, "--jobs", "1", "--name", "x").code == 0
    [run] = [json.loads(path.read_text()) for path in [finished / "x" / "run.json"]]
    run["summary"][0] |= dict.fromkeys(("mean_cost", "mean_replicas", "mean_rejection", "regret"))
    change(finished / "x", summary=run["summary"])
    assert " alpha 0.1, 0.2, 0.3, ... (1 diverged) " in " ".join(mamo("runs", "list").out.split())


def test_runs_are_asked_for_by_command_status_and_date(finished):
    for name, started in (
        ("plan", "2026-11-24T10:00:00"),
        ("te", "2026-11-25T23:59:59"),
        ("wa", "2026-11-26T14:05:30"),
    ):
        change(finished / name, started=f"{started}+00:00")
    change(finished / "te", status="interrupted")
    (finished / "broken").mkdir()
    (finished / "broken" / "run.json").write_text("{")
    assert names() == ["broken", "plan", "te", "wa"]
    assert names("--command", "train") == ["te"]
    assert names("--command", "train", "--command", "run-mamo") == ["te", "wa"]
    assert names("--status", "complete") == ["plan", "wa"]
    assert names("--status", "damaged") == ["broken"]
    assert names("--since", "2026-11-25") == names("--since", "2026-11-25 23:59") == ["te", "wa"]
    assert names("--until", "2026-11-25") == ["plan", "te"]
    assert names("--since", "2026-11-25", "--until", "2026-11-25") == ["te"]
    assert names("--until", "2026-11-26 14:04") == ["plan", "te"]
    assert names("--until", "2026-11-26 14:05") == ["plan", "te", "wa"]
    assert mamo("runs", "list", "--command", "evaluate").err.splitlines()[-1] == "no such runs under results/"


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (("--command", "trian"), "--command is one of generate, import, solve-offline, train, "),
        (("--status", "done"), "--status is one of running, complete, interrupted, failed, diverged, crashed, "),
        (("--since", "yesterday"), "--since is a date such as 2026-11-26 or \"2026-11-26 14:05\", got 'yesterday'"),
        (("--until", "2026-1-2"), "--until is a date such as "),
        (("--until", "2026-02-30"), "--until is a date such as "),
    ],
    ids=str,
)
def test_a_filter_that_cannot_be_is_refused(filters, message):
    done = mamo("runs", "list", *filters)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"mamo: {message}")


def test_a_damaged_summary_or_configuration_is_told_of_and_hides_no_other(finished):
    change(finished / "te", summary=[{"seed": 0}])
    (finished / "wa" / "config.toml").write_text("strategy = \n")
    done = mamo("runs", "list", "--json")
    runs = {run["run"]: run for run in json.loads(done.out)["runs"]}
    assert done.code == 0
    assert (runs["te"]["status"], runs["te"]["outcomes"], runs["wa"]["outcomes"]) == ("complete", [], [])
    assert len(runs["plan"]["outcomes"]) == 1
    assert len(done.err.splitlines()) == 2
    assert "results/te/run.json: its summary is damaged: what came out is not shown\n" in done.err
    assert "results/wa/config.toml: not a TOML file in UTF-8" in done.err


def test_nothing_heavy_is_imported(finished):
    heavy = ("torch", "pandas", "numpy", "numba", "scipy", "gurobipy", "matplotlib")
    told = (
        f"import atexit, sys\natexit.register(lambda: print([n for n in {heavy} if n in sys.modules], file=sys.stderr))"
    )
    done = patched(told, "runs", "list", "-q")
    assert (done.code, done.err) == (0, "[]\n")


def test_eighty_columns_fold_at_spaces_alone(finished):
    lines = (
        on_a_terminal("runs", "list", stdout=True, COLUMNS="80")
        .replace("\x1b[1m", "")
        .replace("\x1b[0m", "")
        .split("\r\n")
    )
    words = " ".join(lines).split()
    assert max(map(len, lines)) <= 80
    assert words.count("rejection") == words.count("complete") == 3
    assert "288" in words
