"""Networks on other devices: the same agents, up to rounding, and the same bits every time.

"cpu:0" is the same processor by a name that takes the tensor operations meant for a GPU, so that they are tested
everywhere; what needs a GPU is skipped without one.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mamo_cli.training.shards import build_shard
from tests.learners.agents import DOMAINS, population, through_a_file, train
from tests.training.runs import CYCLES, mamo_spec, rounds_of

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
DEVICES = ["cpu:0", pytest.param("cuda", marks=needs_gpu)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("functions", [1, 2])
def test_a_population_begins_as_it_does_on_the_processor(device, functions):
    # Later, one rounding turns a greedy action and the paths part; after one iteration they have not.
    seeds = [3, 4, 5]
    agents = [population(seeds, functions, name) for name in ("cpu", device)]
    ours, theirs = (train(each, seeds, range(1), functions)[0] for each in agents)
    np.testing.assert_allclose(theirs.loss, ours.loss, rtol=1e-3)
    np.testing.assert_array_equal(theirs.measures, ours.measures)
    found = [each.state_dict()["learner"]["networks"]["online"] for each in agents]
    np.testing.assert_allclose(*found, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_repeats_itself_bit_for_bit_before_and_after_a_file(device):
    seeds = [3, 4]
    once, again = (population(seeds, device=device) for _ in range(2))
    for agents in (once, again):
        train(agents, seeds, range(2))
    again.load_state_dict(through_a_file(once.state_dict()))
    ahead = [train(agents, seeds, range(2, 4))[-1] for agents in (once, again)]
    assert all(np.array_equal(a, b) for a, b in zip(*ahead, strict=True))
    found = [agents.state_dict()["learner"]["networks"] for agents in (once, again)]
    assert all(np.array_equal(found[0][name], found[1][name]) for name in ("online", "target", "square"))
    measures = [agents.evaluate(DOMAINS[1]).measures for agents in (once, again)]
    assert np.array_equal(*measures)


@pytest.mark.parametrize("device", DEVICES)
def test_the_whole_loop_runs_on_a_device(device):
    spec = mamo_spec((0, 1))
    rounds = rounds_of(build_shard(replace(spec, device=device)))
    assert len(rounds) == CYCLES
    assert all(None not in row for one in rounds for row in one["cycles"])


@pytest.mark.parametrize("device", DEVICES)
def test_a_member_is_itself_in_other_company_up_to_rounding(device):
    alone, company = population([7], device=device), population([2, 7, 5], device=device)
    losses = [train(agents, seeds, range(1))[0].loss for agents, seeds in ((alone, [7]), (company, [2, 7, 5]))]
    assert losses[0][0] == pytest.approx(losses[1][1], rel=1e-4)
    assert losses[0][0] != pytest.approx(losses[1][0], rel=1e-2)


@pytest.mark.parametrize("device", DEVICES)
def test_a_members_nan_stays_its_own(device):
    seeds = [3, 4, 5]
    sound, sick = population(seeds, device=device), population(seeds, device=device)
    state = through_a_file(sick.state_dict())
    state["learner"]["networks"]["online"][1, 5] = float("nan")
    sick.load_state_dict(state)
    expected, found = (train(agents, seeds, range(2))[-1] for agents in (sound, sick))
    assert sick.diverged().tolist() == [False, True, False]
    assert np.array_equal(expected.loss[[0, 2]], found.loss[[0, 2]])


@pytest.mark.parametrize("device", ["cpu", *DEVICES])
@pytest.mark.parametrize("name", ["online", "square"])
def test_parameters_of_another_shape_are_refused(device, name):
    agents = population([3, 4], device=device)
    state = agents.state_dict()
    state["learner"]["networks"][name] = state["learner"]["networks"][name][:1]
    with pytest.raises(ValueError, match="stands where"):
        agents.load_state_dict(state)


@needs_gpu
def test_thousands_of_members_learn_at_once():
    seeds = list(range(2048))
    agents = population(seeds, device="cuda")
    losses = [summary.loss for summary in train(agents, seeds, range(4))]
    assert np.isfinite(losses).all()
    assert not agents.diverged().any()
