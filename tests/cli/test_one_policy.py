"""A row speaks of one policy, and a run says when nothing was learnt in it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mamo_cli.analysis.decomposition import TERMS
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import MAMO, TRAIN, mamo


def test_a_row_states_the_alpha_that_its_policy_was_trained_at(folder):
    done = mamo(*MAMO, "--readout", "last", "--seeds", "6", "--cycles", "3", "--name", "x", "--json")
    rows = pd.DataFrame(json.loads(done.out)["members"]).set_index("seed")
    evaluation, cycles = (pd.read_csv(f"results/x/{name}.csv") for name in ("evaluation", "cycles"))
    last = cycles[cycles["cycle"] == 2].set_index("seed")
    played = evaluation.groupby("seed")[["alpha", "replicas", "rejection"]].mean()
    for column, source in (("alpha", "alpha"), ("mean_replicas", "replicas"), ("mean_rejection", "rejection")):
        assert list(rows[column]) == pytest.approx(list(played[source]), rel=1e-12)
    assert list(rows["alpha"]) == list(last["alpha"])
    assert list(rows["final_alpha"]) == list(last["wa_choice"])
    assert (rows["alpha"] != rows["final_alpha"]).any()
    np.testing.assert_allclose(rows["cost_over_bound"], rows["mean_cost"] / rows["bound_cost"], rtol=1e-15)
    assert list(rows["holds"]) == list((rows["mean_rejection"] <= 0.05).astype(int))
    assert set(rows["holds"]) == {0, 1}
    np.testing.assert_allclose(rows[[*TERMS]].sum(axis=1), rows["cost_over_bound"] - 1.0, atol=1e-9)


@pytest.mark.parametrize(("command", "played"), [(TRAIN, 16), (MAMO, 64)])
def test_a_run_without_a_gradient_step_says_so(folder, command, played):
    # 2 iterations of 4 steps in 2 environments; in the loop, 4 cycles of them.
    enough = mamo(*command, "--batch-size", str(played), "--name", "enough")
    assert "gradient" not in enough.err
    assert pd.read_csv("results/enough/training.csv")["loss"].notna().any()
    lacking = mamo(*command, "--batch-size", str(played + 1), "--name", "lacking")
    assert f"no gradient step was made: the replay holds {played} of {played + 1} transitions\n" in lacking.err
    assert pd.read_csv("results/lacking/training.csv")["loss"].isna().all()


def test_thousands_are_set_apart(folder):
    done = mamo("train", "--seeds", "1", "--iterations", "4", "--batch-size", "4096", "--jobs", "1")
    assert "no gradient step was made: the replay holds 1,280 of 4,096 transitions\n" in done.err


@pytest.mark.parametrize("readout", ["last", "mix"])
def test_functions_may_be_called_numbers(folder, readout):
    rates = np.full((8, 2), 20.0)
    write_trace(Trace(("0", "NA"), rates, rates), Path("named.csv"))
    done = mamo(*MAMO, "--trace", "named.csv", "--readout", readout, "--name", "x", "--json")
    assert done.code == 0, done.err
    for row in json.loads(done.out)["members"]:
        terms = [row[name] for name in ("information", "grid", "determinism", "transfer", "strategy", "te", "model")]
        assert 1.0 + sum(terms) == pytest.approx(row["cost_over_bound"], abs=1e-9)
