"""What the server did since it was started, counted: plain numbers, which `metrics` writes down."""

from collections import Counter
from typing import NamedTuple

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper edges of the histogram of how long answers took, in s."""


class Spent(NamedTuple):
    """How long the answers to one kind of question took."""

    within: list[int]  # answers by bucket, the last for those above all edges
    total_s: list[float]  # their sum, in a list of one, to be added to


class Counts:
    """All counters."""

    def __init__(self) -> None:
        self.decisions = self.overrides = 0
        self.beyond: Counter[str] = Counter()  # decisions of readings beyond training, by agent
        self.requests: Counter[tuple[str, str]] = Counter()  # by what was asked, and the status code of the answer
        self.refusals: Counter[str] = Counter()  # by kind
        self.source_failures: Counter[str] = Counter()  # by reason
        self.spent: dict[str, Spent] = {}  # by what was asked

    def answered(self, call: str, code: str, seconds: float) -> None:
        """Count an answer.

        Args:
            call: what was asked.
            code: of the answer's status.
            seconds: that it took.
        """
        self.requests[call, code] += 1
        spent = self.spent.setdefault(call, Spent([0] * (len(BUCKETS_S) + 1), [0.0]))
        spent.within[next((i for i, edge in enumerate(BUCKETS_S) if seconds <= edge), len(BUCKETS_S))] += 1
        spent.total_s[0] += seconds
