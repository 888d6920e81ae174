"""The numbers that a run is judged by, each worked out by hand from a few rows of its tables."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import Bounds
from mamo_cli.analysis.decomposition import FIRST, TERMS, Stage
from mamo_cli.analysis.fronts import front_of
from mamo_cli.analysis.perfect import Mixture
from mamo_cli.analysis.summaries import BOUNDS, Yardstick, mamo_columns, mamo_summary, train_columns, train_summary
from mamo_cli.runs.tables import write_table
from mamo_cli.training.records import columns_of
from tests.analysis.tiny_domain import LITRES, PRICE, WORDS, Pumps


def mixture(*objectives):
    """Of one play of each agent, which brings these cost and drought."""
    return Mixture(np.full((len(objectives), 1, 2), 0.5), np.ones((len(objectives), 1)), np.array(objectives))


BOTH = Bounds(mixture([0.6, 0.1]), mixture([0.625, 0.1]))
COLUMNS = columns_of(Pumps().spec, ("wa_choice",))


def evaluation_rows(seed, alpha, choices, droughts, agent="left"):
    return [
        [seed, alpha, step, agent, 0.0, 1.0, LITRES[choice], LITRES[choice] * PRICE, drought]
        for step, (choice, drought) in enumerate(zip(choices, droughts, strict=True))
    ]


def blank_rows(seed, alpha):
    return [[seed, alpha, step, "left", 0.0, 1.0, None, None, None] for step in range(2)]


def as_dicts(columns, rows):
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_a_baselines_row_by_hand(tmp_path):
    # Greedy choices 1, 1 at alpha .4, where 1, 0 is best (-.325, see test_exact). What came: droughts .25 and .05.
    rows = [*evaluation_rows(7, 0.4, [1, 1], [0.25, 0.05]), *blank_rows(8, 0.4)]
    write_table(tmp_path / "evaluation.csv", COLUMNS["evaluation"], rows)
    first, second = as_dicts(train_columns(WORDS), train_summary(tmp_path, Pumps()))
    assert (first["seed"], first["alpha"], first["tolerance"], first["step_seconds"]) == (7, 0.4, 0.1, 60.0)
    assert first["mean_litres"] == pytest.approx(2.0)
    assert first["mean_cost"] == pytest.approx(20 / 40)
    assert first["mean_drought"] == pytest.approx(0.15)  # as it came
    # In expectation 1, 1 is worth -(.6 x .5 + .4 x .2 + .6 x .5 + .4 x .1) / 2 = -.36.
    assert first["expected_reward"] == pytest.approx(-0.36, rel=1e-12)
    assert first["optimal_reward"] == pytest.approx(-0.325, rel=1e-12)
    assert first["regret"] == pytest.approx(0.035 / 0.325, rel=1e-12)
    assert second["regret"] is None
    assert second["expected_reward"] is None
    assert np.isnan(second["mean_cost"])


def test_two_agents_are_summed_up_together(tmp_path):
    left, right = evaluation_rows(0, 0.4, [1, 0], [0.2, 0.3]), evaluation_rows(0, 0.4, [2, 0], [0.0, 0.1], "right")
    rows = [row for pair in zip(left, right, strict=True) for row in pair]
    write_table(tmp_path / "evaluation.csv", COLUMNS["evaluation"], rows)
    (row,) = as_dicts(train_columns(WORDS), train_summary(tmp_path, Pumps(agents=2)))
    assert row["mean_litres"] == pytest.approx((2 + 1 + 4 + 1) / 4)
    assert row["mean_cost"] == pytest.approx(80 / 4 / 40)
    assert row["mean_drought"] == pytest.approx(0.6 / 4)
    # In expectation: left 1, 0 as best; right 2, 0: -(.6 x 1 + .6 x .25 + .4 x .15) / 2 = -.405.
    assert row["expected_reward"] == pytest.approx((-0.325 - 0.405) / 2, rel=1e-12)


def cycle_row(seed, cycle, feasible, choice):
    cost, drought = [(0.5, 0.15), (0.75, 0.05)][cycle % 2]
    return [seed, cycle, 0.5, 0, 0, cost, 0, drought, feasible, choice]


def test_a_loops_row_by_hand(tmp_path):
    # Eight cycles; of the last five (3 to 7) three are feasible. It would settle on .8; a seed of its own on .2.
    feasible = [0, 0, 0, 1, 0, 1, 1, 0]
    cycles = [cycle_row(7, cycle, held, 0.8 if cycle == 7 else 0.3) for cycle, held in enumerate(feasible)]
    cycles += [cycle_row(9, cycle, 1, 0.2) for cycle in range(8)]
    write_table(tmp_path / "cycles.csv", COLUMNS["cycles"], cycles)
    # Seed 7 was trained at .5 in the last cycle, seed 9 at .2: the policies that are evaluated.
    rows = [*evaluation_rows(7, 0.5, [2, 1], [0.0, 0.1]), *evaluation_rows(9, 0.2, [0, 0], [0.6, 0.3])]
    write_table(tmp_path / "evaluation.csv", COLUMNS["evaluation"], rows)
    shares = dict.fromkeys(TERMS, 0.0) | {"te": 0.25}
    stages = {7: [Stage(name, shares.get(name, 0.0), BOTH[0].objectives, False) for name in (FIRST, *TERMS)]}
    summary = mamo_summary(tmp_path, Pumps(), "wa_choice", Yardstick(0.9, BOTH, stages, front_of(Pumps())))
    first, second = as_dicts(mamo_columns(WORDS), summary)
    assert (first["alpha"], first["final_alpha"], first["exact_alpha"]) == (0.5, 0.8, 0.9)
    assert first["feasible_share"] == pytest.approx(0.6)
    assert (first["bound_cost"], first["causal_bound_cost"]) == (0.6, 0.625)
    # (40 + 20) / 2 = 30 a period: .75, and 1.25 times the bound.
    assert (first["mean_cost"], first["cost_over_bound"]) == (pytest.approx(0.75), pytest.approx(1.25))
    assert (first["cost_over_causal_bound"], first["holds"]) == (pytest.approx(1.2), 1)
    assert {name: first[name] for name in TERMS} == shares
    assert (second["alpha"], second["final_alpha"], second["feasible_share"]) == (0.2, 0.2, 1.0)
    # Its mean drought of .45 is above the limit of .1: it is cheap by breaking it, and marked.
    assert (second["cost_over_bound"], second["holds"]) == (pytest.approx(0.25 / 0.6), 0)
    assert {second[name] for name in TERMS} == {None}
    # Seed 7 had (.5, .15) and (.75, .05) within (1, .45), see test_fronts: .5 x .3 + .25 x .1, of .2 in all.
    assert (first["hypervolume"], first["hypervolume_share"]) == (pytest.approx(0.175), pytest.approx(0.875))
    # At alpha 0 it costs .5, where .25 is least; at alpha 1 it lacks .05, where 0 is.
    assert first["maximum_utility_loss"] == pytest.approx(0.25)
    # Below alpha 5/13 it loses .25 - .55 alpha, up to 5/9 .125 - .225 alpha, above 5/6 .3 alpha - .25.
    assert first["expected_utility_loss"] == pytest.approx(0.0554734 + 0.0032873 + 0.0041667, rel=1e-4)


def test_the_bound_of_several_agents_is_their_mean(tmp_path):
    rows = [row for step in range(2) for agent in ("left", "right") for row in
            [[0, 0.5, step, agent, 0.0, 1.0, 2.0, 20.0, 0.1]]]  # fmt: skip
    write_table(tmp_path / "evaluation.csv", COLUMNS["evaluation"], rows)
    columns = columns_of(Pumps(agents=2).spec, ("wa_choice",))["cycles"]
    cycles = [[*cycle_row(0, 0, 1, choice), agent] for agent, choice in (("left", 0.6), ("right", 0.8))]
    write_table(tmp_path / "cycles.csv", columns, cycles)
    bounds = Bounds(mixture([0.5, 0.1], [0.3, 0.1]), mixture([0.5, 0.1], [0.5, 0.1]))
    (row,) = as_dicts(
        mamo_columns(WORDS), mamo_summary(tmp_path, Pumps(agents=2), "wa_choice", Yardstick(bounds=bounds))
    )
    # Both cost 20 a period, of 40 at most: .5; the bounds are .4 and .5.
    assert (row["mean_cost"], row["bound_cost"]) == (pytest.approx(0.5), pytest.approx(0.4))
    assert (row["cost_over_bound"], row["cost_over_causal_bound"]) == (pytest.approx(1.25), pytest.approx(1.0))
    assert (row["alpha"], row["final_alpha"]) == (0.5, pytest.approx(0.7))


@pytest.mark.parametrize(
    ("droughts", "held"), [([0.0, 0.2], True), ([0.1, 0.1001], False), ([0.0, 0.2001], False), ([0.3, 0.0], False)]
)
def test_a_seed_holds_where_every_agent_holds_its_limit_on_average(tmp_path, droughts, held):
    # The right agent never lacks anything: the mean over both would hold in every case.
    lacks = {"left": droughts, "right": [0.0, 0.0]}
    rows = [
        [0, 0.5, step, agent, 0.0, 1.0, 2.0, 20.0, lack[step]] for step in range(2) for agent, lack in lacks.items()
    ]
    write_table(tmp_path / "evaluation.csv", COLUMNS["evaluation"], rows)
    columns = columns_of(Pumps(agents=2).spec, ("wa_choice",))["cycles"]
    write_table(tmp_path / "cycles.csv", columns, [[*cycle_row(0, 0, 1, 0.6), agent] for agent in ("left", "right")])
    (row,) = as_dicts(mamo_columns(WORDS), mamo_summary(tmp_path, Pumps(agents=2), "wa_choice", Yardstick()))
    assert row["holds"] == int(held)
    assert {row[name] for name in (*BOUNDS, *TERMS)} == {None}


def test_who_diverged_neither_holds_nor_breaks_a_limit(tmp_path):
    write_table(tmp_path / "evaluation.csv", COLUMNS["evaluation"], blank_rows(8, 0.4))
    write_table(tmp_path / "cycles.csv", COLUMNS["cycles"], [[8, 0, 0.5, 0, 0, None, None, None, 0, 0.4]])
    (row,) = as_dicts(
        mamo_columns(WORDS),
        mamo_summary(tmp_path, Pumps(), "wa_choice", Yardstick(bounds=BOTH, front=front_of(Pumps()))),
    )
    assert row["holds"] is None
    assert row["hypervolume"] is None
    assert np.isnan(row["cost_over_bound"])
