"""Fish or wood, of mo-gymnasium: what its vector of rewards has goes into `info`, as a cost and a violation of 0 to 1.

PYTHONPATH=examples mamo train --domain gymnasium --environment fishing:Fishing-v0 \
    --cost-key no_wood --violation-key no_fish --tolerance 0.95
"""

import gymnasium
import mo_gymnasium


class Fishing(gymnasium.Wrapper):
    """Wood is what one lives on; of the steps that bring no fish there may be so many and no more."""

    def step(self, action):
        seen, (fish, wood), _, truncated, info = self.env.step(action)
        info = {**info, "no_wood": 1 - wood, "no_fish": 1 - fish}
        return seen, float(wood), False, truncated, info  # time runs out, and nothing ends


gymnasium.register("Fishing-v0", lambda: Fishing(mo_gymnasium.make("fishwood-v0")), max_episode_steps=200)
