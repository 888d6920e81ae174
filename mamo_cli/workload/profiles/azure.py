"""What the Azure Functions data set of 2019 has beside its invocations: durations and memory."""

from collections.abc import Sequence

from mamo_cli.core.errors import DataError
from mamo_cli.workload.engine import quoted
from mamo_cli.workload.profiles.profile import Advice
from mamo_cli.workload.tables import NUMBER, Table

IDENTITY = ("HashOwner", "HashApp", "HashFunction")
_DURATIONS = {*IDENTITY, "Average", "Count", "Minimum", "Maximum"}
_MEMORY = {"HashOwner", "HashApp", "SampleCount", "AverageAllocatedMb"}
_MOST_NOTED = 20


def is_companion(table: Table) -> bool:
    """Whether a table holds durations by function or memory by application."""
    return set(table.columns) >= _DURATIONS or set(table.columns) >= _MEMORY


def advice(workload: Sequence[Table], companions: Sequence[Table], names: Sequence[str]) -> Advice:
    """Return mean service time and memory of functions, as sentences and as notes in the order of the functions.

    Durations are weighted by their counts, an application's memory by its samples. Durations are milliseconds, memory
    is MB.

    Args:
        workload: the invocations.
        companions: files of durations and of memory, of any days.
        names: of the functions that were imported.

    Raises:
        DataError: a cell is no number >= 0.
    """
    wanted = ", ".join(map(quoted, names))
    said: list[str] = []
    notes: dict[str, str] = {}
    durations = [table for table in companions if set(table.columns) >= _DURATIONS]
    if durations:
        found = _weighted(durations, "HashFunction", "Average", "Count", wanted)
        mean = _mean(found)
        if mean is not None:
            said.append(
                f"a request of these functions takes {mean / 1000:.4g} s on average, by the durations of "
                f"{len(found)} of {len(set(names))}: mamo solve-offline --warm-service-time {mean / 1000:.4g}"
            )
            notes["mean_service_time_s"] = _listed(names, {name: total[0] / 1000 for name, total in found.items()})
    memory = [table for table in companions if set(table.columns) >= _MEMORY]
    if memory:
        apps = _applications(workload, wanted)
        found = _weighted(memory, "HashApp", "AverageAllocatedMb", "SampleCount", ", ".join(map(quoted, apps.values())))
        mean = _mean(found)
        if mean is not None:
            said.append(
                f"their applications allocate {mean:.4g} MB on average, by the memory of {len(found)} of "
                f"{len(set(apps.values()))}: mamo solve-offline --memory-per-replica {mean:.4g}"
            )
            by_name = {name: found[app][0] for name, app in apps.items() if app in found}
            notes["mean_memory_mb"] = _listed(names, by_name)
    return said, notes


def _mean(found: dict[str, tuple[float, float]]) -> float | None:
    weight = sum(weight for _, weight in found.values())
    return sum(mean * part for mean, part in found.values()) / weight if weight else None


def _listed(names: Sequence[str], values: dict[str, float]) -> str:
    if len(names) > _MOST_NOTED:
        return f"of {len(values)} functions"
    return " ".join(f"{values[name]:.4g}" if name in values else "?" for name in names)


def _weighted(
    tables: Sequence[Table], key: str, value: str, weight: str, wanted: str
) -> dict[str, tuple[float, float]]:
    """Return (mean, weight) by key over all tables."""
    selects = []
    for table in tables:
        for name in (value, weight):
            bad = f"not coalesce(regexp_full_match({table.place(name)}, {quoted(NUMBER)}), false)"
            table.faults(name, f"({bad} or {table.place(name)}::double < 0)", "must be a finite number >= 0")
        table.check()
        selects.append(
            f"select {table.place(key)} as k, {table.place(value)}::double as v, {table.place(weight)}::double as w "
            f"from {table.relation} where {table.place(key)} in ({wanted})"
        )
    rows = tables[0].rows(
        f"select k, sum(v * w) / sum(w), sum(w) from ({' union all '.join(selects)}) group by k having sum(w) > 0"
    )
    return {name: (mean, total) for name, mean, total in rows}


def _applications(workload: Sequence[Table], wanted: str) -> dict[str, str]:
    """Return the application of each function.

    Raises:
        DataError: a function of one name is in two applications.
    """
    found: dict[str, str] = {}
    for table in workload:
        name, app = table.place("HashFunction"), table.place("HashApp")
        for function, of in table.rows(
            f"select distinct {name}, {app} from {table.relation} where {name} in ({wanted})"
        ):
            if found.setdefault(function, of) != of:
                raise DataError(f"{table.path}: {function[:12]} is in two applications: leave the memory out")
    return found
