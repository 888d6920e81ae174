"""What is said of a figure is what is plotted: numbers by hand, from small tables and from the runs' own CSVs."""

import json
import re

import pandas as pd
import pytest

from mamo_cli.core.told import shown
from mamo_cli.domains.faas.settings import WORDS
from mamo_cli.plots import described, described_several
from mamo_cli.plots.panels import seeds_text
from mamo_cli.plots.pictures import pictures_of, pictures_of_several
from tests.analysis.synthetic_runs import write_decomposition, write_mamo, write_offline, write_train
from tests.analysis.synthetic_sweeps import write_sweep


def told(folder) -> dict[str, str]:
    return {picture.name: picture.describe() for picture in pictures_of(folder)}


def test_of_a_plan_its_ranges_means_and_what_there_is_to_doubt(tmp_path):
    folder = write_offline(tmp_path / "plan")
    plan, said = pd.read_csv(folder / "plan.csv"), told(folder)
    replicas, expected, actual = (plan[name] for name in ("replicas", "rejection_expected", "rejection_actual"))
    assert said["offline"] == (
        f"The plan of scope step over 24 hours: replicas from {replicas.min()} to {replicas.max()}, "
        f"{shown(replicas.mean())} on average; rejection from {shown(expected.min())} to {shown(expected.max())}, "
        f"{shown(expected.mean())} on average. The tolerance is 0.05."
    )
    above = 100 * (actual > 0.05).mean()
    assert f"rejection {shown(actual.mean())} on average and {shown(actual.max())} at most" in said["offline_noise"]
    assert f"above the tolerance in {above:.3g} % of the steps" in said["offline_noise"]
    summary = pd.read_csv(folder / "summary.csv").assign(termination="time_limit", gap=0.125, infeasible_steps=7)
    summary.to_csv(folder / "summary.csv", index=False)
    assert told(folder)["offline"].endswith("7 of 288 steps are above it. The plan is proven only to a gap of 0.125.")


def test_of_several_functions_each_is_told_of(tmp_path):
    folder = write_offline(tmp_path / "plan", ["first", "second"])
    said = told(folder)["offline"]
    assert "hours: first: replicas from " in said
    assert "; second: replicas from " in said


def test_of_agents_their_means_beside_the_exact_ones(tmp_path):
    folder = write_train(tmp_path / "te", [0.1, 0.9], seeds=1)
    evaluation, frontier, said = (
        pd.read_csv(folder / "evaluation.csv"),
        pd.read_csv(folder / "frontier.csv"),
        told(folder),
    )
    for alpha in (0.1, 0.9):
        own = evaluation[evaluation["alpha"] == alpha]
        exact = frontier[(frontier["kind"] == "alpha") & (frontier["alpha"] == alpha)].iloc[0]
        for name in ("replicas", "rejection"):
            assert (
                f"{name} {shown(own[name].mean())} on average (exact optimum {shown(exact[f'mean_{name}'])}), from "
                f"{shown(float(own[name].min()))} to {shown(float(own[name].max()))}"
            ) in said["te_agents"]
        training = pd.read_csv(folder / "training.csv").query("alpha == @alpha")["mean_replicas"]
        assert (
            f"at alpha {alpha:g}: mean replicas from {shown(training.iloc[0])} to {shown(training.iloc[-1])}"
            in said["learning_curves"]
        )
        regret = 100 * pd.read_csv(folder / "summary.csv").query("alpha == @alpha")["regret"].iloc[0]
        assert f"{shown(regret)} % [{shown(regret)}, {shown(regret)}] at alpha {alpha:g}" in said["regret"]


def test_of_a_loop_where_it_begins_and_ends(tmp_path):
    folder = write_mamo(tmp_path / "wa", seeds=1, cycles=4, rows_each=3)
    cycles, summary = pd.read_csv(folder / "cycles.csv"), pd.read_csv(folder / "summary.csv").iloc[0]
    said = told(folder)
    first, last = cycles.iloc[0], cycles.iloc[-1]
    assert said["mamo"].startswith(f"Over 4 cycles, n = 1 seeds: alpha from {first['alpha']:g} to {last['alpha']:g}, ")
    assert f"greedy rejection from {shown(first['eval_rejection'])} to {shown(last['eval_rejection'])}" in said["mamo"]
    over = 100 * (summary["cost_over_bound"] - 1)
    assert f"costs {over:+.2f} % [{over:+.2f}, {over:+.2f}] beside the clairvoyant bound." in said["mamo"]
    holds = int(summary["mean_rejection"] <= 0.05)
    assert f"The exact alpha is 0.8. As delivered, {holds} of 1 seeds hold the tolerance of 0.05." in said["mamo"]
    place = f"1 agent at cost {shown(summary['mean_cost'])} and rejection {shown(summary['mean_rejection'])}."
    assert place in said["frontier"]
    exact = pd.read_csv(folder / "frontier.csv").query("kind == 'step'").iloc[0]
    step = f"the plan that holds it at every step costs {shown(exact['mean_cost'])} at {shown(exact['mean_rejection'])}"
    assert step in said["frontier"]


def test_of_a_decomposition_every_term_and_what_they_come_to(tmp_path):
    folder = write_mamo(tmp_path / "wa", seeds=2, cycles=2, rows_each=1)
    write_decomposition(folder, [[0.1, 0.02, 0.3, 0.0, 0.0, -0.05, 0.0]] * 2, [0.04, 0.05])
    assert told(folder)["decomposition"] == (
        "Cost over the clairvoyant bound, middle seeds; 37.00 % [37.00, 37.00], made of information 10.00, grid 2.00, "
        "determinism 30.00, transfer 0.00, strategy 0.00, te -5.00, model 0.00, at a mean rejection of 0.045; 2 of 2 "
        "seeds hold the tolerance of 0.05."
    )


def test_of_several_runs_each_is_named(tmp_path):
    runs = {
        "wa": write_mamo(tmp_path / "wa", seeds=1, cycles=2, rows_each=2),
        "other": write_mamo(tmp_path / "other", seeds=1, cycles=2, rows_each=2),
        "te": write_train(tmp_path / "te", [0.1], seeds=1),
        "more": write_train(tmp_path / "more", [0.1], seeds=1),
    }
    said = {picture.name: picture.describe() for _, picture in pictures_of_several(runs)}
    last = pd.read_csv(runs["wa"] / "training.csv").iloc[-1]
    for name in ("wa", "other"):
        assert (
            f"{name}, n = 1 seeds: alpha {shown(last['alpha'])}, mean replicas {shown(last['mean_replicas'])}, "
            f"mean rejection {shown(last['mean_rejection'])}"
        ) in said["mamo_compared"]
    assert "more, n = 1 seeds, alpha 0.1: mean replicas " in said["learning_curves_compared"]
    assert "1 agent of te at cost 0.1059 and rejection " in said["frontier_compared"]
    assert "te: " in said["regret_compared"]


def test_of_strategies_each_place_and_way(tmp_path):
    folder = write_sweep(tmp_path / "sweep", strategies=2, cycles=3)
    said, board = told(folder), pd.read_csv(folder / "leaderboard.csv")
    for _, row in board.iterrows():
        over = shown(100 * (row["cost_over_causal_bound"] - 1))
        assert (
            f"{row['strategy']} {over} % over the causal bound at a mean violation of {shown(row['mean_violation'])}"
            in said["leaderboard"]
        )
    assert said["anytime_scenario-0"].endswith(
        "beside the leaderboard's regret, which is of what was delivered, as it was played."
    )
    way = 100 * pd.read_csv(folder / "anytime.csv").query("strategy == 'bisect'")["regret"]
    assert f"bisect from {shown(way.iloc[0])} to {shown(way.iloc[-1])} %" in said["anytime_scenario-0"]
    assert (
        "from alpha 0 to 1 a perfect agent goes from cost 0.1 to 1, violation 0.81 to 0.01"
        in said["profile_scenario-0"]
    )


def test_of_a_walk_each_player_and_of_models_each_error():
    so_far = "cumulative_rejection"
    rows = [("learning", "cost", 4, 0.5), ("learning", "cost", 8, 0.7), ("learning", so_far, 4, 0.08),
            ("learning", so_far, 8, 0.06), ("bound", "cost", 4, 0.4),
            ("bound", "cost", 8, 0.4), ("limit", "rejection", 4, 0.05), ("limit", "rejection", 8, 0.02),
            ("change", "service", 4, 1.4)]  # fmt: skip
    walk = pd.DataFrame(rows, columns=["player", "quantity", "steps", "value"]).assign(agent="")
    assert described.walk(walk, WORDS) == (
        "A walk of 8 control periods: learning has a mean cost of 0.6 and rejection 0.06 over all of it; bound has a "
        "mean cost of 0.4. Conditions change after step 4. The limit is 0.02 to 0.05."
    )
    models = pd.DataFrame(
        {"agent": "f0", "model": ["erlang", "erlang", "serverless"], "arrival_rate_rps": [5.0, 9.0, 9.0],
         "replicas": [1, 4, 4], "rejection_model": [0.2, 0.5, 0.3], "rejection_simulated": [0.25, 0.4, 0.4],
         "unsafe": [1, 0, 1], "tolerance": 0.05}
    )  # fmt: skip
    assert described.validation(models, WORDS) == (
        "Rejection by model and by simulation at 5 to 9 requests/s and 1, 4 replicas: erlang is off by at most 0.1, "
        "and promises too little at 1 of 2 points; serverless is off by at most 0.1, and promises too little at 1 of 1 "
        "points. The tolerance is 0.05."
    )


def test_of_rules_each_beside_the_curve():
    points = [("alpha", 0.0, 0.1, 0.7, None, None), ("alpha", 1.0, 0.9, 0.01, None, None),
              ("causal", None, 0.6, 0.05, None, None), ("rule", None, 0.8, 0.04, "static", "tuned"),
              ("rule", None, 0.3, 0.2, "hpa", "default")]  # fmt: skip
    table = pd.DataFrame(points, columns=["kind", "alpha", "mean_cost", "mean_rejection", "rule", "knobs"])
    assert described_several.baselines(table.assign(tolerance=0.05), WORDS) == (
        "Mean cost against mean rejection: the exact optimum goes from cost 0.1 at 0.7 (alpha 0) to 0.9 at 0.01 (alpha "
        "1); the causal bound costs 0.6 at 0.05; static tuned costs 0.8 at 0.04; hpa at its defaults costs 0.3 at 0.2. "
        "The tolerance is 0.05."
    )


@pytest.mark.parametrize("count", [12, 13, 30])
def test_of_many_things_the_first_are_told_and_the_others_counted(count):
    said = described.joined([f"thing {number}" for number in range(count)])
    assert said.count("thing") == 12
    assert said.endswith(f"; and {count - 12} more") == (count > 12)


def test_a_run_of_seeds_that_diverged_says_how_many_are_shown(tmp_path):
    folder = write_mamo(tmp_path / "wa", seeds=4, cycles=2, rows_each=4, diverged=[2])
    assert json.loads((folder / "run.json").read_text())["status"] == "diverged"
    assert "n = 3 of 4 seeds" in told(folder)["mamo"]
    assert "3 of 4 agents at cost" in told(folder)["frontier"]


def test_where_every_member_diverged_that_is_said_and_no_number(tmp_path):
    lost = [(seed, alpha) for seed in range(2) for alpha in (0.1, 0.9)]
    said = told(write_train(tmp_path / "te", [0.1, 0.9], seeds=2, diverged=lost))
    assert "at alpha 0.1, n = 0 of 2 seeds: every member diverged; at alpha 0.9," in said["te_agents"]
    assert "0 of 4 agents, as every member diverged." in said["frontier"]
    assert "not known at alpha 0.1; not known at alpha 0.9." in said["regret"]
    assert not [text for text in said.values() if re.search(r"(^| |\[)-( |,|;|\.|\])|nan", text)]


def test_quantities_that_nobody_has_do_not_count_as_seeds_that_are_not_there():
    rows = pd.DataFrame({"quantity": ["alpha", "mean_cost", "alpha"], "seeds": [2, 0, 2], "seeds_total": 2})
    assert seeds_text(rows) == "n = 2 seeds"
    assert seeds_text(rows.assign(seeds=[2, 1, 2])) == "n = 1 to 2 of 2 seeds"
    assert seeds_text(rows.assign(seeds=0)) == "n = 0 of 2 seeds"
