"""Trace files: exact round trips, strict refusals with file, line and column, and writes that cannot half happen."""

import errno
import gzip
import io
import os
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mamo_cli.core import storage
from mamo_cli.core.errors import DataError, StorageError, UsageError
from mamo_cli.workload import trace_csv
from mamo_cli.workload.files import MAX_LINE_BYTES
from mamo_cli.workload.generators import noisy, sinusoidal
from mamo_cli.workload.trace import FUNCTION_NAME, MAX_REPLICAS, Trace
from mamo_cli.workload.trace_csv import read_trace, write_trace

HEAD = "# step_seconds=300\nstep,function,expected_rate,actual_rate\n"
VALID = HEAD + "0,f0,1.5,2\n0,g,0,0\n1,f0,3e1,.5\n1,g,7,8\n"


def read(text, folder):
    path = Path(folder) / "trace.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_trace(path)


def refusals(text, folder):
    """Return the problems with the folder cut off: `trace.csv:line:column: ...`."""
    with pytest.raises(DataError) as caught:
        read(text, folder)
    return [problem.removeprefix(f"{folder}{os.sep}") for problem in caught.value.problems]


def refusal(text, folder):
    problems = refusals(text, folder)
    assert len(problems) == 1, problems
    return problems[0]


@st.composite
def traces(draw):
    functions = draw(st.lists(st.from_regex(FUNCTION_NAME, fullmatch=True), min_size=1, max_size=3, unique=True))
    steps = draw(st.integers(1, 4))
    rate = st.floats(0, allow_infinity=False, allow_nan=False)

    def grid(cell):
        row = st.lists(cell, min_size=len(functions), max_size=len(functions))
        return np.array(draw(st.lists(row, min_size=steps, max_size=steps)))

    printable = st.text(st.characters(codec="utf-8")).filter(lambda text: text.isprintable() and text == text.strip())
    return Trace(
        functions=tuple(functions),
        expected_rate_rps=grid(rate),
        actual_rate_rps=grid(rate),
        step_seconds=draw(st.floats(0, exclude_min=True, allow_infinity=False)),
        node_memory_mb=draw(st.none() | st.lists(st.integers(1, 10**9), min_size=steps, max_size=steps).map(np.array)),
        max_replicas=grid(st.integers(1, MAX_REPLICAS)) if draw(st.booleans()) else None,
        period_steps=draw(st.sampled_from([None, 1, steps])),
        notes=draw(st.dictionaries(st.from_regex(r"n_[a-z0-9]{1,5}", fullmatch=True), printable, max_size=3)),
    )


@settings(max_examples=40, deadline=None)
@given(trace=traces())
def test_a_written_trace_reads_back_exactly(trace):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        write_trace(trace, path)
        again = read_trace(path)
    assert again.digest() == trace.digest()
    assert again.functions == trace.functions
    assert again.notes == trace.notes


def test_the_file_is_what_the_contract_says(tmp_path):
    rates = np.array([[0.1, 2.0], [1 / 3, 4.0]])
    trace = Trace(("a", "b"), rates, rates * 2, 300.0, np.array([[1, 2], [3, 4]]), 2, {"source": "hand"})
    write_trace(trace, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == (
        b"# step_seconds=300\n# period_steps=2\n# source=hand\n"
        b"step,function,expected_rate,actual_rate,max_replicas\n"
        b"0,a,0.1,0.2,1\n0,b,2.0,4.0,2\n1,a,0.3333333333333333,0.6666666666666666,3\n1,b,4.0,8.0,4\n"
    )


def test_pandas_reads_the_same_numbers(tmp_path):
    trace = noisy(sinusoidal(steps=50))
    write_trace(trace, tmp_path / "t.csv")
    table = pd.read_csv(tmp_path / "t.csv", comment="#")
    assert list(table.columns) == ["step", "function", "expected_rate", "actual_rate"]
    # Its quick number parser may miss the last bit.
    np.testing.assert_allclose(table["actual_rate"], trace.actual_rate_rps[:, 0], rtol=1e-15)


def test_rows_may_stand_in_any_order_and_functions_keep_theirs(tmp_path):
    lines = VALID.splitlines(keepends=True)
    straight = read(VALID, tmp_path)
    mixed = read("".join([*lines[:2], lines[4], lines[3], lines[5], lines[2]]), tmp_path)
    assert mixed.functions == straight.functions == ("f0", "g")
    assert straight.actual_rate_rps.tolist() == mixed.actual_rate_rps.tolist() == [[2.0, 0.0], [0.5, 8.0]]


@pytest.mark.parametrize(
    "text",
    [
        VALID.replace("\n", "\r\n"),
        VALID.replace("\n", "\r"),
        VALID.replace("\n", "\r\n", 3),
        "\ufeff" + VALID,
        VALID.encode("utf-16"),
        gzip.compress(VALID.encode()),
        VALID.rstrip("\n"),
        VALID + "\n\n",
        "# free words, no key\n" + VALID,
        VALID.replace("f0", '"f0"'),
        VALID.replace("# step_seconds=300", "#step_seconds = 300.0 "),
    ],
)
def test_harmless_variants_read_as_the_same_trace(text, tmp_path):
    assert read(text, tmp_path).digest() == read(VALID, tmp_path).digest()


@pytest.mark.parametrize(
    "cell", ["-3", "nan", "inf", "-inf", "1e999", "1_000", "abc", "", " 5", "5 ", "0x10", "1,", "٣", "1e99999", "--1"]
)
def test_a_rate_that_is_no_number_is_refused_with_its_place(cell, tmp_path):
    quoted = f'"{cell}"'
    problem = refusal(VALID.replace(".5\n", f"{quoted}\n"), tmp_path)
    assert problem == f"trace.csv:5:4: actual_rate must be a finite number >= 0, got {cell!r}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (VALID.replace("1,f0", "1.0,f0"), "5:1: step must be a whole number >= 0, got '1.0'"),
        (VALID.replace("1,f0", "-1,f0"), "5:1: step must be a whole number >= 0, got '-1'"),
        (VALID.replace("1,f0", "1" * 5000 + ",f0"), "5:1: step must be a whole number >= 0, got '111"),
        (VALID.replace("g,7", "=g,7"), "6:2: function must match"),
        (VALID.replace("g,7", "@SUM(A1),7"), "6:2: function must match"),
        (VALID.replace("1,g,7,8", "1,g,1,000,8"), "6:5: a row must have 4 fields, got 5; write 1,000 as 1000"),
        (VALID.replace("1,g,7,8", "1,g,7"), "6:4: a row must have 4 fields, got 3"),
        (VALID.replace("1,g,7,8", '1,g,7,"8'), "6:4: not comma-separated text: a quote stands open"),
        (VALID.replace("1,g", "0,g"), "6:1: step 0 of g is given twice"),
        (VALID.replace("1,f0", "2,f0"), "5:1: step 1 of f0 is missing before step 2"),
        (VALID.replace("1,f0", "999999999999999,f0"), "5:1: step 1 of f0 is missing before step 999999999999999"),
        (VALID.replace("1,g,7,8\n", ""), "4:1: g ends after step 0, another function goes on to step 1"),
        (VALID.replace("\n1,", "\n2,").replace("\n0,", "\n1,"), "3:1: step 0 of f0 is missing before step 1"),
        ("", "1:1: the file is empty"),
        ("# step_seconds=300\n", "1:1: the file is empty"),
        (HEAD, "2:1: there is no row after the header"),
        (VALID.replace(",actual_rate", ""), "2:4: column actual_rate is missing"),
        (VALID.replace("function,", "function,colour,"), "2:3: unknown column 'colour'"),
        (VALID.replace("function,", "step,"), "2:2: column 'step' is there twice"),
        (VALID.replace("function,", ","), "2:2: a column must have a name"),
        (VALID.replace(",", ";"), "2:1: columns must be separated by commas, these seem to be by semicolons"),
        (VALID.replace(",", "\t"), "2:1: columns must be separated by commas, these seem to be by tabs"),
        (VALID.partition("\n")[2], "1:1: the control period is missing: put a first line such as '# step_seconds=300'"),
        (VALID.replace("=300", "=0"), "1:1: step_seconds must be a finite number > 0, got '0'"),
        (VALID.replace("=300", "=5 min"), "1:1: step_seconds must be a finite number > 0, got '5 min'"),
        ("# step_seconds=60\n" + VALID, "2:1: step_seconds is given twice, first on line 1"),
        ("# period_steps=x\n" + VALID, "1:1: period_steps must be a whole number >= 1, got 'x'"),
        ("# period_steps=3\n" + VALID, " period_steps must divide the 2 steps of the trace, got 3"),
        (VALID.encode().replace(b"g,7", b"\xe9,7"), "6:2: not UTF-8 text"),
        (VALID.replace("g,7", "g\0,7"), "6:2: there is a NUL byte"),
        (VALID + "x" * (MAX_LINE_BYTES + 1), "7:2: a row must have 4 fields, got 1"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_the_reason(text, problem, tmp_path):
    problems = refusals(text, tmp_path)
    assert problems[0].startswith(f"trace.csv:{problem}")
    assert len(problems[0]) < 250


def test_who_gives_a_log_in_place_of_a_trace_is_told_what_makes_one_of_it(tmp_path):
    line = '10.0.0.9 - - [02/Mar/2026:00:00:05 +0000] "GET / HTTP/1.1" 200 512\n'
    problem = refusal(3 * line, tmp_path)
    assert problem.endswith(f"this is an access log; mamo import {tmp_path / 'trace.csv'} makes a trace of it")


@pytest.mark.parametrize("cap", ["0", "-1", "1.5", "x", "", "1e3", str(MAX_REPLICAS + 1)])
def test_a_cap_that_is_no_positive_integer_is_refused(cap, tmp_path):
    head = HEAD.replace("actual_rate", "actual_rate,max_replicas")
    assert read(head + "0,f0,1,1,10\n", tmp_path).max_replicas.tolist() == [[10]]
    problem = refusal(head + f"0,f0,1,1,{cap}\n", tmp_path)
    assert problem == f"trace.csv:3:5: max_replicas must be a whole number in 1..{MAX_REPLICAS}, got {cap!r}"


def memory(*cells, caps=""):
    """A trace of two functions and so many steps, whose column node_memory holds these cells."""
    rows = [f"{n // 2},{'fg'[n % 2]},1,1{caps},{cell}\n" for n, cell in enumerate(cells)]
    return HEAD.strip() + (",max_replicas" if caps else "") + ",node_memory\n" + "".join(rows)


def test_the_nodes_memory_is_one_number_a_step(tmp_path):
    for caps in ("", ",3"):
        trace = read(memory(512, 512, 640, 640, caps=caps), tmp_path)
        assert trace.node_memory_mb.tolist() == [512, 640]
        write_trace(trace, tmp_path / "again.csv", force=True)
        assert read_trace(tmp_path / "again.csv").digest() == trace.digest()
    apart = refusals(memory(512, 512, 640, 641, 7, 8), tmp_path)
    same = "node_memory must be the same for all functions of a step"
    assert apart == [f"trace.csv:6:5: {same}, got 641 beside 640", f"trace.csv:8:5: {same}, got 8 beside 7"]


@pytest.mark.parametrize("cell", ["0", "-1", "1.5", "x", "", str(10**9 + 1)])
def test_a_memory_that_is_no_positive_integer_is_refused(cell, tmp_path):
    problem = refusal(memory(512, cell), tmp_path)
    assert problem == f"trace.csv:4:5: node_memory must be a whole number in 1..1000000000, got {cell!r}"


def test_twenty_faults_are_shown_and_the_rest_counted(tmp_path):
    with pytest.raises(DataError) as caught:
        read(HEAD + "".join(f"{step},f0,1,-1\n" for step in range(30)), tmp_path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "... and 10 more"


def test_what_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(DataError, match="Is a directory"):
        read_trace(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        read_trace(tmp_path / "none.csv")
    with pytest.raises(DataError, match="null byte"):
        read_trace("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text(VALID)
    (tmp_path / "t.csv").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_trace(tmp_path / "t.csv")


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["replace", "insert", "delete", "cut", "double", "swap"]),
        st.integers(0, len(VALID) - 1),
        st.sampled_from([b",", b"\n", b"\r", b'"', b"#", b"-", b"e", b"\0", b"9"]) | st.binary(max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def mutated(data, kind, at, piece):
    lines = data.splitlines(keepends=True)
    line = at % max(len(lines), 1)
    match kind:
        case "replace":
            return data[:at] + piece + data[at + 1 :]
        case "insert":
            return data[:at] + piece + data[at:]
        case "delete":
            return data[:at] + data[at + 1 + len(piece) :]
        case "cut":
            return data[:at]
        case "double":
            return b"".join([*lines[:line], *lines[line : line + 1] * 2, *lines[line + 1 :]])
    return b"".join([*lines[line:], *lines[:line]])


@settings(max_examples=300, deadline=None)
@example(mutations=[("double", 0, b","), ("replace", 1, b"\x80")])
@given(mutations=MUTATIONS)
def test_a_damaged_file_is_a_valid_trace_or_a_data_error(mutations):
    data = VALID.encode()
    for mutation in mutations:
        data = mutated(data, *mutation)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(data)
        try:
            trace = read_trace(path)
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017 (both outcomes are right)
            return
        again = path.with_name("again.csv")
        write_trace(trace, again)
        assert read_trace(again).digest() == trace.digest()
    # A file that passes has each number that Python's own reader finds in its rows; a comment may hold any byte.
    text = io.StringIO(data.decode("utf-8-sig", errors="replace"), newline=None)  # a line may end in any way
    rows = [line.split(",") for line in text if line.strip() and line[0] != "#"][1:]
    assert len(rows) == trace.actual_rate_rps.size


def test_a_file_without_lines_is_refused_before_it_fills_the_memory(tmp_path):
    with (tmp_path / "t.csv").open("wb") as file:
        for _ in range(64):
            file.write(b"x" * MAX_LINE_BYTES)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=f"t.csv:1:1: the line is longer than {MAX_LINE_BYTES} bytes"):
            read_trace(tmp_path / "t.csv")
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_an_existing_file_is_kept_without_force(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        write_trace(sinusoidal(), path)
    assert path.read_text() == "mine"
    write_trace(sinusoidal(), path, force=True)
    assert read_trace(path).digest() == sinusoidal().digest()


def test_folders_are_made_and_a_folder_is_no_file(tmp_path):
    write_trace(sinusoidal(), tmp_path / "new" / "deep" / "t.csv")
    assert [entry.name for entry in (tmp_path / "new" / "deep").iterdir()] == ["t.csv"]
    with pytest.raises(UsageError, match="is a folder or a device"):
        write_trace(sinusoidal(), tmp_path / "new", force=True)


def test_what_is_no_regular_file_is_not_replaced_even_by_force(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="is a folder or a device"):
        write_trace(sinusoidal(), pipe, force=True)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("number", "remedy"), [(errno.ENOSPC, "free some"), (errno.EROFS, "read-only"), (errno.EIO, "failing")]
)
def test_a_failing_disk_leaves_the_old_file_and_nothing_else(number, remedy, tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    write_trace(sinusoidal(), path)

    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(storage.os, "fsync", fail)
    with pytest.raises(StorageError, match=remedy):
        write_trace(noisy(sinusoidal()), path, force=True)
    assert read_trace(path).digest() == sinusoidal().digest()
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


def test_the_file_and_then_its_folder_are_synced_around_the_one_replacing_step(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    write_trace(sinusoidal(), path)
    old_inode, synced = path.stat().st_ino, []
    monkeypatch.setattr(storage.os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    write_trace(noisy(sinusoidal()), path, force=True)
    assert path.stat().st_ino != old_inode
    assert synced == [path.stat().st_ino, tmp_path.stat().st_ino]


def test_a_disk_that_loses_bytes_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(trace_csv, "_rows", lambda trace: iter(["0,f0,1.0,1.0\n"]))
    with pytest.raises(StorageError, match="reads back differently"):
        write_trace(sinusoidal(), tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []
