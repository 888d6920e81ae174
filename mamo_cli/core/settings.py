"""Settings: typed sections with defaults, units and bounds, filled in layers, and their canonical text and hash.

A section stands where its settings are used: a domain's, a learner's, a strategy's. A command's configuration is made
of sections; a TOML file and the command line fill the same fields, and the command line wins. The help texts of the
options are the descriptions written in the sections, so that the two cannot disagree.
"""

import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic.fields import FieldInfo

from mamo_cli.core.complaints import Given, complaints
from mamo_cli.core.errors import MAX_PROBLEMS_SHOWN, UsageError

FORMAT_VERSION = 1
MAX_CONFIG_BYTES = 1 << 16
MAX_LINE_DOTS = 1000  # the parser's memory grows with the square of a dotted key's parts


def _rising(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    places = [place for place, _ in points]
    if not points or places != sorted(places) or not all(0.0 <= place <= 1.0 for place in places):
        raise ValueError("must be (progress, value) pairs with progress rising within [0, 1]")
    return points


def distinct(values: tuple[float, ...]) -> tuple[float, ...]:
    """The values, none of which may stand there twice."""
    if len(set(values)) != len(values):
        raise ValueError("must not repeat a value")
    return values


def one_of(names: Collection[str]) -> AfterValidator:
    """A rule that a name is one of some."""

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return name

    return AfterValidator(check)


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Width = Annotated[int, Field(ge=1, le=4096)]
Schedule = Annotated[tuple[tuple[float, Annotated[float, Field(ge=0.0)]], ...], AfterValidator(_rising)]


def _readable(name: str) -> str:
    """A file's name as text that UTF-8 can hold: the other bytes of a name that is not UTF-8 as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


FileName = Annotated[str, PlainSerializer(_readable, when_used="json")]


class Section(BaseModel):
    """Base of all sections: frozen, strict about unknown keys, and finite throughout."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AnyConfig = TypeVar("AnyConfig", bound=Section)


def resolve(kind: type[AnyConfig], *layers: Mapping[str, Any]) -> AnyConfig:
    """Fill a configuration from layers of nested values, later ones winning over earlier ones and over defaults.

    A layer that is `Given` knows what its settings are called.

    Raises:
        UsageError: a key is unknown or a value out of its bounds; names the key, the value and the rule.
    """
    values: dict[str, Any] = kind().model_dump()
    for layer in layers:
        values = _merged(values, layer)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UsageError("\n".join(complaints(kind, layers, error)[:MAX_PROBLEMS_SHOWN])) from None


def read_toml(path: Path) -> Given:
    """Read a configuration file's values, unchecked against any command, which know the file that they stand in.

    Raises:
        UsageError: unreadable, too large, or not TOML; names the file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
        if len(text) > MAX_CONFIG_BYTES:
            raise UsageError(f"{path}: a configuration file has at most {MAX_CONFIG_BYTES} bytes")
        if any(line.count(b".") > MAX_LINE_DOTS for line in text.splitlines()):
            raise UsageError(f"{path}: a line of a configuration file has at most {MAX_LINE_DOTS} dots")
        return Given(tomllib.loads(text.decode("utf-8")), file=path)
    except OSError as error:
        raise UsageError(f"{path}: cannot read the configuration: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UsageError(f"{path}: not a TOML file in UTF-8: {error}") from None


def to_toml(config: Section) -> str:
    """Text of a configuration with every default filled in; `read_toml` and `resolve` give the same one back."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


ADDED: Any = {"added": True}
"""Marks a setting (as its `json_schema_extra`) that earlier versions did not have: its default changes no hash."""

CONTENT: Any = {"content": True}
"""Marks the name of a file, such as a trace's: a run is what the file holds, whatever it was called."""


def marked(field: FieldInfo, mark: Mapping[str, Any]) -> bool:
    """Whether a setting bears a mark, `ADDED` or `CONTENT`, perhaps among others."""
    extra = field.json_schema_extra
    return isinstance(extra, Mapping) and mark.items() <= extra.items()


def added_as(former: str) -> Any:
    """`ADDED` for a setting whose default was another value, which means the same wherever both are possible."""
    return {**ADDED, "former": [former]}


def _formers(field: FieldInfo) -> Any:
    extra = field.json_schema_extra
    return extra.get("former", ()) if isinstance(extra, dict) else ()


def canonical(config: Section, *, words: bool = True) -> dict[str, Any]:
    """The configuration as plain JSON values, in a fixed order; without `words`, of a file only that there is one.

    A dict in it is one of sections by name.
    """
    values = config.model_dump(mode="json")
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Section):
            values[name] = canonical(value, words=words)
        elif isinstance(value, dict):
            values[name] = {key: canonical(one, words=words) for key, one in value.items()}
        elif marked(field, CONTENT) and value is not None and not words:
            values[name] = "given"
    return values


def digest(config: Section, *contents: str, words: bool = False) -> str:
    """Eight hex digits that stand for a configuration, what the files it names hold, and our format.

    Args:
        config: the configuration.
        contents: digests of what its files hold.
        words: let the files' names count, too, as earlier versions did.
    """
    text = json.dumps([FORMAT_VERSION, type(config).__name__, _identity(config, words), *contents], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _identity(section: Section, words: bool) -> dict[str, Any]:
    values = canonical(section, words=words)
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if marked(field, ADDED) and value in (field.default, *_formers(field)):
            del values[name]
        elif isinstance(value, Section):
            values[name] = _identity(value, words)
        elif isinstance(value, dict):
            values[name] = {key: _identity(one, words) for key, one in value.items()}
    return values


def _merged(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in layer.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged
