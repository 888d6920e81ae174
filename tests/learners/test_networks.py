"""The compiled passes and the compiled optimiser are held equal to torch's own."""

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.learners.dqn import optimiser, perceptron
from mamo_cli.learners.dqn.networks import CompiledNetworks, initial_parameters
from tests.learners.test_equations import RULES

WIDTHS = st.lists(st.integers(1, 70), min_size=2, max_size=5)


def parameters_of(widths, seed=0):
    return initial_parameters(widths, [np.random.default_rng(seed)])[0]


def in_torch(parameters, widths, states):
    """The same perceptron written down plainly; parameters may want gradients."""
    signal, start = states, 0
    for layer, (wide, narrow) in enumerate(pairwise(widths)):
        end = start + wide * narrow
        signal = signal @ parameters[start:end].view(wide, narrow) + parameters[end : end + narrow]
        start = end + narrow
        if layer < len(widths) - 2:
            signal = torch.nn.functional.leaky_relu(signal, 0.01)
    assert start == parameters.numel()
    return signal


@settings(max_examples=60, deadline=None)
@given(WIDTHS, st.integers(1, 40), st.integers(0, 99))
def test_forward_and_backward_are_what_autograd_says(widths, rows, seed):
    rng = np.random.default_rng(seed)
    parameters, layout, beyond = parameters_of(widths, seed), np.array(widths), 3
    states = rng.normal(size=(rows + beyond, widths[0])).astype(np.float32)
    activations = np.empty((rows + beyond) * sum(widths), dtype=np.float32)
    activations[: states.size] = states.ravel()
    perceptron.forward(parameters, layout, activations)
    outputs = activations[activations.size - (rows + beyond) * widths[-1] :].reshape(rows + beyond, widths[-1])
    free = torch.from_numpy(parameters.copy()).requires_grad_()
    expected = in_torch(free, widths, torch.from_numpy(states))
    np.testing.assert_allclose(outputs, expected.detach(), rtol=1e-4, atol=1e-5)

    slopes = np.full((2, rows * max(widths)), np.nan, dtype=np.float32)
    slope = rng.normal(size=(rows, widths[-1])).astype(np.float32)
    slopes[0, : slope.size] = slope.ravel()
    gradient = np.full_like(parameters, 7.0)  # overwritten, not added to
    turned = np.empty(max(widths) ** 2, dtype=np.float32)
    perceptron.backward(parameters, layout, activations, rows, slopes, turned, gradient)  # of the first rows alone
    (expected[:rows] * torch.from_numpy(slope)).sum().backward()
    np.testing.assert_allclose(gradient, free.grad, rtol=1e-3, atol=1e-4)


def test_values_are_every_members_own():
    widths = (3, 20, 5)
    rows = initial_parameters(widths, [np.random.default_rng(member) for member in range(4)])
    states = np.random.default_rng(9).normal(size=(4, 6, 3)).astype(np.float32)
    found = CompiledNetworks(widths, rows, RULES).values(states)
    for member in range(4):
        expected = in_torch(torch.from_numpy(rows[member]), widths, torch.from_numpy(states[member]))
        np.testing.assert_allclose(found[member], expected, rtol=1e-5, atol=1e-6)


def test_initial_weights_fill_their_range_and_depend_on_the_members_generator_alone():
    widths = (25, 64, 10)
    rows = initial_parameters(widths, [np.random.default_rng(member) for member in range(3)])
    first = 25 * 64 + 64
    for part, inputs in ((rows[:, :first], 25), (rows[:, first:], 64)):
        bound = 1 / np.sqrt(inputs)
        assert 0.95 * bound < np.abs(part).max() <= bound
        assert abs(part.mean()) < 0.05 * bound
    assert np.array_equal(rows[1], parameters_of(widths, 1))
    assert not np.array_equal(rows[0], rows[1])


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
        optimiser.adam(ours, mean, square, gradient, norm, rate, step)
    np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-4, atol=2e-5)
    assert not np.array_equal(ours, start)
