"""Every number of every row in its place: two members, two agents, two constraints, two measures."""

import numpy as np
import pytest

from mamo_cli.core.seam import Played, Spec
from mamo_cli.core.words import Quantity, Words
from mamo_cli.domains import registry as domains
from mamo_cli.training.agents import IterationSummary
from mamo_cli.training.records import Records, columns_of, mean_over_steps

WORDS = Words(
    agent="pump",
    violations=(Quantity("drought", "Drought"), Quantity("noise", "Noise")),
    measures=(Quantity("strokes", "Strokes", whole=True), Quantity("litres", "Litres")),
    conditions=(Quantity("forecast", "forecast"), Quantity("rain", "rain")),
    control="Rain (mm)",
    cost="Mean cost",
)
SPEC = Spec(("left", "right"), WORDS, np.array([[0.25, 0.5], [0.5, 1.0]]), 1, (3, 3), 8.0, 60.0)
ALONE = SPEC._replace(agents=("left",), limits=np.array([[0.25, 0.5]]))
ONE_CONSTRAINT = SPEC._replace(words=WORDS._replace(violations=WORDS.violations[:1]), limits=np.full((2, 1), 0.25))
WEIGHTS = np.array([[[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]], [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]])


class Pumps:
    """What records ask of a domain: the conditions of two periods."""

    spec = SPEC

    def conditions(self):
        return np.array([[[1.0, 1.5], [2.0, 2.5]], [[3.0, 3.5], [4.0, 4.5]]])  # (T, A, 2)


def records_of(spec=SPEC, alive=(True, True)):
    return Records(spec, (7, 9), np.array(alive))


def counted(*shape):
    """0, 1, 2, ... in this shape: no number stands twice."""
    return np.arange(float(np.prod(shape))).reshape(shape)


@pytest.mark.parametrize("name", domains.DOMAINS)
def test_no_head_has_a_column_twice(name):
    words = domains.about(name).WORDS
    spec = ALONE._replace(words=words, limits=np.ones((1, len(words.violations))))
    for table, head in columns_of(spec, ()).items():
        assert len(set(head)) == len(head), (table, head)


def test_the_heads_name_every_weight_measure_and_constraint():
    assert columns_of(SPEC, ("told",)) == {
        "training": (
            *("seed", "alpha_drought", "alpha_noise", "iteration", "env_steps", "epsilon", "loss", "mean_reward"),
            *("mean_cost", "mean_strokes", "mean_litres", "mean_drought", "mean_noise", "pump"),
        ),
        "cycles": (
            *("seed", "cycle", "alpha_drought", "alpha_noise", "train_cost", "train_drought", "train_noise"),
            *("eval_cost", "eval_strokes", "eval_litres", "eval_drought", "eval_noise", "feasible", "told", "pump"),
        ),
        "delivered": (
            *("seed", "cycle", "alpha_drought", "alpha_noise", "share"),
            *("train_cost", "train_drought", "train_noise", "pump"),
        ),
        "evaluation": (
            *("seed", "alpha_drought", "alpha_noise", "step", "pump", "forecast", "rain"),
            *("strokes", "litres", "cost", "drought", "noise"),
        ),
    }
    # One agent is named in the evaluation alone; the weight of one constraint is alpha.
    assert columns_of(ALONE, ())["training"][-1] == "mean_noise"
    assert columns_of(ALONE, ())["cycles"][-1] == "feasible"
    assert columns_of(ONE_CONSTRAINT, ())["training"][:3] == ("seed", "alpha", "iteration")


def test_an_iterations_rows_are_by_member_and_then_by_agent():
    records = records_of()
    objectives = np.array([[[4.0, 2.0, 1.0], [8.0, 4.0, 2.0]], [[3.0, 5.0, 7.0], [9.0, 1.0, 2.0]]])
    summary = IterationSummary(0.125, np.array([0.5, 0.75]), objectives, 100 + counted(2, 2, 2))
    records.add_iteration(3, 64, WEIGHTS, summary)
    # Rewards: -(2 + .5 + .25), -(2 + 1 + 1), -3 and -(.5 + 1).
    assert records.taken()["training"] == [
        [7, 0.25, 0.25, 3, 64, 0.125, 0.5, -2.75, 4.0, 100.0, 101.0, 2.0, 1.0, "left"],
        [7, 0.25, 0.5, 3, 64, 0.125, 0.5, -4.0, 8.0, 102.0, 103.0, 4.0, 2.0, "right"],
        [9, 0.0, 0.0, 3, 64, 0.125, 0.75, -3.0, 3.0, 104.0, 105.0, 5.0, 7.0, "left"],
        [9, 0.5, 0.5, 3, 64, 0.125, 0.75, -1.5, 9.0, 106.0, 107.0, 1.0, 2.0, "right"],
    ]
    assert records.taken() == {"training": [], "cycles": [], "delivered": [], "evaluation": []}


def played():
    """Two members, two periods, two agents: costs of 8 and 24 a period are 1 and 3, together 2 on average."""
    paid = np.array([[[8.0, 0.0], [24.0, 16.0]], [[4.0, 8.0], [4.0, 8.0]]])
    violations = np.array(
        [
            [
                [[0.5, 0.5], [0.5, 0.5]],
                [[0.0, 1.0], [0.5, 1.5]],
            ],  # means .25 .75: too much noise; .5 1: at limits
            [[[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 2.0]]],  # means .5 0: the drought is; .5 1: at limits
        ]
    )
    return Played(paid, counted(2, 2, 2, 2), violations)


def test_a_cycles_rows_by_hand_and_feasible_at_the_limits_of_every_constraint():
    records = records_of()
    told = {"one": 50 + counted(2, 2), "two": 60 + counted(2, 2)}
    records.add_cycle(2, WEIGHTS, 10 + counted(2, 2, 3), played(), SPEC.limits, told)
    # Measures are 0 1, 2 3 in the first period and 4 5, 6 7 in the second: means 2 3 and 4 5, and 8 more for the other.
    assert records.taken()["cycles"] == [
        [7, 2, 0.25, 0.25, 10.0, 11.0, 12.0, 2.0, 2.0, 3.0, 0.25, 0.75, 0, 50.0, 60.0, "left"],
        [7, 2, 0.25, 0.5, 13.0, 14.0, 15.0, 1.0, 4.0, 5.0, 0.5, 1.0, 1, 51.0, 61.0, "right"],
        [9, 2, 0.0, 0.0, 16.0, 17.0, 18.0, 0.5, 10.0, 11.0, 0.5, 0.0, 0, 52.0, 62.0, "left"],
        [9, 2, 0.5, 0.5, 19.0, 20.0, 21.0, 1.0, 12.0, 13.0, 0.5, 1.0, 1, 53.0, 63.0, "right"],
    ]


def test_an_evaluations_rows_are_by_member_step_and_agent_and_whole_measures_are_whole():
    records = records_of()
    records.add_evaluation(Pumps(), WEIGHTS, played())
    rows = records.taken()["evaluation"]
    assert rows[:4] == [
        [7, 0.25, 0.25, 0, "left", 1.0, 1.5, 0, 1.0, 8.0, 0.5, 0.5],
        [7, 0.25, 0.5, 0, "right", 2.0, 2.5, 2, 3.0, 0.0, 0.5, 0.5],
        [7, 0.25, 0.25, 1, "left", 3.0, 3.5, 4, 5.0, 24.0, 0.0, 1.0],
        [7, 0.25, 0.5, 1, "right", 4.0, 4.5, 6, 7.0, 16.0, 0.5, 1.5],
    ]
    assert rows[7] == [9, 0.5, 0.5, 1, "right", 4.0, 4.5, 14, 15.0, 8.0, 1.0, 2.0]
    assert len(rows) == 8
    assert [type(row[7]) for row in rows] == [int] * 8  # "2", not "2.0"


def test_who_has_diverged_has_blanks_in_place_of_numbers_alone():
    alive = np.array([True, True])
    records = Records(SPEC, (7, 9), alive)
    alive[1] = False  # as the loop says later on
    summary = IterationSummary(0.5, np.ones(2), np.ones((2, 2, 3)), np.ones((2, 2, 2)))
    records.add_iteration(0, 1, WEIGHTS, summary)
    records.add_cycle(0, WEIGHTS, np.ones((2, 2, 3)), played(), SPEC.limits, {"one": np.ones((2, 2))})
    records.add_evaluation(Pumps(), WEIGHTS, played())
    tables = records.taken()
    assert tables["training"][3] == [9, 0.5, 0.5, 0, 1, 0.5, *[None] * 7, "right"]
    assert tables["cycles"][3] == [9, 0, 0.5, 0.5, *[None] * 10, "right"]
    assert tables["evaluation"][7] == [9, 0.5, 0.5, 1, "right", 4.0, 4.5, *[None] * 5]
    assert all(None not in row for rows in tables.values() for row in rows if row[0] == 7)


def test_one_agent_is_not_named():
    records = records_of(ALONE)
    records.add_iteration(
        0, 1, WEIGHTS[:, :1], IterationSummary(0.5, np.ones(2), np.ones((2, 1, 3)), np.ones((2, 1, 2)))
    )
    assert [row[-1] for row in records.taken()["training"]] == [1.0, 1.0]


def test_means_over_steps_are_of_each_number_and_there_may_be_none():
    assert mean_over_steps(counted(1, 2, 3, 2)).tolist() == [[[3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]]
    assert mean_over_steps(np.zeros((2, 5, 3, 0))).shape == (2, 3, 0)
