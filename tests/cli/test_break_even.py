"""`mamo runs compare RUN BASELINES_RUN`: when what is saved has paid for the training."""

import json
import re
import shutil

import pytest

from mamo_cli.core.settings import digest, read_toml
from mamo_cli.experiments.configs import MamoConfig, configured
from mamo_cli.workload.trace_csv import read_trace
from tests.cli.invoke import mamo


@pytest.fixture(scope="session")
def _ruled(_finished, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("ruled"))
        assert mamo("baselines", "--name", "rules").code == 0
        return shutil.copytree("results/rules", tmp_path_factory.mktemp("kept") / "rules")


@pytest.fixture
def both(finished, _ruled):
    """The runs te, wa and rules; of wa one member of two holds, at 6 replicas, and the tuned HPA has 7."""
    shutil.copytree(_ruled, finished / "rules")

    def hold(manifest):
        for place, row in enumerate(manifest["summary"]):
            row.update(mean_replicas=6.0, holds=int(place == 0))
        manifest["energy"].update(kwh=[0.01, 0.04], whole=True, missing=[])

    change(finished / "wa", hold)
    change(finished / "rules", lambda manifest: [row.update(mean_replicas=7.0) for row in manifest["summary"]])
    return finished


def change(folder, how):
    path = folder / "run.json"
    manifest = json.loads(path.read_text())
    how(manifest)
    path.write_text(json.dumps(manifest))


def told(*runs):
    done = mamo("runs", "compare", *runs, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out), done.err


@pytest.mark.parametrize("runs", [("wa", "rules"), ("rules", "wa")])
def test_hours_are_those_of_the_ledger_and_of_what_is_declared(both, monkeypatch, runs):
    monkeypatch.setenv("MAMO_WATTS_PER_UNIT", "10..40")
    found, said = told(*runs)
    assert (said, found["not_comparable"], found["outcome"]) == ("", None, [])
    assert (found["break_even"]["members"], found["break_even"]["holding"]) == (2, 1)
    [hpa] = [one for one in found["break_even"]["saved"] if one["rule"] == "kubernetes-hpa"]
    assert (hpa["units"], hpa["units_interval"]) == (1.0, None)
    assert hpa["hours"] == pytest.approx([10 / 40, 40 / 10], rel=1e-12)
    lines = mamo("runs", "compare", *runs).out.splitlines()
    [line] = [line for line in lines if line.startswith("kubernetes-hpa")]
    assert line.split() == ["kubernetes-hpa", *["1,", "one", "member,", "no", "interval"], "0.25", "to", "4"]
    assert lines[-1] == (
        "the whole run took 10 to 40 Wh; one of replicas 10 to 40 W; 1 of 2 members keep the limit and count"
    )


def test_a_ledger_that_is_not_whole_makes_hours_a_least(both):
    change(both / "wa", lambda manifest: manifest["energy"].update(whole=False))
    [line] = [line for line in mamo("runs", "compare", "wa", "rules").out.splitlines() if line.startswith("kubernetes")]
    assert line.endswith("   at least 0.5 to 8")


def test_fixed_weights_have_one_too(both):
    found, _ = told("te", "rules")
    assert found["break_even"]["members"] == 4


def test_where_agents_have_limits_of_their_own_their_table_says_who_holds(both):
    # Four members at two alphas, of which the second keeps both agents' limits, and saves 7 - 6 replicas of each agent.
    change(both / "te", lambda manifest: [row.update(tolerance=None, mean_replicas=6.0) for row in manifest["summary"]])
    rows = json.loads((both / "te" / "run.json").read_text())["summary"]
    lines = [f"{row['seed']},{row['alpha']},{name},{int(place == 1 or name == 'a')}"
             for place, row in enumerate(rows) for name in "ab"]  # fmt: skip
    (both / "te" / "agents.csv").write_text("\n".join(["seed,alpha,function,holds", *lines, ""]))
    found, _ = told("te", "rules")
    assert (found["break_even"]["members"], found["break_even"]["holding"]) == (4, 1)
    (both / "te" / "agents.csv").unlink()
    done = mamo("runs", "compare", "te", "rules")
    assert (done.code, done.out) == (3, "")


@pytest.mark.parametrize(
    ("run", "how", "reason"),
    [
        ("wa", lambda manifest: manifest.pop("energy"), "results/wa is of an earlier version, which did not meter"),
        ("rules", lambda manifest: manifest.update(status="failed"), "results/rules is failed"),
        ("rules", lambda manifest: manifest.update(config_digest="0"), "different problems (the content of their"),
    ],
)
def test_where_nothing_is_to_be_said_it_says_why(both, run, how, reason):
    change(both / run, how)
    found, said = told("wa", "rules")
    assert found["break_even"] is None
    assert said.startswith("there is no break-even: ")
    assert reason in said


def test_a_configuration_that_cannot_be_read_is_a_reason(both):
    with (both / "wa" / "config.toml").open("a") as file:
        file.write("\n[of_another_version]\nsetting = 1\n")
    assert re.search("^there is no break-even: .*of_another_version", told("wa", "rules")[1], re.MULTILINE)


def test_where_conditions_change_there_is_none(both):
    path = both / "wa" / "config.toml"
    path.write_text(path.read_text().replace("continual = false", "continual = true"))
    config, source = configured(MamoConfig, read_toml(path)), read_trace(both / "wa" / "trace.csv")
    change(both / "wa", lambda manifest: manifest.update(config_digest=digest(config, source.digest())))
    assert "there is no break-even: conditions change in results/wa" in told("wa", "rules")[1]


def test_another_instance_is_another_problem(both):
    path = both / "rules" / "config.toml"
    path.write_text(path.read_text().replace("\ntolerance = 0.05", "\ntolerance = 0.06"))
    assert "there is no break-even: the two are of different problems (instance)" in told("wa", "rules")[1]


def test_a_damaged_ledger_is_bad_input(both):
    change(both / "wa", lambda manifest: manifest.update(energy={"kwh": 1}))
    done = mamo("runs", "compare", "wa", "rules")
    assert (done.code, done.out) == (3, "")
    assert "its run.json is damaged: there is no break-even" in done.err
