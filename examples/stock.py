"""A supply chain of gym-invmgmt, whose action is a box: of order-up-to levels a grid of eight safety stocks is offered.

PYTHONPATH=examples mamo train --domain gymnasium --environment stock:Stock-v0 --observation-scale 100 \
    --cost-key total_inventory --cost-scale 500 --violation-key short --tolerance 0.05
"""

import gym_invmgmt  # noqa: F401 - knows the environment
import gymnasium
import numpy as np

SAFETY = np.linspace(3.0, 6.5, 8)  # standard deviations of the demand until an order arrives, the same for all links


class Stock(gymnasium.Wrapper):
    """Every link orders up to its level; `info` also tells whether the market waits for goods."""

    def __init__(self):
        super().__init__(gymnasium.make("GymInvMgmt/Serial-v0", num_periods=100))
        self.action_space = gymnasium.spaces.Discrete(len(SAFETY))
        network = self.unwrapped.network
        self._buyers = [network.node_map[buyer] for _, buyer in network.reorder_links]
        self._means = 20.0 * (1 + np.array([network.lead_times[link] for link in network.reorder_links]))

    def step(self, action):
        chain, levels = self.unwrapped, self._means + SAFETY[action] * np.sqrt(self._means)
        position = chain.X[chain.period, self._buyers] + chain.Y[chain.period]
        position[0] -= chain.state[1]  # what the market waits for
        seen, reward, terminated, truncated, info = self.env.step(np.maximum(levels - position, 0.0))
        return seen, reward, terminated, truncated, {**info, "short": info["total_backlog"] > 0}


gymnasium.register("Stock-v0", Stock, max_episode_steps=100)
