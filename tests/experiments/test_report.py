"""What a report says in words: each headline's numbers by hand, and what a run rests on."""

import json
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from mamo_cli.analysis.run_tables import read_words
from mamo_cli.core.errors import UsageError
from mamo_cli.core.told import Table
from mamo_cli.experiments import report
from mamo_cli.experiments.glossary import GLOSSARY, glossary_of
from mamo_cli.experiments.headlines import HEADLINES, headline
from mamo_cli.experiments.reported import ASKED, reported
from mamo_cli.experiments.sources import SOURCES, data_of, sources_of
from mamo_cli.plots.pictures import FIGURES, SWEEP, pictures_of
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.profiles.registry import PROFILES
from tests.analysis.synthetic_runs import write_mamo

MEMBERS = [
    {"seed": seed, "alpha": alpha, "tolerance": 0.05, "mean_cost": 0.6, "mean_rejection": rejection, "holds": holds,
     "cost_over_causal_bound": over, "mean_replicas": 6.0, "regret": regret}
    for seed, alpha, rejection, holds, over, regret in (
        (0, 0.7, 0.04, 1, 1.01, 0.001), (1, 0.8, 0.05, 1, 1.03, 0.004), (2, 0.7, 0.06, 0, 1.02, 0.002)
    )
]  # fmt: skip


def run(folder: Path, command: str, summary, config: str = "", **facts) -> str:
    """The headline of a run that ended so."""
    folder.mkdir()
    manifest = {"command": command, "status": "complete", "starts": [], "summary": summary, **facts}
    (folder / "run.json").write_text(json.dumps(manifest))
    (folder / "config.toml").write_text(config)
    return headline(folder, manifest)


def fallen(row: dict) -> dict:
    """A member's row where it diverged: nothing is known of it but who it is."""
    return {name: value if name in ("seed", "alpha", "tolerance") else None for name, value in row.items()}


def small(folder: Path, config: str) -> Path:
    """A run of a loop that has a summary."""
    write_mamo(folder, seeds=1, cycles=1, rows_each=1)
    manifest = json.loads((folder / "run.json").read_text())
    summary = pd.read_csv(folder / "summary.csv").to_dict("records")
    (folder / "run.json").write_text(json.dumps({**manifest, "summary": summary}))
    (folder / "config.toml").write_text(config)
    return folder


def test_every_kind_of_run_that_has_figures_has_a_report():
    assert ASKED.keys() == HEADLINES.keys() == {*FIGURES, SWEEP}


def test_of_a_loop_its_cost_is_told_beside_what_it_violates_and_what_it_may(tmp_path):
    # Medians 1.02 and .7; the mean of .04, .05 and .06.
    assert run(tmp_path / "a", "run-mamo", MEMBERS, 'strategy = "dual"') == (
        "The strategy dual, at alpha 0.7, costs 2.00 % more than the causal bound (median of 3 seeds) at a mean "
        "rejection of 0.05 (limit 0.05); 2 of 3 seeds hold the limit to the letter."
    )
    cheap = [{**row, "cost_over_causal_bound": 0.9875} for row in MEMBERS[:1]]
    cheap += [fallen(row) for row in MEMBERS[1:]]
    told = run(tmp_path / "b", "run-mamo", cheap, 'strategy = "dual"', diverged_seeds=[1, 2])
    assert "costs 1.25 % less than the causal bound (median of 1 seed)" in told
    assert told.endswith(
        "1 of 1 seed hold the limit to the letter. Of 3 members 2 diverged and are left out: seed 1, seed 2."
    )
    unknown = [{**row, "cost_over_causal_bound": None} for row in MEMBERS]
    assert " plays at a mean rejection of 0.05 (limit 0.05)" in run(tmp_path / "c", "run-mamo", unknown)


def test_of_agents_at_fixed_alphas_the_largest_median_regret_is_told(tmp_path):
    # Alpha .7 has seeds 0 and 2: mean rejection .05, median regret .0015; alpha .8 has .004.
    members = [{**row, "seed": 0 if row["seed"] < 2 else 1} for row in MEMBERS]
    assert run(tmp_path / "a", "train", members) == (
        "At alpha 0.7, a mean rejection of 0.05 (limit 0.05); at alpha 0.8, a mean rejection of 0.05 (limit 0.05); "
        "regret against the exact optimum is at most 0.40 % (median of the seeds)."
    )
    assert run(tmp_path / "b", "evaluate", MEMBERS, 'run = "te"') == (
        "The policies of te come to a mean rejection of 0.05 (limit 0.05); regret against the exact optimum is at most "
        "0.40 %."
    )


def test_who_diverged_is_a_member_and_of_a_seed_that_counts_elsewhere_only_there(tmp_path):
    rows = [{**MEMBERS[0], "seed": seed, "alpha": alpha} for alpha in (0.1, 0.9) for seed in (0, 1)]
    one = [rows[0], fallen(rows[1]), *rows[2:]]
    assert run(tmp_path / "a", "train", one, diverged_seeds=[1]) == (
        "At alpha 0.1, a mean rejection of 0.04 (limit 0.05); at alpha 0.9, a mean rejection of 0.04 (limit 0.05); "
        "regret against the exact optimum is at most 0.10 % (median of the seeds). Of 4 members 1 diverged and is left "
        "out: seed 1 at alpha 0.1."
    )
    half = [*map(fallen, rows[:2]), *rows[2:]]
    told = run(tmp_path / "b", "train", half, diverged_seeds=[0, 1])
    assert told.startswith("At alpha 0.1, every member diverged; at alpha 0.9, a mean rejection of 0.04 (limit 0.05);")
    assert told.endswith("Of 4 members 2 diverged and are left out: seed 0 at alpha 0.1, seed 1 at alpha 0.1.")
    told = run(tmp_path / "c", "train", list(map(fallen, rows)), diverged_seeds=[0, 1, 0, 1])
    assert told == "Every member diverged, 4 of 4: nothing came out."


def test_of_many_alphas_and_models_none_is_dropped_in_silence_and_the_least_safe_model_is_first(tmp_path):
    rows = [{**MEMBERS[0], "seed": seed, "alpha": alpha / 10} for alpha in range(1, 7) for seed in (0, 1)]
    assert "at alpha 0.3, a mean rejection of 0.04 (limit 0.05); and 3 more; regret" in run(
        tmp_path / "a", "train", rows
    )
    models = [
        {"function": "f0", "model": name, "mean_absolute_error": 0.01, "unsafe_cells": unsafe, "cells": 40}
        for name, unsafe in (("a", 0), ("b", 1), ("c", 9), ("d", 0))
    ]
    told = run(tmp_path / "b", "validate-model", {"models": models, "held_out": []})
    assert re.findall(r"\b([a-d]) is off", told) == ["c", "b", "a"]
    assert told.endswith("; and 1 more.")


def test_the_run_that_answers_the_question_heads_the_page_whatever_is_named_first(tmp_path, monkeypatch):
    assert set(report.HEADING) == ASKED.keys()
    made = {name: SimpleNamespace(run=SimpleNamespace(command=name)) for name in reversed(report.HEADING)}
    for place, name in enumerate(report.HEADING):
        assert (
            report.heading([each for each in made.values() if each.run.command in report.HEADING[place:]]) is made[name]
        )


def test_of_a_plan_what_it_costs_and_what_noise_makes_of_it(tmp_path):
    plan = {
        "scope": "step", "termination": "optimal", "mean_cost": 0.5, "mean_replicas": 5.0,
        "mean_rejection_actual": 0.03, "mean_rejection_expected": 0.02,
        "tolerance": 0.05, "infeasible_steps": 8, "steps": 100,
    }  # fmt: skip
    assert run(tmp_path / "a", "solve-offline", plan) == (
        "The plan of scope step costs 0.5 a period (5 replicas on average), proven optimal; under noise it comes to a "
        "mean rejection of 0.03 (limit 0.05); as planned it holds the limit at 92 of 100 steps."
    )
    assert "not proven optimal" in run(tmp_path / "b", "solve-offline", {**plan, "termination": "time_limit"})
    average = {**plan, "scope": "average", "infeasible_steps": 0}
    assert run(tmp_path / "c", "solve-offline", average).endswith("; as planned it holds the limit on average.")
    average |= {"infeasible_steps": 100}
    assert run(tmp_path / "d", "solve-offline", average).endswith("; no plan holds the limit on average.")


def test_of_rules_the_cheapest_that_holds_in_every_play(tmp_path):
    rules = [
        {**MEMBERS[0], "rule": name, "knobs": knobs, "setting": "", "holds": holds, "cost_over_causal_bound": over}
        for name, knobs, holds, over in (("a", "tuned", 0, 0.9), ("b", "tuned", 1, 1.2), ("c", "default", 1, 1.1))
    ]
    assert run(tmp_path / "a", "baselines", rules) == (
        "The cheapest rule that holds the limit is c default: it costs 10.00 % more than the causal bound at a mean "
        "rejection of 0.04 (limit 0.05)."
    )
    assert run(tmp_path / "b", "baselines", rules[:1]) == "No rule is known to hold the limit in every play."


def test_of_strategies_the_one_of_least_regret_and_of_models_their_errors(tmp_path):
    board = [
        {"scenario": "s", "strategy": name, "regret": regret, "regret_low": regret / 2, "regret_high": 2 * regret,
         "mean_violation": 0.04, "tolerance": 0.05, "seeds": 2, "seeds_total": 2, "violating_share": 0.0,
         "cost_over_causal_bound": 1.0, "cost_over_causal_bound_low": 1.0, "cost_over_causal_bound_high": 1.0}
        for name, regret in (("dual", 0.02), ("pid", 0.01))
    ]  # fmt: skip
    assert run(tmp_path / "a", "compare", board) == (
        "In s, pid has the least regret, 1.00 % of the causal bound [0.50, 2.00], at a mean violation of 0.04 (limit "
        "0.05)."
    )
    model = {"function": "f0", "model": "erlang", "mean_absolute_error": 0.012, "unsafe_cells": 3, "cells": 40}
    assert run(tmp_path / "b", "validate-model", {"models": [model], "held_out": []}) == (
        "Beside the simulation, erlang is off by 0.012 on average and promises too little rejection at 3 of 40 cells."
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.of)
def test_the_module_that_rests_on_a_publication_names_it(source):
    """Authors and years of a citation stand in the text of the module."""
    text = " ".join(Path(str(import_module(source.module).__file__)).read_text(encoding="utf-8").split())
    years = re.findall(r"\b(?:19|20)\d\d\b", source.citation)
    authors = re.findall(r"\b[A-Z]\w{3,}\b", source.citation.split(":")[0].split('"')[0])
    assert authors
    assert all(word in text for word in (*authors, *years))


def test_a_run_rests_on_what_it_uses_alone():
    config = {"strategy": "pid", "te": "dqn", "learner": {"target": "double_q", "mixer": "independent"}}
    told = {source.of for source in sources_of("run-mamo", {**config, "instance": {"rejection_model": "erlang"}})}
    assert told == {"PID control of the multiplier", "the learner's target", "means and intervals over seeds"}
    shielded = {"rejection_model": "serverless", "shield": 0.0}
    told = {source.of for source in sources_of("solve-offline", {"instance": shielded})}
    assert told == {"how the node rejects", "the shield's upper bound of the rate"}
    learns = {"target": "double_q", "priority_exponent": 0.6, "optimiser": "adam"}
    ours = {"the learner's target", "the learner's replay", "the learner's optimiser"}
    for config, theirs in (({}, True), ({"te": "conditioned"}, True), ({"te": "sb3"}, False), ({"te": "exact"}, False)):
        told = {source.of for source in sources_of("run-mamo", {"strategy": "dual", "learner": learns, **config})}
        assert (told & ours) == (ours if theirs else set())
    weights = {"strategy": "wa-dqn", "te": "exact", "learner": learns, "wa_learner": {**learns, "target": "plain"}}
    told = {source.of for source in sources_of("run-mamo", weights)}
    assert told & ours == ours - {"the learner's target"}
    several = {source.of for source in sources_of("compare", {"strategy": ["ols", "dual"]})}
    assert {"dual ascent", "optimistic linear support"} < several


def test_data_are_attributed_with_their_licence():
    made = sinusoidal(50.0, 40.0, 288, 288)
    assert data_of(made.notes) == []
    burst = "Wang et al., BurstGPT, KDD 2025; HPMLL/BurstGPT, CC-BY 4.0"
    assert data_of({"format": "burstgpt"}) == [burst]
    assert data_of({"format": "f0: burstgpt; f1: azure-2019; f2: burstgpt"}) == [burst, PROFILES["azure-2019"].citation]


def test_words_are_explained_that_a_table_uses():
    told = dict(glossary_of([Table(["alpha", "median regret", "odd"], []), Table((), [("gap", 0.0)])]))
    assert told == {name: GLOSSARY[name] for name in ("alpha", "regret", "gap")}


def test_a_bound_is_called_no_more_than_it_is():
    """As docs/limits.md has it: an expectation, and with lagged rates one of functions of that rate."""
    assert {"expected", "draw", "nondecreasing", "beat"} <= set(re.findall(r"\w+", GLOSSARY["over causal"]))
    assert "nobody" not in GLOSSARY["information"]
    assert "last period's rate" in GLOSSARY["information"]


def test_a_configuration_that_this_version_does_not_know_is_shown_as_it_is(tmp_path, caplog):
    folder = small(tmp_path / "old", 'strategy = "of-old"\n')
    found = reported("old", folder)
    assert found.settings is None
    assert found.config == 'strategy = "of-old"\n'
    assert "is shown as it is written: --strategy is one of" in caplog.text
    assert read_words(folder).violations[0].name in found.headline


def test_a_figure_that_is_too_large_is_drawn_without_single_seeds_and_says_so(tmp_path, monkeypatch):
    folder = small(tmp_path / "run", "")
    whole = report.report_of([folder]).decode()
    assert report.LIGHTER not in whole
    monkeypatch.setattr(report, "MOST_OF_A_FIGURE", 1000)
    lighter = report.report_of([folder]).decode()
    assert lighter.count(report.LIGHTER) == 1  # the other figure has no lines of seeds
    assert len(lighter) < len(whole)
    pictures = {one.name: one for one in pictures_of(folder)}
    assert pictures["frontier"].without_seeds() is None
    assert set(pictures["mamo"].without_seeds().table["series"]) == {"centre"}
    assert pictures["mamo"].without_seeds().describe() == pictures["mamo"].describe()


def test_a_page_that_is_too_large_to_be_handed_round_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_BYTES", 1000)
    folder = small(tmp_path / "run", "")
    with pytest.raises(
        UsageError, match=r"^a report has at most 0\.001 MB, and this one would have 0\.\d: name fewer runs$"
    ):
        report.report_of([folder])
