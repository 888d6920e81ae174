"""The two-phase loop: its rows, its shards, and strategies that are not ours."""

import numpy as np
import pytest

from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import alpha_of, weights_of
from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.protocol import Shape
from mamo_cli.strategies.fixed import FixedWeights
from mamo_cli.strategies.protocol import CycleReport, Strategy
from mamo_cli.strategies.wa_dqn.agent import COLUMNS, wa_reward
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.records import columns_of
from mamo_cli.training.shards import build_domain, build_shard, cut
from mamo_cli.training.two_phase import TwoPhaseLoop
from tests.domains.faas.nodes import made_trace
from tests.learners.agents import through_a_file
from tests.training.runs import LEARNER, PHASE, columns, mamo_spec, rounds_of, train_spec

COST = 2.0  # of a replica for a period
DOMAIN = build(InstanceConfig(replica_cost=COST), made_trace(caps=True))
HEADERS = columns_of(DOMAIN.spec, COLUMNS)
CYCLES_OF_BISECTION = columns_of(DOMAIN.spec, ("halved",))["cycles"]


class Bisection(Strategy):
    """A strategy without learning: halves the range of alpha that may hold the cheapest feasible one."""

    columns = ("halved",)

    def __init__(self, members, limit, sick=()):
        self.low, self.high = np.zeros((members, 1)), np.ones((members, 1))
        self.limit, self.sick = limit, np.isin(np.arange(members), sick)
        self.reports, self.frozen = [], np.zeros(members, dtype=np.bool_)

    def observe(self, report: CycleReport):
        alpha, feasible = alpha_of(report.weights), report.objectives[..., 1] <= self.limit
        self.high = np.where(feasible, alpha, self.high)
        self.low = np.where(feasible, self.low, alpha)
        self.reports.append(report)
        return {"halved": self.high - self.low}

    def propose(self, cycle):
        return weights_of((self.low + self.high) / 2)

    def settled(self):
        return weights_of(self.high)

    def diverged(self):
        return self.sick & (len(self.reports) > 1)

    def freeze(self, members):
        self.frozen = members

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def loop_of(strategy: Strategy, seeds, cycles):
    streams = [MemberStreams(seed, "te") for seed in seeds]
    learner = DQN(LEARNER, Shape.of(DOMAIN.spec), streams)
    return TwoPhaseLoop(
        seeds=seeds, domain=DOMAIN, tasks=TaskAgents(DOMAIN, learner, PHASE, streams), strategy=strategy,
        cycles=cycles, phase_iterations=12, round_iterations=5, window=10, steps_per_iteration=32,
    )  # fmt: skip


def fixed(*alphas):
    return FixedWeights(weights_of(np.array(alphas)[:, None]))


@pytest.mark.parametrize("functions", [1, 2])
def test_rows_match_their_headers_and_every_member_has_all_of_them(functions):
    rounds = rounds_of(build_shard(mamo_spec((0, 1), functions)))
    for table, header in HEADERS.items():
        named = functions > 1 and table != "evaluation"  # which always names them
        assert {len(row) for one in rounds for row in one[table]} == {len(header) + named}
        assert len(columns_of(build_domain(mamo_spec((0,), functions)).spec, COLUMNS)[table]) == len(header) + named
    counts = {table: sum(len(one[table]) for one in rounds) for table in HEADERS}
    # 2 members, 3 cycles of 12 iterations, and 6 steps left of the trace to evaluate on at the end.
    rows = {"training": 72, "cycles": 6, "delivered": 2, "evaluation": 12}
    assert counts == {table: count * functions for table, count in rows.items()}


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
    rows = columns(rounds, "training", HEADERS["training"])
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
    rows, cycles = columns(rounds, "training", HEADERS["training"]), columns(rounds, "cycles", CYCLES_OF_BISECTION)
    assert [report.cycle for report in strategy.reports] == [0, 1, 2]
    for report in strategy.reports:
        last = (rows["iteration"] // 12 == report.cycle) & (rows["iteration"] % 12 >= 2)  # 10 of 12 iterations
        for member in (0, 1):
            own = last & (rows["seed"] == member)
            assert rows["mean_cost"][own].mean() == pytest.approx(report.objectives[member, 0, 0], rel=1e-12)
            rejection = report.objectives[member, 0, 1]
            assert rows["mean_rejection"][own].mean() == pytest.approx(rejection, rel=1e-12)
            assert np.all(rows["alpha"][own] == alpha_of(report.weights)[member, 0])
    assert cycles["alpha"][cycles["seed"] == 0].tolist() == [
        alpha_of(report.weights)[0, 0] for report in strategy.reports
    ]
    np.testing.assert_array_equal(cycles["feasible"], (cycles["eval_rejection"] <= 0.05).astype(int))
    own = cycles["seed"] == 1
    assert cycles["halved"][own].tolist() == [0.5, 0.25, 0.125]


def test_the_last_evaluation_is_the_last_cycles():
    rounds = rounds_of(loop_of(Bisection(2, 0.05), (0, 1), cycles=2))
    cycles, steps = columns(rounds, "cycles", CYCLES_OF_BISECTION), columns(rounds, "evaluation", HEADERS["evaluation"])
    for seed in (0, 1):
        last = (cycles["seed"] == seed) & (cycles["cycle"] == 1)
        own = steps["seed"] == seed
        assert steps["rejection"][own].mean() == pytest.approx(cycles["eval_rejection"][last].item(), rel=1e-12)
        assert steps["replicas"][own].mean() == pytest.approx(cycles["eval_replicas"][last].item(), rel=1e-12)
        np.testing.assert_array_equal(steps["cost"][own], COST * steps["replicas"][own])
        # Normalised by the cost of all six replicas that the trace's largest cap allows.
        assert cycles["eval_cost"][last].item() == pytest.approx(steps["replicas"][own].mean() / 6, rel=1e-12)


def test_the_agents_rewards_are_those_of_the_training_window():
    rows = columns(rounds_of(build_shard(mamo_spec((0, 1)))), "cycles", HEADERS["cycles"])
    expected = wa_reward(np.stack((rows["train_cost"], rows["train_rejection"]), -1), np.array([0.05]), 0.1)
    np.testing.assert_array_equal(rows["wa_reward"], expected)
    assert np.all(rows["alpha"][rows["cycle"] == 0] == 0.1)


@pytest.mark.parametrize("rounds_before", [1, 4])  # inside a cycle, and between two
def test_a_loop_from_a_file_goes_on_exactly(rounds_before):
    def fresh():
        return loop_of(fixed(0.3, 0.8), (0, 1), cycles=2)

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
        return loop_of(fixed(0.8, 0.8, 0.8), (4, 5, 6), cycles=1)

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


def test_a_strategy_that_diverges_takes_its_member_with_it_and_no_other():
    # Member 5's strategy holds a NaN from the second cycle on: its agents stop, its rows are blank from there.
    sound, sick = Bisection(3, 0.05), Bisection(3, 0.05, sick=[1])
    loops = [loop_of(strategy, (4, 5, 6), cycles=3) for strategy in (sound, sick)]
    expected, found = (rounds_of(loop) for loop in loops)
    assert [loop.diverged_seeds for loop in loops] == [[], [5]]
    assert sick.frozen.tolist() == [False, True, False]
    for table in ("training", "cycles", "evaluation"):
        kept, others = ([row for one in rounds for row in one[table] if row[0] != 5] for rounds in (found, expected))
        assert repr(kept) == repr(others)
    cycles = [row for one in found for row in one["cycles"] if row[0] == 5]
    assert [None in row for row in cycles] == [False, True, True]
    assert [None in row for one in found for row in one["training"] if row[0] == 5] == [False] * 24 + [True] * 12


class Astray(Bisection):
    """Proposes what is no number to one member, from the second cycle on, and does not say that it diverged."""

    def propose(self, cycle):
        weights = super().propose(cycle)
        weights[1, :, 1] = np.nan if cycle else weights[1, :, 1]
        return weights


def test_a_member_whose_weights_are_no_numbers_is_frozen():
    sound, astray = (loop_of(kind(3, 0.05), (4, 5, 6), cycles=2) for kind in (Bisection, Astray))
    expected, found = rounds_of(sound), rounds_of(astray)
    assert (sound.diverged_seeds, astray.diverged_seeds) == ([], [5])
    for table in ("training", "cycles", "evaluation"):
        kept, others = ([row for one in rounds for row in one[table] if row[0] != 5] for rounds in (found, expected))
        assert repr(kept) == repr(others)
    assert [None in row for one in found for row in one["cycles"] if row[0] == 5] == [False, True]
    assert all(None in row for one in found for row in one["evaluation"] if row[0] == 5)


def test_the_agents_of_a_diverged_wa_agent_are_marked():
    loop = build_shard(mamo_spec((4, 5)))
    loop.advance()
    state = through_a_file(loop.state_dict())
    state["strategy"]["learner"]["networks"]["online"][0] = float("nan")
    loop.load_state_dict(state)
    rest = rounds_of(loop)
    assert loop.diverged_seeds == [4]
    assert all(None in row for one in rest for row in one["cycles"] if row[0] == 4)
    assert all(None not in row for one in rest for row in one["cycles"] if row[0] == 5)


def test_who_diverged_stays_so_after_a_file():
    loop = loop_of(Bisection(2, 0.05, sick=[0]), (0, 1), cycles=4)
    for _ in range(7):
        loop.advance()
    copy = loop_of(Bisection(2, 0.05), (0, 1), cycles=4)
    copy.load_state_dict(through_a_file(loop.state_dict()))
    assert copy.diverged_seeds == [0]
    row = copy.advance()["training"][0]
    assert row[HEADERS["training"].index("loss")] is None


def test_what_is_evaluated_is_never_trained_on():
    # 14 of 20 steps are trained on: the rates of the other six are in no observation of the training's environments.
    training, evaluation = (DOMAIN.environment(part, 1, 1) for part in (Part.TRAINING, Part.EVALUATION))
    assert (training.steps, evaluation.steps) == (14, 6)

    def seen(environment):
        nothing = np.zeros((1, 1, 1), dtype=np.int64)
        rates = [environment.observe().values[0, 0, 0, 0]]
        return rates + [environment.step(nothing).seen.values[0, 0, 0, 0] for _ in range(40)]

    assert not set(seen(training)) & set(seen(evaluation))


def test_fixed_weights_never_change_their_mind():
    weights = weights_of(np.array([[0.1, 0.2], [0.9, 0.9]]))
    strategy = FixedWeights(weights)
    report = CycleReport(0, weights, weights, np.zeros_like(weights), np.full((2, 1), 0.05))
    assert np.array_equal(strategy.observe(report)["choice"], [[0.1, 0.2], [0.9, 0.9]])
    assert np.array_equal(strategy.propose(5), weights)
    assert np.array_equal(strategy.settled(), weights)
    assert not strategy.diverged().any()
    rows = columns(rounds_of(build_shard(train_spec((0, 1), (0.1, 0.9)))), "training", HEADERS["training"])
    assert set(zip(rows["seed"], rows["alpha"], strict=True)) == {(0, 0.1), (1, 0.9)}
