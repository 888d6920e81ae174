"""Commands about an environment that a user's module registers, in worker processes, too."""

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.invoke import mamo

EXAMPLES = Path(__file__).parents[3] / "examples"
ABOUT = ("--domain", "gymnasium", "--environment", "fishing:Fishing-v0", "--cost-key", "no_wood", "--tolerance", "0.95")
TINY = ("--seeds", "2", "--iterations", "2", "--iteration-steps", "4", "--environments", "2", "--jobs", "2")
LOOP = ("run-mamo", *TINY, *ABOUT, "--violation-key", "no_fish", "--cycles", "2", "--name", "loop", "-q")


@pytest.fixture(autouse=True)
def _here(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.chdir(tmp_path)


def test_a_loop_runs_without_bounds_is_drawn_and_evaluated_on_other_episodes():
    done = mamo(*LOOP)
    assert (done.code, done.err) == (0, "")
    assert mamo("evaluate", "loop", "--noise-seed", "1", "--name", "again", "-q").code == 0
    assert mamo("plot", "loop", "again", "-q").code == 0
    summary = pd.read_csv("results/loop/summary.csv")
    assert summary["tolerance"].tolist() == [0.95] * 2
    assert summary[["exact_alpha", "bound_cost", "cost_over_bound"]].isna().all().all()
    own, again = (pd.read_csv(f"results/{name}/evaluation.csv") for name in ("loop", "again"))
    assert own.columns.tolist()[2:] == ["step", "environment", "expected", "actual", "choice", "cost", "violation"]
    assert (len(own), len(again)) == (400, 400)  # an episode of 200 steps for each seed
    assert (own["cost"] != again["cost"]).any()
    assert not Path("results/loop/frontier.csv").exists()

    Path("trace.csv").write_text("# step_seconds=1\nstep,function,expected_rate,actual_rate\n0,env,1,1\n")
    told = [mamo("evaluate", "loop", *option) for option in (("--trace", "trace.csv"), ("--noise-seed", "524288"))]
    assert [done.code for done in told] == [2, 2]
    assert told[0].err == "mamo: fishing:Fishing-v0 is evaluated on episodes of its own, not on a trace: --noise-seed\n"
    assert told[1].err == "mamo: --noise-seed: must be less than 524288, got 524288\n"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "mamo: fishing:Fishing-v0: --violation-key must name the entry of info that is limited\n"),
        (
            ("--violation-key", "fish"),
            2,
            "mamo: fishing:Fishing-v0: --violation-key fish: the info of a step has no_wood, no_fish\n",
        ),
        (
            ("--violation-key", "no_fish", "--cost-offset", "2"),
            3,
            "mamo: fishing:Fishing-v0: the cost of a step must be 0 to 1, got 3: set --cost-offset and --cost-scale so "
            "that (cost + offset) / scale is\n",
        ),
        (
            ("--violation-key", "no_fish", "--environment", "shing:Fishing-v0"),
            2,
            "mamo: shing:Fishing-v0: No module named 'shing'. Environment registration via importing a module failed. "
            "Check whether 'shing' contains env registration and can be imported.\n",
        ),
    ],
)
def test_what_does_not_fit_is_one_line_before_anything_is_written(options, code, message):
    done = mamo("train", *ABOUT, *options)
    assert (done.code, done.said) == (code, [message])
    assert not Path("results").exists()
