"""The two-phase loop: its rows, its shards, and strategies that are not ours."""

import numpy as np
import pytest

from mamo_cli.strategies.fixed import FixedWeights
from mamo_cli.training.two_phase import CYCLE_COLUMNS, EVALUATION_COLUMNS, TRAINING_COLUMNS, TwoPhaseLoop
from mamo_cli.training.shards import build_shard, cut
from mamo_cli.strategies.protocol import CycleReport, WeightStrategy
from mamo_cli.strategies.wa_dqn import wa_reward
from mamo_cli.training.agents import TaskPopulation
from mamo_cli.domains.faas.node import build_case
from mamo_cli.core.seeding import MemberStreams
from tests.training.runs import LEARNER, MAMO, PHASE, columns, mamo_spec, rounds_of, train_spec
from tests.learners.agents import through_a_file
from tests.domains.faas.nodes import made_trace

HEADERS = {"training": TRAINING_COLUMNS, "cycles": CYCLE_COLUMNS, "evaluation": EVALUATION_COLUMNS}


class Bisection:
    """A strategy without learning: halves the range of alpha that may hold the cheapest feasible one."""

    def __init__(self, members, tolerance):
        self.low, self.high = np.zeros((members, 1)), np.ones((members, 1))
        self.tolerance = tolerance
        self.reports = []

    def observe(self, report: CycleReport):
        feasible = report.rejection <= self.tolerance
        self.high = np.where(feasible, report.alpha, self.high)
        self.low = np.where(feasible, self.low, report.alpha)
        self.reports.append(report)
        return feasible.astype(np.float64)

    def propose(self, cycle):
        return (self.low + self.high) / 2

    def epsilon(self, cycle):
        return 0.0

    def best(self):
        return self.high

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def loop_of(strategy: WeightStrategy, seeds, cycles):
    case = build_case(MAMO.instance, made_trace(caps=True))
    tasks = TaskPopulation(case.training, 0.2, LEARNER, PHASE, [MemberStreams(seed, "te") for seed in seeds])
    return TwoPhaseLoop(
        seeds=seeds, tasks=tasks, strategy=strategy, evaluation=case.evaluation, cycles=cycles, phase_iterations=12,
        round_iterations=5, window=10, steps_per_iteration=32, tolerance=0.05, replica_cost=2.0,
    )  # fmt: skip


@pytest.mark.parametrize("functions", [1, 2])
def test_rows_match_their_headers_and_every_member_has_all_of_them(functions):
    rounds = rounds_of(build_shard(mamo_spec((0, 1), functions)))
    for table, header in HEADERS.items():
        widths = {len(row) for one in rounds for row in one[table]}
        assert widths == {len(header) + (functions > 1)} if table != "evaluation" else {len(header)}
    counts = {table: sum(len(one[table]) for one in rounds) for table in HEADERS}
    # 2 members, 3 cycles of 12 iterations, and 6 steps left of the trace to evaluate on at the end.
    assert counts == {"training": 72 * functions, "cycles": 6 * functions, "evaluation": 12 * functions}


@pytest.mark.parametrize("functions", [1, 2])
@pytest.mark.parametrize("sizes", [(2, 4), (1, 5), (1, 1, 1, 1, 1, 1)])
def test_shards_concatenate_to_the_whole_run_exactly(functions, sizes):
    spec = mamo_spec(range(6), functions)
    whole = rounds_of(build_shard(spec))
    shards = [rounds_of(build_shard(part)) for part in cut(spec, sizes)]
    joined = [
        {table: [row for part in parts for row in part[table]] for table in HEADERS}
        for parts in zip(*shards, strict=True)
    ]
    assert repr(joined) == repr(whole)  # repr: every digit, and NaN equals itself


def test_baselines_shards_concatenate_too():
    spec = train_spec((0, 0, 1, 1, 2, 2), (0.1, 0.9) * 3)
    whole = rounds_of(build_shard(spec))
    left, right = (rounds_of(build_shard(part)) for part in cut(spec, (1, 5)))
    assert [one["training"] for one in whole] == [
        a["training"] + b["training"] for a, b in zip(left, right, strict=True)
    ]
    assert whole[-1]["evaluation"] == left[-1]["evaluation"] + right[-1]["evaluation"]
    assert whole[-1]["evaluation"] != []


def test_the_numbers_of_a_row_belong_together():
    rounds = rounds_of(loop_of(Bisection(2, 0.05), (0, 1), cycles=2))
    rows = columns(rounds, "training", TRAINING_COLUMNS)
    alpha, cost, rejection = rows["alpha"], rows["mean_cost"], rows["mean_rejection"]
    np.testing.assert_allclose(rows["mean_reward"], -((1 - alpha) * cost + alpha * rejection), rtol=1e-12)
    np.testing.assert_allclose(rows["mean_replicas"], rows["mean_cost"] * 6, rtol=1e-12)  # the trace's largest cap
    for seed in (0, 1):
        own = rows["seed"] == seed
        assert rows["iteration"][own].tolist() == list(range(24))
        assert rows["env_steps"][own].tolist() == [32 * count for count in range(1, 25)]


def test_a_strategy_hears_the_last_windows_means_and_is_asked_for_the_next_alpha():
    strategy = Bisection(2, 0.05)
    rounds = rounds_of(loop_of(strategy, (0, 1), cycles=3))
    rows, cycles = columns(rounds, "training", TRAINING_COLUMNS), columns(rounds, "cycles", CYCLE_COLUMNS)
    assert [report.cycle for report in strategy.reports] == [0, 1, 2]
    for report in strategy.reports:
        last = (rows["iteration"] // 12 == report.cycle) & (rows["iteration"] % 12 >= 2)  # 10 of 12 iterations
        for member in (0, 1):
            own = last & (rows["seed"] == member)
            assert rows["mean_cost"][own].mean() == pytest.approx(report.cost[member, 0], rel=1e-12)
            assert np.all(rows["alpha"][own] == report.alpha[member, 0])
    assert cycles["alpha"][cycles["seed"] == 0].tolist() == [report.alpha[0, 0] for report in strategy.reports]
    np.testing.assert_array_equal(cycles["feasible"], (cycles["eval_rejection"] <= 0.05).astype(int))


def test_the_last_evaluation_is_the_last_cycles():
    rounds = rounds_of(loop_of(Bisection(2, 0.05), (0, 1), cycles=2))
    cycles, steps = columns(rounds, "cycles", CYCLE_COLUMNS), columns(rounds, "evaluation", EVALUATION_COLUMNS)
    for seed in (0, 1):
        last = (cycles["seed"] == seed) & (cycles["cycle"] == 1)
        own = steps["seed"] == seed
        assert steps["rejection"][own].mean() == pytest.approx(cycles["eval_rejection"][last].item(), rel=1e-12)
        assert steps["replicas"][own].mean() == pytest.approx(cycles["eval_replicas"][last].item(), rel=1e-12)
        np.testing.assert_array_equal(steps["cost"][own], 2.0 * steps["replicas"][own])


def test_the_agents_rewards_are_those_of_the_training_window():
    rows = columns(rounds_of(build_shard(mamo_spec((0, 1)))), "cycles", CYCLE_COLUMNS)
    expected = wa_reward(rows["train_cost"], rows["train_rejection"], 0.05, 0.1)
    np.testing.assert_array_equal(rows["wa_reward"], expected)
    assert np.all(rows["alpha"][rows["cycle"] == 0] == 0.1)


@pytest.mark.parametrize("rounds_before", [1, 4])  # inside a cycle, and between two
def test_a_loop_from_a_file_goes_on_exactly(rounds_before):
    def fresh():
        return loop_of(FixedWeights(np.array([[0.3], [0.8]])), (0, 1), cycles=2)

    loop, copy = fresh(), fresh()
    for _ in range(rounds_before):
        loop.advance()
    copy.load_state_dict(through_a_file(loop.state_dict()))
    ahead = rounds_of(loop)
    assert repr(rounds_of(copy)) == repr(ahead)
    assert len(ahead) == 6 - rounds_before


def test_mamo_resumes_exactly_with_its_agents():
    loop, copy = build_shard(mamo_spec((0, 1))), build_shard(mamo_spec((0, 1)))
    loop.advance()
    copy.load_state_dict(through_a_file(loop.state_dict()))
    assert repr(rounds_of(copy)) == repr(rounds_of(loop))


def test_a_member_that_diverges_has_blanks_and_the_others_their_numbers():
    def fresh():
        return loop_of(FixedWeights(np.full((3, 1), 0.8)), (4, 5, 6), cycles=1)

    sound, sick = fresh(), fresh()
    state = through_a_file(sick.state_dict())
    state["tasks"]["learner"]["networks"]["online"][1] = float("nan")
    sick.load_state_dict(state)
    expected, found = rounds_of(sound), rounds_of(sick)
    assert sick.diverged_seeds == [5]
    for table, header in HEADERS.items():
        rows = [row for one in found for row in one[table]]
        others = [row for one in expected for row in one[table] if row[0] != 5]
        assert repr([row for row in rows if row[0] != 5]) == repr(others)
        assert all(None in row for row in rows if row[0] == 5), header


def test_fixed_weights_never_change_their_mind():
    alpha = np.array([[0.1, 0.2], [0.9, 0.9]])
    strategy = FixedWeights(alpha)
    reward = strategy.observe(CycleReport(0, alpha, alpha, alpha))
    assert np.array_equal(strategy.propose(5), alpha)
    assert np.array_equal(strategy.best(), alpha)
    assert not reward.any()
    rows = columns(rounds_of(build_shard(train_spec((0, 1), (0.1, 0.9)))), "training", TRAINING_COLUMNS)
    assert set(zip(rows["seed"], rows["alpha"], strict=True)) == {(0, 0.1), (1, 0.9)}
