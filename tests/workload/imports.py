"""Files for the importers, made by the test itself."""

import datetime
import gzip
from pathlib import Path

import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.choices import ChoiceError
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.options import Options

START = datetime.datetime(2024, 5, 1)
EPOCH = 1_714_521_600  # the same in UTC


def load(text, folder, format_name="auto", *, name="in.csv", preview=False, **options):
    """The trace in a text (or bytes), seen perfectly unless said; with `preview`, that too."""
    path = Path(folder) / name
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    chosen = Options(format=format_name, **{"forecast": "perfect", **options})
    trace, shown = import_trace(path, chosen)
    return (trace, shown) if preview else trace


def refusal(text, folder, format_name="auto", **options):
    """The first problem with the folder cut off: `in.csv:line:column: ...`."""
    with pytest.raises(DataError) as caught:
        load(text, folder, format_name, **options)
    return caught.value.problems[0].rpartition("/")[2]


def date(minutes, form="%Y-%m-%d %H:%M:%S"):
    return (START + datetime.timedelta(minutes=minutes)).strftime(form)


def rows(*columns, head, separator=","):
    lines = [separator.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([head, *lines]) + "\n"


def rates(trace):
    return trace.actual_rate_rps.T.tolist()


def asked(text, folder, *arguments, **options):
    """The options to choose from."""
    with pytest.raises(ChoiceError) as choice:
        load(text, folder, *arguments, **options)
    return [" ".join(words) for words, _ in choice.value.answers], [outcome for _, outcome in choice.value.answers]
