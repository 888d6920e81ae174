"""Seeds are a number of them or a range, and which of the two was written changes nothing where both say the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import Section, digest, read_toml, resolve, to_toml
from mamo_cli.training.settings import MOST_SEEDS, Seeds, seeds_of


class Run(Section):
    seeds: Seeds = 8


class Before(Section):
    """The same as versions before ranges had it."""

    seeds: int = 8


Before.__name__ = "Run"


def test_a_number_counts_from_0_and_a_range_holds_both_its_ends():
    assert list(seeds_of(resolve(Run, {"seeds": "3"}).seeds)) == [0, 1, 2]
    assert list(seeds_of(resolve(Run, {"seeds": "100..103"}).seeds)) == [100, 101, 102, 103]
    assert list(seeds_of(resolve(Run, {"seeds": "7..7"}).seeds)) == [7]


@given(count=st.integers(1, MOST_SEEDS))
def test_a_count_is_the_same_run_however_it_is_written_and_as_ever(count):
    runs = [resolve(Run, {"seeds": words}) for words in (count, str(count), f"0..{count - 1}")]
    assert {digest(run) for run in runs} == {digest(Before(seeds=count))}


@given(first=st.integers(0, 10**18 - 1), more=st.integers(0, MOST_SEEDS - 1))
def test_a_range_is_written_down_and_read_back(tmp_path_factory, first, more):
    last = min(first + more, 10**18 - 1)
    run = resolve(Run, {"seeds": f"{first}..{last}"})
    path = tmp_path_factory.mktemp("c") / "c.toml"
    path.write_text(to_toml(run), encoding="utf-8")
    again = resolve(Run, read_toml(path))
    assert (again, digest(again)) == (run, digest(run))
    assert seeds_of(again.seeds) == range(first, last + 1)


@pytest.mark.parametrize(
    "seeds",
    [0, -1, "", "2..1", "..3", "3..", "1...3", "1..2..3", "1.5", 2.0, True, "²", "9" * 19, f"0..{MOST_SEEDS}", [1]],
)
def test_what_names_no_seeds_is_refused(seeds):
    with pytest.raises(UsageError, match=r"^seeds: must be .* got "):
        resolve(Run, {"seeds": seeds})
