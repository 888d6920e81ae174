"""The learner's update against an independent one, and what it makes of problems whose answer is known."""

import numpy as np
import pytest
import torch

from mamo_cli.config import LearnerConfig
from mamo_cli.learning.networks import PopulationMLP
from tests.learning.agents import SMALL, feed, learner, through_a_file

SHAPE = (2, 3, 2, 5, 2)  # members, observation, branches, actions, objectives
WEIGHTS = -torch.tensor([[[0.9, 0.1], [0.5, 0.5]], [[0.2, 0.8], [0.0, 1.0]]])


def trained(updates, **settings):
    agent = learner((0, 1), *SHAPE[1:], **settings)
    feed(agent, SHAPE)
    losses = [agent.update(uniforms, WEIGHTS, 1e-2) for uniforms in agent.draw_replay(updates)]
    return agent, torch.stack(losses)


def reference_loss(network, online, target, batch, config):
    """The members' losses in plain torch operations, and the TD errors behind them."""
    size, shape = batch.actions.shape[1], (SHAPE[2], SHAPE[3])

    def values(vector, states):
        return network.forward(network.layers(vector), states)[-1][..., : shape[0] * shape[1]].unflatten(-1, shape)

    before, after = batch.states.split(size, 1)
    reward = torch.einsum("kbfm,kfm->kbf", batch.objectives, WEIGHTS)
    with torch.no_grad():
        best = values(online, after).argmax(-1, keepdim=True)
        following = values(target, after).gather(-1, best)[..., 0]
        goal = reward + config.discount * batch.continues[..., None] * following
    chosen = values(online, before).gather(-1, batch.actions[..., None])[..., 0]
    importance = (60 * batch.probability) ** -config.importance_exponent
    importance = importance / importance.max(1, keepdim=True).values
    error = torch.nn.functional.huber_loss(chosen, goal, reduction="none")
    return (error * importance[..., None]).mean((1, 2)), (chosen - goal).detach()


@pytest.mark.parametrize("norm", [10.0, 0.01], ids=["unclipped", "clipped"])
def test_updates_equal_autograd_clipping_and_torchs_adam(norm):
    agent = learner((0, 1), *SHAPE[1:], max_gradient_norm=norm)
    feed(agent, SHAPE)
    network = PopulationMLP(2, (3, *SMALL.hidden, 10))
    online, target = torch.zeros(network.parameters), torch.zeros(network.parameters)
    network.load_by_member(online, agent.state_dict()["online"])
    target.copy_(online)
    free = torch.nn.Parameter(online)
    optimiser = torch.optim.Adam([free])
    for count, uniforms in enumerate(agent.draw_replay(9), start=1):
        batch = agent.replay.sample(uniforms)
        loss = agent.update(uniforms, WEIGHTS, 0.01)
        expected, error = reference_loss(network, free, target, batch, agent.config)
        optimiser.zero_grad()
        expected.sum().backward()
        scale = (norm / network.by_member(free.grad).norm(dim=1)).clamp(max=1.0)
        for block in network.blocks(free.grad):  # every member clipped on its own
            block.mul_(scale.view(-1, *[1] * (block.dim() - 1)))
        optimiser.param_groups[0]["lr"] = 0.01
        optimiser.step()
        if count % SMALL.target_interval == 0:
            target.copy_(free.data)
        torch.testing.assert_close(loss, expected.detach(), rtol=1e-4, atol=1e-6)
        leaves = agent.replay.state_dict()["tree"]["leaves"].gather(1, batch.indices).to(torch.float32)
        priority = (error.abs().amax(-1) + 1e-3) ** agent.config.priority_exponent
        torch.testing.assert_close(leaves, priority, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(agent.state_dict()["online"], network.by_member(free.data), rtol=1e-2, atol=1e-4)
    torch.testing.assert_close(agent.state_dict()["target"], network.by_member(target), rtol=1e-2, atol=1e-4)


def test_a_network_of_zeros_loses_the_hubers_of_its_rewards():
    agent = learner((0,), 1, 1, 2, 2, importance_exponent=0.0)
    blank = agent.state_dict()
    for name in ("online", "target"):
        blank[name] = torch.zeros_like(blank[name])
    agent.load_state_dict(blank)
    seen = torch.zeros(1, 32, 1)
    costs = torch.tensor([0.2, 3.0]).repeat(16)
    objectives = torch.stack((costs, torch.full((32,), 0.5)), -1)[None, :, None]
    agent.remember(seen, torch.zeros(1, 32, 1, dtype=torch.int64), objectives, seen)
    uniforms = torch.full((1, 32), 0.5, dtype=torch.float64)  # equal priorities: each transition once
    # alpha = 0.5: rewards -0.35 and -1.75, TD errors 0.35 and 1.75; Huber 0.35^2 / 2 = 0.06125 and 1.75 - 0.5 = 1.25.
    loss = agent.update(uniforms, torch.tensor([[[-0.5, -0.5]]]), 0.0)
    assert loss.item() == pytest.approx((0.06125 + 1.25) / 2, rel=1e-6)
    # The same transitions under alpha = 1 (priorities have changed, so only their kind is compared): |TD| = 0.5.
    assert agent.update(uniforms, torch.tensor([[[0.0, -1.0]]]), 0.0).item() == pytest.approx(0.125, rel=1e-6)


def test_the_output_padding_stays_zero():
    agent, _ = trained(30)
    network = PopulationMLP(2, (3, *SMALL.hidden, 10))
    vector = torch.zeros(network.parameters)
    for name in ("online", "target", "adam_mean"):
        network.load_by_member(vector, agent.state_dict()[name])
        last = network.layers(vector)[-1]
        assert last.weight[..., :10].any()
        assert not last.weight[..., 10:].any()
        assert not last.bias[..., 10:].any()


def test_a_copy_from_a_file_goes_on_bit_identically():
    agent, _ = trained(10)  # not a multiple of the target's interval: the count of updates matters
    copy = learner((0, 1), *SHAPE[1:])
    copy.load_state_dict(through_a_file(agent.state_dict()))
    uniforms = torch.from_numpy(np.random.default_rng(8).random((12, 2, 32)))
    for one in uniforms:
        assert torch.equal(agent.update(one, WEIGHTS, 1e-2), copy.update(one, WEIGHTS, 1e-2))
    states = [agent.state_dict(), copy.state_dict()]
    assert all(torch.equal(states[0][name], states[1][name]) for name in ("online", "target", "adam_square"))


def test_exploration_has_its_probability_and_covers_all_actions():
    agent = learner((0, 1), 2, 2, 4)
    explore, actions = agent.draw_exploration(np.array([0.0, 0.3, 1.0]), 2000)
    assert explore.shape == actions.shape == (3, 2, 2000, 2)
    np.testing.assert_allclose(explore.double().mean((1, 2, 3)), [0.0, 0.3, 1.0], atol=0.02)
    np.testing.assert_allclose(np.bincount(actions.flatten()) / actions.numel(), 0.25, atol=0.02)
    greedy = agent.q_values(torch.ones(2, 5, 2)).argmax(-1)
    chosen = agent.act(torch.ones(2, 5, 2), torch.tensor([True, False]).expand(2, 5, 2), 3 - greedy)
    assert torch.equal(chosen[..., 0], 3 - greedy[..., 0])
    assert torch.equal(chosen[..., 1], greedy[..., 1])


def test_learns_a_bandit_whose_best_arm_depends_on_what_is_seen():
    agent, rng = learner((0, 1, 2), 2, 1, 4, discount=0.0, replay_capacity=512), np.random.default_rng(0)
    worth = torch.tensor([[0.1, 0.9, 0.3, 0.5], [0.8, 0.2, 0.6, 0.0]])
    context = torch.from_numpy(rng.integers(0, 2, (3, 400)))
    arms = torch.from_numpy(rng.integers(0, 4, (3, 400, 1)))
    reward = worth[context, arms[..., 0]] + torch.from_numpy(rng.normal(0, 0.1, (3, 400)))
    seen = torch.nn.functional.one_hot(context, 2).float()
    agent.remember(seen, arms, reward[..., None, None], seen)
    for uniforms in agent.draw_replay(400):
        agent.update(uniforms, torch.ones(3, 1, 1), 5e-3)
    values = agent.q_values(torch.eye(2).expand(3, 2, 2))[:, :, 0]
    torch.testing.assert_close(values, worth.expand(3, 2, 4), rtol=0, atol=0.15)
    assert values.argmax(-1).tolist() == [[1, 0]] * 3


def test_learns_a_chain_that_ends_and_nothing_beyond_its_end():
    # Five places; action 1 goes right, action 0 left. Going right from the last place is worth 1 and ends the episode.
    agent, rng = learner((0, 1), 5, 1, 2, discount=0.9, replay_capacity=1024), np.random.default_rng(1)
    place = torch.from_numpy(rng.integers(0, 5, (2, 600)))
    action = torch.from_numpy(rng.integers(0, 2, (2, 600)))
    ends = (place == 4) & (action == 1)
    following = (place + 2 * action - 1).clamp(0, 4)
    one_hot = torch.eye(5)
    reward = ends.float()[..., None, None]
    agent.replay.add(one_hot[place], action[..., None], reward, one_hot[following], (~ends).float())
    for uniforms in agent.draw_replay(900):
        agent.update(uniforms, torch.ones(2, 1, 1), 3e-3)
    values = agent.q_values(one_hot.expand(2, 5, 5))[:, :, 0]
    # Right from place s is worth 0.9^(4 - s); without the end it would be 1 / (1 - 0.9) = 10 at the last place.
    torch.testing.assert_close(values[..., 1], (0.9 ** torch.arange(4.0, -1.0, -1.0)).expand(2, 5), rtol=0, atol=0.1)
    assert torch.all(values.argmax(-1) == 1)


def test_a_batch_size_that_would_tie_members_together_is_refused():
    with pytest.raises(ValueError, match="multiple of 32"):
        LearnerConfig(batch_size=48)
    with pytest.raises(ValueError, match="multiple of 16"):
        LearnerConfig(hidden=(24,))
