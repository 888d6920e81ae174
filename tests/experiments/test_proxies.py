"""What a run says of a proxy that its training was told: in run.json, tables, figure and report."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.analysis.told import tables_of
from mamo_cli.domains.battery.domain import build, load
from mamo_cli.domains.battery.settings import BatteryConfig
from mamo_cli.domains.faas.counting import PROXY as COUNTED_BY_PERIODS
from mamo_cli.domains.tabular import junction
from mamo_cli.domains.tabular.junction import JunctionConfig
from mamo_cli.experiments.reported import reported
from mamo_cli.plots.pictures import pictures_of, pictures_of_several
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import read_trace, write_trace
from tests.cli.invoke import TRAIN, mamo
from tests.experiments.mini import write_scenario

EXACT = ("run-mamo", "--te", "exact", "--strategy", "bisect", "--readout", "mix", "--cycles", "12")
SMALL = ("--domain", "junction", "--places", "4")
FORMULA = "cost is queue 1 alone, which has more arrivals, / 8 places, in place of both"


@pytest.fixture(scope="module")
def fooled(tmp_path_factory):
    """The folder of a run of a junction under its proxy, and what it said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("fooled"))
        ended = mamo(*EXACT, *SMALL, "--proxy", "busier-queue", "--seeds", "2", "--name", "fooled")
        assert ended.code == 0
        return Path.cwd() / "results" / "fooled", ended


def test_the_formula_is_recorded_and_said(fooled):
    folder, ended = fooled
    assert read_manifest(folder)["proxy"] == FORMULA
    said = f"trained on a proxy: {FORMULA}; the evaluation, bounds and regret are of the truth\n"
    assert ended.err.count(said) == 1


def test_the_table_has_belief_truth_and_what_it_costs(fooled):
    # 0.3 vehicles and a full queue of 4, over the least that can be; no switch.
    folder, ended = fooled
    config = JunctionConfig(places=4)
    least = 8 * bound(junction.build(config, junction.load(config))).cost
    summary = json.loads((folder / "run.json").read_text())["summary"]
    table = tables_of(folder, summary)[1]
    assert table.headings == [
        "seed", "believed cost", "true cost", "believed switches", "true switches", "limit", "charged regret",
    ]  # fmt: skip
    for seed, row in enumerate(table.rows):
        assert row == pytest.approx([seed, 0.3 / 8, 4.3 / 8, 0.0, 0.0, 0.1, 4.3 / least - 1], rel=1e-9)
    assert "believed cost" in ended.out


def test_no_part_of_the_cost_is_blamed_on_agents_that_answer_to_the_proxy_exactly(fooled):
    folder, ended = fooled
    said = "agents and weights answer to a proxy, not to the limits: no term of the cost over the bound\n"
    assert ended.err.count(said) == 1
    assert not (folder / "decomposition.csv").exists()
    assert "decomposition" not in [picture.name for picture in pictures_of(folder)]
    summary = read_manifest(folder)["summary"]
    assert {row[term] for row in summary for term in TERMS} == {None}
    assert not [table for table in tables_of(folder, summary) if table.headings[0] == "%"]


@pytest.mark.parametrize(
    "about", [("inventory", "--proxy", "slow-periods"), ("battery", "--parts", "4", "--proxy", "first-part")]
)
def test_a_plan_is_told_no_proxy(tmp_path, monkeypatch, about):
    monkeypatch.chdir(tmp_path)
    ended = mamo("solve-offline", "--domain", *about)
    assert (ended.code, ended.out, list(tmp_path.iterdir())) == (2, "", [])
    assert "solve-offline trains nothing that could be told a proxy: leave --proxy out\n" in ended.err


def test_requests_that_are_counted_are_no_probability_of_a_period(tmp_path, monkeypatch):
    # 10 and 30 requests/s, of which one replica rejects 1/2 and 3/4: over the mean of 20, 0.25 and 1.125 of it.
    monkeypatch.chdir(tmp_path)
    rates = np.tile([[10.0], [30.0]], (10, 1))
    write_trace(Trace(("f0",), rates, rates, 300.0), Path("two.csv"))
    one = ("--max-replicas", "1", "--rejection-model", "erlang", "--warm-service-time", "0.1", "--noise", "0")
    told = ("--trace", "two.csv", *one, "--counting", "requests")
    assert mamo(*TRAIN, *told, "--alpha", "0.5", "--name", "counted", "-q").code == 0
    folder = Path("results/counted")
    evaluation = pd.read_csv(folder / "evaluation.csv")
    assert "rejection" not in evaluation
    assert sorted(evaluation["rejected"].unique()) == pytest.approx([0.25, 1.125], abs=1e-4)
    assert read_manifest(folder)["summary"][0]["mean_rejected"] == pytest.approx(27.5 / 40, abs=1e-4)
    figures = {picture.name: picture for picture in pictures_of(folder)}
    own = figures["te_agents"]
    *_, panel = own.kind.draw(own.table, own.words).axes
    assert panel.get_ylabel() == "Rejected requests\n(share of a period's mean)"
    assert panel.get_ylim()[1] > 1.125
    assert "rejection" not in "".join(figure.describe() for figure in figures.values()).lower()


def test_figure_and_report_say_it(fooled):
    folder, _ = fooled
    (figure,) = [picture for picture in pictures_of(folder) if picture.name == "mamo"]
    told = figure.table.iloc[0]
    assert told["proxy"] == FORMULA
    assert [told["believed_cost"], told["true_cost"]] == pytest.approx([0.3 / 8, 4.3 / 8], rel=1e-6)
    said = "cost: believed 0.0375, true 0.5375; switches: believed 0, true 0 (limit 0.1)"
    assert f" Medians of the seeds, {said}." in figure.describe()
    assert figure.describe().endswith(f" Trained on a proxy: {FORMULA}.")
    title = figure.kind.draw(figure.table, figure.words).get_suptitle()
    assert title.replace("\n", " ").endswith(f"{said} trained on a proxy: {FORMULA}")
    page = reported("fooled", folder)
    assert ("trained on a proxy", FORMULA) in page.problem.rows
    assert page.headline.endswith(
        "Training, which was told a proxy, believed a cost of 0.0375 and a mean switches of 0 (medians)."
    )


def test_violation_beyond_the_limit_is_charged_at_the_exact_price(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_trace(load(BatteryConfig()).slice(0, 168), Path("week.csv"))
    told = ("--domain", "battery", "--trace", "week.csv", "--parts", "4", "--proxy", "first-part", "--seeds", "1")
    (member,) = json.loads(mamo(*EXACT, *told, "--json", "-q").out)["members"]
    assert member["believed_excess"] == pytest.approx(0.02, rel=1e-6)
    assert member["mean_excess"] == pytest.approx(0.3552, rel=0.01)
    # The price is the slope of the least cost in the limit, here by two limits around it.
    least = [at_limit(limit) for limit in (0.0199, 0.02, 0.0201)]
    price = (least[0] - least[2]) / 0.0002
    charged = member["mean_cost"] + price * (member["mean_excess"] - 0.02)
    assert member["charged_regret"] == pytest.approx(charged / least[1] - 1, rel=1e-3)
    assert member["charged_regret"] == pytest.approx(0.1535, rel=0.01)
    (folder,) = Path("results").iterdir()
    assert ("control periods", "168 of 3600 s, each cut into parts of 900 s") in reported("week", folder).problem.rows
    assert member["mean_cost"] < least[1]


def test_of_several_agents_the_mean_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    day = load(BatteryConfig()).slice(0, 48).expected_rate_rps
    write_trace(Trace(("h0", "h1"), np.hstack((day, 2 * day)), np.hstack((day, 2 * day)), 3600.0), Path("two.csv"))
    told = ("--domain", "battery", "--trace", "two.csv", "--parts", "2", "--proxy", "first-part", "--seeds", "1")
    (member,) = json.loads(mamo(*EXACT, *told, "--name", "two", "--json", "-q").out)["members"]
    delivered, agents = (pd.read_csv(f"results/two/{name}.csv") for name in ("delivered", "agents"))
    for name in ("cost", "excess"):
        each = [(own["share"] * own[f"train_{name}"]).sum() for _, own in delivered.groupby("home")]
        assert len(each) == 2
        assert member[f"believed_{name}"] == pytest.approx((each[0] + each[1]) / 2, rel=1e-12)
    assert member["mean_excess"] == pytest.approx(agents["mean_excess"].mean(), rel=1e-12)
    assert agents["mean_excess"].min() > 2 * member["tolerance"]


def at_limit(tolerance):
    config = BatteryConfig(parts=4, tolerance=tolerance)
    return bound(build(config, read_trace(Path("week.csv")))).cost


def test_agents_at_fixed_weights_are_told_of_likewise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = (*SMALL, "--proxy", "busier-queue", "--evaluation-steps", "50", "--alpha", "0.1", "--alpha", "0.9")
    assert mamo(*TRAIN, *about, "--name", "te", "-q").code == 0
    folder = Path("results/te")
    summary = read_manifest(folder)["summary"]
    training = pd.read_csv(folder / "training.csv")
    for row, (_, own) in zip(summary, training.groupby(["seed", "alpha"], sort=False), strict=True):
        assert (row["seed"], row["alpha"]) == tuple(own[["seed", "alpha"]].iloc[0])
        assert row["believed_cost"] == pytest.approx(own["mean_cost"].mean(), rel=1e-12)  # both iterations are of it
        # By the proxy: a queue of the two, over the places of both.
        assert row["believed_cost"] == pytest.approx(own["mean_queue_1"].mean() / 8, rel=1e-12)
    table = tables_of(folder, summary)[1]
    assert table.headings[:4] == ["seed", "alpha", "cost in training", "true cost"]
    assert [row[:4] for row in table.rows] == [
        [row[name] for name in ("seed", "alpha", "believed_cost", "mean_cost")] for row in summary
    ]


def test_figures_of_training_on_a_proxy_say_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = (*TRAIN, *SMALL, "--evaluation-steps", "50", "--alpha", "0.1", "-q")
    assert mamo(*about, "--proxy", "busier-queue", "--name", "told").code == 0
    assert mamo(*about, "--name", "honest").code == 0
    told, honest = Path("results/told"), Path("results/honest")
    figures = {picture.name: picture for picture in pictures_of(told)}
    for picture in figures.values():
        assert picture.describe().endswith(f" Trained on a proxy: {FORMULA}.")
    for name in ("learning_curves", "te_agents"):
        drawn = figures[name].kind.draw(figures[name].table, figures[name].words)
        assert drawn.get_suptitle().replace("\n", " ").endswith(f" trained on a proxy: {FORMULA}")
    assert not [picture.name for picture in pictures_of(honest) if "proxy" in picture.describe()]
    several = {picture.name: picture for _, picture in pictures_of_several({"honest": honest, "told": told})}
    compared = several["learning_curves_compared"]
    assert compared.describe().endswith(f" Told, trained on a proxy: {FORMULA}.")
    title = compared.kind.draw(compared.table, compared.words).get_suptitle().replace("\n", " ")
    assert title.endswith(f" told, trained on a proxy: {FORMULA}")


def test_a_comparison_says_which_scenario_trains_on_a_proxy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    instance = ("tolerance = 0.3", 'tolerance = 0.3\ncounting = "requests"\nproxy = "periods"')
    write_scenario(Path("told.toml"), instance)
    write_scenario(Path("mini.toml"))
    asked = ("compare", "told.toml", "mini.toml", "--strategy", "fixed", "--seeds", "1", "--jobs", "1")
    ended = mamo(*asked, "--name", "both", "-q")
    assert ended.code == 0, ended.err
    folder, formula = Path("results/both"), COUNTED_BY_PERIODS
    assert {name: own["proxy"] for name, own in read_manifest(folder)["own"].items()} == {"told": formula}
    assert tables_of(folder, read_manifest(folder)["summary"])[1].rows == [["told", formula]]
    figures = {picture.name: picture for picture in pictures_of(folder)}
    assert figures["leaderboard"].describe().endswith(f" Told, trained on a proxy: {formula}.")
    for name in ("anytime", "profile"):
        own = figures[f"{name}_told"]
        title = own.kind.draw(own.table, own.words).get_suptitle().replace("\n", " ")
        assert title.endswith(f" trained on a proxy: {formula}")
        assert "proxy" not in figures[f"{name}_mini"].describe()
    assert figures["profile_told"].words.violations[0].name == "rejected"
    drawn = figures["leaderboard"].kind.draw(figures["leaderboard"].table, figures["leaderboard"].words)
    assert drawn.get_suptitle().replace("\n", " ").endswith(f" told, trained on a proxy: {formula}")


def test_without_a_proxy_nothing_is_added(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mamo(*EXACT, *SMALL, "--seeds", "1", "--name", "honest", "-q").code == 0
    assert "proxy" not in read_manifest(Path("results/honest"))
    assert not [name for name in pd.read_csv("results/honest/summary.csv") if "believed" in name or "charged" in name]
    (figure,) = [picture for picture in pictures_of(Path("results/honest")) if picture.name == "mamo"]
    assert not {"proxy", "believed_cost"} & set(figure.table)
    assert np.isfinite(figure.table["exact_alpha"]).all()
