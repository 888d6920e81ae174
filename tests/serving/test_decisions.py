"""A policy that is served decides what it decides in an evaluation, restarts and all; what it does not act on."""

import csv
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from pydantic_core import to_json

from mamo_cli.core.errors import CheckpointError, DataError, DivergedError, StaleError, StorageError, UsageError
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.kept import Budget, Kept
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, configured
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.export import opened, policy_of_run, write_policy
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.policies.decide import Draws, uniforms
from mamo_cli.serving.decisions import Service
from mamo_cli.serving.log import ORIGIN, DecisionLog, check
from mamo_cli.workload.trace import Trace
from tests.serving.nodes import PERIOD_S, STEPS, THREE, node, played, policy

NOW = 1_700_000_000.0
MEMORY = {"memory_per_replica": 64, "node_memory": 700}
CASES = {
    "one function": node,
    "one function under a shield": lambda: node(shield=0.05),
    "one function within its noise": lambda: node(shield=0.0, noise=0.3),
    "caps that change": lambda: node(caps=np.tile([[8], [3], [5]], (8, 1))),
    "three functions": lambda: node(THREE),
    "three functions in one memory": lambda: node(THREE, **MEMORY),
    "three functions in one memory under a shield": lambda: node(THREE, shield=0.05, **MEMORY),
    "simulated": lambda: node(THREE, rejection_model="simulation", simulated_seconds=5.0, shield=0.05, **MEMORY),
}


def named(domain, numbers):
    return dict(zip(domain.spec.agents, numbers, strict=True))


@pytest.mark.parametrize("plays", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_a_trace_played_through_it_gives_the_choices_of_an_evaluation_however_often_it_starts_anew(
    case, plays, tmp_path
):
    domain = CASES[case]()
    made = policy(domain, plays)
    whole, again = tmp_path / "whole.jsonl", tmp_path / "again.jsonl"
    told = played(domain, made)
    with DecisionLog(whole) as log:
        service = Service(made, log)
        for at, (measured, replicas, asked) in enumerate(told):
            now = NOW + at * PERIOD_S
            decision = service.decide(measured, now)
            assert decision.agents == named(domain, replicas)
            assert decision.policy_alone == named(domain, asked)
            assert decision.overridden == (replicas != asked)
            assert service.current(now) == decision
            with DecisionLog(again) as other:
                assert Service(made, other).decide(measured, now) == decision
    assert whole.read_bytes() == again.read_bytes()
    assert check(whole).count == len(told)
    assert len({tuple(replicas) for _, replicas, _ in told}) > 2
    if "shield" in case:
        assert any(replicas != asked for _, replicas, asked in told)


def test_the_policy_file_of_a_run_is_served_as_its_table_has_it(tmp_path):
    phase = {"iterations": 3, "iteration_steps": 8, "environments": 8, "window": 2}
    asked = {"seeds": 2, "strategy": "bisect", "readout": "mix", "adaptation": {"cycles": 5}, "phase": phase}
    learner, instance = {"hidden": (16, 16), "batch_size": 16}, {"shield": 0.05, "max_replicas": 16}
    run = run_mamo(
        configured(MamoConfig, asked, {"learner": learner, "instance": instance}),
        Place(tmp_path, "run"),
        Machines(jobs=1),
    )
    write_policy(policy_of_run(run.path, 1), tmp_path / "p.npz")
    table = evaluate(tmp_path / "p.npz", EvaluateConfig(), Place(tmp_path, "played")).path / "evaluation.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with opened(tmp_path / "p.npz") as (made, trained):
        source = trained.source
    domain = domains.build("faas", trained.config.instance, source)
    counts = [measured["functions"]["f0"]["counted"] for measured, _, _ in played(domain, made)]
    before = 0.0
    with DecisionLog(tmp_path / "log.jsonl") as log:
        service = Service(made, log)
        for at, row in enumerate(rows):
            told = {
                "rate_rps": float(row["expected_rate"]),
                "rejection": before,
                "counted": counts[at],
                "counted_seconds": 30.0,
            }
            decision = service.decide(told, NOW + at)
            assert decision.agents == {"f0": int(row["replicas"])}
            assert decision.policy_alone == {"f0": int(row["replicas"]) - int(row["replicas_added"])}
            assert decision.overridden == bool(int(row["overrides"]))
            before = float(row["rejection"])
    assert len(rows) >= 96
    assert len({row["replicas"] for row in rows}) > 2


@pytest.fixture
def service(tmp_path):
    with DecisionLog(tmp_path / "log.jsonl") as log:
        yield Service(policy(node()), log)


def test_a_line_of_the_log_tells_who_decided_what_and_why(service):
    told = {"rate_rps": 20, "rejection": 0.25, "time": NOW - 30.0}
    decision = service.decide(told, NOW)
    assert json.loads(service.log.path.read_text()) == {
        "number": 1,
        "time": NOW,
        "observation": {
            "functions": {
                "f": {"rate_rps": 20.0, "rejection": 0.25, "rejection_from": "told", "max_replicas": 8}
            },
            "time": NOW - 30.0,
        },
        "policy": service.policy.digest,
        "actions": decision.agents,
        "policy_alone": decision.policy_alone,
        "overridden": False,
        "beyond": [],
        "drawn": 0,
        "asked": hashlib.sha256(to_json(told)).hexdigest()[:32],
        "previous": ORIGIN,
        "digest": decision.head,
    }  # fmt: skip
    assert (decision.number, decision.time) == (1, NOW)
    assert service.log.checked == check(service.log.path)


def test_a_load_beyond_training_is_decided_as_the_most_that_it_saw_and_says_so(tmp_path):
    # Of x, the load's share of 40/s, n is worth n (1.2 - x): from 48/s on the fewest, which no training ever saw.
    load = np.concatenate((np.linspace(5.0, 40.0, STEPS), np.linspace(5.0, 400.0, STEPS)))[:, None]
    replicas = np.arange(1.0, 9.0)
    falling = np.concatenate(([1.0, 0.0, 0.0, 0.0, 0.0], -replicas, 1.2 * replicas))[None].astype(np.float32)
    domain = domains.build("faas", InstanceConfig(max_replicas=8, train_share=0.5), Trace(("f",), load, load))
    with DecisionLog(tmp_path / "log.jsonl") as log:
        service = Service(replace(policy(domain), parameters=falling, widths=np.array([4, 1, 8])), log)
        for rate, beyond in ((20.0, []), (40.0, []), (40.001, ["f"]), (60.0, ["f"]), (1e15, ["f"])):
            found = service.decide({"rate_rps": rate}, NOW)
            assert (found.agents, found.beyond) == ({"f": 8}, beyond)
            assert log.last["beyond"] == beyond
            assert log.last["observation"]["functions"]["f"]["rate_rps"] == rate
            assert Service(service.policy, log).last == found


def test_a_cap_that_training_never_met_is_a_mask_and_nothing_that_the_network_sees(tmp_path):
    # Of c, the cap over 8, n is worth n (c - .9): below .9 the fewest, and all that training met is 1.
    load = np.linspace(5.0, 40.0, 2 * STEPS)[:, None]
    replicas = np.arange(1.0, 9.0)
    rising = np.concatenate(([0.0, 0.0, 0.0, 1.0, 0.0], replicas, -0.9 * replicas))[None].astype(np.float32)
    domain = domains.build("faas", InstanceConfig(max_replicas=8, train_share=0.5), Trace(("f",), load, load))
    with DecisionLog(tmp_path / "log.jsonl") as log:
        service = Service(replace(policy(domain), parameters=rising, widths=np.array([4, 1, 8])), log)
        for cap, beyond in ((8, []), (7, ["f"]), (3, ["f"]), (1, ["f"])):
            found = service.decide({"rate_rps": 20.0, "max_replicas": cap}, NOW)
            assert (found.agents, found.beyond) == ({"f": cap}, beyond)


def test_a_memory_that_training_never_met_is_a_budget_and_shown_as_the_nearest_that_it_met():
    kept = Kept({"node_mb": np.array(400.0), "full_units": np.array(8.0), "replica_mb": np.array([50.0, 50.0]),
                 "trained_share": np.array([0.5, 0.75])}, 2, 4)  # fmt: skip
    budget = Budget(kept, np.arange(1, 5) * np.ones((2, 1), dtype=np.int64))
    assert [budget.met(share) for share in (0.25, 0.5, 0.6, 0.75, 1.0)] == [0.5, 0.5, 0.6, 0.75, 0.75]
    assert budget.units(150.0) == (3, 0.375)


def test_a_floor_that_fears_the_expected_rate_takes_it_as_it_is_beyond_training(tmp_path):
    load = np.linspace(5.0, 400.0, 2 * STEPS)[:, None]
    settings = InstanceConfig(max_replicas=30, shield=0.0, noise=0.1, train_share=0.1)
    domain = domains.build("faas", settings, Trace(("f",), load, load))
    made = policy(domain)
    least = replace(made, parameters=np.zeros_like(made.parameters))  # of equals the fewest
    with DecisionLog(tmp_path / "log.jsonl") as log:
        service = Service(least, log)
        found = [service.decide({"rate_rps": rate, "rejection": 0.0}, NOW) for rate in (30.0, 100.0, 300.0)]
    floors = [domain.shield.floor(np.array([rate * domain.shield.edge])).item() for rate in (30.0, 100.0, 300.0)]
    assert [one.agents["f"] for one in found] == floors == sorted(set(floors))
    assert [one.beyond for one in found] == [[], ["f"], ["f"]]


def left_alone(service, error, told, now, said):
    """What is not acted on changes nothing."""
    data, last, before = service.log.path.read_bytes(), service.last, service._past
    with pytest.raises(error, match=said):
        service.decide(told, now)
    assert service.log.path.read_bytes() == data
    assert service.last is last
    assert service._past is before


def test_a_reading_that_is_refused_or_old_changes_nothing(service):
    good = {"rate_rps": 20.0}
    left_alone(service, DataError, {"rate_rps": float("nan")}, NOW, "rate_rps must be a finite number")
    first = service.decide(good, NOW)
    left_alone(service, StaleError, {**good, "time": NOW - 601.0}, NOW, "time is 601 s ago, 600 s at most")
    left_alone(service, StaleError, {**good, "time": NOW + 601.0}, NOW, "time is 601 s ahead")
    left_alone(service, StaleError, {**good, "time": NOW - 1.0}, NOW, "time is before that of the decision before")
    left_alone(service, DataError, {"x": 1}, NOW, "x is no key that is known")
    assert service.current(NOW + 600.0) == first
    assert service.decide({**good, "time": NOW}, NOW + 600.0).number == 2
    assert service.decide({**good, "time": NOW + 900.0}, NOW + 601.0).number == 3  # by a clock that is ahead
    assert service.log.last["observation"]["time"] == NOW + 601.0
    assert service.decide(good, NOW + 602.0).number == 4


def test_who_asks_again_with_the_same_time_gets_the_same_decision_and_no_period_passes(service):
    told = {"rate_rps": 20.0, "time": NOW}
    first, log = service.decide(told, NOW), service.log.path.read_bytes()
    assert service.decide(told, NOW + 2.0) is first
    again = Service(service.policy, service.log)  # as after a kill between the line and the answer
    assert again.decide(told, NOW + 3.0) == first
    assert service.log.path.read_bytes() == log
    left_alone(again, StaleError, told, NOW + 601.0, "time is 601 s ago")
    assert again.decide({**told, "rate_rps": 21.0}, NOW + 4.0).number == 2  # another question
    assert again.decide(told, NOW + 5.0).number == 3  # no longer the last
    assert [again.decide({"rate_rps": 20.0}, NOW + 6.0).number for _ in range(2)] == [4, 5]  # tells no time


def test_a_clock_that_was_once_ahead_holds_up_no_decision_restarts_or_not(service):
    service.decide({"rate_rps": 20.0}, NOW + 86_400.0)
    for number, (told, now) in enumerate((({}, NOW), ({"time": NOW + 5.0}, NOW + 10.0), ({}, NOW + 4.0)), 2):
        restarted = Service(service.policy, service.log)
        decision = restarted.decide({"rate_rps": 20.0, **told}, now)
        assert restarted.current(now) == decision
        assert (decision.number, service.log.last["observation"]["time"]) == (number, told.get("time", now))
    left_alone(restarted, StaleError, {"rate_rps": 20.0, "time": NOW + 3.0}, NOW + 5.0, "time is before that of the de")


def test_a_decision_is_current_until_what_it_was_made_from_is_too_old(service):
    with pytest.raises(StaleError, match="nothing was decided yet"):
        service.current(NOW)
    decision = service.decide({"rate_rps": 20.0, "time": NOW - 100.0}, NOW)
    assert service.current(NOW + 500.0) == decision
    for now in (NOW + 500.1, NOW - 700.1):  # a clock that was set back is no clock to go by
        with pytest.raises(StaleError, match=r"the last decision is -?\d+ s old, 600 s at most"):
            service.current(now)
    again = Service(service.policy, service.log, stale_after=10.0)
    assert again.current(NOW - 95.0) == decision
    with pytest.raises(StaleError, match="10 s at most"):
        again.current(NOW)


def test_a_policy_that_is_sick_decides_nothing_and_the_last_decision_stands(service):
    well = service.decide({"rate_rps": 20.0}, NOW)
    sound = service.policy
    sick = replace(sound, parameters=np.full_like(sound.parameters, 3e38))
    ill = Service(sick, service.log)
    left_alone(ill, DivergedError, {"rate_rps": 20.0}, NOW, "the policy is sick: .* is not a finite number")
    assert ill.current(NOW) == well


def test_a_disk_that_is_full_is_no_decision(service, monkeypatch):
    well = service.decide({"rate_rps": 20.0}, NOW)
    monkeypatch.setattr("os.write", lambda file, line: 0)
    left_alone(service, StorageError, {"rate_rps": 20.0}, NOW, "no space left")
    assert service.current(NOW) == well


def test_another_policy_takes_over_what_runs_and_the_log_names_it(tmp_path):
    path, domain = tmp_path / "log.jsonl", node()
    first, second = policy(domain, 2, seed=1), policy(domain, 2, seed=2)
    with DecisionLog(path) as log:
        service = Service(first, log)
        for at in range(3):
            last = service.decide({"rate_rps": 40.0}, NOW + at)
    with DecisionLog(path) as log:
        service = Service(second, log)
        assert service.current(NOW + 2) == last
        service.decide({"rate_rps": 40.0}, NOW + 3)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["policy"] for line in lines] == [first.digest] * 3 + [second.digest]
    assert [line["drawn"] for line in lines] == [0, 1, 2, 0]
    rejection = domain.case.evaluation.table.lookup([40.0], [last.agents["f"]])[0]
    assert lines[3]["observation"]["functions"]["f"]["rejection"] == pytest.approx(rejection, abs=1e-3)
    assert check(path).count == 4
    with DecisionLog(path) as log, pytest.raises(CheckpointError, match="is of f, and the policy decides for f, g, h"):
        Service(policy(node(THREE)), log)


@pytest.mark.parametrize(
    "spoilt", [{"drawn": -1}, {"drawn": "0"}, {"actions": {"f": 0}}, {"actions": {"f": 2.5}}, {"actions": []},
               {"observation": {}}, {"observation": 3}]
)  # fmt: skip
def test_a_last_line_that_is_no_decision_is_not_gone_on_from(spoilt, service):
    service.decide({"rate_rps": 40.0}, NOW)
    kept = {name: value for name, value in service.log.last.items() if name not in ("number", "previous")}
    service.log.append({**kept, **spoilt})
    with pytest.raises(CheckpointError, match="its last line is no decision that can be gone on from"):
        Service(service.policy, service.log)


def test_a_domain_that_says_nothing_of_how_it_is_read_is_refused(tmp_path):
    made = policy(node())
    with (
        DecisionLog(tmp_path / "log.jsonl") as log,
        pytest.raises(UsageError, match="a policy of domain inventory cannot be served, only of faas"),
    ):
        Service(replace(made, about=made.about.model_copy(update={"domain": "inventory"})), log)


def test_what_functions_that_share_a_memory_need_is_compiled_before_the_first_decision(tmp_path, monkeypatch):
    called = []
    for module in ("mamo_cli.learners.dqn.knapsack", "mamo_cli.domains.faas.floor"):
        name = "choose" if "learners" in module else "import_module"
        before = getattr(import_module(module), name)
        monkeypatch.setattr(f"{module}.{name}", lambda *told, name=name, old=before: called.append(name) or old(*told))
    with DecisionLog(tmp_path / "log.jsonl") as log:
        Service(policy(node(THREE, shield=0.05, **MEMORY)), log)
    assert sorted(called) == ["choose", "import_module"]


def test_draws_are_those_of_an_evaluation_wherever_they_begin():
    for block, coupled in ((1, False), (5, True)):
        made = policy(node(THREE), 2)
        about = made.about.model_copy(update={"block": block, "coupled": coupled})
        wanted = uniforms(about.seed, 40, 3, block, coupled)
        whole = Draws(about)
        for at in range(40):
            np.testing.assert_array_equal(np.broadcast_to(whole.at(at), 3), wanted[at])
            np.testing.assert_array_equal(np.broadcast_to(Draws(about).at(at), 3), wanted[at])


def test_one_function_needs_none_of_what_is_slow_to_import(tmp_path):
    (tmp_path / "p.npz").write_bytes(policy(node(shield=0.05)).to_bytes())
    code = (
        "import sys, pathlib; from mamo_cli.policies.file import read_policy\n"
        "from mamo_cli.serving.decisions import Service; from mamo_cli.serving.log import DecisionLog\n"
        "folder = pathlib.Path(sys.argv[1]); policy = read_policy(folder / 'p.npz')\n"
        "with DecisionLog(folder / 'log.jsonl') as log:\n"
        "    Service(policy, log).decide({'rate_rps': 20.0, 'counted': 600, 'counted_seconds': 30}, 1.0)\n"
        "print([name for name in ('torch', 'numba', 'scipy', 'pandas', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
