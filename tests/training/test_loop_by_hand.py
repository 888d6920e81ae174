"""The two-phase loop over task agents that say what a script has them say: every number of it can be counted."""

import numpy as np
import pytest

from mamo_cli.core.seam import Played
from mamo_cli.core.weights import weights_of
from mamo_cli.strategies.protocol import Strategy
from mamo_cli.training.agents import IterationSummary
from mamo_cli.training.records import columns_of
from mamo_cli.training.two_phase import TwoPhaseLoop
from tests.analysis.tiny_domain import WORDS, Pumps
from tests.learners.agents import through_a_file

PUMPS = Pumps(limit=0.25)
COLUMNS = columns_of(PUMPS.spec, ("said",))


class Script:
    """Task agents whose cost in their n-th iteration, from 1, is n for the first member and 100 n for the second."""

    def __init__(self, falls=None):
        self.count, self.asked, self.frozen, self.falls = 0, [], [], falls

    def train_iteration(self, iteration, weights):
        self.asked.append((iteration, weights[:, 0, 1].tolist()))
        self.count += 1
        cost = np.array([1.0, 100.0]) * self.count
        if self.falls is not None and self.count >= self.falls:
            cost[1] = np.nan
        objectives = np.stack((cost, cost / 8), -1)[:, None]
        return IterationSummary(0.5, cost / 2, objectives, 10 * cost[:, None, None])

    def policies(self):
        return np.array([[1.0], [2.0]]) * self.count

    def evaluate(self, domain, delivery=None):
        # Choices 0 and 2 at costs of 10 and 40; droughts of .125 + .375 and of .5 + .25: means .25 and .375.
        paid, litres = np.array([[[10.0], [40.0]]] * 2), np.array([[[[1.0]], [[4.0]]]] * 2)
        return Played(paid, litres, np.array([[[[0.125]], [[0.375]]], [[[0.5]], [[0.25]]]]))

    def diverged(self):
        return np.array([False, self.falls is not None and self.count >= self.falls])

    def freeze(self, members):
        self.frozen.append(members.tolist())

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"]


class Listener(Strategy):
    """A strategy whose alphas of cycle n are n / 8 and n / 4."""

    columns = ("said",)

    def __init__(self, falls=None):
        self.proposed, self.reports, self.frozen, self.falls = [], [], [], falls

    def propose(self, cycle):
        self.proposed.append(cycle)
        return weights_of(np.array([[0.125], [0.25]]) * cycle)

    def observe(self, report):
        self.reports.append(report)
        return {"said": report.objectives[..., 0] + 0.5}

    def diverged(self):
        return np.array([self.falls is not None and len(self.reports) > self.falls, False])

    def settled(self):
        return weights_of(np.array([[0.125], [0.25]]))

    def freeze(self, members):
        self.frozen.append(members.tolist())

    def state_dict(self):
        return {"heard": len(self.reports)}

    def load_state_dict(self, state):
        self.heard = state["heard"]


def loop_of(tasks, strategy, window=3, **changes):
    settings = {"cycles": 3, "phase_iterations": 5, "round_iterations": 2, "steps_per_iteration": 7, **changes}
    return TwoPhaseLoop(seeds=(4, 6), domain=PUMPS, tasks=tasks, strategy=strategy, window=window, **settings)


def to_the_end(loop):
    rounds = []
    while not loop.done:
        rounds.append(loop.advance())
    return rounds


def test_rounds_are_cut_at_the_end_of_a_cycle():
    tasks, strategy = Script(), Listener()
    rounds = to_the_end(loop_of(tasks, strategy))
    # Three cycles of five iterations, two a round: 2, 2 and 1. Two members have a row of each.
    assert [len(one["training"]) for one in rounds] == [4, 4, 2] * 3
    assert [len(one["cycles"]) for one in rounds] == [0, 0, 2] * 3
    assert [len(one["evaluation"]) for one in rounds] == [0] * 8 + [4]  # two periods each
    assert [iteration for iteration, _ in tasks.asked] == [0, 1, 2, 3, 4] * 3
    assert [alphas for _, alphas in tasks.asked] == [[0, 0]] * 5 + [[0.125, 0.25]] * 5 + [[0.25, 0.5]] * 5
    assert strategy.proposed == [0, 1, 2]  # nothing is asked for after the last


def test_a_row_of_training_says_which_iteration_and_how_many_steps():
    rows = [row for one in to_the_end(loop_of(Script(), Listener())) for row in one["training"]]
    first, last = (dict(zip(COLUMNS["training"], row, strict=True)) for row in (rows[0], rows[-1]))
    assert (first["seed"], first["iteration"], first["env_steps"], first["mean_cost"]) == (4, 0, 7, 1.0)
    # The 15th: 105 steps; cost 1500 at alpha .5, violation an eighth of it: -(750 + 93.75).
    assert (last["seed"], last["iteration"], last["env_steps"], last["mean_cost"]) == (6, 14, 105, 1500.0)
    assert (last["alpha"], last["mean_reward"], last["loss"], last["mean_litres"]) == (0.5, -843.75, 750.0, 15000.0)


@pytest.mark.parametrize(
    ("window", "means"),
    [
        (1, [5.0, 10.0, 15.0]),
        (2, [4.5, 9.5, 14.5]),
        (3, [4.0, 9.0, 14.0]),  # of 3, 4, 5; of 8, 9, 10; of 13, 14, 15
        (5, [3.0, 8.0, 13.0]),
    ],
)
def test_a_strategy_is_told_the_means_of_the_last_window(window, means):
    strategy = Listener()
    rows = [row for one in to_the_end(loop_of(Script(), strategy, window)) for row in one["cycles"]]
    assert [report.cycle for report in strategy.reports] == [0, 1, 2]
    for report, mean, alpha in zip(strategy.reports, means, (0.0, 0.125, 0.25), strict=True):
        np.testing.assert_allclose(report.objectives[:, 0], [[mean, mean / 8], [100 * mean, 12.5 * mean]], rtol=1e-14)
        assert report.weights[:, 0].tolist() == [[1 - alpha, alpha], [1 - 2 * alpha, 2 * alpha]]
    # Costs of 10 and 40 are 25 on average, of 40 at most. The first is at its limit of .25, the second beyond.
    assert {type(row[1]) for row in rows} == {int}  # "1", not "1.0"
    assert rows[2] == [4, 1, 0.125, means[1], means[1] / 8, 0.625, 2.5, 0.25, 1, means[1] + 0.5]
    np.testing.assert_allclose(
        rows[3], [6, 1, 0.25, 100 * means[1], 12.5 * means[1], 0.625, 2.5, 0.375, 0, 100 * means[1] + 0.5], rtol=1e-14
    )


def test_what_falls_in_training_is_frozen_at_once_and_once():
    tasks, strategy = Script(falls=7), Listener()
    loop = loop_of(tasks, strategy)
    rows = [row for one in to_the_end(loop) for row in one["training"]]
    assert loop.diverged_seeds == [6]
    assert tasks.frozen == strategy.frozen == [[False, True]]
    loss = COLUMNS["training"].index("loss")
    assert [row[2] for row in rows if row[loss] is None] == list(range(6, 15))  # from the seventh iteration on
    # What a strategy is told holds no NaN.
    assert [np.isfinite(report.objectives).all() for report in strategy.reports] == [True] * 3
    assert strategy.reports[1].objectives[1].tolist() == [[0.0, 0.0]]


def test_a_strategy_that_falls_is_frozen_with_its_agents_before_the_cycle_is_written():
    tasks, strategy = Script(), Listener(falls=1)
    loop = loop_of(tasks, strategy)
    rows = [row for one in to_the_end(loop) for row in one["cycles"]]
    assert loop.diverged_seeds == [4]
    assert tasks.frozen == strategy.frozen == [[True, False]]
    assert [(row[0], row[1]) for row in rows if None in row] == [(4, 1), (4, 2)]


def test_both_may_fall_one_after_the_other():
    tasks, strategy = Script(falls=2), Listener(falls=0)
    loop = loop_of(tasks, strategy)
    to_the_end(loop)
    assert loop.diverged_seeds == [4, 6]
    assert tasks.frozen == [[False, True], [True, True]]


@pytest.mark.parametrize("rounds", [1, 3, 4])
def test_a_copy_goes_on_where_the_loop_stood(rounds):
    # A window as long as the phase: what came before the copy counts in the means that come after it.
    loop = loop_of(Script(falls=4), Listener(), window=5)
    copy = loop_of(tasks := Script(falls=4), strategy := Listener(), window=5)
    for _ in range(rounds):
        loop.advance()
    state = loop.state_dict()
    copy.load_state_dict(state)
    frozen = [False, rounds >= 2]  # the fourth iteration is in the second round
    assert tasks.frozen == strategy.frozen == [frozen]
    assert strategy.heard == rounds // 3
    assert repr(to_the_end(copy)) == repr(to_the_end(loop))
    # What was handed out is what it was, whatever became of the loop since.
    assert state["iteration"] == (2, None, 5, 7)[rounds - 1]
    assert state["alive"].tolist() == [True, rounds < 2]
    assert state["weights"][0, 0].tolist() == ([1.0, 0.0] if rounds < 3 else [0.875, 0.125])


def test_another_instance_is_evaluated_under_the_present_weights():
    loop = loop_of(Script(), Listener())
    for _ in range(3):
        loop.advance()
    rows = loop.evaluate(PUMPS)
    # Expected 0 and came 1, as this domain says of every period.
    assert rows[:2] == [
        [4, 0.125, 0, "left", 0.0, 1.0, 1, 10.0, 0.125],
        [4, 0.125, 1, "left", 0.0, 1.0, 4, 40.0, 0.375],
    ]
    assert [row[:3] for row in rows[2:]] == [[6, 0.25, 0], [6, 0.25, 1]]
    assert columns_of(PUMPS.spec, ())["evaluation"][3] == WORDS.agent
    assert loop.advance()["evaluation"] == []


class Climber(Listener):
    """A strategy that adds an eighth to the second member's alpha after every iteration but a phase's last."""

    def within(self, weights, objectives, limits):
        self.heard = [*getattr(self, "heard", []), objectives[0, 0, 0]]
        return weights + np.array([0.0, 0.125])[:, None, None] * np.array([-1.0, 1.0])


def test_weights_may_move_within_a_phase():
    tasks, strategy = Script(), Climber()
    rows = [row for one in to_the_end(loop_of(tasks, strategy)) for row in one["cycles"]]
    assert [alphas for _, alphas in tasks.asked[:7]] == [
        [0, 0],
        *([0, n / 8] for n in (1, 2, 3, 4)),
        [0.125, 0.25],
        [0.125, 0.375],
    ]
    # It hears what each iteration but a phase's last brought; the cycle is told under its last weights.
    assert strategy.heard == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14]
    assert [row[2] for row in rows] == [0, 0.5, 0.125, 0.75, 0.25, 1.0]


def test_a_windows_errors_are_those_of_means_of_independent_iterations():
    strategy = Listener()
    to_the_end(loop_of(Script(), strategy))
    # Of 3, 4, 5: the mean of 4 has a standard error of 1 / sqrt(3); violations are an eighth of the costs.
    expected = np.array([[[1.0, 1 / 8]], [[100.0, 100 / 8]]]) / np.sqrt(3)
    np.testing.assert_allclose(strategy.reports[0].errors, expected, rtol=1e-14)


class Replayed(Script):
    """Policies of a cycle are how often its agents have trained; they bring that over 32, and violations told."""

    def train_iteration(self, iteration, weights):
        told = super().train_iteration(iteration, weights)
        cost, violation = told.objectives[..., :1], told.objectives[..., 1:]
        return told._replace(objectives=np.concatenate((-np.sqrt(cost), violation), -1))

    def replayed(self, policies):
        counts = policies[..., :1] / np.array([[1.0], [2.0]])
        self.asked_for = np.unique(counts[counts > 0]).tolist()
        told = np.vectorize(lambda n: {5.0: 0.5, 10.0: 0.125, 15.0: 0.75}.get(n, 0.0))(counts)
        return np.stack((counts / 32, told), -1)

    def evaluate(self, domain, delivery=None):
        self.delivered = delivery
        return super().evaluate(domain)


def test_a_mixture_is_chosen_by_what_its_policies_bring_anew():
    tasks = Replayed()
    loop = loop_of(tasks, Listener(), readout="mix")
    rows = [row for one in to_the_end(loop) for row in one["delivered"]]
    # In training violations rise: .5, 1.125, 1.75 of the first member, all beyond the limit of .25, and costs fall.
    # Replayed, the second cycle's .125 and the first's .5 bracket it: (.25 - .125) / (.5 - .125) of the way.
    assert tasks.asked_for == [5.0, 10.0, 15.0]
    assert [row[:3] for row in rows] == [[4, 0, 0.0], [4, 1, 0.125], [6, 0, 0.0], [6, 1, 0.25]]
    assert [row[3] for row in rows] == pytest.approx([1 / 3, 2 / 3] * 2, rel=1e-12)
    assert rows[0][4:] == [5 / 32, 0.5]
    assert tasks.delivered.mean_weights()[:, 0, 1] == pytest.approx([2 / 3 / 8, 2 / 3 / 4])


def test_a_mixture_goes_on_where_it_stood_and_is_evaluated_elsewhere():
    whole, before, after = (loop_of(Replayed(), Listener(), readout="mix") for _ in range(3))
    expected = to_the_end(whole)
    for _ in range(4):
        before.advance()
    after.load_state_dict(through_a_file(before.state_dict()))
    assert to_the_end(after) == expected[4:]
    again = loop_of(Replayed(), Listener(), readout="mix")
    again.load_state_dict(through_a_file(whole.state_dict()))
    assert again.evaluate(PUMPS) == expected[-1]["evaluation"]
