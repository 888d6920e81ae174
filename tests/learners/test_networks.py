"""The compiled passes are held equal to their modules of torch under autograd, the optimiser to torch's own."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from mamo_cli.learners.dqn import adam, double_q, greedy, independent, perceptron
from mamo_cli.learners.dqn.compiled_networks import CompiledNetworks, Parts
from mamo_cli.learners.dqn.parts import NETWORKS, part
from mamo_cli.learners.protocol import Shape
from tests.learners.test_equations import RULES

WIDTHS = st.lists(st.integers(1, 70), min_size=2, max_size=5)


def in_torch(network, parameters, widths, agents):
    """The module of a network, its parameters set."""
    module = network.in_torch(widths, agents)
    vector_to_parameters(torch.from_numpy(parameters.copy()), module.parameters())
    return module


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=60, deadline=None)
@given(WIDTHS, st.integers(1, 3), st.integers(1, 40), st.integers(0, 99))
def test_forward_and_backward_are_what_autograd_says(name, widths, agents, rows, seed):
    network, rng, beyond = part(NETWORKS, name), np.random.default_rng(seed), 3
    widths = [agents * widths[0], *widths[1:-1], agents * widths[-1]]
    parameters, layout = network.initial(widths, agents, rng), np.array(widths)
    states = rng.normal(size=(rows + beyond, widths[0])).astype(np.float32)
    activations = np.empty((rows + beyond) * network.row_size(layout, agents), dtype=np.float32)
    activations[: states.size] = states.ravel()
    network.forward(parameters, layout, agents, activations)
    outputs = activations[activations.size - (rows + beyond) * widths[-1] :].reshape(rows + beyond, widths[-1])
    module = in_torch(network, parameters, widths, agents)
    expected = module(torch.from_numpy(states))
    np.testing.assert_allclose(outputs, expected.detach(), rtol=1e-4, atol=1e-5)

    slope = rng.normal(size=(rows, widths[-1])).astype(np.float32)
    gradient = np.full_like(parameters, 7.0)  # overwritten, not added to
    scratch = np.full(network.scratch_size(layout, agents, rows), np.nan, dtype=np.float32)
    network.backward(parameters, layout, agents, activations, rows, slope, scratch, gradient)  # of the first rows alone
    (expected[:rows] * torch.from_numpy(slope)).sum().backward()
    free = parameters_to_vector([one.grad for one in module.parameters()])
    np.testing.assert_allclose(gradient, free, rtol=1e-3, atol=1e-4)


def plain_perceptron(parameters, widths, signal):
    """A perceptron of leaky rectifiers written down a third time, in NumPy."""
    start = 0
    for layer, (wide, narrow) in enumerate(pairwise(widths)):
        end = start + wide * narrow
        signal = signal @ parameters[start:end].reshape(wide, narrow) + parameters[end : end + narrow]
        signal = np.maximum(signal, 0.01 * signal) if layer < len(widths) - 2 else signal
        start = end + narrow
    assert start == parameters.size
    return signal


def test_values_are_every_members_own_and_nothing_for_the_frozen():
    widths = (3, 20, 5)
    rows = np.stack([perceptron.initial(widths, 1, np.random.default_rng(member)) for member in range(4)])
    states = np.random.default_rng(9).normal(size=(4, 6, 3)).astype(np.float32)
    parts = Parts(perceptron, double_q, greedy, independent, adam)
    networks = CompiledNetworks(parts, widths, rows.shape[1], rows, RULES, Shape(3, 1, 5, 2))
    found = networks.values(states[:, :, None], np.array([True, True, False, True]))[:, :, 0]
    for member in (0, 1, 3):
        expected = plain_perceptron(rows[member], widths, states[member])
        np.testing.assert_allclose(found[member], expected, rtol=1e-5, atol=1e-6)
    assert not found[2].any()


def test_initial_weights_fill_their_range_and_depend_on_the_members_generator_alone():
    widths = (25, 64, 10)
    rows = np.stack([perceptron.initial(widths, 1, np.random.default_rng(member)) for member in range(3)])
    first = 25 * 64 + 64
    for layer, inputs in ((rows[:, :first], 25), (rows[:, first:], 64)):
        bound = 1 / np.sqrt(inputs)
        assert 0.95 * bound < np.abs(layer).max() <= bound
        assert abs(layer.mean()) < 0.05 * bound
    assert np.array_equal(rows[1], perceptron.initial(widths, 1, np.random.default_rng(1)))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 200), st.sampled_from([1e9, 3.0, 0.1]), st.integers(0, 99))
def test_adam_is_torchs_adam_with_its_clipping_under_a_changing_step_size(count, norm, seed):
    rng = np.random.default_rng(seed)
    ours = rng.normal(size=count).astype(np.float32)
    start, mean, square = ours.copy(), np.zeros_like(ours), np.zeros_like(ours)
    theirs = torch.nn.Parameter(torch.from_numpy(start.copy()))
    reference = torch.optim.Adam([theirs])
    for step, rate in enumerate((1e-3, 3e-3, 1e-2, 0.0, 1e-4) * 6, start=1):
        gradient = rng.normal(size=count).astype(np.float32)
        theirs.grad = torch.from_numpy(gradient.copy())
        torch.nn.utils.clip_grad_norm_([theirs], norm)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        adam.move(ours, mean, square, gradient, norm, rate, step)
    np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-4, atol=2e-5)
    assert not np.array_equal(ours, start)
