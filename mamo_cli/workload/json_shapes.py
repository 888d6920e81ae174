"""JSON that is not one flat object a line: where in it the rows stand, and how to get at them."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from mamo_cli.core.errors import DataError
from mamo_cli.workload.files import Source

# A JSON array, and no line that begins with a time in brackets.
OPENS = re.compile(r'\s*(\{|\[\s*([{\["]|$))')
_TIME = re.compile(r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}.*|[0-9]{10,}(\.[0-9]*)?", re.DOTALL)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def rows_of(source: Source, lines: list[str], first: int) -> list[dict[str, Any]]:
    """Return the object of each line that is not blank.

    Args:
        source: the file.
        lines: its first ones, from the first that is no comment.
        first: how many come before.

    Raises:
        DataError: a line is no object, or objects hold nothing but others; the message says how to make them rows.
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, first + 1):
        if not line.strip():
            continue
        row = _parsed(line)
        if not isinstance(row, dict) and rows:
            raise DataError(f"{source.path}:{number}:1: this is no JSON object, as the lines before are")
        if not isinstance(row, dict):
            raise DataError(
                f"{source.path}:{number}:1: this is JSON, but not one object a line: {_remedy(source, first)}"
            )
        rows.append(row)
    alone = len(rows) == 1 and any(map(_nested, rows[0].values())) and not _has_time(rows[0])
    if alone or all(all(map(_nested, row.values())) for row in rows):
        raise DataError(f"{source.path}:{first + 1}:1: this is nested JSON: {_remedy(source, first)}")
    return rows


def _remedy(source: Source, first: int) -> str:
    """Return how to get one flat object a line out of what the first value in the text holds."""
    text = "\n".join(source.head.splitlines()[first:]).strip()
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):  # the file is long, or damaged
        return f"make it so first ({_command(source.path, '.[]')}, or '.KEY[]' for a list that stands under a key)"
    found = _place(value, "")
    if found is None:
        if isinstance(value, list) or (end < len(text) and "\n" in text[:end]):
            return f"make it so first ({_command(source.path, '.[]' if isinstance(value, list) else '.')})"
        return "flatten it to one object a line, with its time and its numbers as plain values"
    place, row = found
    inner = [key for key, cell in row.items() if _nested(cell)]
    more = f", and give what is in {', '.join(inner[:3])} keys of its own where it counts" if inner else ""
    return f"make it one object a line ({_command(source.path, place)}){more}"


def _command(path: Path, place: str) -> str:
    return f"jq -c '{place}' {shlex.quote(str(path))} > {shlex.quote(path.stem)}.jsonl"


def _place(value: object, path: str) -> tuple[str, dict[str, Any]] | None:
    """Return where a list of objects with a time stands, as jq calls it, and the first of them; None without such."""
    if isinstance(value, list):
        row = next((one for one in value if isinstance(one, dict)), None)
        if row is None:
            return None
        here = f"{path or '.'}[]"
        return (here, row) if _has_time(row) else _place(row, here)
    if isinstance(value, dict):
        for key, part in value.items():
            name = f".{key}" if _PLAIN_KEY.fullmatch(key) else f"{'' if path else '.'}[{json.dumps(key)}]"
            found = _place(part, path + name)
            if found is not None:
                return found
    return None


def _has_time(row: dict[str, Any]) -> bool:
    return any(not _nested(cell) and _TIME.fullmatch(str(cell)) for cell in row.values())


def _nested(cell: object) -> bool:
    return isinstance(cell, dict | list)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
