"""Scenarios: those that come with the package, a user's own, and the law that all have one budget."""

from pathlib import Path

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bound
from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.members import members
from mamo_cli.experiments.scenarios import (
    configuration_of,
    env_steps,
    in_all,
    measuring_steps,
    names,
    read_scenario,
    source_of,
)
from mamo_cli.strategies import registry as strategies
from mamo_cli.training.drift import World
from mamo_cli.training.settings import seeds_of
from mamo_cli.training.shards import build_shard
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.experiments.mini import write_scenario

DAY = sinusoidal(steps=24, period=24)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_what_the_issue_asks_for_is_there():
    drifts = {f"drift-{what}" for what in ("load", "service", "cap", "tolerance")}
    assert {
        "reference",
        "tight",
        "loose",
        "three",
        "bursty",
        "inventory",
        "battery",
        "gridworld",
        "junction",
        "chain",
        "fleet",
        *drifts,
    } <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_gives_every_strategy_the_same_budget_and_seeds(name):
    scenario, source = read_scenario(name), sinusoidal()
    assert scenario.about.purpose.endswith(".")
    for readout in ("last", "best", "mix"):
        made = set()
        for strategy in strategies.STRATEGIES:
            config = configuration_of(scenario, strategy, source, None, {"readout": readout})
            assert members(config, source).transitions == env_steps(config, source) - measuring_steps(config, source)
            assert members(config, source).seeds == tuple(range(1000, 1016)), strategy
            assert (config.strategy, config.readout) == (strategy, readout)
            made.add(env_steps(config, source))
        assert len(made) == 1
        assert 0.95 * scenario.about.budget <= min(made) <= scenario.about.budget


@pytest.mark.parametrize("name", [name for name in names() if name != "bursty"])
def test_every_shipped_scenario_has_its_workload_and_a_limit_that_can_be_kept_at_the_end(name):
    source = source_of(read_scenario(name))
    config = configuration_of(read_scenario(name), "fixed", source)
    domain = domains.build(config.domain, config.instance, source)
    assert len(domain.spec.agents) == (3 if name in ("three", "chain", "fleet") else 1)
    cycles = config.sections()["adaptation"].cycles
    assert World(domain, config.drift).at(cycles - 1) is not domain or not name.startswith("drift")
    assert np.isfinite(bound(World(domain, config.drift).at(cycles - 1)).cost)


def test_a_proxy_has_a_control_that_differs_in_nothing_else_and_all_leaves_both_out():
    proxies = [name for name in names() if name.startswith("proxy-") and not name.endswith("-control")]
    assert len(proxies) >= 2
    for name in proxies:
        told, control = (read_scenario(one) for one in (name, f"{name}-control"))
        instances = [dict(one.settings.get("instance", {})) for one in (told, control)]
        assert instances[0].pop("proxy")
        assert instances[0] == instances[1]
        others = [{key: value for key, value in one.settings.items() if key != "instance"} for one in (told, control)]
        assert others[0] == others[1]
        assert told.about.budget == control.about.budget
        assert not {name, f"{name}-control"} & set(in_all())
    assert set(in_all()) >= {"reference", "bursty", "battery"}


def test_a_trace_that_is_nobodys_to_give_is_named_with_the_command_that_makes_it():
    with pytest.raises(DataError) as refused:
        source_of(read_scenario("bursty"))
    assert str(refused.value) == (
        "scenario bursty needs traces/azure_llm.csv, which is not here: "
        "mamo import AzureLLMInferenceTrace_code.csv --step-seconds 10 --out traces/azure_llm.csv"
    )
    Path("traces").mkdir()
    write_trace(sinusoidal(mean=3.0, amplitude=2.0, period=12, steps=24), Path("traces/azure_llm.csv"))
    assert source_of(read_scenario("bursty")).steps == 24


def test_a_trace_stands_beside_its_scenario_before_it_is_looked_for_here(tmp_path):
    (tmp_path / "own").mkdir()
    path = write_scenario(tmp_path / "own" / "mine.toml", ("tolerance", 'trace = "day.csv"\ntolerance'))
    write_trace(sinusoidal(steps=24, period=24), Path("day.csv"))
    assert source_of(read_scenario(str(path))).steps == 24
    write_trace(sinusoidal(steps=12, period=12), tmp_path / "own" / "day.csv")
    assert source_of(read_scenario(str(path))).steps == 12


def test_what_a_readout_measures_is_part_of_the_budget(tmp_path):
    # Two windows of 2 iterations of 4 steps in 4 copies, 64 steps, for each of 4 policies of mix, or the one of best.
    changes = ("budget = 224", "budget = 400"), ("window = 1", "window = 2")
    mini = read_scenario(str(write_scenario(tmp_path / "mini.toml", *changes)))
    for readout, cycles, measured in (("last", 12, 0), ("best", 10, 64), ("mix", 4, 256)):
        config = configuration_of(mini, "fixed", DAY, None, {"readout": readout})
        assert config.sections()["adaptation"].cycles == cycles, readout
        assert (measuring_steps(config, DAY), env_steps(config, DAY)) == (measured, 32 * cycles + measured)
        assert played(config) == 32 * cycles + measured, readout


def test_what_is_learnt_before_the_first_cycle_is_part_of_the_budget(tmp_path):
    mini = read_scenario(str(write_scenario(tmp_path / "mini.toml")))
    others = {"te": "conditioned", "readout": "last", "preparation": {"iterations": 3}}
    config = configuration_of(mini, "fixed", DAY, None, others)
    # 3 iterations of 4 steps in 4 copies; of the 224 there are 176 left, and a cycle takes 32.
    assert config.sections()["adaptation"].cycles == 5
    assert env_steps(config, DAY) == played(config) == 48 + 5 * 32
    with pytest.raises(UsageError, match="learnt before it 208 and the readout 0, more than the budget of 224"):
        configuration_of(mini, "fixed", DAY, None, {**others, "preparation": {"iterations": 13}})


def test_a_log_that_is_learnt_from_is_part_of_the_budget(tmp_path):
    mini = read_scenario(str(write_scenario(tmp_path / "mini.toml")))
    log = {"rule": "erlang", "steps": 20, "updates": 1}
    config = configuration_of(mini, "fixed", DAY, None, {"readout": "last", "pretrain": log})
    # 20 steps in 4 copies; of the 224 there are 144 left, and a cycle takes 32.
    assert config.sections()["adaptation"].cycles == 4
    assert env_steps(config, DAY) == 80 + 4 * 32
    loop, rows = build_shard(members(config.model_copy(update={"seeds": 1}), DAY)), []
    while not loop.done:
        rows += loop.advance()["training"]
    assert rows[-1][3] == env_steps(config, DAY)
    with pytest.raises(UsageError, match="learnt before it 200 and the readout 0, more than the budget of 224"):
        configuration_of(mini, "fixed", DAY, None, {"pretrain": {**log, "steps": 50}, "readout": "last"})


def played(config):
    """Environment steps that a member makes in all copies that it trains in; its evaluation has one copy."""
    copies = []
    loop = build_shard(members(config.model_copy(update={"seeds": 1}), DAY))
    learner = loop._tasks._learner
    act = learner.act

    def counted(seen, *rest, **more):
        copies.append(seen.values.shape[1])
        return act(seen, *rest, **more)

    learner.act = counted
    while not loop.done:
        loop.advance()
    return sum(each for each in copies if each > 1)


def test_a_number_of_seeds_counts_from_the_scenarios_first_and_a_range_is_what_it_says(tmp_path):
    mini = read_scenario(str(write_scenario(tmp_path / "mini.toml")))
    for asked, found in ((None, [1000, 1001, 1002]), (2, [1000, 1001]), (5, [*range(1000, 1005)]), ("7..8", [7, 8])):
        assert [*seeds_of(configuration_of(mini, "fixed", DAY, asked).seeds)] == found
    zero = read_scenario(str(write_scenario(tmp_path / "zero.toml", ('"1000..1002"', "4"))))
    assert configuration_of(zero, "fixed", DAY, 2).seeds == 2


def test_cycles_follow_from_the_budget_and_the_phase_whatever_the_scenario_says_of_them(tmp_path):
    # 2 iterations of 4 steps in 4 copies are 32 steps; 224 are seven cycles.
    mini = read_scenario(
        str(write_scenario(tmp_path / "mini.toml", ("[learner]", "[adaptation]\ncycles = 9\n[learner]")))
    )
    assert configuration_of(mini, "fixed", DAY).sections()["adaptation"].cycles == 7
    short = configuration_of(mini, "fixed", DAY, None, {"phase": {"iterations": 1}})
    assert short.sections()["adaptation"].cycles == 14


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("budget = 224", "budget = 31")], "a cycle of fixed takes 32 environment steps and the readout 0, more than"),
        ([('seeds = "1000..1002"', "continual = true")], "scenario mini: a comparison judges what is delivered"),
        ([("budget = 224", "budget = 0")], "mini.toml: scenario.budget: must be greater than or equal to 1, got 0"),
        ([('title = "Mini"\n', "")], "mini.toml: scenario has no title"),
        ([("budget = 224\n", "")], "mini.toml: scenario has no budget"),
        ([("[scenario]", "[scene]")], "mini.toml: no scenario: it has no table [scenario]"),
        ([("budget", "cost = 1\nbudget")], "mini.toml: scenario.cost: no such setting"),
        ([("tolerance", "tolerence")], "mini.toml: instance.tolerence: no such setting; did you mean"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_scenario_is_refused_with_its_place(tmp_path, changes, message):
    path = write_scenario(tmp_path / "mini.toml", *changes)
    with pytest.raises(UsageError) as refused:
        configuration_of(read_scenario(str(path)), "fixed", DAY)
    assert message in str(refused.value)


def test_a_name_that_nothing_bears_is_told_what_there_is():
    with pytest.raises(
        UsageError, match=r"no scenario 'refrence': there are .*bursty, .*reference.*, or name a TOML file"
    ):
        read_scenario("refrence")
    with pytest.raises(UsageError, match=r"none\.toml: cannot read"):
        read_scenario("none.toml")
