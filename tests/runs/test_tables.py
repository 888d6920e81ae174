import math

import numpy as np
import pytest

from mamo_cli.core.errors import CheckpointError, StorageError
from mamo_cli.runs.tables import AppendTable, to_csv, write_table


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.csv"


def test_numbers_round_trip_exactly(path):
    numbers = [0.1, 1 / 3, 1e-300, -5e-324, 1.7976931348623157e308, float(np.float32(0.1))]
    write_table(path, ["x"], [[number] for number in numbers])
    assert [float(line) for line in path.read_text().splitlines()[1:]] == numbers


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, ""), (math.nan, ""), (np.float32("nan"), ""), (True, "1"), (np.bool_(False), "0"), (np.int64(7), "7")],
)
def test_cells(cell, text):
    assert to_csv([[cell, 1]]) == f"{text},1\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_text_that_a_spreadsheet_would_run_is_neutralised(path, text):
    write_table(path, ["function"], [[text]])
    assert path.read_bytes().decode().split("\n", 1)[1].lstrip('"').startswith("'")
    assert to_csv([[-1.5]]) == "-1.5\n"


def test_a_table_grows_and_is_cut_back(path):
    table = AppendTable(path, ["a", "b"])
    table.append([[1, 2]])
    length = table.sync()
    table.append([[3, 4]])
    table.close()
    assert path.read_bytes() == b"a,b\n1,2\n3,4\n"
    AppendTable(path, ["a", "b"], length).close()
    assert path.read_bytes() == b"a,b\n1,2\n"


def test_without_a_checkpoint_it_starts_anew(path):
    path.write_text("old rows\n")
    AppendTable(path, ["a"]).close()
    assert path.read_text() == "a\n"


def test_a_table_shorter_than_the_checkpoint_knows_is_refused(path):
    path.write_text("a\n")
    with pytest.raises(CheckpointError, match=r"t.csv has 2 bytes where the checkpoint knows 9.*--fresh"):
        AppendTable(path, ["a"], 9)
    assert path.read_text() == "a\n"


def test_a_table_with_other_columns_is_refused(path):
    path.write_text("a,a\n1,2\n")
    with pytest.raises(CheckpointError, match=r"t.csv has other columns than this version writes: .*--fresh"):
        AppendTable(path, ["a", "b"], 8)
    assert path.read_text() == "a,a\n1,2\n"


def test_a_folder_in_its_place_is_a_storage_error(path):
    path.mkdir()
    with pytest.raises(StorageError, match=r"t\.csv"):
        AppendTable(path, ["a"])
