"""What is wrong with a configuration: a line for each fault, in the words of whoever gave the setting."""

import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from inspect import isclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

LONGEST = 200
"""Characters of a name or a value in a message."""


class Given(dict[str, Any]):
    """Nested values of settings from one place, which knows what they are called there."""

    def __init__(
        self, values: Mapping[str, Any], options: Mapping[str, str] | None = None, file: Path | None = None
    ) -> None:
        """Take values.

        Args:
            values: of settings, sections within one another.
            options: of the command line, by the dotted place that they set.
            file: that the values stand in.
        """
        super().__init__(values)
        self._options, self._file = options or {}, file

    def called(self, place: str) -> str:
        """What a setting is called: its option, else its dotted place, behind the name of the file it stands in."""
        name = self._options.get(place, place[:LONGEST])
        return f"{self._file}: {name}" if self._file is not None and self.holds(place) else name

    def holds(self, place: str) -> bool:
        """Whether a setting, or a section, was given here."""
        inner: Any = self
        for part in place.split("."):
            if not isinstance(inner, Mapping) or part not in inner:
                return False
            inner = inner[part]
        return True


def complaints(kind: type[BaseModel], layers: Sequence[Mapping[str, Any]], error: ValidationError) -> list[str]:
    """One line for each setting that is wrong: its name, the rule and the value.

    Args:
        kind: the configuration that was to be filled.
        layers: what it was filled from, the last winning; those that are `Given` say what a setting is called.
        error: what pydantic makes of it, which may complain of one value several times over.
    """
    worst: dict[str, Any] = {}
    for problem in error.errors(include_url=False):
        place = _place(kind, problem["loc"])
        if place not in worst or len(problem["loc"]) > len(worst[place]["loc"]):
            worst[place] = problem  # the one that came furthest: of a list its item, of alternatives the likeliest
    return [_line(kind, layers, place, problem) for place, problem in worst.items()]


def _line(kind: type[BaseModel], layers: Sequence[Mapping[str, Any]], place: str, problem: Any) -> str:
    called = _called(layers, place)
    if problem["type"] == "extra_forbidden":
        meant = _meant(kind, place)
        return f"{called}: no such setting" + (f"; did you mean {meant}?" if meant else "")
    if problem["type"] == "value_error" and isinstance(
        problem["input"], Mapping
    ):  # a rule on a whole section names its settings itself
        said = problem["msg"].removeprefix("Value error, ")
        return re.sub(r"\w+", lambda word: _within(kind, layers, place, word[0]), said)
    said = "must be a table of settings" if problem["type"] == "model_type" else rule(problem["msg"])
    return f"{called}: {said}, got {shown(problem['input'])}"


def rule(message: str) -> str:
    """What pydantic asks of a value, as a sentence goes on after the value's name."""
    said = re.sub(r"^(Input|\w+) should (be|have)", r"must \2", message.removeprefix("Value error, "))
    return said[0].lower() + said[1:]


def _called(layers: Sequence[Mapping[str, Any]], place: str) -> str:
    """A setting in the words of the last who gave it, or of the last there are for it."""
    speakers = [layer for layer in reversed(layers) if isinstance(layer, Given)]
    if not speakers:
        return place[:LONGEST]
    return next((one for one in speakers if one.holds(place)), speakers[0]).called(place)


def _within(kind: type[BaseModel], layers: Sequence[Mapping[str, Any]], section: str, word: str) -> str:
    """A word of a section's rule: what a setting in it is called, or the word."""
    place = f"{section}.{word}" if section else word
    return _called(layers, place) if place in places(kind) else word


def _meant(kind: type[BaseModel], place: str) -> str | None:
    """The setting that somebody may have meant: of that name elsewhere, else the one written most alike."""
    (section, _, name), (table, _, _) = place.rpartition("."), place.partition(".")
    known = list(places(kind))
    if table in kind.model_fields and (own := _by_name(kind.model_fields[table].annotation)):
        known = [*(f"{section}.{one}" for one in places(own)), *known]
    same = [one for one in known if one.rpartition(".")[2] == name]
    return next(iter([*same, *get_close_matches(place[:LONGEST], known, 1, 0.8)]), None)


def places(kind: type[BaseModel]) -> Iterator[str]:
    """The dotted places of all settings and sections of a configuration."""
    for name, field in kind.model_fields.items():
        yield name
        inner = field.annotation
        if isclass(inner) and issubclass(inner, BaseModel):
            yield from (f"{name}.{one}" for one in places(inner))


def _by_name(annotation: Any) -> Any:
    """What stands under each name where a setting is a table of sections by name; else None."""
    of = [kind for kind in (annotation, *get_args(annotation)) if get_origin(kind) is dict]
    return get_args(of[0])[1] if of else None


def _place(kind: type[BaseModel], location: Sequence[int | str]) -> str:
    """The dotted place of the setting that a problem is in: what is deeper is within its value."""
    found: list[str] = []
    inner: Any = kind
    for part in location:
        named = _by_name(inner)
        if named is None and not (isclass(inner) and issubclass(inner, BaseModel)):
            break
        found.append(str(part))
        if named is not None:
            inner = named
        else:
            inner = inner.model_fields[part].annotation if part in inner.model_fields else None
    return ".".join(found)


def shown(value: Any) -> str:
    """A value in a message, cut where it is long or deep."""
    try:
        return reprlib.repr(value)[:LONGEST]
    except ValueError:  # Python does not spell a whole number of more than 4300 digits
        return "a number of thousands of digits"
