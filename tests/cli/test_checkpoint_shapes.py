"""A checkpoint that loads, but whose state this version cannot put back, is exit code 7 and no bug of ours."""

import json

import pytest
import torch

from mamo_cli.cli import progress
from mamo_cli.runs import checkpoint
from tests.cli.invoke import MAMO, mamo

STATES = {
    "not a state": 7,
    "empty": {},
    "shards of text": {"rounds": 1, "lengths": {}, "shards": "ab"},
    "no shards": {"rounds": 1, "lengths": {}, "shards": []},
    "lengths of text": {"rounds": 1, "lengths": "ab", "shards": []},
}


def rewritten(run, change) -> None:
    """Put another state into a run's checkpoint, and mark the run as interrupted."""
    content = torch.load(run / checkpoint.NAME, weights_only=True)
    content["state"] = change(content["state"])
    torch.save(content, run / checkpoint.NAME)
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**manifest, "status": "interrupted"}))


def without(*path):
    def change(state):
        branch = state["shards"][0]
        for key in path[:-1]:
            branch = branch[key]
        del branch[path[-1]]
        return state

    return change


@pytest.fixture(autouse=True)
def _busy(monkeypatch):
    """Progress is told all the time, as on a machine where workers take longer than ten seconds to begin."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.02)


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_a_state_of_another_shape_is_exit_code_7(finished, state):
    rewritten(finished / "wa", lambda _: state)
    before = (finished / "wa" / "cycles.csv").read_bytes()
    done = mamo(*MAMO, "--name", "wa")
    assert (done.code, "--fresh" in done.err, len(done.said)) == (7, True, 1), done.err
    assert (finished / "wa" / "cycles.csv").read_bytes() == before


def changed(change, *path):
    def rewrite(state):
        branch = state["shards"][0]
        for key in path[:-1]:
            branch = branch[key]
        branch[path[-1]] = change(branch[path[-1]])
        return state

    return rewrite


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("weights",), lambda saved: saved[:1]),
        (("alive",), lambda saved: saved.double()),
        (("recent",), lambda saved: [part[:1] for part in saved]),
        (("tasks", "environment", "steps"), lambda saved: saved + 1000),
        (("tasks", "learner", "replay", "outcomes"), lambda saved: saved + 1000.0),
        (("strategy", "actions"), lambda saved: saved + 1000),
    ],
)
def test_indices_and_shapes_that_compiled_code_would_trust_are_exit_code_7(finished, path, change):
    rewritten(finished / "wa", changed(change, *path))
    done = mamo(*MAMO, "--name", "wa")
    assert (done.code, "--fresh" in done.err, len(done.said)) == (7, True, 1), done.err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_state_that_lacks_a_part_is_exit_code_7_in_any_engine(finished, jobs):
    rewritten(finished / "wa", without("tasks", "learner", "networks", "mean"))
    done = mamo(*MAMO[:-1], jobs, "--name", "wa")
    assert (done.code, "'mean'" in done.err, len(done.said)) == (7, True, 1), done.err


def test_evaluate_tells_it_likewise(finished):
    manifest = (finished / "te" / "run.json").read_text()
    rewritten(finished / "te", without("tasks", "learner", "networks", "online"))
    (finished / "te" / "run.json").write_text(manifest)
    done = mamo("evaluate", "te")
    assert (done.code, "'online'" in done.err) == (7, True), done.err
