"""`--from RUN`: members begin with the very networks that others ended with, whatever becomes of that run."""

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mamo_cli.core.settings import read_toml
from mamo_cli.domains import registry as domains
from mamo_cli.experiments import machines
from mamo_cli.experiments.configs import MamoConfig, TrainConfig, configured
from mamo_cli.experiments.members import members
from mamo_cli.experiments.starts import start_of
from mamo_cli.policies.start import Start
from mamo_cli.runs import checkpoint
from mamo_cli.runs.engine import LocalEngine
from mamo_cli.training.shards import build_shard
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.cli.invoke import mamo
from tests.cli.killing import contents, forked, kill_after, kill_at_write, kill_before_checkpoint
from tests.experiments.mini import write_scenario

KILLED = -9
SIZES = ("--iterations", "2", "--iteration-steps", "4", "--environments", "2", "--batch-size", "16")
SMALL = (*SIZES, "--trace", "day.csv", "--config", "small.toml", "--jobs", "1")
LOOP = ("run-mamo", "--strategy", "bisect", "--cycles", "2", *SMALL)
KNOWING = (*LOOP, "--te", "conditioned", "--config", "knowing.toml")
TRAIN = ("train", *SMALL)
SLOWER = ("--warm-service-time", "0.08")
HIDDEN = "[learner]\nhidden = [16]\n"


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """All shards in this process: what a worker's costs is its start, and its rows are the same."""
    alone = lambda build, shards, states, processes, pool: LocalEngine(build, shards, states)  # noqa: E731
    monkeypatch.setattr(machines, "local_engine", alone)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs to begin with: a loop, one that knows alpha, and trainings at two alphas."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        prepare()
        for command in ((*LOOP, "--name", "loop"), (*KNOWING, "--name", "knowing"), (*TRAIN, "--name", "te")):
            done(*command, "--seeds", "3..5")
        return Path.cwd()


def prepare() -> None:
    write_trace(sinusoidal(steps=24, period=24), "day.csv")
    Path("small.toml").write_text(HIDDEN)
    Path("knowing.toml").write_text(f"{HIDDEN}[preparation]\niterations = 2\n")


@pytest.fixture(autouse=True)
def before(trained, folder):
    shutil.copytree(trained, folder, dirs_exist_ok=True)


def done(*arguments: str) -> Path:
    result = mamo(*arguments)
    assert result.code == 0, result.err
    return Path("results") / arguments[arguments.index("--name") + 1]


def ended(run: str) -> dict[str, np.ndarray]:
    """A run's networks as its checkpoint has them: online and target, of all members."""
    (shard,) = torch.load(f"results/{run}/{checkpoint.NAME}", weights_only=True)["state"]["shards"]
    return {name: values.numpy() for name, values in shard["tasks"]["learner"]["networks"].items() if name != "updates"}


def begun(kind, file, **changes):
    """A run's networks before its first step, as those of `ended`; and how many updates they say they had."""
    config = configured(kind, read_toml(Path(file)), changes)
    source = domains.load_source(config.domain, config.instance)
    spec = pickle.loads(pickle.dumps(members(config, source, start=start_of(config))))  # as it goes to a worker
    return build_shard(spec).state_dict()["tasks"]["learner"]["networks"]


CASES = {
    "loop": (MamoConfig, {"strategy": "bisect"}),
    "knowing": (MamoConfig, {"strategy": "bisect", "te": "conditioned"}),
}


@pytest.mark.parametrize("run", CASES)
def test_online_and_target_networks_are_the_source_s_last_and_the_optimiser_is_fresh(run):
    kind, changes = CASES[run]
    found = begun(kind, "small.toml", seeds="3..7", start=f"results/{run}", **changes)
    last = ended(run)["online"][[0, 1, 2, 0, 1]]  # seeds 3 to 5 are there; 6 and 7 are 0 and 1 modulo three
    assert np.array_equal(found["online"], last)
    assert np.array_equal(found["target"], last)
    assert not found["mean"].any()
    assert not found["square"].any()
    assert found["updates"] == 0


def test_of_several_alphas_each_member_takes_the_nearest():
    last = ended("te")["online"]  # alphas .1 and .9 of seeds 3 to 5
    found = begun(TrainConfig, "small.toml", seeds="4..4", alpha=[0.2, 0.6], start="results/te")
    assert np.array_equal(found["online"], last[[1, 4]])
    loop = begun(MamoConfig, "small.toml", seeds="4..4", start="results/te", strategy="bisect",
                 adaptation={"initial_alpha": 0.8})  # fmt: skip
    assert np.array_equal(loop["online"], last[[4]])


def test_one_that_takes_its_neighbour_s_is_found_out(monkeypatch):
    of = Start.of
    monkeypatch.setattr(Start, "of", lambda start, seeds, alphas: np.roll(of(start, seeds, alphas), 1, 0))
    with pytest.raises(AssertionError):
        test_online_and_target_networks_are_the_source_s_last_and_the_optimiser_is_fresh("loop")


def test_a_mixer_begins_untrained():
    Path("mixed.toml").write_text(f'{HIDDEN}mixer = "monotone"\n')
    write_trace(sinusoidal(steps=24, period=24), "day.csv", force=True)
    done(*TRAIN, "--config", "mixed.toml", "--seeds", "1", "--alpha", "0.5", "--name", "mixed")
    given = {"seeds": 1, "alpha": [0.5]}
    own = begun(TrainConfig, "mixed.toml", **given)["online"]
    found, last = begun(TrainConfig, "mixed.toml", **given, start="results/mixed")["online"], ended("mixed")["online"]
    network = sum(wide * narrow + narrow for wide, narrow in ((4, 16), (16, 10)))
    assert np.array_equal(found[:, :network], last[:, :network])
    assert found.shape[1] > network
    assert np.array_equal(found[:, network:], own[:, network:])
    assert not np.array_equal(found[:, network:], last[:, network:])


def test_the_run_says_where_it_is_from_and_is_what_was_taken_over_not_what_that_is_called():
    warm = done(*LOOP, *SLOWER, "--seeds", "2", "--from", "loop", "--name", "warm")
    shutil.copytree("results/loop", "results/other")
    copied = done(*LOOP, *SLOWER, "--seeds", "2", "--from", "results/other", "--name", "copied")
    assert contents(copied) == contents(warm)
    told, again = (json.loads((run / "run.json").read_text()) for run in (warm, copied))
    source = json.loads(Path("results/loop/run.json").read_text())
    assert told["start"] == {**again["start"], "run": "loop"}
    assert (told["start"]["command"], told["start"]["config_digest"]) == ("run-mamo", source["config_digest"])
    assert told["config_digest"] == again["config_digest"]
    assert read_toml(warm / "config.toml")["start"] == "results/loop"
    cold = done(*LOOP, *SLOWER, "--seeds", "2", "--name", "cold")
    assert json.loads((cold / "run.json").read_text())["config_digest"] != told["config_digest"]
    assert (cold / "cycles.csv").read_bytes() != (warm / "cycles.csv").read_bytes()
    refused = mamo(*LOOP, *SLOWER, "--seeds", "2", "--from", "te", "--name", "warm")
    assert (refused.code, "the content of its trace or its start" in refused.err) == (2, True)


def test_what_a_run_keeps_is_enough_to_judge_grow_and_repeat_it():
    warm = done(*LOOP, *SLOWER, "--seeds", "4", "--from", "loop", "--name", "at-once")
    done(*LOOP, *SLOWER, "--seeds", "3", "--from", "loop", "--name", "few")
    shutil.rmtree("results/loop")
    done("run-mamo", "--grow", "few", "--seeds", "4", "--jobs", "1", "--name", "grown")
    again = done(*LOOP, *SLOWER, "--seeds", "4", "--from", "results/few/start.npz", "--name", "again")
    for table in ("training", "cycles", "delivered", "evaluation"):
        wanted = (warm / f"{table}.csv").read_bytes()
        assert [Path(f"results/{run}/{table}.csv").read_bytes() for run in ("grown", "again")] == [wanted] * 2, table
    assert json.loads((again / "run.json").read_text())["start"]["run"] == "loop"
    done("evaluate", "grown", "--name", "judged")
    assert mamo("export", "grown", "--seed", "3", "--out", "p.npz").code == 0
    shutil.rmtree("results/grown")
    done("evaluate", "p.npz", "--name", "judged-too")


def test_who_diverged_starts_nobody():
    path, digest = Path("results/loop"), json.loads(Path("results/loop/run.json").read_text())["config_digest"]
    state = checkpoint.load(path, digest)
    state["shards"][0]["alive"][1] = False
    checkpoint.save(path, digest, state)
    start = start_of(configured(MamoConfig, {"start": "results/loop"}))
    assert start.seeds.tolist() == [3, 5]
    assert np.array_equal(start.policies, ended("loop")["online"][[0, 2]])


def test_a_scenario_may_begin_so_and_its_cells_are_runs_like_any_other():
    write_scenario(
        Path("warm.toml"), ("seeds", 'start = "results/loop"\nseeds'), ("[learner]", "[learner]\nhidden = [16]")
    )
    compared = mamo("compare", "warm.toml", "--strategy", "bisect", "--seeds", "1", "--jobs", "1", "--name", "x")
    assert compared.code == 0, compared.err
    (cell,) = Path("results").glob("run-mamo-warm-*")
    assert json.loads((cell / "run.json").read_text())["start"]["run"] == "loop"


WARM = (*LOOP, *SLOWER, "--seeds", "2", "--from", "loop", "--name", "warm")


@pytest.mark.parametrize("count", [3, 9, 15, 0])
def test_killed_at_any_moment_it_ends_the_same(count):
    assert forked(WARM, kill_at_write(count) if count else kill_after(0.2)) == KILLED
    killed = done(*WARM)
    assert contents(killed) == contents(done(*WARM[:-1], "whole"))


def test_killed_before_its_first_checkpoint_it_begins_again_without_the_run_it_is_from():
    whole = contents(done(*WARM[:-1], "whole"))

    assert forked(WARM, kill_before_checkpoint(1)) == KILLED
    assert not Path("results/warm", checkpoint.NAME).exists()
    shutil.rmtree("results/loop")
    assert contents(done(*WARM[:-4], "--from", "results/warm/start.npz", "--name", "warm")) == whole


REFUSALS = {
    "choices": (
        (*LOOP, "--max-replicas", "12", "--from", "loop"),
        "loop cannot start this run: it has choices 10, not 12",
    ),
    "hidden": (
        ("train", *SIZES, "--from", "loop"),
        "loop cannot start this run: it has hidden 16, not 64 64 64",
    ),
    "kind": (
        (*KNOWING, "--from", "te"),
        "te cannot start this run: it has te dqn, not conditioned",
    ),
    "domain": (
        ("train", "--domain", "inventory", "--from", "loop"),
        "loop cannot start this run: it has domain faas, not inventory; hidden 16, not 64 64 64; observation 4, not 6; "
        "choices 10, not 121",
    ),
    "exact": (
        (*LOOP, "--te", "exact", "--from", "loop"),
        "--from is for task agents dqn and conditioned, not exact",
    ),
    "plan": (
        (*LOOP, "--from", "plan"),
        "results/plan is a complete solve-offline run: --from needs a complete run of train or run-mamo",
    ),
    "nothing": ((*LOOP, "--from", "none"), "no run 'none' under results/: see mamo runs list"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_does_not_fit_is_refused_in_a_line_that_names_it(case):
    command, message = REFUSALS[case]
    if case == "plan":
        done("solve-offline", "--name", "plan")
    refused = mamo(*command, "--name", "x")
    assert (refused.code, refused.out, refused.said) == (2, "", [f"mamo: {message}\n"])
    assert not Path("results/x").exists()


@pytest.mark.parametrize(("network", "networks"), [("shared", 1), ("apart", 3)])
def test_a_fleet_s_policies_are_taken_over_and_play_as_they_did(network, networks):
    for rate in (0.0, 0.1):  # who learns, and who plays on as it was
        settings = f'network = "{network}"\nhidden = [5]\nbatch_size = 4\n[phase]\nlearning_rate = [[0.0, {rate}]]\n'
        Path(f"{rate}.toml").write_text(f"[learner]\n{settings}")
    sizes = ("--iterations", "2", "--iteration-steps", "4", "--environments", "2", "--jobs", "1", "--seeds", "2")
    fleet = ("run-mamo", "--domain", "fleet", "--nodes", "3", "--strategy", "fixed", "--cycles", "1", *sizes)
    before = done(*fleet, "--config", "0.1.toml", "--name", "before")
    start = start_of(configured(MamoConfig, {"start": str(before)}))
    assert start.policies.shape[1] == networks * (4 * 5 + 5 + 5 * 8 + 8)  # 4 numbers observed, 8 replicas to choose of
    untaught = done(*fleet, "--config", "0.0.toml", "--name", "untaught")
    after = done(*fleet, "--config", "0.0.toml", "--from", "before", "--name", "after")
    played = [(path / "evaluation.csv").read_bytes() for path in (before, after, untaught)]
    assert played[0] == played[1]
    assert played[0] != played[2]


@pytest.mark.parametrize("run", CASES)
def test_policies_of_another_size_than_they_say_are_refused(run):
    kind, _ = CASES[run]
    source = start_of(configured(kind, {"start": f"results/{run}"}))
    sizes = {"loop": 4 * 16 + 16 + 16 * 10 + 10, "knowing": 5 * 16 + 16 + 16 * 10 + 10 + 1}
    assert source.policies.shape[1] == sizes[run]
    Path("odd.npz").write_bytes(replace(source, policies=source.policies[:, 1:]).to_bytes())
    refused = mamo(*(KNOWING if run == "knowing" else LOOP), "--from", "odd.npz", "--name", "x")
    assert (refused.code, refused.out) == (7, "")
    message = f"the start from {run} has policies of {sizes[run] - 1} numbers, and its networks have {sizes[run]}"
    assert refused.err == f"mamo: {message}\n"
    assert not Path("results/x").exists()


def test_a_run_all_of_whose_members_have_diverged_starts_nobody():
    path, digest = Path("results/loop"), json.loads(Path("results/loop/run.json").read_text())["config_digest"]
    state = checkpoint.load(path, digest)
    state["shards"][0]["alive"][:] = False
    checkpoint.save(path, digest, state)
    refused = mamo(*LOOP, "--from", "loop", "--name", "x")
    message = "mamo: all members of results/loop have diverged: there is nothing to begin with\n"
    assert (refused.code, refused.err) == (2, message)


def test_agents_that_are_no_networks_of_ours_start_nothing():
    done(*LOOP, "--te", "exact", "--seeds", "1", "--name", "exact")
    refused = mamo(*LOOP, "--from", "exact", "--name", "x")
    message = "mamo: results/exact has task agents exact: --from is for dqn and conditioned\n"
    assert (refused.code, refused.said) == (2, [message])
