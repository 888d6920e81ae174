"""The written-out backward pass and the flat optimiser are held equal to torch's own."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.learning.networks import LEAK, PopulationMLP
from mamo_cli.learning.optimiser import FlatAdam

HIDDEN = st.lists(st.sampled_from([16, 32, 48]), min_size=1, max_size=3)
SIZES = st.tuples(st.integers(1, 9), HIDDEN, st.integers(1, 35))


def made(members, sizes, seed=0):
    """A network, its parameter vector and its layers."""
    network = PopulationMLP(members, sizes)
    vector = network.initialise([np.random.default_rng([seed, member]) for member in range(members)])
    return network, vector, network.layers(vector)


def states_of(members, batch, size, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(members, batch, size)).astype(np.float32))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), SIZES, st.integers(1, 20), st.integers(0, 99))
def test_backward_is_what_autograd_says_and_leaves_the_padding_alone(members, sizes, batch, seed):
    inputs, hidden, outputs = sizes
    network, vector, layers = made(members, (inputs, *hidden, outputs), seed)
    states = states_of(members, batch, inputs, seed)
    slope = torch.zeros(members, batch, layers[-1].weight.shape[2])
    slope[..., :outputs] = states_of(members, batch, outputs, seed + 1)
    gradient = torch.full_like(vector, 7.0)  # overwritten, not added to
    network.backward(layers, network.forward(layers, states), slope, network.layers(gradient))
    free = vector.clone().requires_grad_()
    (network.forward(network.layers(free), states)[-1] * slope).sum().backward()
    rows = network.by_member(gradient)
    torch.testing.assert_close(rows, network.by_member(free.grad), rtol=1e-4, atol=1e-4)
    assert not network.layers(gradient)[-1].weight[..., outputs:].any()
    assert not network.layers(gradient)[-1].bias[..., outputs:].any()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), SIZES)
def test_forward_is_a_perceptron_of_each_member(members, sizes):
    inputs, hidden, outputs = sizes
    network, vector, layers = made(members, (inputs, *hidden, outputs))
    states = states_of(members, 5, inputs)
    found = network.forward(layers, states)[-1]
    for member in range(members):
        signal = states[member]
        for place, layer in enumerate(layers):
            signal = signal @ layer.weight[member] + layer.bias[member]
            signal = torch.nn.functional.leaky_relu(signal, LEAK) if place < len(hidden) else signal
        torch.testing.assert_close(found[member], signal, rtol=1e-4, atol=1e-5)
    assert not found[..., outputs:].any()
    assert vector.numel() == network.parameters


def test_initial_weights_fill_their_range_and_depend_on_the_members_generator_alone():
    network, vector, layers = made(3, (25, 64, 10))
    for layer, inputs in zip(layers, (25, 64), strict=True):
        bound = 1 / np.sqrt(inputs)
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert abs(layer.weight.mean()) < 0.05 * bound
    alone, own, _ = made(1, (25, 64, 10))
    assert torch.equal(alone.by_member(own)[0], network.by_member(vector)[0])
    assert not torch.equal(network.by_member(vector)[0], network.by_member(vector)[1])


def test_rows_of_members_go_back_where_they_came_from():
    network, vector, _ = made(3, (4, 32, 5))
    copy = torch.zeros_like(vector)
    network.load_by_member(copy, network.by_member(vector))
    assert torch.equal(copy, vector)
    torch.testing.assert_close(network.norms(network.blocks(vector))[:, 0], network.by_member(vector).norm(dim=1))


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 200), st.integers(0, 99))
def test_adam_is_torchs_adam_under_a_changing_step_size(count, seed):
    rng = np.random.default_rng(seed)
    start = torch.from_numpy(rng.normal(size=count).astype(np.float32))
    ours, theirs = start.clone(), torch.nn.Parameter(start.clone())
    flat, reference = FlatAdam(ours), torch.optim.Adam([theirs])
    for rate in (1e-3, 3e-3, 1e-2, 0.0, 1e-4) * 6:
        theirs.grad = torch.from_numpy(rng.normal(size=count).astype(np.float32))
        reference.param_groups[0]["lr"] = rate
        reference.step()
        flat.step(theirs.grad.clone(), rate)
    torch.testing.assert_close(ours, theirs.data, rtol=1e-5, atol=1e-6)
    assert not torch.equal(ours, start)
