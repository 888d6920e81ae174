"""Two runs beside one another, of summaries that were laid out by hand."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from mamo_cli.cli.commands import COMMANDS
from mamo_cli.core.errors import UsageError
from mamo_cli.experiments.configs import KINDS
from mamo_cli.experiments.two_runs import Beside, Difference, Mean, two_runs

VERSIONS = {"versions": {"numpy": "2.0", "torch": "2.4"}, "git": {"commit": "aaa", "dirty": False}, "cpu": "one"}


def made(folder: Path, command: str, config: str, summary, status: str = "complete", **facts) -> Path:
    folder.mkdir()
    manifest = {"command": command, "status": status, "starts": [], "domain": "faas", "config_digest": "d", **VERSIONS}
    (folder / "run.json").write_text(json.dumps({**manifest, "summary": summary, **facts}))
    (folder / "config.toml").write_text(config)
    return folder


def member(seed: int, **numbers):
    return {"seed": seed, "tolerance": 0.05, "step_seconds": 300.0, **numbers}


def beside(found, of: str, quantity: str) -> Beside:
    [one] = [one for one in found.outcome if (one.of, one.quantity) == (of, quantity)]
    return one


def test_means_are_over_each_runs_seeds_and_differences_over_those_of_both(tmp_path):
    first = [member(seed, mean_cost=cost) for seed, cost in ((0, 1.0), (1, 3.0))]
    second = [member(seed, mean_cost=cost) for seed, cost in ((1, 2.5), (2, 9.0), (3, None))]
    found = two_runs(
        made(tmp_path / "a", "run-mamo", "seeds = 2", first), made(tmp_path / "b", "run-mamo", "seeds = 4", second)
    )
    # Of two seeds a quarter of all resamples is either one twice, so that the 2.5 % and 97.5 % quantiles are the two.
    assert found.outcome == [
        Beside("", "mean_cost", Mean(2.0, 1.0, 3.0, 2), Mean(5.75, 2.5, 9.0, 2), Mean(-0.5, None, None, 1), False)
    ]
    assert found.differences == [Difference("seeds", 2, 4)]
    assert (found.only, found.not_comparable) == (([], []), "")


def test_differences_are_of_the_same_seed(tmp_path):
    first = [member(seed, mean_cost=seed * 1.0) for seed in range(4)]
    second = [member(seed, mean_cost=seed + 0.25) for seed in (3, 2, 1, 0)]
    found = two_runs(made(tmp_path / "a", "run-mamo", "", first), made(tmp_path / "b", "run-mamo", "", second))
    assert beside(found, "", "mean_cost").difference == Mean(0.25, 0.25, 0.25, 4)


def test_of_fixed_alphas_each_stands_beside_its_own(tmp_path):
    def rows(*alphas: float):
        return [member(seed, alpha=alpha, mean_cost=10 * alpha + seed) for alpha in alphas for seed in (0, 1)]

    found = two_runs(
        made(tmp_path / "a", "train", "alpha = [0.1, 0.9]", rows(0.1, 0.9)),
        made(tmp_path / "b", "train", "alpha = [0.9, 0.5]", rows(0.9, 0.5)),
    )
    assert [(one.of, one.quantity) for one in found.outcome] == [("alpha 0.9", "mean_cost")]
    assert found.outcome[0].first == found.outcome[0].second == Mean(9.5, 9.0, 10.0, 2)
    assert found.only == (["alpha 0.1"], ["alpha 0.5"])


def test_of_a_loop_alpha_is_what_came_out(tmp_path):
    rows = [member(0, alpha=0.5), member(1, alpha=0.5)]
    found = two_runs(made(tmp_path / "a", "run-mamo", "", rows), made(tmp_path / "b", "run-mamo", "", rows))
    assert beside(found, "", "alpha") == Beside(
        "", "alpha", Mean(0.5, 0.5, 0.5, 2), Mean(0.5, 0.5, 0.5, 2), Mean(0.0, 0.0, 0.0, 2), True
    )


def test_plans_have_one_number_each(tmp_path):
    def plan(cost: float):
        return {"scope": "step", "alpha": None, "tolerance": 0.05, "steps": 288, "mean_cost": cost, "solver": "cbc"}

    found = two_runs(
        made(tmp_path / "a", "solve-offline", "", plan(0.6)), made(tmp_path / "b", "solve-offline", "", plan(0.9))
    )
    assert found.outcome == [
        Beside(
            "step",
            "mean_cost",
            Mean(0.6, None, None, 1),
            Mean(0.9, None, None, 1),
            Mean(pytest.approx(0.3), None, None, 1),
            False,
        )
    ]


def test_a_comparisons_cells_stand_beside_those_of_the_other(tmp_path):
    def cell(strategy: str, regret: float):
        return {"scenario": "tight", "strategy": strategy, "seeds": 8, "te": "dqn", "regret": regret}

    found = two_runs(
        made(tmp_path / "a", "compare", "", [cell("dual", 0.1), cell("pid", 0.3)]),
        made(tmp_path / "b", "compare", "", [cell("dual", 0.2)]),
    )
    assert beside(found, "tight dual", "regret").difference.value == pytest.approx(0.1)
    assert found.only == (["tight pid"], [])


def test_versions_commits_devices_and_traces_that_differ_are_named(tmp_path):
    first = made(tmp_path / "a", "run-mamo", "seeds = 1", [member(0, mean_cost=1.0)])
    git, versions = {"commit": "bbb", "dirty": True}, {"numpy": "2.0", "torch": "2.5"}
    second = made(
        tmp_path / "b", "run-mamo", "seeds = 1", [member(0, mean_cost=1.0)], git=git, versions=versions, device="cuda"
    )
    for path, content in ((first, "1"), (second, "2")):
        (path / "trace.csv").write_text(content)
    found = two_runs(first, second)
    assert found.differences == [
        Difference("device", "cpu", "cuda"),
        Difference("content of the trace", "its own", "another"),
        Difference("versions.torch", "2.4", "2.5"),
        Difference("git.commit", "aaa", "bbb"),
        Difference("git.dirty", False, True),
    ]
    assert found.not_comparable.startswith("the two are of different problems (content of the trace): mind that")


def test_what_only_a_digest_tells_is_told(tmp_path):
    rows = [member(0, mean_cost=1.0)]
    found = two_runs(
        made(tmp_path / "a", "run-mamo", "", rows), made(tmp_path / "b", "run-mamo", "", rows, config_digest="e")
    )
    assert found.differences == [Difference("digest, as of another trace or version", "d", "e")]


def test_a_setting_that_an_earlier_version_did_not_have_has_its_default(tmp_path):
    rows = [member(0, mean_cost=1.0)]
    old, new = 'domain = "faas"\n', 'domain = "faas"\nreadout = "last"\nte = "dqn"\n[instance]\ntolerance = 0.02\n'
    found = two_runs(made(tmp_path / "a", "run-mamo", old, rows), made(tmp_path / "b", "run-mamo", new, rows))
    assert found.differences == [Difference("instance.tolerance", 0.05, 0.02)]
    assert found.not_comparable.startswith("the two are of different problems (instance.tolerance)")


def test_a_configuration_of_another_version_is_compared_as_it_is_written(tmp_path, caplog):
    rows = [member(0, mean_cost=1.0)]
    later = "seeds = 8\nwings = 2\n"
    found = two_runs(made(tmp_path / "a", "run-mamo", later, rows), made(tmp_path / "b", "run-mamo", later, rows))
    assert found.differences == []
    assert "a/config.toml is compared as it is written" in caplog.text


@pytest.mark.parametrize(
    ("command", "facts", "message"),
    [
        ("train", {}, "outcomes of another command are not comparable: run-mamo and train"),
        ("run-mamo", {"domain": "inventory"}, "outcomes of another domain are not comparable: faas and inventory"),
        ("run-mamo", {"status": "interrupted", "summary": None}, "b is interrupted and has no summary"),
    ],
)
def test_outcomes_that_are_not_comparable_leave_the_configurations(tmp_path, command, facts, message):
    rows = [member(0, alpha=0.5, mean_cost=1.0)]
    first = made(tmp_path / "a", "run-mamo", "seeds = 2", rows)
    found = two_runs(first, made(tmp_path / "b", command, "seeds = 3", **{"summary": rows, **facts}))
    assert found.outcome == []
    assert found.not_comparable.endswith(message)
    assert Difference("seeds", 2, 3) in found.differences


TABLES = "[instance]\n[function.search]\nwarm_service_time = 0.5\n"


@pytest.mark.parametrize(
    ("command", "first", "second", "name"),
    [
        ("train", TABLES, TABLES.replace("0.5", "0.6"), "function.search.warm_service_time"),
        ("train", "", TABLES, "function"),
        ("run-mamo", "", "[drift]\ntolerance = [[1, 0.02]]\n", "drift.tolerance"),
        ("evaluate", "", "noise = 0.3", "noise"),
        ("evaluate", "", "noise_seed = 3", "noise_seed"),
        ("evaluate", "", "tolerance = 0.1", "tolerance"),
        ("evaluate", "", 'rejection_model = "erlang"', "rejection_model"),
        ("evaluate", "", "shield = 0.02", "shield"),
        ("evaluate", "", 'trace = "other.csv"', "trace"),
    ],
)
def test_whatever_makes_it_another_problem_is_to_be_minded(tmp_path, command, first, second, name):
    rows = [member(0, alpha=0.5, mean_cost=1.0)]
    found = two_runs(made(tmp_path / "a", command, first, rows), made(tmp_path / "b", command, second, rows))
    assert [one.of for one in found.differences] == [name]
    assert found.not_comparable == f"the two are of different problems ({name}): mind that beside the numbers"


def test_who_learns_and_whose_policies_are_evaluated_is_no_other_problem(tmp_path):
    rows = [member(0, alpha=0.5, mean_cost=1.0)]
    for place, (command, first, second) in enumerate(
        [("evaluate", 'run = "te"', 'run = "wa"'), ("train", "seeds = 1", "seeds = 2\n[phase]\niterations = 3\n")]
    ):
        one = made(tmp_path / f"a{place}", command, first, rows)
        found = two_runs(one, made(tmp_path / f"b{place}", command, second, rows))
        assert found.differences
        assert found.not_comparable == ""


def test_of_a_domain_that_is_not_known_the_instance_is_the_problem(tmp_path):
    rows, facts = [member(0, mean_cost=1.0)], {"domain": "windmill"}
    first = made(tmp_path / "a", "run-mamo", "[instance]\nwings = 2\n", rows, **facts)
    found = two_runs(first, made(tmp_path / "b", "run-mamo", "[instance]\nwings = 3\n", rows, **facts))
    assert found.not_comparable.startswith("the two are of different problems (instance.wings)")


def test_a_models_errors_stand_beside_those_of_the_same_function_and_model(tmp_path):
    def tables(*rows: tuple[str, str, float]):
        models = [{"function": f, "model": model, "mean_absolute_error": error} for f, model, error in rows]
        held_out = {
            "model": "erlang",
            "times": "fitted",
            "fitted_rows": len(rows),
            "mean_absolute_error": rows[0][2] + 1,
        }
        return {"models": models, "held_out": [held_out]}

    first = tables(("a", "erlang", 0.3), ("a", "serverless", 0.1), ("b", "erlang", 0.5))
    second = tables(("a", "erlang", 0.2), ("a", "serverless", 0.15), ("a", "measured", 0.01), ("a", "other", 0.0))
    found = two_runs(
        made(tmp_path / "a", "validate-model", "", first), made(tmp_path / "b", "validate-model", "", second)
    )
    differences = {(one.of, one.quantity): one.difference.value for one in found.outcome}
    assert differences == {
        ("a erlang", "mean_absolute_error"): pytest.approx(-0.1),
        ("a serverless", "mean_absolute_error"): pytest.approx(0.05),
        ("erlang fitted held to measurements", "mean_absolute_error"): pytest.approx(-0.1),
    }
    assert found.only == (["b erlang"], ["a measured", "a other"])


def test_where_no_number_is_of_the_same_thing_that_is_said(tmp_path):
    first = made(tmp_path / "a", "solve-offline", "", {"scope": "step", "mean_cost": 0.5})
    found = two_runs(first, made(tmp_path / "b", "solve-offline", "", {"scope": "average", "mean_cost": 0.5}))
    assert found.outcome == []
    assert found.not_comparable == "no number of one summary stands beside one of the other"


def test_the_configuration_of_every_command_that_has_one_is_known():
    functions = {
        name: getattr(import_module(f"mamo_cli.cli.{entry.module}"), entry.name) for name, entry in COMMANDS.items()
    }
    kinds = {name: function.configured for name, function in functions.items() if hasattr(function, "configured")}
    assert len(kinds) > 4
    assert kinds.items() <= KINDS.items()


def test_a_run_is_not_compared_with_itself(tmp_path):
    run = made(tmp_path / "a", "run-mamo", "", [member(0, mean_cost=1.0)])
    with pytest.raises(UsageError, match="are the same run: name two"):
        two_runs(run, tmp_path / "." / "a")
