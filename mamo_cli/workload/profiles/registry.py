"""All formats by name, and which of them a table is in."""

from collections.abc import Sequence

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.options import AUTO, Options
from mamo_cli.workload.profiles import general, load_tools, published, services, telling
from mamo_cli.workload.profiles.profile import Profile
from mamo_cli.workload.tables import Table

KNOWN = (*published.PROFILES, *services.PROFILES, *load_tools.PROFILES)
PROFILES = {profile.name: profile for profile in (*KNOWN, *general.PROFILES)}
FORMATS = (AUTO, *PROFILES)


def profile_of(table: Table, options: Options) -> tuple[Profile, str]:
    """Return the format of a table and why it is taken for that.

    Args:
        table: the file.
        options: what the user says of it, among it the format's name or `auto`.

    Raises:
        UsageError: there is no such format.
        ChoiceError: it may be in more than one.
        DataError: it is in none.
    """
    if options.format != AUTO:
        if options.format not in PROFILES:
            raise UsageError(f"--format must be one of {', '.join(FORMATS)}, got {options.format!r}")
        _check_requests(table, options)
        return PROFILES[options.format], "--format says so"
    found = _known(table)
    if len(found) > 1:
        raise ChoiceError(
            f"{table.path}: this may be in more than one format",
            [(["--format", profile.name], why) for profile, why in found],
        )
    if found:
        return found[0]
    told = telling.told(table, options)
    if told is not None:
        return PROFILES[told[0]], told[1]
    raise DataError(
        f"{table.path}: its format is not known: its columns are {', '.join(table.columns[:20])}; say what they "
        "mean with --format requests or wide, --time-column, --value-column, --function-column, --values"
    )


def _known(table: Table) -> list[tuple[Profile, str]]:
    return [(profile, why) for profile in KNOWN if (why := profile.recognised(table)) is not None]


def _check_requests(table: Table, options: Options) -> None:
    """Ask about a table whose rows are not requests, or not all of them, where each is to be taken for one.

    Raises:
        ChoiceError: it is such a table, and no option shows that the user knows.
    """
    if options.format != general.REQUESTS or options.values is not None or options.where:
        return
    for profile, why in _known(table):
        meaning = profile.meaning(table, options)
        if meaning.values != "requests" or meaning.where:
            raise ChoiceError(
                f"{table.path}: is each row a request? It looks like {profile.name}: {why}",
                [(["--format", profile.name], profile.about), (["--values", "requests"], "each row is a request")],
            )


def without_companions(tables: Sequence[Table]) -> tuple[list[Table], list[Table]]:
    """Return the tables that hold a workload, and those that only go with one.

    Raises:
        DataError: none holds a workload.
    """
    owners = [next((one.name for one in KNOWN if one.companion(table)), None) for table in tables]
    workload = [table for table, owner in zip(tables, owners, strict=True) if owner is None]
    if not workload:
        raise DataError(
            f"{tables[0].path}: this goes with invocations of {owners[0]}, and holds none itself: name their file too"
        )
    return workload, [table for table, owner in zip(tables, owners, strict=True) if owner is not None]
