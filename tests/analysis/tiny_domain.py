"""A domain small enough to work out by hand: two periods, one or two agents, three choices."""

import numpy as np

from mamo_cli.core.seam import Answer, Knowledge, Optimum, Part, Played, Spec, Termination
from mamo_cli.core.weights import rewards
from mamo_cli.core.words import Quantity, Words

WORDS = Words(
    agent="pump",
    violations=(Quantity("drought", "Drought"),),
    measures=(Quantity("litres", "Litres", whole=True),),
    conditions=(Quantity("forecast", "forecast"), Quantity("rain", "rain")),
    control="Rain (mm)",
    cost="Mean cost",
)
# Choices 0, 1, 2 pump 1, 2, 4 litres at 10 a litre; the dearest period costs 40.
LITRES = np.array([1.0, 2.0, 4.0])
PRICE, SCALE = 10.0, 40.0
# Expected drought of each choice in the first and in the second period.
DROUGHT = np.array([[0.6, 0.2, 0.0], [0.3, 0.1, 0.0]])


class Pumps:
    """`agents` of them, each with the table above, the second one's drought half as large."""

    warnings: tuple[str, ...] = ()

    def __init__(self, agents=1, limit=0.1):
        names = ("left", "right")[:agents]
        self.drought = np.stack([DROUGHT, DROUGHT / 2], 1)[:, :agents]  # (T, A, C)
        self.spec = Spec(names, WORDS, np.full((agents, 1), limit), 1, (3,) * agents, SCALE, 60.0)

    def conditions(self):
        return np.stack((np.zeros(self.drought.shape[:2]), np.ones(self.drought.shape[:2])), -1)

    def perfect(self, weights):
        paid = np.broadcast_to(LITRES * PRICE, self.drought.shape)
        return rewards(np.stack((paid, self.drought), -1), weights[:, None], SCALE).argmax(-1)

    def answer(self, weights, part=Part.EVALUATION, knowledge=Knowledge.CAUSAL):
        """The training is the same periods; the clairvoyant sees no more than anybody."""
        plan = self.perfect(weights)
        played = self.expected(plan)
        return Answer(plan, np.stack((played.paid.mean(0) / SCALE, played.violations[..., 0].mean(0)), -1))

    def choices_of(self, measures):
        return np.searchsorted(LITRES, measures[..., 0])

    def expected(self, plan):
        drought = np.take_along_axis(self.drought, plan[..., None], -1)
        return Played(LITRES[plan] * PRICE, LITRES[plan][..., None], drought)


def optimum(plan, objective):
    plan = np.array(plan)
    return Optimum(
        plan, np.ones(plan.shape, dtype=bool), "hand", "1", Termination.OPTIMAL, objective, objective, 0, 0, 0, 0
    )
