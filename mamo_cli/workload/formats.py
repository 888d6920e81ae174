"""Forms of dates as of strptime: which say a day, and which one whole numbers of 8 to 14 digits are written in."""

import re
from collections.abc import Sequence

from mamo_cli.core.errors import UsageError

DAY_STAMP = r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
_STAMP = re.compile(rf"{DAY_STAMP}(([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9])?)?)?")
_STAMP_FORMATS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
TIME_OF_DAY = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?[AP]M)?", re.IGNORECASE)
_MONTH = re.compile(r"[0-9]{4}[-/](0[1-9]|1[0-2])")


def stamp_format(cells: Sequence[str]) -> str | None:
    """Return the form of cells that all are stamps such as 20231116 or 2023111618; None where they are none."""
    texts = [cell.strip() for cell in cells]
    lengths = {len(text) for text in texts}
    if len(lengths) != 1 or not all(_STAMP.fullmatch(text) for text in texts):
        return None
    return _STAMP_FORMATS[lengths.pop()]


def without_day(cell: str) -> str | None:
    """Return what a cell has that names no day, and the remedy; None where it is neither a time of day nor a month."""
    if TIME_OF_DAY.fullmatch(cell.strip()):
        return "times of day without their date: put the date before each, as 2023-11-16 18:17"
    if _MONTH.fullmatch(cell.strip()):
        return "months, which are not of one length: give the rows by day, as 2023-11-16"
    return None


def refuse_incomplete(time_format: str) -> None:
    """Raise a UsageError where a form says no day or no year.

    All times would then be of one day, or of one year, and those after midnight, or after New Year, come first.

    Args:
        time_format: as of strptime.
    """
    marks = set(re.findall(r"%-?(.)", time_format))
    if marks & set("djcx") or (marks & set("UWV") and marks & set("aAuw")):
        if not marks & set("YyGcx"):
            raise UsageError(
                f"--time-format {time_format!r} has no year: put it before each time in the file, as 2023-11-16 18:17 "
                "with '%Y-%m-%d %H:%M'"
            )
        return
    if marks & set("mbBYyGUWV"):
        raise UsageError(
            f"--time-format {time_format!r} has no day, and months are not of one length: give the rows by day, as "
            "2023-11-16 with '%Y-%m-%d'"
        )
    raise UsageError(
        f"--time-format {time_format!r} has no day: put the date before each time in the file, as 2023-11-16 18:17 "
        "with '%Y-%m-%d %H:%M'"
    )
