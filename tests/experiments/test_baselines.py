"""`mamo baselines`: the tables, recomputed from one another, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.told import tables_of
from mamo_cli.core.errors import UsageError
from mamo_cli.domains.faas.baselines.catalogue import BASELINES
from mamo_cli.experiments.baselines import baselines
from mamo_cli.experiments.configs import BaselinesConfig, configured
from mamo_cli.experiments.session import Place
from mamo_cli.runs.manifest import read_manifest
from mamo_cli.runs.outcomes import outcomes_of
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo
from tests.domains.faas.nodes import made_trace

INSTANCE = {"rejection_model": "erlang", "warm_service_time": 0.1, "max_replicas": 12, "tolerance": 0.1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two functions over 24 periods; one costs twice as much."""
    folder = tmp_path_factory.mktemp("baselines")
    write_trace(made_trace(2, 24, period=24), folder / "trace.csv")
    instance = {**INSTANCE, "trace": str(folder / "trace.csv"), "replica_cost": [1.0, 2.0]}
    return baselines(configured(BaselinesConfig, {"instance": instance}), Place(folder / "results")).path


def test_the_summary_is_what_the_steps_say(run):
    steps, summary = pd.read_csv(run / "baselines.csv"), pd.read_csv(run / "summary.csv")
    assert summary[["rule", "knobs"]].values.tolist() == [
        [rule, how] for rule in BASELINES for how in ("default", "tuned")
    ]
    assert len(steps) == len(summary) * 24 * 2
    for row in summary.itertuples():
        own = steps[(steps["rule"] == row.rule) & (steps["knobs"] == row.knobs)]
        assert own["replicas"].mean() == pytest.approx(row.mean_replicas, rel=1e-12)
        assert own["rejection"].mean() == pytest.approx(row.mean_rejection, rel=1e-12)
        assert own["cost"].mean() / (1.5 * 12) == pytest.approx(row.mean_cost, rel=1e-12)
        by_function = own.groupby("function")
        assert (own["cost"] == own["replicas"] * own["function"].map({"f0": 1.0, "f1": 2.0})).all()
        assert row.holds == (by_function["rejection"].mean() <= 0.1).all()
        assert row.cost_over_causal_bound == pytest.approx(row.mean_cost / row.causal_bound_cost)


def test_each_function_stands_beside_its_own_limit(run):
    agents, summary = pd.read_csv(run / "agents.csv"), pd.read_csv(run / "summary.csv")
    assert (agents["tolerance"] == 0.1).all()
    assert (agents["holds"] == (agents["mean_rejection"] <= 0.1)).all()
    means = agents.groupby(["rule", "knobs"], sort=False)["mean_cost"].mean()
    assert means.to_numpy() == pytest.approx(summary["mean_cost"].to_numpy())


def test_tuned_rules_hold_in_training_and_defaults_are_the_documented_ones(run):
    summary = pd.read_csv(run / "summary.csv").set_index(["rule", "knobs"])
    assert (summary.xs("tuned", level="knobs")["held_in_training"] == 1).all()
    defaults = summary.xs("default", level="knobs")["setting"]
    assert defaults["kubernetes-hpa"] == "f0: target=0.7 tolerance=0.1; f1: target=0.7 tolerance=0.1"
    assert defaults["knative-kpa"] == "f0: target=1 utilisation=0.7; f1: target=1 utilisation=0.7"
    assert defaults["openfaas-pro"] == "f0: target=50 proportion=0.9; f1: target=50 proportion=0.9"
    assert defaults["openfaas-ce"] == "f0: rps=5 max=5; f1: rps=5 max=5"
    assert defaults["erlang"] == "f0: margin=1; f1: margin=1"
    cost = summary["mean_cost"].unstack()
    assert cost.loc["static", "tuned"] == cost["tuned"].max()


def test_no_rule_within_its_limit_undercuts_the_clairvoyant_bound(run):
    summary = pd.read_csv(run / "summary.csv")
    held = summary[summary["holds"] == 1]
    assert len(held) >= 4
    assert (held["cost_over_bound"] > 1.0).all()


def test_functions_in_one_memory_never_take_more_than_there_is(tmp_path):
    write_trace(made_trace(2, 24, period=24), tmp_path / "trace.csv")
    memory = {"memory_per_replica": 128, "node_memory": 1536}
    instance = {**INSTANCE, "trace": str(tmp_path / "trace.csv"), **memory}
    steps = pd.read_csv(
        baselines(configured(BaselinesConfig, {"instance": instance}), Place(tmp_path)).path / "baselines.csv"
    )
    taken = 128 * steps.groupby(["rule", "knobs", "step"])["replicas"].sum()
    assert taken.max() == 1536
    wanted = steps[steps["rule"] == "static"].groupby("function")["replicas"].max()
    assert wanted["f0"] > wanted["f1"]  # granted in order: the second has what is left


def test_runs_list_knows_what_came_out(run):
    told = outcomes_of(run, read_manifest(run))
    assert [one.title for one in told][:2] == ["static default", "static tuned"]
    assert all(one.members == 1 for one in told)


def test_where_no_setting_holds_it_is_said_and_the_least_violating_is_played(tmp_path, caplog):
    write_trace(made_trace(1, 24, period=24), tmp_path / "trace.csv")
    instance = {**INSTANCE, "trace": str(tmp_path / "trace.csv"), "max_replicas": 2}
    run = baselines(configured(BaselinesConfig, {"instance": instance}), Place(tmp_path / "results")).path
    summary = pd.read_csv(run / "summary.csv")
    assert (summary[["holds", "held_in_training"]] == 0).all(axis=None)
    told = [text.partition(":")[0] for text in caplog.messages if "does not keep the limit" in text]
    assert told == list(BASELINES)
    tuned = summary[summary["knobs"] == "tuned"]
    assert np.allclose(tuned["mean_replicas"], 2.0, atol=0.01)


def test_requests_that_are_simulated_give_a_play_a_seed_and_an_interval(tmp_path):
    write_trace(replace(made_trace(1, 6, period=6), step_seconds=60.0), tmp_path / "trace.csv")
    instance = {**INSTANCE, "trace": str(tmp_path / "trace.csv"), "rejection_model": "simulation"}
    config = configured(BaselinesConfig, {"instance": instance, "seeds": "3..5"})
    outcome = baselines(config, Place(tmp_path / "results"))
    summary, steps = (pd.read_csv(outcome.path / f"{name}.csv") for name in ("summary", "baselines"))
    assert summary.groupby(["rule", "knobs"])["seed"].apply(list).tolist() == [[3, 4, 5]] * 12
    static = steps[(steps["rule"] == "static") & (steps["knobs"] == "tuned")]
    assert static.groupby("step")["rejection"].nunique().max() == 3  # requests of its own for each seed
    assert (static["response_p95_ms"] > static["response_ms"]).all()
    own = static[static["seed"] == 4]
    row = summary[(summary["rule"] == "static") & (summary["knobs"] == "tuned") & (summary["seed"] == 4)].iloc[0]
    assert row["mean_cold_start_share"] == pytest.approx(own["cold_start_share"].mean())
    [(headings, rows)] = tables_of(outcome.path, outcome.summary)
    assert headings == ["rule", "knobs", "setting", "replicas", "rejection", "over causal", "holds"]
    told = next(row for row in rows if row[:2] == ["static", "tuned"])
    mean, low, high = (float(part.strip("[],")) for part in told[4].split())
    values = summary[(summary["rule"] == "static") & (summary["knobs"] == "tuned")]["mean_rejection"]
    assert mean == pytest.approx(values.mean(), rel=1e-3)
    assert values.min() <= low * 1.001 <= mean * 1.002 <= high * 1.003 <= values.max() * 1.005
    assert told[-1].endswith("of 3")


def test_a_limit_on_slow_responses_counts_too(tmp_path):
    # exp(-3) of the responses take longer than .3 s, .0498, whoever rules: within .1, and not within .04.
    write_trace(replace(made_trace(1, 6, period=6), step_seconds=60.0), tmp_path / "trace.csv")
    own = {"trace": str(tmp_path / "trace.csv"), "rejection_model": "simulation", "cold_service_time": 0.1}
    for allowed, holds in ((0.1, 1), (0.04, 0)):
        limit = {"latency_limit": 0.3, "latency_tolerance": allowed}
        config = configured(BaselinesConfig, {"instance": {**INSTANCE, **own, **limit}, "seeds": 1})
        summary = pd.read_csv(baselines(config, Place(tmp_path / "results")).path / "summary.csv")
        tuned = summary[(summary["knobs"] == "tuned") & (summary["rule"] == "static")].iloc[0]
        assert tuned["mean_slow"] == pytest.approx(0.0498, abs=0.01)
        assert (tuned["held_in_training"], tuned["holds"]) == (holds, holds)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"instance": {"shield": 0.05}}, "--shield is a floor under agents' choices"),
        ({"seeds": 4}, "--seeds are of simulated requests"),
        ({"domain": "junction"}, "nobody told of rules that people run there today, only of faas"),
    ],
)
def test_what_has_no_answer_is_refused_and_nothing_is_written(tmp_path, changes, told):
    with pytest.raises(UsageError, match=told):
        baselines(configured(BaselinesConfig, changes), Place(tmp_path / "results"))
    assert not (tmp_path / "results").exists()


def test_the_command_prints_one_object_and_a_table(tmp_path, run):
    asked = ["baselines", "--config", str(run / "config.toml"), "--results", str(run.parent)]
    told = json.loads(mamo(*asked, "--json").out)
    assert (told["run"], len(told["rules"])) == (str(run), 12)
    table = mamo(*asked).out.splitlines()
    assert table[0].split() == ["rule", "knobs", "replicas", "rejection", "over", "causal", "holds"]
    assert sum(line.startswith("knative-kpa") for line in table) == 2
