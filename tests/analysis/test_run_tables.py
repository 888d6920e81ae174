import json

import numpy as np
import pytest

from mamo_cli.analysis.run_tables import quantities_of, read_command, read_run_table, read_words
from mamo_cli.core.errors import DataError


def written(folder, text, name="plan.csv", **manifest):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    started = {"command": "train", "status": "complete", "starts": [], **manifest}
    (folder / "run.json").write_text(json.dumps(started), encoding="utf-8")
    return folder


def test_numbers_are_read_exactly_and_blanks_are_nan(tmp_path):
    written(tmp_path, "step,cost,other\n0,0.1,x\n1,,y\n2,0.30000000000000004,z\n")
    table = read_run_table(tmp_path, "plan.csv", ["cost", "step"])
    assert list(table.columns) == ["cost", "step"]
    assert table["cost"].iloc[2] == 0.1 + 0.2
    assert np.isnan(table["cost"].iloc[1])
    assert table["step"].dtype == np.int64


def test_the_agents_have_a_column_even_where_the_file_has_none(tmp_path):
    folder = written(tmp_path, "step\n0\n1\n")
    assert list(read_run_table(folder, "plan.csv", ["step", "agent"])["agent"]) == ["", ""]


@pytest.mark.parametrize(("manifest", "word"), [({}, "function"), ({"domain": "faas"}, "function")])
def test_the_agents_column_has_the_word_of_the_runs_domain(tmp_path, manifest, word):
    folder = written(tmp_path, f"step,{word},cost\n0,resize,1\n1,7,2\n", **manifest)
    assert list(read_run_table(folder, "plan.csv", ["agent", "cost"])["agent"]) == ["resize", "7"]


def test_a_run_from_before_there_were_domains_has_the_first_ones_words(tmp_path):
    folder = written(tmp_path, "")
    assert read_words(folder).agent == "function"
    assert quantities_of(folder) == ["replicas", "rejection"]


def test_a_run_of_a_domain_of_later_versions_is_refused(tmp_path):
    with pytest.raises(DataError, match="a run of the domain 'tides', which this version does not know"):
        read_words(written(tmp_path, "", domain="tides"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no rows"),
        ("step,cost\n", "holds no rows"),
        ("step\n0\n", "column cost is missing, the file has step"),
        ("step,cost\n0,1\n1\n", ":3: must have 2 cells, got 1"),
        ("step,cost\n0,1,000\n", ":2: must have 2 cells, got 3"),
        ("step,cost\n0,1\n1,cheap\n", ":3:2: cost must be a number, got 'cheap'"),
        ("step,cost\n0.5,1\n", ":2:1: step must be a whole number, got '0.5'"),
        (b"step,cost\n0,\xff\n", "cannot be read: not UTF-8 text"),
    ],
)
def test_a_broken_table_gives_one_clear_line(tmp_path, text, complaint):
    with pytest.raises(DataError) as refused:
        read_run_table(written(tmp_path, text), "plan.csv", ["step", "cost"])
    assert complaint in str(refused.value)
    assert "plan.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cycles\.csv: cannot be read: No such file"):
        read_run_table(written(tmp_path, ""), "cycles.csv", ["seed"])


def test_only_a_run_that_has_ended_is_read(tmp_path):
    for status in ("complete", "diverged", "interrupted"):
        written(tmp_path, "", status=status)
        if status == "interrupted":
            with pytest.raises(DataError, match="the run is interrupted: start the same command again"):
                read_command(tmp_path)
        else:
            assert read_command(tmp_path) == "train"
