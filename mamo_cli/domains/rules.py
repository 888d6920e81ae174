"""What comes of a rule that people run today, whatever it rules."""

from typing import NamedTuple

from mamo_cli.core.seam import Played

DEFAULT, TUNED = "default", "tuned"
"""A rule as it comes, and with its knobs where it is cheapest within the limit on the training part."""

SEVERAL = "; "
"""Between the settings of several agents."""


class Ruled(NamedTuple):
    """One play of a rule on the evaluation part."""

    rule: str  # its name
    knobs: str  # DEFAULT or TUNED
    setting: str  # what the knobs are at, in words: "target=0.7 tolerance=0.1", with the agent's name if of several
    seed: int
    played: Played  # (T, ...): measures are means over the period
    reached: bool  # whether the limit was held on the training part, by every agent
