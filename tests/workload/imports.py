"""Files for the importers, made by the test itself."""

import gzip
from pathlib import Path

import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.options import Options


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
