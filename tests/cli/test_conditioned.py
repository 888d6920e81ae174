"""`run-mamo --te conditioned` from the command line: run, grown to the same bytes, judged again."""

from pathlib import Path

import pandas as pd

from tests.cli.invoke import mamo

CONFIG = """
te = "conditioned"
strategy = "bisect"
[preparation]
iterations = 4
[phase]
iterations = 2
iteration_steps = 5
[learner]
hidden = [16]
[adaptation]
cycles = 3
"""


def run(*options):
    result = mamo("run-mamo", "--config", "c.toml", "--jobs", "1", *options)
    assert result.code == 0, result.err


def test_it_counts_what_it_learns_first_and_grows_and_is_judged_as_any_other(folder):
    Path("c.toml").write_text(CONFIG, encoding="utf-8")
    run("--seeds", "1", "--name", "one")
    training = pd.read_csv("results/one/training.csv")
    assert training["env_steps"].tolist() == [80 * (4 + n) for n in range(1, 7)]  # 5 steps of 16 copies an iteration
    run("--seeds", "2", "--name", "two")
    run("--grow", "one", "--seeds", "2", "--name", "grown")
    for table in ("training", "cycles", "delivered", "evaluation"):
        assert Path(f"results/grown/{table}.csv").read_bytes() == Path(f"results/two/{table}.csv").read_bytes(), table
    result = mamo("evaluate", "two", "--name", "again")
    assert result.code == 0, result.err
    again, before = (pd.read_csv(f"results/{name}/evaluation.csv") for name in ("again", "two"))
    assert len(again) == len(before) == 2 * 288


def test_other_task_agents_have_no_preparation(folder):
    Path("c.toml").write_text(CONFIG.replace("conditioned", "dqn"), encoding="utf-8")
    result = mamo("run-mamo", "--config", "c.toml")
    assert result.code == 2
    assert "preparation" in result.err
    assert not Path("results").exists()
