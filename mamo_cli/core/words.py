"""What a domain calls its things: apart from all arithmetic, so that help texts and figures can have it at once."""

from typing import NamedTuple


class Quantity(NamedTuple):
    """A number with its words."""

    name: str  # in the heads of tables: "replicas"
    label: str  # on an axis, with its unit: "Replicas n"
    symbol: str = ""  # in a title: "n"
    whole: bool = False  # written without a decimal point
    total: str = ""  # its sum over the steps of a plan, where that has a name: "replica_steps"
    spoken: str = ""  # in a sentence, where the name does not do: "unmet demand"
    nominal: bool = False  # a measure that tells which by a number: its mean says nothing, and is left blank


class Words(NamedTuple):
    """A domain's own words, in the heads of tables, on axes and in titles."""

    agent: str  # "function"
    violations: tuple[Quantity, ...]  # one a constraint
    measures: tuple[Quantity, ...]  # recorded, never learnt from
    conditions: tuple[Quantity, Quantity]  # what is expected of a period before it, and what came
    control: str  # on an axis, for both conditions: "Arrival rate (requests/s)"
    cost: str  # on an axis: "Mean cost (share of the cap's)"
    powered: str = ""  # the measure each unit of which takes power: "replicas"; empty where none does

    @property
    def nominal(self) -> list[int]:
        """Which measures have no mean, by their places."""
        return [place for place, one in enumerate(self.measures) if one.nominal]

    @property
    def averaged(self) -> tuple[Quantity, ...]:
        """The measures that have one."""
        return tuple(one for one in self.measures if not one.nominal)

    def each(self, name: str) -> tuple[str, ...]:
        """Columns of a number that every violation has: `name`, or with several violations one of each."""
        return (name,) if len(self.violations) == 1 else tuple(f"{name}_{one.name}" for one in self.violations)
