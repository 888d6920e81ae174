"""What is told of a run that has ended, from numbers that were laid out by hand."""

import json
from datetime import UTC, datetime

import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.runs.outcomes import Outcome, outcomes_of, seconds_taken


def manifest(command: str, summary, status: str = "complete", **facts):
    return {"command": command, "status": status, "starts": [], "summary": summary, "domain": "faas", **facts}


def member(seed: int, alpha: float, cost: float | None, over: float | None, rejection: float | None, holds: int | None):
    return {
        "seed": seed,
        "alpha": alpha,
        "tolerance": 0.05,
        "mean_cost": cost,
        "cost_over_causal_bound": over,
        "mean_rejection": rejection,
        "holds": holds,
    }


@pytest.fixture
def bisect(tmp_path):
    (tmp_path / "config.toml").write_text('strategy = "bisect"\n')
    return tmp_path


def test_of_a_loop_alpha_and_cost_are_medians_and_violations_means_of_who_did_not_diverge(bisect):
    rows = [
        member(0, 0.70, 0.6, 1.02, 0.04, 1),
        member(1, 0.71, 0.7, 1.01, 0.06, 0),
        member(2, 0.80, 0.8, 1.50, 0.02, 1),
        member(3, 0.10, None, None, None, None),
    ]
    [found] = outcomes_of(bisect, manifest("run-mamo", rows))
    assert found == Outcome(
        "bisect", {"rejection": 0.71}, {"rejection": pytest.approx(0.04)}, {"rejection": 0.05}, 4, 1, 1.02, 2, 3
    )
    assert found.title == "bisect alpha 0.71"


def test_of_fixed_alphas_each_stands_by_itself(tmp_path):
    rows = [
        {"seed": seed, "alpha": alpha, "tolerance": 0.05, "mean_cost": 0.5, "mean_rejection": alpha + seed / 100}
        for alpha in (0.1, 0.9)
        for seed in (0, 1)
    ]
    low, high = outcomes_of(tmp_path, manifest("train", rows))
    assert low == Outcome("", {"rejection": 0.1}, {"rejection": pytest.approx(0.105)}, {"rejection": 0.05}, 2, 0)
    assert (high.alpha, high.violations) == ("0.9", {"rejection": pytest.approx(0.905)})
    assert (low.title, high.title) == ("alpha 0.1", "alpha 0.9")


def test_a_plan_tells_of_its_steps_and_of_what_came(tmp_path):
    summary = {"scope": "step", "alpha": 0.8, "tolerance": 0.05, "mean_rejection_actual": 0.03}
    [found] = outcomes_of(tmp_path, manifest("solve-offline", {**summary, "steps": 288, "infeasible_steps": 41}))
    assert found == Outcome(
        "scope step", {"rejection": 0.8}, {"rejection": 0.03}, {"rejection": 0.05}, holds=247, holds_of=288
    )
    for scope, lacking, told in (("average", 0, (1, 1)), ("average", 288, (0, 1)), ("alpha", 0, (None, None))):
        of_mean = {**summary, "scope": scope, "steps": 288, "infeasible_steps": lacking}
        [found] = outcomes_of(tmp_path, manifest("solve-offline", of_mean))
        assert (found.holds, found.holds_of) == told
    [old] = outcomes_of(tmp_path, manifest("solve-offline", {**summary, "infeasible_steps": 0}))
    assert (old.holds, old.holds_of) == (None, None)


def test_a_comparison_tells_of_each_cell(tmp_path):
    row = {
        "scenario": "tight",
        "strategy": "dual",
        "seeds": 7,
        "seeds_total": 8,
        "tolerance": 0.02,
        "cost_over_causal_bound": 1.03,
        "mean_violation": 0.019,
        "violating_share": 3 / 7,
    }
    [found] = outcomes_of(tmp_path, manifest("compare", [row]))
    assert found == Outcome("tight dual", {}, {"violation": 0.019}, {"violation": 0.02}, 8, 1, 1.03, 4, 7)


def test_what_earlier_versions_did_not_write_is_blank(tmp_path):
    (tmp_path / "config.toml").write_text("seeds = 1\n")
    rows = [{"seed": 0, "final_alpha": 1.0, "mean_cost": 0.27, "mean_rejection": 0.43}]
    [found] = outcomes_of(tmp_path, manifest("run-mamo", rows))
    assert found == Outcome("wa-dqn", {"rejection": None}, {"rejection": 0.43}, {"rejection": None}, 1, 0)


def test_a_run_of_an_unknown_domain_is_told_of_without_its_violations(tmp_path):
    rows = [member(0, 0.5, 0.5, None, 0.1, None)]
    [found] = outcomes_of(tmp_path, manifest("train", rows, domain="moon"))
    assert (found.members, found.title, found.violations) == (1, "", {})


def test_with_several_violations_each_has_its_own_alpha_and_limit(tmp_path):
    violations = [{"name": name, "label": name} for name in ("rejection", "latency")]
    rows = [
        {
            "seed": seed,
            "alpha_rejection": alpha,
            "alpha_latency": 0.2,
            "tolerance_rejection": 0.05,
            "tolerance_latency": None,
            "mean_cost": 0.5,
            "mean_rejection": 0.04,
            "mean_latency": 0.3,
        }
        for alpha in (0.3, 0.6)
        for seed in (0, 1)
    ]
    first, second = outcomes_of(tmp_path, manifest("train", rows, violations=violations))
    assert (first.title, second.title) == ("alpha 0.3 0.2", "alpha 0.6 0.2")
    assert first.limits == {"rejection": 0.05, "latency": None}
    assert second.violations == pytest.approx({"rejection": 0.04, "latency": 0.3})


def test_damaged_violations_are_named(tmp_path):
    with pytest.raises(DataError, match=r"run.json is damaged: its violations"):
        outcomes_of(tmp_path, manifest("train", [], violations=[{"nom": "x"}]))


@pytest.mark.parametrize("status", ["running", "crashed", "interrupted", "failed"])
def test_of_a_run_that_has_not_ended_nothing_is_told(tmp_path, status):
    assert outcomes_of(tmp_path, manifest("train", None, status)) == []


@pytest.mark.parametrize(
    "summary",
    [None, "text", [], ["text"], [{"seed": 0}], {"seed": 0}, [{"seed": 0, "alpha": "x", "mean_cost": 1.0}]],
    ids=json.dumps,
)
@pytest.mark.parametrize("command", ["train", "solve-offline"])
def test_a_damaged_summary_is_named(tmp_path, command, summary):
    with pytest.raises(DataError, match=r"run.json: its summary is damaged"):
        outcomes_of(tmp_path, manifest(command, summary))


@pytest.mark.parametrize(
    ("status", "starts", "expected"),
    [
        ("complete", [{"seconds": 1.5}, {"seconds": 60.0}], (61.5, True)),
        ("complete", [{"status": "crashed"}, {"seconds": 60.0}], (60.0, False)),
        ("crashed", [{"seconds": 60.0}, {"started": "2026-11-26T14:00:00+00:00"}], (60.0, False)),
        ("crashed", [{"started": "2026-11-26T14:00:00+00:00"}], (None, False)),
        ("running", [{"seconds": 60.0}, {"started": "2026-11-26T14:00:00+00:00"}], (60.0 + 90.0, True)),
        ("running", [{"status": "crashed"}, {"started": "2026-11-26T14:00:00+00:00"}], (90.0, False)),
        ("running", [{"started": "2026-11-26T15:00:00+00:00"}], (0.0, True)),  # clocks differ
    ],
    ids=str,
)
def test_all_starts_are_added_up_as_far_as_they_tell(status, starts, expected):
    now = datetime(2026, 11, 26, 14, 1, 30, tzinfo=UTC)
    assert seconds_taken({"status": status, "starts": starts}, now) == expected
