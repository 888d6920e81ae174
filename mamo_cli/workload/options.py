"""What a user may say about an import; all that is not said is found out, stated, or asked for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from mamo_cli.core.errors import UsageError
from mamo_cli.workload.meaning import FILLS, VALUES, Meaning
from mamo_cli.workload.times import MAX_SECONDS, UNITS

FORECASTS = ("persistence", "perfect")
AUTO = "auto"
DEFAULT_STEP_SECONDS = 300.0
MAX_CELLS = 10_000_000
_ONE_OF = {"values": VALUES, "time_unit": tuple(UNITS), "fill": FILLS, "forecast": FORECASTS}


@dataclass(frozen=True)
class Options:
    """The options of an import, by the names of the command line's.

    Attributes:
        format: a profile's name, or `auto`.
        step_seconds: length of a control period; None takes 300 s, or the rows' own spacing where that is wider.
        function: functions to keep, by name or beginning; nothing keeps all.
        busiest: keep the so many functions with most requests; None keeps all.
        forecast: `persistence` expects the rate of the period before, `perfect` the truth.
        scale_to_peak: wanted highest rate of all functions together, requests/s.
        scale_to_mean: wanted mean rate of all functions together, requests/s.
        separator: what separates cells; None finds out.
        time_column, time_unit, time_format, timezone, values, function_column, value_column, where, fill, decimal: as
            in `Meaning`; None or nothing leaves what the profile says.
    """

    format: str = AUTO
    step_seconds: float | None = None
    function: tuple[str, ...] = ()
    busiest: int | None = None
    forecast: str = "persistence"
    scale_to_peak: float | None = None
    scale_to_mean: float | None = None
    separator: str | None = None
    decimal: str | None = None
    time_column: str | None = None
    time_unit: str | None = None
    time_format: str | None = None
    timezone: str | None = None
    values: str | None = None
    function_column: tuple[str, ...] = ()
    value_column: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    fill: str | None = None

    def __post_init__(self) -> None:
        for name, choices in _ONE_OF.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise UsageError(f"--{name.replace('_', '-')} must be one of {', '.join(choices)}, got {value!r}")
        if self.step_seconds is not None and not 1e-9 <= self.step_seconds <= MAX_SECONDS:
            raise UsageError(f"--step-seconds must be in 1e-9..{MAX_SECONDS}, got {self.step_seconds!r}")
        for name in ("scale_to_peak", "scale_to_mean"):
            target = getattr(self, name)
            if target is not None and not (math.isfinite(target) and target > 0):
                option = name.replace("_", "-")
                raise UsageError(f"--{option} must be a finite number of requests/s > 0, got {target!r}")
        if self.scale_to_peak is not None and self.scale_to_mean is not None:
            raise UsageError("--scale-to-peak and --scale-to-mean exclude each other")
        if self.busiest is not None and self.busiest < 1:
            raise UsageError(f"--busiest must be at least 1, got {self.busiest}")
        if self.busiest is not None and self.function:
            raise UsageError("--busiest and --function exclude each other")
        if self.separator is not None and (len(self.separator) != 1 or self.separator in '"\r\n'):
            raise UsageError(f"--separator must be one character (tab for a tab), got {self.separator!r}")
        if self.decimal not in (None, ".", ","):
            raise UsageError(f"--decimal must be point or comma, got {self.decimal!r}")

    def words(self) -> list[str]:
        """Return the options as they are typed, what is as by default left out."""
        typed: list[str] = []
        for one in fields(self):
            value = getattr(self, one.name)
            if value != one.default:
                for each in value if isinstance(value, tuple) else (value,):
                    typed += [f"--{one.name.replace('_', '-')}", _typed(one.name, each)]
        return typed

    def applied(self, meaning: Meaning) -> Meaning:
        """Return a profile's meaning with what the user says in place of what it says."""
        said = {
            "time": self.time_column,
            "time_unit": self.time_unit,
            "time_format": self.time_format,
            "timezone": self.timezone,
            "values": self.values,
            "functions": self.function_column or None,
            "value": self.value_column,
            "fill": self.fill,
            "decimal": self.decimal,
            "where": self._conditions(meaning) or None,
        }
        if self.time_column is not None and self.time_column != meaning.time:
            said["time_unit"] = self.time_unit or ""
            said["duration"] = ""
        changed = {name: value or None for name, value in said.items() if value is not None}
        return replace(meaning, **changed)  # type: ignore[arg-type]

    def _conditions(self, meaning: Meaning) -> tuple[tuple[str, str], ...]:
        """The profile's conditions but for columns that the user speaks of, then the user's."""
        spoken = {column for column, _ in self.where}
        return (*(one for one in meaning.where if one[0] not in spoken), *self.where)


def _typed(name: str, value: object) -> str:
    match name:
        case "where" if isinstance(value, Sequence):
            return "=".join(value)
        case "separator" if value == "\t":
            return "tab"
        case "decimal":
            return "comma" if value == "," else "point"
    return f"{value:g}" if isinstance(value, float) else str(value)
