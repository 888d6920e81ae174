"""A fault in a configuration is one line, which names the setting as it was given."""

from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from mamo_cli.core.complaints import Given, places
from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import Section, Share, read_toml, resolve

OPTIONS = {"alpha": "--alpha", "node.cap": "--cap", "node.cost": "--cost"}


class Node(Section):
    cap: int = Field(default=10, ge=1)
    least: int = 1
    cost: float | tuple[Share, ...] = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.cap < self.least:
            raise ValueError(f"cap {self.cap} must reach least {self.least}")
        return self


class Config(Section):
    alpha: tuple[Share, ...] = Field(default=(0.1,), min_length=1)
    node: Node = Node()


def complaint(*layers):
    with pytest.raises(UsageError) as caught:
        resolve(Config, *layers)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"alpha": [-0.1]}, "--alpha: must be greater than or equal to 0, got -0.1"),
        ({"alpha": []}, "--alpha: must have at least 1 item after validation, not 0, got []"),
        ({"node": {"cap": "x"}}, "--cap: must be a valid integer, unable to parse string as an integer, got 'x'"),
        ({"node": {"cost": [0.5, 2.0]}}, "--cost: must be less than or equal to 1, got 2.0"),
        ({"node": {"cap": 2, "least": 3}}, "--cap 2 must reach node.least 3"),
        ({"node": 3}, "node: must be a table of settings, got 3"),
    ],
)
def test_a_fault_is_one_line_with_the_option_that_was_typed(values, line):
    assert complaint(Given(values, OPTIONS)) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("alpha = [2]", "alpha: must be less than or equal to 1, got 2"),
        ("cap = 3", "cap: no such setting; did you mean node.cap?"),
        ("[node]\ncapp = 3", "node.capp: no such setting; did you mean node.cap?"),
        ("[nodes]\ncap = 3", "nodes: no such setting; did you mean node?"),
        ("zebra = 3", "zebra: no such setting"),
    ],
)
def test_what_a_file_holds_is_named_by_the_file_and_its_dotted_place(tmp_path, text, line):
    (tmp_path / "c.toml").write_text(text)
    assert complaint(read_toml(tmp_path / "c.toml"), Given({}, OPTIONS)) == f"{tmp_path / 'c.toml'}: {line}"


def test_the_last_who_gave_a_setting_is_asked_what_it_is_called(tmp_path):
    (tmp_path / "c.toml").write_text("[node]\ncap = 0\nleast = 0")
    file, typed = read_toml(tmp_path / "c.toml"), Given({"node": {"cap": -1}}, OPTIONS)
    assert complaint(file, typed) == "--cap: must be greater than or equal to 1, got -1"
    assert complaint(file, Given({}, OPTIONS)).startswith(f"{file.called('node.cap')}: must be")
    typed = Given({"node": {"cap": 2}}, OPTIONS)
    assert complaint({"node": {"least": 5}}, typed) == "--cap 2 must reach node.least 5"


def test_from_python_settings_have_their_dotted_places():
    assert complaint({"node": {"cap": 0}}) == "node.cap: must be greater than or equal to 1, got 0"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(values, st.sampled_from(sorted(places(Config))))
def test_whatever_one_setting_holds_is_taken_or_refused_in_one_line_that_names_it(value, place):
    section, _, name = place.rpartition(".")
    given = Given({section: {name: value}} if section else {name: value}, OPTIONS)
    try:
        resolve(Config, given)
    except UsageError as error:
        names = [OPTIONS.get(one, one) for one in places(Config) if one == place or one.startswith(f"{place}.")]
        lines = str(error).splitlines()
        assert len(lines) == 1 or isinstance(value, dict)
        assert any(name in lines[0] for name in (*names, f"{place}."))
