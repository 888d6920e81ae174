"""A run's policy as a file: played by the one function that decides, it gives the very table of the run."""

import numpy as np
import onnxruntime
import pytest

from mamo_cli.core.errors import CheckpointError, DivergedError, UsageError
from mamo_cli.core.seam import Part
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, TrainConfig, configured
from mamo_cli.experiments.evaluate import evaluate
from mamo_cli.experiments.export import opened, policy_of_run, write_policy
from mamo_cli.experiments.machines import Machines
from mamo_cli.experiments.run_mamo import run_mamo
from mamo_cli.experiments.session import Place
from mamo_cli.experiments.train import train
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import policy_of, read_policy
from mamo_cli.workload.trace import Trace
from mamo_cli.workload.trace_csv import write_trace

HERE = Machines(jobs=1)
PHASE = {"iterations": 3, "iteration_steps": 8, "environments": 8, "window": 2}
LEARNER = {"hidden": (16, 16), "batch_size": 16}


def loop(**others):
    """A run of a moment, in which agents learn enough not to do the same everywhere."""
    asked = {"seeds": 2, "strategy": "bisect", "adaptation": {"cycles": 5}, "phase": PHASE, "learner": LEARNER}
    return configured(MamoConfig, asked, others)


def shared(folder):
    """Two functions in a memory that does not hold what both want, on a trace of 12 periods."""
    load = 8.0 + 12.0 * np.sin(np.pi * np.arange(12) / 12)[:, None]
    trace = Trace(("f", "g"), np.hstack((load, 2 * load)), np.hstack((load, 2 * load)), period_steps=12)
    write_trace(trace, folder / "two.csv")
    return {"trace": str(folder / "two.csv"), "memory_per_replica": 64, "node_memory": 700, "max_replicas": 8}


def measured(folder):
    """A node of which a few periods were measured."""
    (folder / "node.csv").write_text(
        "arrival_rate_rps,replicas,rejection_fraction\n20,1,0.6\n20,3,0\n50,3,0.6\n50,6,0\n110,6,0.6\n110,9,0\n"
    )
    return {"rejection_model": "measured", "measurements": str(folder / "node.csv")}


def rows(path, seed=None):
    """Lines of evaluation.csv, of one seed alone."""
    head, *lines = (path / "evaluation.csv").read_text().splitlines()
    return head, [line for line in lines if seed is None or line.startswith(f"{seed},")]


CASES = {
    "one function, the last policy": lambda folder: loop(readout="last"),
    "a mixture": lambda folder: loop(readout="mix"),
    "conditioned": lambda folder: loop(te="conditioned", preparation={"iterations": 6}, readout="mix"),
    "two functions in one memory": lambda folder: loop(instance=shared(folder), readout="mix"),
    "repaired": lambda folder: loop(
        instance=shared(folder), function={"g": {"tolerance": 0.2}}, learner={"chooser": "repair"}, readout="last"
    ),
    "as measured": lambda folder: loop(instance=measured(folder), readout="mix"),
    "under a shield": lambda folder: loop(instance={"shield": 0.05, "max_replicas": 16}, readout="mix"),
    "simulated": lambda folder: loop(
        instance={"rejection_model": "simulation", "simulated_seconds": 5.0, **shared(folder)}, readout="mix"
    ),
    "under conditions that changed": lambda folder: loop(drift={"load": [[0, 0.5], [3, 1.5]]}, readout="mix"),
    "another domain": lambda folder: loop(domain="inventory", readout="mix"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_file_plays_the_very_table_of_the_run(case, tmp_path):
    run = run_mamo(CASES[case](tmp_path), Place(tmp_path, "run"), HERE)
    policy = policy_of_run(run.path, seed=1)
    write_policy(policy, tmp_path / "p.npz")
    played = evaluate(tmp_path / "p.npz", EvaluateConfig(run="p.npz"), Place(tmp_path, "played"))
    head, lines = rows(played.path)
    assert (head, lines) == rows(run.path, 1)
    assert len(lines) >= 12
    assert len({line.split(",")[head.split(",").index("cost")] for line in lines}) > 1
    (row,) = played.summary
    assert row["seed"] == 1
    assert read_policy(tmp_path / "p.npz").to_bytes() == policy_of_run(run.path, seed=1).to_bytes()


ONNX_CASES = ["a mixture", "conditioned", "two functions in one memory", "under a shield", "another domain"]


@pytest.mark.parametrize("case", ONNX_CASES)
def test_the_onnx_model_gives_what_is_decided_in_every_state_of_the_evaluation(case, tmp_path, monkeypatch):
    run = run_mamo(CASES[case](tmp_path), Place(tmp_path, "run"), HERE)
    decide, states = Decider.decide, []

    def followed(decider, observed, allowed, budget, draw):
        chosen = decide(decider, observed, allowed, budget, draw)
        play = int((draw[0] >= decider._edges[:, 0]).sum())
        values = decider.values(play, observed)[0]
        states.append((observed.copy(), allowed.copy(), draw.copy(), values, chosen))
        return chosen

    monkeypatch.setattr(Decider, "decide", followed)
    write_policy(policy_of_run(run.path, seed=1), tmp_path / "p.npz")
    write_policy(policy_of_run(run.path, seed=1), tmp_path / "p.onnx", kind="onnx")
    evaluate(tmp_path / "p.npz", EvaluateConfig(run="p.npz"), Place(tmp_path, "played"))
    observed, allowed, draw, values, chosen = (np.stack(each) for each in zip(*states, strict=True))
    given = {"observed": observed, "allowed": allowed, "draw": draw[:, :1] if case.startswith("two") else draw}
    session = onnxruntime.InferenceSession(tmp_path / "p.onnx")
    named = [one.name for one in session.get_outputs()]
    asked = {one.name: given[one.name] for one in session.get_inputs()}
    answer = dict(zip(named, session.run(None, asked), strict=True))
    assert len(states) >= 12
    np.testing.assert_allclose(answer["values"][:, 0], values, rtol=0.0, atol=1e-6)
    assert ("choice" in answer) == (not case.startswith("two"))
    np.testing.assert_array_equal(answer.get("choice", chosen), chosen)


def test_a_mixture_is_of_several_policies_and_its_shares_decide(tmp_path):
    run = run_mamo(CASES["a mixture"](tmp_path), Place(tmp_path, "run"), HERE)
    mixed = [policy_of_run(run.path, seed) for seed in (0, 1)]
    assert max(len(policy.parameters) for policy in mixed) > 1
    assert mixed[0].digest != mixed[1].digest
    assert policy_of_run(run.path).digest == mixed[0].digest
    assert mixed[0].about.versions["numpy"] == np.__version__


def test_a_mixture_is_drawn_as_the_node_asks_on_which_it_is_judged(tmp_path):
    # By the model periods are independent, and each has a draw; simulated, a policy plays on for two.
    run = run_mamo(CASES["a mixture"](tmp_path), Place(tmp_path, "run"), HERE)
    seed = next(seed for seed in (0, 1) if len(policy_of_run(run.path, seed).parameters) > 1)
    write_policy(policy_of_run(run.path, seed), tmp_path / "p.npz")
    asked = EvaluateConfig(rejection_model="simulation", noise_seed=3)
    judged = evaluate(run.path, asked, Place(tmp_path, "judged"))
    played = evaluate(tmp_path / "p.npz", asked, Place(tmp_path, "played"))
    assert rows(played.path) == rows(judged.path, seed)


def test_a_run_at_fixed_alphas_has_a_policy_for_each(tmp_path):
    config = configured(TrainConfig, {"seeds": 2, "alpha": [0.2, 0.9], "phase": PHASE, "learner": LEARNER})
    run = train(config, Place(tmp_path, "te"), HERE)
    policy = policy_of_run(run.path, seed=1, alpha=0.9)
    write_policy(policy, tmp_path / "p.npz")
    assert (policy.about.seed, policy.about.alpha) == (1, ((0.9,),))
    played = evaluate(tmp_path / "p.npz", EvaluateConfig(), Place(tmp_path, "played"))
    assert rows(played.path)[1] == [line for line in rows(run.path, 1)[1] if line.startswith("1,0.9,")]
    assert policy_of_run(run.path).about.alpha == ((0.2,),)
    for seed, alpha in ((2, None), (None, 0.5)):
        with pytest.raises(UsageError, match=r"has no such member: its seeds are 2, alphas \[0\.2, 0\.9\]"):
            policy_of_run(run.path, seed, alpha)


def test_what_went_on_learning_is_not_what_was_delivered(tmp_path):
    run = run_mamo(loop(seeds=1, continual=True, walk={"window": 96, "updates": 5}), Place(tmp_path, "run"), HERE)
    write_policy(policy_of_run(run.path), tmp_path / "p.npz")
    whole, one = (
        evaluate(what, EvaluateConfig(), Place(tmp_path, what.name + "x")) for what in (run.path, tmp_path / "p.npz")
    )
    assert rows(run.path) == rows(whole.path) == rows(one.path)


def test_it_is_played_on_another_trace_and_under_another_noise_as_its_run_is(tmp_path):
    run = run_mamo(loop(seeds=1), Place(tmp_path, "run"), HERE)
    write_policy(policy_of_run(run.path), tmp_path / "p.npz")
    write_trace(Trace(("f0",), np.full((6, 1), 30.0), np.full((6, 1), 33.0)), tmp_path / "other.csv")
    for number, other in enumerate(({"trace": str(tmp_path / "other.csv")}, {"noise": 0.4}, {"shield": 0.05})):
        whole, one = (
            evaluate(what, configured(EvaluateConfig, other), Place(tmp_path, f"{name}{number}"))
            for what, name in ((run.path, "whole"), (tmp_path / "p.npz", "one"))
        )
        assert rows(whole.path) == rows(one.path)
        assert rows(whole.path) != rows(run.path)


def test_scales_make_what_is_observed_of_what_is_measured(tmp_path):
    config = loop(seeds=1, instance=shared(tmp_path) | {"shield": 0.05})
    write_policy(policy_of_run(run_mamo(config, Place(tmp_path, "run"), HERE).path), tmp_path / "p.npz")
    with opened(tmp_path / "p.npz") as (policy, trained):
        scales, source = policy.scales, trained.source
    domain = domains.build(config.domain, config.instance, source)
    environment = domain.environment(Part.EVALUATION, 1)
    seen = environment.observe()
    step = environment.step(np.array([[[3, 1]]]))
    replicas, rejection = step.measures[0, 0, :, 0], step.objectives[0, 0, :, 1]
    later = environment.observe()
    for at, one, before, rejected in ((0, seen, np.ones(2), np.zeros(2)), (1, later, replicas, rejection)):
        units = 700 // 64
        by_hand = np.stack(
            (
                source.expected_rate_rps[at] / scales["rate_rps"],
                before / policy.about.choices,
                rejected,
                scales["max_replicas"] / policy.about.choices,
                np.full(2, min(units / scales["full_units"], 1.0)),
            ),
            1,
        )
        assert one.budget.item() == units
        np.testing.assert_allclose(one.values[0, 0], by_hand, rtol=1e-6)
    assert scales["trained_rps"].tolist() == domain.case.training.trace.expected_rate_rps.max(0).tolist()
    assert policy.use[:, 0].tolist() == [1, 1]
    assert scales["replica_mb"].tolist() == [64.0, 64.0]
    assert scales["shield_window_s"] == 30.0
    reading = np.array([500.0, 900.0])
    floor = np.minimum(1 + (scales["shield_enough"] < reading[:, None]).sum(1), 8)
    assert floor.tolist() == domain.shield.floor(reading).tolist()


def test_who_has_no_networks_of_ours_or_no_member_that_lives_is_refused(tmp_path, monkeypatch):
    exact = run_mamo(loop(te="exact", seeds=1), Place(tmp_path, "exact"), HERE)
    with pytest.raises(
        UsageError, match="exact has task agents exact: only those of dqn and conditioned can be exported"
    ):
        policy_of_run(exact.path)
    run = run_mamo(loop(seeds=1), Place(tmp_path, "run"), HERE)
    with pytest.raises(UsageError, match=r"--alpha: .* is no run of mamo train"):
        policy_of_run(run.path, alpha=0.5)
    monkeypatch.setattr("mamo_cli.training.two_phase.TwoPhaseLoop.alive", np.zeros(1, dtype=np.bool_))
    with pytest.raises(DivergedError, match="seed 0 diverged: it has no policy to export"):
        policy_of_run(run.path)


def test_a_file_keeps_what_it_is_played_by_and_is_played_by_nothing_else(tmp_path):
    run = run_mamo(loop(seeds=1), Place(tmp_path, "run"), HERE)
    whole = policy_of_run(run.path)
    path = tmp_path / "p.npz"

    def refused(**texts):
        kept = {name: content for name, content in {**whole.texts, **texts}.items() if content is not None}
        path.write_bytes(type(whole)(**{**vars(whole), "texts": kept}).to_bytes())
        with pytest.raises(CheckpointError, match=r"p\.npz") as told:
            evaluate(path, EvaluateConfig(), Place(tmp_path, "played"))
        return str(told.value)

    assert "lacks the config.toml or the trace.csv" in refused(**{"trace.csv": None})
    assert "is not the trace that" in refused(
        **{"trace.csv": whole.texts["trace.csv"].replace(b"f0,50.0,", b"f0,51.0,", 1)}
    )
    assert "tides" in refused(**{"config.toml": b'domain = "tides"\n'})
    assert not (tmp_path / "played").exists()
    assert policy_of(whole.to_bytes()).digest == whole.digest


def test_a_file_that_is_another_is_replaced_only_where_that_is_wanted(tmp_path):
    run = run_mamo(loop(), Place(tmp_path, "run"), HERE)
    first, second = (policy_of_run(run.path, seed) for seed in (0, 1))
    path = tmp_path / "deep" / "p.npz"
    write_policy(first, path)
    write_policy(first, path)
    with pytest.raises(UsageError, match=r"p\.npz is already there, and is another: use --force to replace it"):
        write_policy(second, path)
    assert read_policy(path).about.seed == 0
    write_policy(second, path, force=True)
    assert read_policy(path).about.seed == 1
    with pytest.raises(UsageError, match="is a folder or a device: name a file"):
        write_policy(first, tmp_path, force=True)


@pytest.mark.parametrize("network", ["apart", "perceptron"])
def test_the_file_of_a_fleet_has_a_node_choose_by_what_it_sees_itself(network, tmp_path):
    instance = {"nodes": 2, "topology": "ring", "messages": "full", "max_replicas": 7}
    mixer = {"apart": "monotone", "perceptron": "sum"}[network]
    config = loop(domain="fleet", instance=instance, learner={**LEARNER, "network": network, "mixer": mixer})
    run = run_mamo(config.model_copy(update={"readout": "mix"}), Place(tmp_path, "run"), HERE)
    write_policy(policy_of_run(run.path, seed=1), tmp_path / "p.npz")
    played = evaluate(tmp_path / "p.npz", EvaluateConfig(run="p.npz"), Place(tmp_path, "played"))
    assert rows(played.path) == rows(run.path, 1)
    decider = Decider(read_policy(tmp_path / "p.npz"))
    domain = domains.build(config.domain, config.instance, domains.load_source(config.domain, config.instance))
    environment, rng, moved = domain.environment(Part.EVALUATION, 1), np.random.default_rng(0), []
    for draw in decider.draws(environment.steps, 1)[:100]:
        seen = environment.observe()
        values, mask = seen.values[0, 0], seen.mask[0, 0]
        chosen = decider.decide(values, mask, None, draw)
        for node, other in ((0, 1), (1, 0)):
            elsewhere, allowed = values.copy(), mask.copy()
            elsewhere[other], allowed[other, 1:] = rng.random(values[other].shape), False
            moved.append(decider.decide(elsewhere, allowed, None, draw)[node] != chosen[node])
        environment.step(chosen[None, None])
    assert np.mean(moved) > 0.2 if network == "perceptron" else not any(moved)
