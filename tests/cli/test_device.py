"""`--device`: refused with one line where there is no such thing, and part of what a run is."""

import json

import pytest
import torch

from tests.cli.invoke import mamo

TRAIN = ("train", "--seeds", "1", "--iterations", "2", "--iteration-steps", "4", "--environments", "2", "--jobs", "1")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--device", "tpu"), "--device is one of cpu, cuda, got 'tpu'"),
        pytest.param(
            ("--device", "cuda"),
            "torch finds no CUDA device here",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device"),
        ),
    ],
)
def test_a_device_that_is_not_there_is_refused(folder, options, complaint):
    done = mamo(*TRAIN, *options)
    assert (done.code, complaint in done.err, len(done.said)) == (2, True, 1), done.err
    assert not (folder / "results").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
def test_a_run_on_a_gpu_is_another_run_and_says_where_it_was(folder):
    done = [json.loads(mamo(*TRAIN, "--json", "--device", device).out)["run"] for device in ("cpu", "cuda", "cuda")]
    assert done[0] != done[1] == done[2]
    assert json.loads((folder / done[1] / "run.json").read_text())["device"] == "cuda"
    refused = mamo(*TRAIN, "--device", "cuda", "--engine", "ray", "--fresh")
    assert (refused.code, "--device cuda needs --engine local" in refused.err) == (2, True)
