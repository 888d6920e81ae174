"""All formats by name, and which of them a table is in."""

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.options import AUTO, Options
from mamo_cli.workload.profiles import general, load_tools, published, services
from mamo_cli.workload.profiles.profile import Profile
from mamo_cli.workload.tables import Table

KNOWN = (*published.PROFILES, *services.PROFILES, *load_tools.PROFILES)
PROFILES = {profile.name: profile for profile in (*KNOWN, *general.PROFILES)}
FORMATS = (AUTO, *PROFILES)


def profile_of(table: Table, options: Options) -> tuple[Profile, str]:
    """Return the format of a table and why it is taken for that.

    Args:
        table: the file.
        options: what the user says; `format` may be a name or `auto`.

    Raises:
        UsageError: there is no such format.
        ChoiceError: it may be in more than one.
        DataError: it is in none.
    """
    name = options.format
    if name != AUTO:
        if name not in PROFILES:
            raise UsageError(f"--format must be one of {', '.join(FORMATS)}, got {name!r}")
        _check_requests(table, options)
        return PROFILES[name], "--format says so"
    found = _known(table)
    if len(found) > 1:
        raise ChoiceError(
            f"{table.path}: this may be in more than one format",
            [(["--format", profile.name], why) for profile, why in found],
        )
    if not found:
        found = general.told_apart(table, options)
    if not found:
        raise DataError(
            f"{table.path}: its format is not known: its columns are {', '.join(table.columns[:20])}; say what they "
            "mean with --format requests or wide, --time-column, --value-column, --function-column, --values"
        )
    return found[0]


def _known(table: Table) -> list[tuple[Profile, str]]:
    return [(profile, why) for profile in KNOWN if (why := profile.recognised(table)) is not None]


def _check_requests(table: Table, options: Options) -> None:
    """Ask about a table whose rows are not requests, or not all of them, where each is to be taken for one.

    Raises:
        ChoiceError: it is such a table, and no option shows that the user knows.
    """
    if options.format != general.REQUESTS.name or options.values is not None or options.where:
        return
    for profile, why in _known(table):
        meaning = profile.meaning(table)
        if meaning.values != "requests" or meaning.where:
            raise ChoiceError(
                f"{table.path}: is each row a request? It looks like {profile.name}: {why}",
                [(["--format", profile.name], profile.about), (["--values", "requests"], "each row is a request")],
            )
