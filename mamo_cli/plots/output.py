"""A figure and its numbers on disk: four files, each whole or not there, the same bytes every time."""

from collections.abc import Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj

import pandas as pd
from matplotlib.figure import Figure

from mamo_cli.core.storage import replace_file, storage_errors

# Whatever would carry a date or a version of the library into the file is left out.
METADATA: Mapping[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save_figure(figure: Figure, table: pd.DataFrame, stem: Path) -> list[Path]:
    """Write `stem`.csv with the plotted numbers and `stem`.png, .svg and .pdf; return the paths.

    Raises:
        StorageError: The disk is full, read-only or failing; what stood there before still does.
    """
    contents = {"csv": table.to_csv(index=False, lineterminator="\n").encode()}
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once: all formats place everything alike, and the rest is faster
    for kind, metadata in METADATA.items():
        buffer = BytesIO()
        figure.savefig(buffer, format=kind, metadata=metadata)
        contents[kind] = buffer.getvalue()
    with storage_errors(stem.parent):
        stem.parent.mkdir(parents=True, exist_ok=True)
    return [_replace(stem.with_name(f"{stem.name}.{suffix}"), content) for suffix, content in contents.items()]


def _replace(path: Path, content: bytes) -> Path:
    replace_file(path, partial(copyfileobj, BytesIO(content)), lambda written: written.read_bytes() == content)
    return path
