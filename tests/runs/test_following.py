"""A table is read while another process writes it: whole lines, each once, and anew where it was cut back."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.runs import following
from mamo_cli.runs.following import GrowingTable
from mamo_cli.runs.manifest import UnreadableError


def read(table: GrowingTable) -> list[dict[str, str]]:
    return [dict(row) for block in table.blocks() for row in table.rows(block)]


def test_a_line_that_is_still_being_written_comes_when_it_is_whole(tmp_path):
    path, table = tmp_path / "t.csv", GrowingTable(tmp_path / "t.csv")
    assert (read(table), table.is_another()) == ([], False)
    for text, rows in (
        ("a,", []),
        ("b\n1,", []),
        ("2\n3,4", [{"a": "1", "b": "2"}]),
        ("", []),
        ("5\n6,7\n", [{"a": "3", "b": "45"}, {"a": "6", "b": "7"}]),
    ):
        with path.open("a") as file:
            file.write(text)
        assert not table.is_another()
        assert read(table) == rows


@given(st.data())
def test_whatever_is_written_when_every_row_comes_once_and_in_order(tmp_path_factory, data):
    cells = data.draw(st.lists(st.tuples(*[st.text(',"\n é7', max_size=3)] * 2), max_size=8), label="cells")
    whole = "a,b\n" + "".join(f"{i},{len(x)}\n" for i, (x, y) in enumerate(cells))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5), label="cuts"))
    path = tmp_path_factory.mktemp("t") / "t.csv"
    table, found = GrowingTable(path), []
    for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        with path.open("a") as file:
            file.write(whole[start:stop])
        found += read(table)
    assert found == [{"a": str(i), "b": str(len(x))} for i, (x, _) in enumerate(cells)]


def test_a_table_longer_than_a_block_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "BLOCK_BYTES", 7)
    (tmp_path / "t.csv").write_text("number\n" + "".join(f"{i}\n" for i in range(1000)))
    assert [int(row["number"]) for row in read(GrowingTable(tmp_path / "t.csv"))] == list(range(1000))


def test_quoted_cells_keep_their_commas_and_ragged_lines_are_left_out(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'a,f\n1,"x,y"\n2\n3,4,5\n\xff,z\n')
    assert read(GrowingTable(tmp_path / "t.csv")) == [{"a": "1", "f": "x,y"}, {"a": "�", "f": "z"}]


def test_a_table_that_was_cut_back_or_replaced_is_another(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n")
    table = GrowingTable(path)
    read(table)
    assert not table.is_another()
    os.truncate(path, 4)
    assert table.is_another()
    path.write_text("a\n1\n2\n3\n")
    assert not table.is_another()
    (tmp_path / "new.csv").write_text("a\n1\n2\n3\n")
    (tmp_path / "new.csv").replace(path)
    assert table.is_another()
    path.unlink()
    assert table.is_another()


def test_it_says_when_the_table_grew_last(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n")
    os.utime(path, ns=(0, 1_500_000_000_250_000_000))
    table = GrowingTable(path)
    read(table)
    assert table.changed_s == pytest.approx(1_500_000_000.25, abs=1e-3)


def test_what_may_not_be_read_is_told_of(tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(UnreadableError, match=r"t.csv cannot be read: Is a directory"):
        read(GrowingTable(tmp_path / "t.csv"))
