"""Raw function names become valid, distinct and stable ones."""

from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.workload.imported import function_names
from mamo_cli.workload.trace import FUNCTION_NAME

HASH = "ab" * 32


def test_names_are_made_valid_distinct_and_the_same_every_time():
    raw = ["f", "f", HASH, HASH[:12], "my fn", "my_fn", "=cmd", "x" * 70, "x" * 71, "f-2", "0", ""]
    names = function_names(raw)
    assert names[:7] == ("f", "f-2", "abababababab", "abababababab-2", "my_fn", "my_fn-2", "f_cmd")
    assert names[9:] == ("f-2-2", "0", "f-3")
    assert names[7] != names[8]
    assert len(names[7]) == 64
    assert function_names(raw) == names


@given(st.lists(st.text(max_size=70), max_size=8))
def test_any_text_becomes_a_valid_distinct_name(raw):
    names = function_names(raw)
    assert len(set(names)) == len(raw)
    assert all(FUNCTION_NAME.fullmatch(name) for name in names)
