"""What a run took, in all its starts: CPU-seconds, and by what is declared kWh and CO2. `energy` of its run.json."""

from collections.abc import Iterator, Mapping
from typing import Any

from mamo_cli.core import energy
from mamo_cli.core.energy import Declared
from mamo_cli.core.told import shown, spanned
from mamo_cli.runs.cpu_time import CPU_TIME
from mamo_cli.runs.rapl import Rapl

Row = Mapping[str, Any]


class Meter:
    """What one start of a run has used so far."""

    def __init__(self, *, whole_process: bool) -> None:
        """Args: whole_process: whether what this process has used before belongs to the run, too."""
        self._before = 0.0 if whole_process else CPU_TIME.seconds()
        self._rapl = Rapl()

    def read(self) -> dict[str, Any]:
        """For the start's entry in run.json; J of the machine, with why where they are not known."""
        used, joules = CPU_TIME.seconds() - self._before, self._rapl.joules()
        rapl = {"rapl_missing": self._rapl.missing} if joules is None else {"rapl_joules": round(joules, 3)}
        return {"cpu_seconds": round(used, 3), **rapl}


def ledger(manifest: Row, numbers: Declared) -> dict[str, Any]:
    """The sum over all starts, with the numbers that it is made with.

    Args:
        manifest: a run's run.json.
        numbers: what is declared.
    """
    starts, missing = manifest["starts"], list(_missing(manifest))
    seconds = round(sum(start.get("cpu_seconds", 0.0) for start in starts), 3)
    taken = energy.kwh(seconds, numbers.watts_per_core)
    no_joules = next((start.get("rapl_missing", EARLIER) for start in starts if "rapl_joules" not in start), None)
    return {
        "cpu_seconds": seconds,
        "kwh": list(taken),
        "co2_g": list(energy.co2_g(taken, numbers.co2_g_per_kwh)),
        "whole": not missing,
        "missing": missing,
        "watts_per_core": list(numbers.watts_per_core),
        "co2_g_per_kwh": list(numbers.co2_g_per_kwh),
        "rapl_joules": None if no_joules else round(sum(start["rapl_joules"] for start in starts), 3),
        "rapl_missing": no_joules,
    }


EARLIER = "an earlier version did not meter it"


def _missing(manifest: Row) -> Iterator[str]:
    """What is not in it, so that it is a lower bound."""
    starts = manifest["starts"]
    if unended := sum("seconds" not in start for start in starts):
        yield f"what {unended} of {len(starts)} starts used after the last checkpoint: killed, or still at work"
    if unmetered := sum("cpu_seconds" not in start for start in starts):
        yield f"{unmetered} of {len(starts)} starts: {EARLIER}"
    if any(start.get("device", "cpu") != "cpu" for start in starts):
        yield "the GPU, which is not metered"
    if any(start.get("engine") == "ray" for start in starts):
        yield "Ray itself, and tasks whose process died"
    if "grown_from" in manifest:
        yield f"what {manifest['grown_from']} took, from which this grew: see its own"
    if "start" in manifest:
        yield f"what {manifest['start']['run']} took, with whose networks this began: see its own"


def told(manifest: Row) -> str | None:
    """A run's ledger in a line; None of a run of an earlier version."""
    found = manifest.get("energy")
    try:
        return None if found is None else _line(found)
    except (LookupError, TypeError, ValueError):
        return "damaged"


def _line(found: Row) -> str:
    least = "" if found["whole"] else "at least "
    watt_hours, grams = ([1000 * each for each in found["kwh"]], found["co2_g"])
    line = f"{least}{shown(found['cpu_seconds'])} CPU-seconds, {spanned(watt_hours)} Wh, {spanned(grams)} g of CO2"
    return line if found["whole"] else f"{line} (not in it: {'; '.join(found['missing'])})"
