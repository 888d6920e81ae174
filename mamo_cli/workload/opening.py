"""From a file to a table: what the engine is told to read, and how."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mamo_cli.core.errors import DataError
from mamo_cli.workload.dialect import ACCESS_LOG, Dialect, Layout, dialect_of
from mamo_cli.workload.engine import Engine, EngineError, quoted
from mamo_cli.workload.files import MAX_LINE_BYTES, Source, inspect
from mamo_cli.workload.tables import MAX_PROBLEMS_KEPT, Table


@contextmanager
def open_table(engine: Engine, path: Path, separator: str | None = None) -> Iterator[Table]:
    """Open one file as a table.

    Args:
        engine: what reads it.
        path: the file.
        separator: what separates its cells; None finds out.

    Raises:
        DataError: it cannot be read, or is no table.
    """
    source = inspect(path)
    with tempfile.TemporaryDirectory(prefix="mamo-") as folder:
        known = _known(path, Path(folder))
        engine.names[str(known)] = str(path)
        if source.parquet:
            yield _parquet(engine, source, known)
            return
        dialect = dialect_of(source, separator)
        plain = known if not _needs_copy(source) else _copied(source, Path(folder) / "plain.txt")
        engine.names[str(plain)] = str(path)
        yield Table(engine, source, dialect, _relation(engine, source, dialect, plain))


def _known(path: Path, folder: Path) -> Path:
    """Return a path that the engine takes as it is: it knows names in UTF-8 alone, and reads some as a pattern."""
    if not re.search(r"[*?\[\ud800-\udfff]", str(path)):
        return path
    link = folder / "link"
    link.symlink_to(path.absolute())
    return link


def _needs_copy(source: Source) -> bool:
    """Whether the engine would misread the text: another encoding, or line ends of two kinds."""
    ends = {"\r\n" in source.head, bool(re.search(r"(?<!\r)\n", source.head)) and "\r\n" in source.head}
    lone = re.search(r"\r(?!\n)", source.head[:-1]) is not None
    return source.encoding != "utf-8-sig" or ends == {True} or lone


def _copied(source: Source, target: Path) -> Path:
    with source.text() as text, target.open("w", encoding="utf-8", newline="") as file:
        for line in text:
            file.write(line.replace("\r\n", "\n").replace("\r", "\n"))
    return target


def _relation(engine: Engine, source: Source, dialect: Dialect, path: Path) -> tuple[str, str]:
    """Return what a query reads, without and with the numbers of rows."""
    if dialect.layout is Layout.LIST:
        with source.text() as text:
            numbers = [part for part in re.split(r"[\s,;]+", text.read().lstrip("\ufeff").strip()) if part]
        engine.rows("create or replace temp table numbers as select unnest(?::varchar[]) as c0", [numbers])
        return "numbers", _numbered("numbers")
    compression = "gzip" if source.compressed and not _needs_copy(source) else "none"
    common = (
        f"{quoted(str(path))}, auto_detect=false, header=false, compression='{compression}', skip={dialect.skip}, "
        f"max_line_size={MAX_LINE_BYTES}"
    )
    width = len(dialect.columns)
    if dialect.layout is Layout.CELLS:
        columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(width))
        cells = (
            f"read_csv({common}, strict_mode=true, store_rejects=true, rejects_limit={MAX_PROBLEMS_KEPT}, "
            f"delim={quoted(dialect.separator)}, quote='\"', escape='\"', columns={{{columns}}})"
        )
        if width > 1:
            return cells, _numbered(cells)
        return tuple(f"(select * from {rows} where c0 is not null)" for rows in (cells, _numbered(cells)))  # type: ignore[return-value]
    lines = f"read_csv({common}, delim='\\x01', quote='', escape='', columns={{'line': 'VARCHAR'}})"
    cut = _access_cells if dialect.layout is Layout.ACCESS else _json_cells
    return cut(lines, dialect.columns, ""), cut(_numbered(lines), dialect.columns, "r, ")


def _numbered(relation: str) -> str:
    return f"(select row_number() over () as r, * from {relation})"


def _access_cells(lines: str, columns: Sequence[str], extra: str) -> str:
    last = len(columns) - 1
    cells = ", ".join(f"parts['c{index}'] as c{index}" for index in range(last))
    names = ", ".join(f"'c{index}'" for index in range(last))
    path = f"split_part(split_part(parts['c4'], ' ', 2), '?', 1) as c{last}"
    parts = f"select {extra}regexp_extract(line, {quoted(ACCESS_LOG)}, [{names}]) as parts from {lines}"
    return f"(select {extra}{cells}, {path} from ({parts} where trim(line) != ''))"


def _json_cells(lines: str, columns: Sequence[str], extra: str) -> str:
    cells = ", ".join(
        f"json_extract_string(object, {quoted('$.' + _json_key(name))}) as c{index}"
        for index, name in enumerate(columns)
    )
    objects = f"select {extra}case when json_valid(line) then line end as object from {lines} where trim(line) != ''"
    return f"(select {extra}{cells} from ({objects}))"


def _json_key(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _parquet(engine: Engine, source: Source, path: Path) -> Table:
    where = quoted(str(path))
    try:
        described = engine.rows(f"describe select * from read_parquet({where})")
    except EngineError as error:
        raise DataError(f"{source.path}: a Parquet file that is damaged: {error}") from error
    names = tuple(row[0] for row in described)
    columns = ", ".join(
        f'"{name.replace(chr(34), chr(34) * 2)}"::varchar as c{index}' for index, name in enumerate(names)
    )
    dialect = Dialect(Layout.PARQUET, names, "", 0, 0, {})
    relation = f"(select {columns} from read_parquet({where}))"
    return Table(engine, source, dialect, (relation, _numbered(relation)))
