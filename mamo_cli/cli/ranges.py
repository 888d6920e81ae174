"""`--randomise`: the worlds that agents train in, by ranges."""

from collections.abc import Sequence
from typing import Annotated

import typer

from mamo_cli.core.complaints import Given
from mamo_cli.core.errors import UsageError
from mamo_cli.training.conditions import RandomiseConfig

Randomise = Annotated[
    list[str] | None,
    typer.Option(
        "--randomise",
        metavar="WHAT=A..B",
        help="Train in many worlds, a copy of the environment in each: what is multiplied by factors from A to B. WHAT "
        "is service (times), load, noise or shape (of the load); repeat for several.",
    ),
]


def ranges_of(given: Sequence[str] | None) -> Given:
    """Of `--randomise`, once or several times, the settings.

    Raises:
        UsageError: it does not say what, or the same twice.
    """
    ranges: dict[str, str] = {}
    for one in given or ():
        what, equals, ends = one.partition("=")
        if not equals or what in ranges:
            raise UsageError(f"--randomise: give WHAT=A..B once for each, such as service=0.7..1.4, got {one!r}")
        if what not in RandomiseConfig.model_fields:
            raise UsageError(f"--randomise: WHAT is one of {', '.join(RandomiseConfig.model_fields)}, got {what!r}")
        ranges[what] = ends
    options = {f"randomise.{what}": f"--randomise {what}" for what in ranges}
    return Given({"randomise": ranges} if ranges else {}, {"randomise": "--randomise", **options})
