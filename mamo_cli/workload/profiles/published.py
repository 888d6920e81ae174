"""Published traces: what their files look like, and what to cite."""

import re
from dataclasses import replace

from mamo_cli.core.errors import DataError
from mamo_cli.workload.meaning import Meaning
from mamo_cli.workload.options import Options
from mamo_cli.workload.profiles.azure import IDENTITY, advice, is_companion
from mamo_cli.workload.profiles.profile import Profile, always, has
from mamo_cli.workload.tables import WHOLE, Table

_PROVIDED = "providerRPC_MCR"
_NORMALISED = {"timestamp", "msname", "msinstanceid", "providerrpc_mcr"}


def _metric(table: Table) -> str | None:
    """The column that names the metric, `metrics` in the description and `metric` in copies."""
    return next((name for name in ("metric", "metrics") if name in table.columns), None)


def _is_msrtqps(table: Table) -> str | None:
    if set(table.columns) >= _NORMALISED:
        return "it has the columns msname and providerrpc_mcr, as the trace of 2022 has"
    columns = ("timestamp", "msname", "msinstanceid", "value")
    if not set(columns) <= set(table.columns) or _metric(table) is None:
        return None
    return f"it has the columns {', '.join(columns)} and {_metric(table)}; of its metrics {_PROVIDED} is taken"


def _msrtqps_meaning(table: Table, options: Options) -> Meaning:
    """Return the calls that a microservice serves, of all its instances.

    Raises:
        DataError: they are those of 2022, which are normalised, and nobody says what to scale them to.
    """
    meaning = Meaning(values="rate", time="timestamp", time_unit="ms", functions=("msname",), value="value")
    if not set(table.columns) >= _NORMALISED:
        return replace(meaning, where=((_metric(table) or "metric", _PROVIDED),))
    if options.scale_to_mean is None and options.scale_to_peak is None:
        raise DataError(
            f"{table.path}: the call rates of the trace of 2022 are normalised to 0..1 and no requests/s: scale them "
            "with --scale-to-mean or --scale-to-peak"
        )
    return replace(meaning, value="providerrpc_mcr")


def _is_huawei(table: Table) -> str | None:
    others = table.columns[2:]
    if table.columns[:2] != ("day", "time") or not others or not all(re.fullmatch("f?[0-9]+", one) for one in others):
        return None
    return "it has the columns day and time and then one a function, as the files of requests have"


def _huawei_meaning(table: Table, options: Options) -> Meaning:
    """Return the counts of each function.

    Raises:
        DataError: they are none: files of delays and of loads have the same columns.
    """
    cells = (cell for row in table.sample for cell in row[2:] if cell)
    if options.values is None and not all(re.fullmatch(rf"{WHOLE}(\.0*)?", cell) for cell in cells):
        raise DataError(
            f"{table.path}: its values are no whole numbers, so these are delays or loads and no requests: take the "
            "files of requests_minute or requests_second"
        )
    return Meaning(values="count", time="time", time_unit="s", ignored=("day",))


PROFILES = (
    Profile(
        "azure-2019",
        "invocations a minute, a row a function; any run of minutes; durations and memory may go with it",
        has(*IDENTITY, "Trigger"),
        always(Meaning(values="count", functions=IDENTITY, ignored=("Trigger",), period_s=60)),
        "Shahrad et al., Serverless in the Wild, USENIX ATC 2020; AzurePublicDataset, CC-BY 4.0",
        companion=is_companion,
        advice=advice,
    ),
    Profile(
        "azure-2021",
        "invocations, each with its end and duration",
        has("app", "func", "end_timestamp", "duration"),
        always(
            Meaning(
                values="requests", time="end_timestamp", time_unit="s", duration="duration", functions=("app", "func")
            )
        ),
        "Zhang et al., Faster and Cheaper Serverless Computing on Harvested Resources, SOSP 2021; AzurePublicDataset, "
        "CC-BY 4.0",
    ),
    Profile(
        "azure-llm",
        "requests to language models",
        has("TIMESTAMP", "ContextTokens", "GeneratedTokens"),
        always(Meaning(values="requests", time="TIMESTAMP")),
        "Patel et al., Splitwise, ISCA 2024 (trace of 2023); Stojkovic et al., DynamoLLM, HPCA 2025 (trace of 2024); "
        "AzurePublicDataset, CC-BY 4.0",
    ),
    Profile(
        "huawei-2023",
        "requests a minute or a second, a column a function; days are several files",
        _is_huawei,
        _huawei_meaning,
        "Joosen et al., How Does It Function?, ACM SoCC 2023; sir-lab/data-release",
    ),
    Profile(
        "alibaba-msrtqps",
        "calls a second of microservices (2021), their instances added up",
        _is_msrtqps,
        _msrtqps_meaning,
        "Luo et al., Characterizing Microservice Dependency and Performance, ACM SoCC 2021; alibaba/clusterdata",
    ),
    Profile(
        "burstgpt",
        "requests to language models, in seconds from the start",
        has("Timestamp", "Model", "Request tokens", "Response tokens"),
        always(Meaning(values="requests", time="Timestamp", time_unit="s", functions=("Model",))),
        "Wang et al., BurstGPT, KDD 2025; HPMLL/BurstGPT, CC-BY 4.0",
    ),
    Profile(
        "mooncake",
        "requests to a language model, in milliseconds from the start",
        has("timestamp", "input_length", "output_length"),
        always(Meaning(values="requests", time="timestamp", time_unit="ms")),
        "Qin et al., Mooncake, USENIX FAST 2025; kvcache-ai/Mooncake, Apache-2.0",
    ),
)
