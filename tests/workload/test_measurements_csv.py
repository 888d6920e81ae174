"""Files of measurements: read whole or refused with file, line and column, and written back to the digest."""

import os

import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.measurements_csv import read_measurements, write_measurements

HEAD = "arrival_rate_rps,replicas,rejection_fraction\n"
MINUTES = "trace,minute,arrival_rate_rps,replicas,rejection_fraction,requests\n" + "".join(
    f"{trace},{minute},{rate},{replicas},{rejection},{requests}\n"
    for trace, minute, rate, replicas, rejection, requests in (
        ("b", 0, 13.5, 5, 0.25, 800),
        ("b", 1, 0, 4.5, 0, 1),
        ("a", 0, 2, 1, 1, 20),
        ("c", 0, 3, 2, 0.1, 30),
    )
)


def read(text, folder):
    path = folder / "node.csv"
    path.write_text(text)
    return read_measurements(path)


def refusals(text, folder):
    with pytest.raises(DataError) as caught:
        read(text, folder)
    return [problem.removeprefix(f"{folder}{os.sep}") for problem in caught.value.problems]


def test_columns_are_found_by_name_and_others_left_alone(tmp_path):
    found = read(MINUTES, tmp_path)
    assert found.arrival_rate_rps.tolist() == [13.5, 0.0, 2.0, 3.0]
    assert found.replicas.tolist() == [5.0, 4.5, 1.0, 2.0]
    assert found.rejection.tolist() == [0.25, 0.0, 1.0, 0.1]
    assert found.weight.tolist() == [800.0, 1.0, 20.0, 30.0]
    assert found.series.tolist() == [0, 0, 1, 2]
    assert found.series_names == ("b", "a", "c")


def test_a_mean_number_of_replicas_counts_as_the_next_whole_one(tmp_path):
    found = read(HEAD + "1,0.2,0\n1,1,0\n1,1.01,0\n1,4.5,0\n1,1000,0\n", tmp_path)
    assert found.whole_replicas.tolist() == [1, 1, 2, 5, 1000]


def test_every_other_trace_is_held_out_in_the_order_of_the_file(tmp_path):
    fitted, held_out = read(MINUTES, tmp_path).halves()
    assert fitted.arrival_rate_rps.tolist() == [13.5, 0.0, 3.0]  # b and c
    assert held_out.arrival_rate_rps.tolist() == [2.0]  # a


def test_rows_of_no_trace_take_turns_and_weigh_the_same(tmp_path):
    found = read(HEAD + "".join(f"{rate},1,0\n" for rate in range(5)), tmp_path)
    assert [half.arrival_rate_rps.tolist() for half in found.halves()] == [[0.0, 2.0, 4.0], [1.0, 3.0]]
    assert found.weight.tolist() == [1.0] * 5


@pytest.mark.parametrize("text", [MINUTES, HEAD + "0.1,3,0.3333333333333333\n1e-300,7.25,1\n"])
def test_what_is_written_reads_back_to_the_digest(text, tmp_path):
    found = read(text, tmp_path)
    write_measurements(found, tmp_path / "copy.csv")
    assert read_measurements(tmp_path / "copy.csv").digest() == found.digest()


@pytest.mark.parametrize("place", range(6))
def test_every_number_counts_in_the_digest(place, tmp_path):
    found = read(MINUTES, tmp_path)
    lines = MINUTES.splitlines()
    cells = lines[3].split(",")  # a,0,2,1,1,20
    cells[place] = {0: "b", 1: "7", 2: "2.5", 3: "1.5", 4: "0.5", 5: "21"}[place]
    lines[3] = ",".join(cells)
    changed = read("\n".join([*lines, ""]), tmp_path).digest() != found.digest()
    assert changed == (place != 1)  # what nobody reads moves nothing


def test_every_fault_is_told_by_its_place(tmp_path):
    text = MINUTES.replace("a,0,2,1,1,20", ",0,-2,0,1.5,0").replace("c,0,3,2,", "c,0,inf,1001,") + "d,0,1_0,2,nan,x\n"
    assert refusals(text, tmp_path) == [
        "node.csv:4:3: arrival_rate_rps must be a finite number >= 0, got '-2'",
        "node.csv:5:3: arrival_rate_rps must be a finite number >= 0, got 'inf'",
        "node.csv:6:3: arrival_rate_rps must be a finite number >= 0, got '1_0'",
        "node.csv:4:4: replicas must be a number above 0, at most 1000, got '0'",
        "node.csv:5:4: replicas must be a number above 0, at most 1000, got '1001'",
        "node.csv:4:5: rejection_fraction must be a number from 0 to 1, got '1.5'",
        "node.csv:6:5: rejection_fraction must be a number from 0 to 1, got 'nan'",
        "node.csv:4:6: requests must be a number above 0, at most 1e15, got '0'",
        "node.csv:6:6: requests must be a number above 0, at most 1e15, got 'x'",
        "node.csv:4:1: trace must be a name, got ''",
    ]


def test_an_empty_cell_is_a_fault(tmp_path):
    assert refusals(HEAD + "1,2,\n", tmp_path) == [
        "node.csv:2:3: rejection_fraction must be a number from 0 to 1, got ''"
    ]


def test_a_column_must_be_there_and_a_row(tmp_path):
    (line,) = refusals("arrival_rate_rps,replicas\n1,2\n", tmp_path)
    assert line.startswith("node.csv:1:3: column rejection_fraction is missing: measurements are arrival_rate_rps,")
    assert refusals(HEAD, tmp_path) == ["node.csv:1:1: there is no row after the header"]
    (line,) = refusals(HEAD + "1,2,0.5,7\n", tmp_path)
    assert line.startswith("node.csv:2:4: a row must have 3 fields, got 4")


def test_a_table_of_another_kind_is_refused(tmp_path):
    (line,) = refusals('{"arrival_rate_rps": 1, "replicas": 2, "rejection_fraction": 0}\n', tmp_path)
    assert "in comma-separated text; this is" in line
