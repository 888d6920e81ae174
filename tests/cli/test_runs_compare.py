"""`mamo runs compare`: what people and programs are told of two runs."""

import json
import shutil

import pandas as pd
import pytest

from tests.cli.invoke import TINY, mamo


@pytest.fixture
def two(finished):
    """The runs te and te2, which has another tolerance and one seed more."""
    more = ["3" if word == "2" and TINY[place - 1] == "--seeds" else word for place, word in enumerate(TINY)]
    assert mamo("train", *more, "--tolerance", "0.1", "--jobs", "1", "--name", "te2").code == 0
    return finished


def test_numbers_are_those_of_the_summaries(two):
    done = mamo("runs", "compare", "te", "te2", "--json")
    told = json.loads(done.out)
    assert told["runs"] == ["results/te", "results/te2"]
    assert {one["of"] for one in told["differences"]} == {"seeds", "instance.tolerance"}
    first, second = (pd.read_csv(two / name / "summary.csv").set_index(["alpha", "seed"]) for name in ("te", "te2"))
    for one in told["outcome"]:
        alpha, column = float(one["of"].split()[1]), one["quantity"]
        own, other = first.loc[alpha, column], second.loc[alpha, column]
        assert one["first"]["value"] == pytest.approx(own.mean())
        assert one["second"]["value"] == pytest.approx(other.mean())
        assert one["difference"]["value"] == pytest.approx((other - own).mean())
        assert (one["first"]["seeds"], one["second"]["seeds"], one["difference"]["seeds"]) == (2, 3, 2)
    assert len(told["outcome"]) == 2 * 6
    assert done.err == "the two are of different problems (instance.tolerance): mind that beside the numbers\n"


def test_people_read_the_same(two):
    shown = mamo("runs", "compare", "te", "te2").out
    words = [line.split() for line in shown.splitlines()]
    assert ["seeds", "2", "3"] in words
    assert ["instance.tolerance", "0.05", "0.1"] in words
    [one] = [
        one
        for one in json.loads(mamo("runs", "compare", "te", "te2", "--json").out)["outcome"]
        if (one["of"], one["quantity"]) == ("alpha 0.9", "mean_rejection")
    ]
    texts = [f"{mean['value']:.4g} [{mean['low']:.4g}, {mean['high']:.4g}]" for mean in (one["first"], one["second"])]
    [line] = [line for line in shown.splitlines() if line.startswith("alpha 0.9   mean_rejection")]
    assert "   ".join(texts) in " ".join(line.split()).replace("] ", "]   ")
    assert line.endswith("2, 3, 2 of both")


def test_two_runs_of_one_configuration_differ_in_nothing(finished):
    shutil.copytree(finished / "wa", finished / "again")
    done = mamo("runs", "compare", "wa", "again", "-q")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("nothing differs in configuration, versions and commit\n")
    assert "the same in both: " in done.out


def test_a_plan_and_a_training_are_compared_by_configuration_alone(finished):
    done = mamo("runs", "compare", "plan", "te")
    assert (done.code, done.err) == (0, "outcomes of another command are not comparable: solve-offline and train\n")
    assert ["command", "solve-offline", "train"] in [line.split() for line in done.out.splitlines()]


@pytest.mark.parametrize(
    ("runs", "code", "message"),
    [
        (("te", "te"), 2, "mamo: results/te and results/te are the same run: name two\n"),
        (("te", "none"), 2, "mamo: no run 'none' under results/: see mamo runs list\n"),
        (("te", "broken"), 3, "mamo: results/broken/run.json is damaged ("),
    ],
)
def test_what_cannot_be_compared_is_one_line(finished, runs, code, message):
    (finished / "broken").mkdir()
    (finished / "broken" / "run.json").write_text("{")
    done = mamo("runs", "compare", *runs)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert done.err.startswith(message)
