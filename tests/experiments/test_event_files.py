"""A run's tables for TensorBoard: every number, read back by its own reader, is that of the table in float32."""

import csv
import shutil
import sys
from datetime import datetime

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.util.tensor_util import make_ndarray

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import MamoConfig, TrainConfig, configured
from mamo_cli.experiments.event_files import STEPS, described, event_files
from mamo_cli.experiments.export import write_events
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.train import train
from mamo_cli.runs.manifest import read_manifest
from tests.experiments.test_export import HERE, LEARNER, PHASE, shared

SHORT = {"phase": PHASE, "learner": LEARNER}


@pytest.fixture(scope="module")
def at_alphas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    config = configured(TrainConfig, {"seeds": 2, "alpha": [0.2, 0.9], **SHORT})
    return train(config, Place(folder, "te"), Machines(jobs=1)).path


@pytest.fixture(scope="module")
def looped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    config = configured(MamoConfig, {"seeds": 2, "adaptation": {"cycles": 3}, **SHORT}, {"instance": shared(folder)})
    return run_mamo(config, Place(folder, "wa"), HERE).path


def curves(folder):
    """`(step, value)` of every tag, by the reader of TensorBoard."""
    read = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    read.Reload()
    tags = [tag for tag in read.Tags()["tensors"] if not tag.startswith("_hparams_")]
    return {tag: [(one.step, make_ndarray(one.tensor_proto).item()) for one in read.Tensors(tag)] for tag in tags}


def wanted(run, named, several):
    """The same by hand: of each member, from the tables."""
    found = {}
    for table, step in STEPS.items():
        if not (run / f"{table}.csv").exists():
            continue
        for row in csv.DictReader((run / f"{table}.csv").read_text().splitlines()):
            member, agent = named(row), f"/{row['function']}" if several else ""
            for column, cell in row.items():
                told = {"seed", "iteration", step, "function"} | ({"alpha"} if "alpha" in member else set())
                if column not in told and cell:
                    tag = f"{table}/{column}{agent}"
                    number = np.float32(cell).item()
                    found.setdefault(member, {}).setdefault(tag, []).append((int(row[step]), number))
    return found


def test_every_number_at_fixed_alphas_is_that_of_the_table(at_alphas, tmp_path):
    files = write_events(at_alphas, tmp_path / "tb")
    members = wanted(at_alphas, lambda row: f"seed{row['seed']}-alpha{row['alpha']}", several=False)
    assert sorted(members) == ["seed0-alpha0.2", "seed0-alpha0.9", "seed1-alpha0.2", "seed1-alpha0.9"]
    assert sorted(file.parent.name for file in files) == sorted(members)
    for member, tags in members.items():
        assert curves(tmp_path / "tb" / member) == tags
    steps = [step for step, _ in members["seed1-alpha0.9"]["training/mean_cost"]]
    assert steps == [64, 128, 192]  # 8 steps in each of 8 environments
    assert len(members["seed0-alpha0.2"]["evaluation/replicas"]) == 288


def test_every_number_of_several_agents_is_that_of_the_table(looped, tmp_path):
    write_events(looped, tmp_path)
    members = wanted(looped, lambda row: f"seed{row['seed']}", several=True)
    assert sorted(members) == ["seed0", "seed1"]
    for member, tags in members.items():
        assert curves(tmp_path / member) == tags
    assert [step for step, _ in members["seed0"]["cycles/eval_rejection/g"]] == [0, 1, 2]
    assert "training/alpha/f" in members["seed0"]


def test_blanks_of_a_diverged_member_are_no_events(at_alphas, tmp_path):
    run = shutil.copytree(at_alphas, tmp_path / "te")
    head, *rows = ([*line.split(",")] for line in (run / "training.csv").read_text().splitlines())
    for row in rows:
        if (row[0], row[1], row[head.index("env_steps")]) == ("0", "0.2", "128"):
            row[head.index("loss")] = ""
    (run / "training.csv").write_text("".join(",".join(row) + "\n" for row in [head, *rows]))
    write_events(run, tmp_path / "tb")
    read = curves(tmp_path / "tb" / "seed0-alpha0.2")
    assert [step for step, _ in read["training/loss"]] == [64, 192]
    assert [step for step, _ in read["training/mean_cost"]] == [64, 128, 192]


def test_the_member_and_what_it_is_of_are_hyperparameters(at_alphas, tmp_path):
    write_events(at_alphas, tmp_path)
    read = EventAccumulator(str(tmp_path / "seed1-alpha0.9"))
    read.Reload()
    content = read.SummaryMetadata(hparams.SESSION_START_INFO_TAG).plugin_data.content
    told = hparams.parse_session_start_info_plugin_data(content)
    assert told.group_name == "seed1-alpha0.9"
    assert (told.hparams["seed"].number_value, told.hparams["alpha"].number_value) == (1.0, 0.9)
    assert told.hparams["domain"].string_value == "faas"


def test_times_are_those_of_the_run_and_the_bytes_the_same_again(at_alphas, tmp_path):
    files = event_files(at_alphas)
    assert files == event_files(at_alphas)
    began = datetime.fromisoformat(read_manifest(at_alphas)["starts"][0]["started"]).timestamp()
    assert {name.name for name in files} == {f"events.out.tfevents.{began:.0f}.mamo"}
    write_events(at_alphas, tmp_path)
    read = EventAccumulator(str(tmp_path / "seed0-alpha0.2"))
    read.Reload()
    assert {one.wall_time for one in read.Tensors("training/loss")} == {began}


def test_units_are_told():
    words = domains.about("faas").WORDS
    assert described("mean_cost", "env_steps", words) == (
        "Mean cost (share of the cap's); a step is that of the column env_steps"
    )
    assert described("expected_rate", "step", words).startswith("Arrival rate (requests/s), expected rate;")
    assert described("eval_rejection", "cycle", words).startswith("Rejection probability P;")
    assert described("wa_reward", "cycle", words).startswith("wa_reward;")


def test_what_would_be_drawn_as_well_is_refused_and_files_are_replaced_only_where_that_is_wanted(at_alphas, tmp_path):
    first, *_ = write_events(at_alphas, tmp_path)
    assert write_events(at_alphas, tmp_path)[0] == first
    first.write_bytes(b"other")
    with pytest.raises(UsageError, match=r"mamo is already there, and is another: use --force to replace it"):
        write_events(at_alphas, tmp_path)
    write_events(at_alphas, tmp_path, force=True)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "events.out.tfevents.1").write_bytes(b"")
    with pytest.raises(UsageError, match=r"events\.out\.tfevents\.1 is of another export, and would be drawn as well"):
        write_events(at_alphas, tmp_path, force=True)


def test_a_table_that_is_missing_or_broken_is_named_and_nothing_is_written(at_alphas, tmp_path):
    run = shutil.copytree(at_alphas, tmp_path / "te")
    text = (run / "evaluation.csv").read_text()
    (run / "evaluation.csv").write_text(text.replace(",5,", ",five,", 1))
    with pytest.raises(DataError, match=r"evaluation\.csv:\d+:\d+: step must be a whole number, got 'five'"):
        write_events(run, tmp_path / "tb")
    (run / "evaluation.csv").unlink()
    with pytest.raises(DataError, match=r"evaluation\.csv: cannot be read"):
        write_events(run, tmp_path / "tb")
    assert not (tmp_path / "tb").exists()


def test_without_tensorboard_the_extra_is_named(at_alphas, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(
        UsageError, match=r"--format tensorboard needs TensorBoard .*: pip install 'mamo\[tensorboard\]'"
    ):
        event_files(at_alphas)
