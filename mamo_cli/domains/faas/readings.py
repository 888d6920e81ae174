"""What is measured of a node before a period, as a body of JSON tells it: what may stand there, in the node's words."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from mamo_cli.core.complaints import rule, shown
from mamo_cli.core.errors import DataError
from mamo_cli.core.settings import Section
from mamo_cli.domains.faas.settings import WORDS

FUNCTIONS = f"{WORDS.agent}s"
MOST = 1e15
"""Of any number: beyond it two neighbours differ by more than a tenth."""

Number = Annotated[float, Field(ge=0.0, le=MOST)]


class FunctionReading(Section):
    """What is measured of a function; its rate, or in its place what was counted in the period before."""

    model_config = ConfigDict(strict=True)

    rate_rps: Number | None = Field(default=None, description="Requests/s expected in the coming period.")
    arrived: Number | None = Field(
        default=None, description="Or else: requests that came in `seconds` of the period before."
    )
    rejected: Number | None = Field(default=None, description="Of these, requests that were rejected.")
    seconds: Annotated[float, Field(gt=0.0, le=MOST)] | None = Field(
        default=None, description="s in which they were counted."
    )
    rejection: Annotated[float, Field(ge=0.0, le=1.0)] | None = Field(
        default=None,
        description="Share rejected in the period before; left out: what the node's model says of it.",
    )
    counted: Number | None = Field(default=None, description="Requests in the shield's window, where it counts them.")
    counted_seconds: Annotated[float, Field(gt=0.0, le=MOST)] | None = Field(
        default=None, description="s of that window, as whoever counted them knows it."
    )
    max_replicas: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="Most replicas now; left out, or more than there ever are: the most there ever are."
    )


class NodeReading(Section):
    """What is measured before a period."""

    model_config = ConfigDict(strict=True)

    functions: dict[str, FunctionReading] = Field(description="Of each function, by its name.")
    memory_mb: Number | None = Field(default=None, description="Memory now, MB; left out: the most there ever is.")
    time: Number | None = Field(default=None, description="When it was measured, Unix time in s; left out: now.")


NODE = frozenset(NodeReading.model_fields)


def understood(body: Mapping[str, Any], functions: tuple[str, ...]) -> NodeReading:
    """A body that is what was asked for; of one function, its numbers may stand beside the node's.

    Raises:
        DataError: a key that is missing, unknown, or of another kind or size, or there are other functions.
    """
    flat = len(functions) == 1 and isinstance(body, Mapping) and FUNCTIONS not in body
    if flat:
        own = {name: value for name, value in body.items() if name not in NODE}
        body = {FUNCTIONS: {functions[0]: own}} | {name: body[name] for name in NODE & body.keys()}
    try:
        reading = NodeReading.model_validate(body)
    except ValidationError as error:
        raise DataError(_complaint(error, 2 if flat else 0)) from None
    if reading.functions.keys() != set(functions):
        got = ", ".join(map(shown, reading.functions)) or "none"
        raise DataError(f"{FUNCTIONS} must be {', '.join(functions)}, got {got}")
    return reading


def _complaint(error: ValidationError, left_out: int) -> str:
    """The first thing that is wrong, in a line, without so many of the keys that lead there."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"][left_out:])[:100] or "what is told"
    if first["type"] == "missing":
        return f"{place} is missing"
    if first["type"] == "extra_forbidden":
        return f"{place} is no key that is known, got {shown(first['input'])}"
    wanted = "must be a JSON object" if first["type"] in ("model_type", "dict_type") else rule(first["msg"])
    return f"{place} {wanted}, got {shown(first['input'])}"
