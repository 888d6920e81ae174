"""What load generators write down about a test."""

from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.profiles.profile import Profile, always, has
from mamo_cli.workload.tables import Table

_ALL = "Aggregated"
_TRANSACTION = "Number of samples in transaction"


def _locust_meaning(table: Table, options: Options) -> Meaning:
    """Rows of single requests' names where the full history was kept, else those of all together."""
    rate = Meaning(values="rate", time="Timestamp", time_unit="s", value="Requests/s")
    if set(table.cells("Name")) <= {_ALL}:
        return rate
    return Meaning(
        values="rate",
        time="Timestamp",
        time_unit="s",
        value="Requests/s",
        functions=("Type", "Name"),
        excluded=(("Name", _ALL),),
    )


def _jmeter_meaning(table: Table, options: Options) -> Meaning:
    """A row a request, but for those that sum up the requests of a transaction."""
    transactions: dict[str, None] = {}
    if "responseMessage" in table.columns:
        label, message = table.columns.index("label"), table.columns.index("responseMessage")
        transactions = dict.fromkeys(row[label] for row in table.sample if row[message].startswith(_TRANSACTION))
    excluded = tuple(("label", name) for name in transactions)
    return Meaning(values="requests", time="timeStamp", functions=("label",), excluded=excluded)


PROFILES = (
    Profile(
        "k6",
        "Grafana k6: its http_reqs rows",
        has("metric_name", "timestamp", "metric_value"),
        always(Meaning(values="requests", time="timestamp", where=(("metric_name", "http_reqs"),))),
    ),
    Profile(
        "locust",
        "Locust: its stats history, Requests/s",
        has("Timestamp", "User Count", "Name", "Requests/s"),
        _locust_meaning,
    ),
    Profile(
        "jmeter",
        "Apache JMeter: a result file (JTL) as CSV",
        has("timeStamp", "elapsed", "label"),
        _jmeter_meaning,
    ),
    Profile(
        "hey",
        "hey: its requests as CSV",
        has("response-time", "status-code", "offset"),
        always(Meaning(values="requests", time="offset", time_unit="s")),
    ),
)
