"""Which runs are compared does not hang on their order, and each run keeps its own numbers."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean

from mamo_cli.analysis.comparison_tables import (
    alike,
    difference,
    learning_compared,
    mamo_compared,
    names_of,
    regret_compared,
    unshared_alphas,
)
from tests.analysis.synthetic_runs import write_mamo, write_offline, write_train


def with_settings(folder, **settings):
    lines = [f"{name} = {value}" for name, value in settings.items()]
    (folder / "config.toml").write_text("\n".join(["[instance]", *lines, "[learner]", "discount = 0.5"]))
    return folder


def of_tolerance(folder, tolerance):
    summary = folder / "summary.csv"
    summary.write_text(summary.read_text().replace(",0.05,300.0", f",{tolerance},300.0"))
    return folder


def test_runs_are_grouped_by_instance_whatever_their_order(tmp_path):
    runs = {name: write_train(tmp_path / name, [0.5], seeds=1) for name in ("d0", "d95")}
    runs["t10"] = of_tolerance(write_train(tmp_path / "t10", [0.5], seeds=1), 0.1)
    for order in permutations(runs):
        groups = alike({name: runs[name] for name in order})
        assert {frozenset(group) for group in groups} == {frozenset({"d0", "d95"}), frozenset({"t10"})}


def test_what_sets_an_instance_apart_is_named(tmp_path):
    first, second = write_offline(tmp_path / "first"), write_train(tmp_path / "second", [0.5], seeds=1)
    assert difference(first, second) == ""
    of_tolerance(second, 0.1)
    assert difference(second, first) == "tolerance 0.1, not 0.05"
    with_settings(first, tolerance=0.05, max_replicas=10)
    with_settings(second, tolerance=0.1, max_replicas=5)
    assert difference(second, first) == "instance.tolerance 0.1, not 0.05, instance.max_replicas 5, not 10"


def test_other_exact_answers_are_another_instance(tmp_path):
    first, second = write_offline(tmp_path / "first"), write_train(tmp_path / "second", [0.5], seeds=1)
    frontier = pd.read_csv(second / "frontier.csv")
    frontier.assign(mean_rejection=frontier["mean_rejection"] * 1.01).to_csv(second / "frontier.csv", index=False)
    assert difference(first, second) == "another trace: other exact answers"


@pytest.mark.parametrize(("paths", "names"), [(["a/x", "a/y"], ["x", "y"]), (["a/x", "b/x", "a/x"], ["a/x", "b/x"])])
def test_runs_have_names_that_tell_them_apart(paths, names, tmp_path):
    found = names_of([tmp_path / path for path in paths])
    assert list(found) == names
    assert [str(folder.relative_to(tmp_path)) for folder in found.values()] == list(dict.fromkeys(paths))


def test_learning_is_compared_at_the_alphas_that_runs_share(tmp_path):
    runs = {
        "one": write_train(tmp_path / "one", [0.1, 0.5], seeds=4),
        "two": write_train(tmp_path / "two", [0.1, 0.9], seeds=3, diverged=[(1, 0.1)]),
    }
    assert unshared_alphas(runs) == {0.5: "one", 0.9: "two"}
    table = learning_compared(runs)
    assert set(table["alpha"]) == {0.1}
    assert set(table["series"]) == {"centre"}
    assert dict(table.groupby("run")["seeds"].first()) == {"one": 4, "two": 2}
    source = pd.read_csv(runs["one"] / "training.csv").query("alpha == 0.1").groupby("env_steps")["mean_rejection"]
    own = table.query("run == 'one' and quantity == 'mean_rejection'")
    np.testing.assert_allclose(own["value"], source.apply(lambda values: trim_mean(values, 0.25)), rtol=1e-12)


def test_mamo_is_compared_over_training(tmp_path):
    runs = {
        "long": write_mamo(tmp_path / "long", seeds=3, cycles=4, rows_each=2),
        "short": write_mamo(tmp_path / "short", seeds=3, cycles=2, rows_each=6, diverged=[0]),
    }
    table = mamo_compared(runs)
    assert list(dict.fromkeys(table["run"])) == ["long", "short"]
    assert dict(table.groupby("run")["seeds"].max()) == {"long": 3, "short": 2}
    alpha = table.query("run == 'long' and quantity == 'alpha'")
    source = pd.read_csv(runs["long"] / "training.csv").groupby("env_steps")["alpha"].median()
    assert list(alpha["value"]) == list(source)


def test_regret_is_compared_by_run(tmp_path):
    runs = {name: write_train(tmp_path / name, [0.1], seeds=seeds) for name, seeds in (("one", 4), ("two", 5))}
    table = regret_compared(runs)
    for name, folder in runs.items():
        regret = 100 * pd.read_csv(folder / "summary.csv")["regret"]
        np.testing.assert_allclose(table.query(f"run == '{name}'")["value"], [trim_mean(regret, 0.25)], rtol=1e-12)
