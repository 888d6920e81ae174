"""The plotted numbers are the run's numbers, and what diverged is said to have."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean

from mamo_cli.analysis.agent_tables import OPTIMUM, learning_curves_table, regret_table, te_agents_table
from mamo_cli.analysis.frontier_tables import frontier_table, same_instance
from mamo_cli.analysis.mamo_tables import OVER_BOUND, mamo_table
from mamo_cli.analysis.offline_tables import offline_noise_table, offline_table
from mamo_cli.core.errors import DataError
from tests.analysis.synthetic_runs import write_mamo, write_offline, write_train


def raw(folder, name):
    """The file's cells, numbers exactly as Python reads them."""
    table = pd.read_csv(folder / name, dtype=str, na_values=["nan"])
    for column in table.columns.difference(["function", "kind", "scope"]):
        table[column] = table[column].astype(float)
    return table


def centre_of(table, quantity, **where):
    rows = table[(table["series"] == "centre") & (table["quantity"] == quantity)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def test_offline_numbers_are_the_plans_and_its_means_the_summarys(tmp_path):
    run = write_offline(tmp_path / "run")
    table, plan, summary = offline_table(run), raw(run, "plan.csv"), raw(run, "summary.csv").iloc[0]
    assert (table["replicas"] == plan["replicas"]).all()
    assert (table["rejection"] == plan["rejection_expected"]).all()
    assert list(table["hours"].iloc[[0, 12, 144]]) == [0.0, 1.0, 12.0]  # 300 s a step
    np.testing.assert_allclose(table["mean_replicas"], summary["mean_replicas"], rtol=1e-12)
    np.testing.assert_allclose(table["mean_rejection"], summary["mean_rejection_expected"], rtol=1e-12)


def test_steps_above_the_tolerance_are_marked(tmp_path):
    run = write_offline(tmp_path / "run")
    table, summary = offline_noise_table(run), raw(run, "summary.csv").iloc[0]
    above = table[table["above_tolerance"] == 1]
    assert above["rejection"].min() > 0.05 >= table[table["above_tolerance"] == 0]["rejection"].max()
    np.testing.assert_allclose(table["share_above_tolerance"], summary["share_above_tolerance"], rtol=1e-12)
    np.testing.assert_allclose(table["mean_rejection"], summary["mean_rejection_actual"], rtol=1e-12)


def test_functions_have_means_of_their_own(tmp_path):
    run = write_offline(tmp_path / "run", ["resize", "ocr"])
    expected = raw(run, "plan.csv").groupby("function")["rejection_actual"].mean()
    means = offline_noise_table(run).groupby("agent")["mean_rejection"].first()
    pd.testing.assert_series_equal(means, expected, check_names=False, check_index_type=False)


def test_te_agents_hold_every_seed_its_iqm_and_the_optimum(tmp_path):
    run = write_train(tmp_path / "run", seeds=5, diverged=[(3, 0.9)])
    table, evaluation = te_agents_table(run), raw(run, "evaluation.csv")
    seed = table[(table["alpha"] == 0.9) & (table["seed"] == 4) & (table["quantity"] == "rejection")]
    source = evaluation[evaluation["alpha"] == 0.9].pivot(index="seed", columns="step", values="rejection")
    assert (seed["value"].to_numpy() == source.loc[4].to_numpy()).all()
    centre = centre_of(table, "rejection", alpha=0.9)
    np.testing.assert_allclose(centre["value"], trim_mean(source.drop(index=3), 0.25), rtol=1e-12)
    assert set(zip(centre["seeds"], centre["seeds_total"], strict=True)) == {(4, 5)}
    frontier = raw(run, "frontier.csv").query("kind == 'alpha' and alpha == 0.9").iloc[0]
    optimum = table[(table["series"] == OPTIMUM) & (table["alpha"] == 0.9)]
    assert list(optimum["value"]) == [frontier["mean_replicas"], frontier["mean_rejection"]]


def test_regret_is_in_percent_and_by_alpha(tmp_path):
    run = write_train(tmp_path / "run", seeds=4, diverged=[(0, 0.1)])
    table, summary = regret_table(run), raw(run, "summary.csv")
    kept = summary.dropna(subset="regret").groupby("alpha")["regret"]
    centre = centre_of(table, "regret_percent")
    np.testing.assert_allclose(centre["value"], 100 * kept.apply(lambda values: trim_mean(values, 0.25)), rtol=1e-12)
    assert list(centre["seeds"]) == [3, 4]
    assert (centre["low"] <= centre["value"]).all()


def test_learning_curves_stand_over_training_steps(tmp_path):
    run = write_train(tmp_path / "run", seeds=4)
    centre = centre_of(learning_curves_table(run), "mean_replicas", alpha=0.1)
    source = raw(run, "training.csv").query("alpha == 0.1").groupby("env_steps")["mean_replicas"]
    np.testing.assert_allclose(centre["value"], source.apply(lambda values: trim_mean(values, 0.25)), rtol=1e-12)
    assert list(centre["env_steps"].iloc[:2]) == [288, 576]


def test_mamo_lays_training_and_evaluation_on_one_axis_of_cycles(tmp_path):
    run = write_mamo(tmp_path / "run", seeds=4, cycles=3, rows_each=2, diverged=[1])
    table = mamo_table(run)
    assert list(centre_of(table, "alpha")["cycle"]) == [0, 1, 2]
    assert list(centre_of(table, "mean_rejection")["cycle"]) == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert set(zip(table["seeds"], table["seeds_total"], strict=True)) == {(3, 4)}
    alphas = raw(run, "cycles.csv").query("seed != 1").groupby("cycle")["alpha"].median()
    assert list(centre_of(table, "alpha")["value"]) == list(alphas)
    ratio = raw(run, "summary.csv")["cost_over_bound"].dropna()
    over = table[table["quantity"] == OVER_BOUND]
    np.testing.assert_allclose(over["value"].iloc[:3], 100 * (ratio - 1), rtol=1e-12)


def test_mamo_with_no_seed_left_says_so(tmp_path):
    run = write_mamo(tmp_path / "run", seeds=2, cycles=2, rows_each=8, diverged=[0, 1])
    with pytest.raises(DataError, match="every seed diverged"):
        mamo_table(run)


def test_the_frontier_holds_the_curve_the_scopes_and_the_agents(tmp_path):
    train = write_train(tmp_path / "train", seeds=3, diverged=[(2, 0.1)])
    runs = [write_offline(tmp_path / "offline"), train, write_mamo(tmp_path / "mamo", seeds=2, cycles=2, rows_each=1)]
    table = frontier_table(runs)
    assert dict(table["kind"].value_counts()) == {"alpha": 11, "te_agent": 6, "mamo": 2, "step": 1, "average": 1}
    agents = table[table["kind"] == "te_agent"]
    assert agents["mean_cost"].count() == 5
    source = raw(train, "summary.csv")["mean_rejection"]
    np.testing.assert_array_equal(agents["mean_rejection"], source)


def test_runs_of_different_instances_are_told_apart(tmp_path):
    first, second = write_offline(tmp_path / "first"), write_train(tmp_path / "second", seeds=1)
    assert same_instance(first, second)
    frontier = raw(second, "frontier.csv")
    frontier.assign(mean_rejection=frontier["mean_rejection"] * 1.01).to_csv(second / "frontier.csv", index=False)
    assert not same_instance(first, second)
