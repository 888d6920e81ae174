"""Two limits an agent: strategies find weights for both, a mixture meets both, and every table names both."""

import csv

import pandas as pd
import pytest

from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import resolve
from mamo_cli.domains import registry
from mamo_cli.experiments.compare import compare
from mamo_cli.experiments.configs import CompareConfig, MamoConfig, TrainConfig, configured
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.train import train
from mamo_cli.plots.draw import draw_runs
from mamo_cli.solvers import columns
from tests.cli.invoke import mamo
from tests.experiments.mini import write_scenario
from tests.experiments.two_limits import PUMPS, SETTINGS, build, load

DOMAIN = build(SETTINGS(), load(SETTINGS()))
ONE = Machines(jobs=1)


@pytest.fixture(autouse=True)
def pumps(monkeypatch):
    monkeypatch.setitem(registry.DOMAINS, "pumps", PUMPS)


def run(tmp_path, strategy, cycles, iterations=1, **changes):
    layers = {"domain": "pumps", "strategy": strategy, "te": "exact", "readout": "mix", "seeds": 1, **changes}
    phase = {"phase": {"iterations": iterations, "window": 1}}
    return run_mamo(configured(MamoConfig, {"adaptation": {"cycles": cycles}}, phase, layers), Place(tmp_path), ONE)


def table(outcome, name):
    with (outcome.path / name).open(newline="") as file:
        return list(csv.DictReader(file))


# Strategy, cycles and iterations of each, settings, and how close to the optimum it must come.
WITHIN = [
    ("dual", 30, 1, {}, 1.005),
    ("pid", 30, 1, {"integral": 1.0, "proportional": 0.5, "derivative": 0.0}, 1.005),
    ("rcpo", 20, 2, {"step": 3.0}, 1.005),
    ("bayes", 30, 1, {}, 1.05),
    ("grid", 66, 1, {}, 1.01),  # all weights of tenths
    ("random", 60, 1, {}, 1.06),
]


@pytest.mark.parametrize(("strategy", "cycles", "iterations", "settings", "close"), WITHIN)
def test_a_mixture_within_both_limits_is_close_to_the_exact_optimum(
    tmp_path, strategy, cycles, iterations, settings, close
):
    least = DOMAIN.least_cost()
    outcome = run(tmp_path, strategy, cycles, iterations, adaptation=settings)
    (row,) = outcome.summary
    assert least * (1 - 1e-9) <= row["mean_cost"] <= close * least
    assert row["holds"] == 1
    assert max(row["mean_drought"] - 0.25, row["mean_noise"] - 0.25) <= 1e-12
    assert row["causal_bound_cost"] == pytest.approx(least, abs=1e-9)
    assert row["cost_over_causal_bound"] == pytest.approx(row["mean_cost"] / least)


def test_every_table_names_both_and_the_terms_add_up(tmp_path):
    outcome = run(tmp_path, "grid", 66, instance={"pumps": 2, "noisy": 0.3})
    (row,) = outcome.summary
    names = [
        "seed",
        "alpha_drought",
        "alpha_noise",
        "final_alpha",
        "exact_alpha",
        "tolerance_drought",
        "tolerance_noise",
    ]
    assert list(row)[:7] == names
    assert (row["exact_alpha"], row["tolerance_drought"], row["tolerance_noise"]) == (None, 0.25, 0.3)
    assert row["hypervolume"] is None  # a front of two violations is no curve over alpha
    assert sum(row[term] for term in TERMS) == pytest.approx(row["cost_over_bound"] - 1.0, abs=1e-9)
    cycles = table(outcome, "cycles.csv")
    assert {"train_drought", "train_noise", "eval_drought", "eval_noise", "feasible"} < set(cycles[0])
    weights = {(cycle["alpha_drought"], cycle["alpha_noise"]) for cycle in cycles}
    assert len(weights) == 66  # all weights of tenths: 11 + 10 + ... + 1
    assert max(float(one) + float(other) for one, other in weights) == pytest.approx(1.0)
    agents = table(outcome, "agents.csv")
    assert [(one["pump"], one["tolerance_drought"], one["tolerance_noise"], one["holds"]) for one in agents] == [
        ("p0", "0.25", "0.3", "1"), ("p1", "0.25", "0.3", "1"),
    ]  # fmt: skip
    assert {"alpha_drought", "alpha_noise", "share"} < set(table(outcome, "delivered.csv")[0])


def test_agents_that_learn_within_two_limits_are_drawn_with_both(tmp_path):
    learner = {"learner": {"batch_size": 16, "hidden": [16], "replay_capacity": 512, "discount": 0.0}}
    phase = {"phase": {"iterations": 12, "iteration_steps": 4, "environments": 4, "window": 4}}
    outcome = run(tmp_path, "dual", 4, te="dqn", seeds=2, **learner, **phase)
    assert all(0.1 <= row["mean_cost"] <= 0.9 for row in outcome.summary)
    drawn = draw_runs([outcome.path])
    assert {path.name for path in drawn if path.suffix == ".png"} >= {"mamo.png", "frontier.png"}
    plotted = pd.read_csv(outcome.path / "figures" / "mamo.csv")
    drawn = {f"{kind}_{name}" for kind in ("alpha", "mean", "eval") for name in ("drought", "noise")}
    assert drawn < set(plotted["quantity"])
    first = table(outcome, "cycles.csv")[0]
    for alpha in ("alpha_drought", "alpha_noise"):
        own = plotted[(plotted["quantity"] == alpha) & (plotted["series"] == "centre")].set_index("cycle")["value"]
        assert own[0] == pytest.approx(float(first[alpha]))
    assert set(plotted.loc[plotted["quantity"] == "mean_noise", "tolerance"]) == {0.25}


def test_fixed_weights_are_one_for_all_violations_or_one_for_each(tmp_path):
    alike = table(run(tmp_path, "fixed", 1, adaptation={"initial_alpha": 0.5}), "cycles.csv")[0]
    apart = table(run(tmp_path, "fixed", 1, adaptation={"initial_alpha": [0.5, 0.25]}), "cycles.csv")[0]
    assert [(one["alpha_drought"], one["alpha_noise"], one["choice"]) for one in (alike, apart)] == [
        ("0.25", "0.25", "0.5"), ("0.5", "0.25", "0.75"),
    ]  # fmt: skip
    for wrong in ([0.5, 0.75], [0.1, 0.1, 0.1]):
        with pytest.raises(UsageError, match=r"--initial-alpha: one, or one for each of 2 violations"):
            run(tmp_path, "fixed", 1, adaptation={"initial_alpha": wrong})


@pytest.mark.parametrize("strategy", ["wa-dqn", "bisect", "ols"])
def test_who_picks_one_alpha_is_refused_and_told_who_picks_several(tmp_path, strategy):
    with pytest.raises(UsageError, match=f"--strategy {strategy} picks one alpha .* take --strategy dual, pid, rcpo"):
        run(tmp_path, strategy, 2)


def test_what_knows_one_limit_says_so(tmp_path):
    place = Place(tmp_path)
    with pytest.raises(UsageError, match="train knows one alpha, and here are 2 limits: take `mamo run-mamo"):
        train(configured(TrainConfig, {"domain": "pumps", "seeds": 1}), place, ONE)
    with pytest.raises(UsageError, match="a walk knows one limit, and here are 2: nothing goes on learning"):
        run(tmp_path, "dual", 2, te="dqn", continual=True)
    scenario = write_scenario(tmp_path / "two.toml", ("[instance]\ntolerance = 0.3", 'domain = "x"'))
    scenario.write_text(
        scenario.read_text().replace('domain = "x"\n', "").replace('seeds = "1000', 'domain = "pumps"\nseeds = "1000')
    )
    with pytest.raises(UsageError, match="scenario two: strategies are compared within one limit, and here are 2"):
        compare(resolve(CompareConfig, {"scenario": [str(scenario)], "strategy": ["dual"]}), place, ONE)


def test_the_commands_tell_of_both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = ("--initial-alpha", "0.5", "--initial-alpha", "0.25")
    short = ("--seeds", "2", "--cycles", "1", "--iterations", "1", "--jobs", "1", "--name", "run")
    told = mamo("run-mamo", "--domain", "pumps", "--strategy", "fixed", "--te", "exact", *weights, *short)
    assert told.code == 0, told.err
    assert told.out.split()[:7] == ["seed", "alpha_drought", "alpha_noise", "choice", "exact", "litres", "drought"]
    again = mamo("evaluate", "run", "--name", "again")
    assert again.code == 0, again.err
    assert again.out.split()[:3] == ["seed", "alpha_drought", "alpha_noise"]
    assert mamo("plot", "run", "again").code == 0
    assert mamo("runs", "list").code == 0
    shown = mamo("runs", "show", "run")
    assert shown.code == 0, shown.err


def test_a_bound_that_is_not_proven_says_how_far_off_it_may_be(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(columns, "MOST_ASKED", 3)
    outcome = run(tmp_path, "fixed", 1)
    assert "the causal bound may be too high by" in caplog.text
    assert outcome.summary[0]["causal_bound_cost"] >= DOMAIN.least_cost() - 1e-12
