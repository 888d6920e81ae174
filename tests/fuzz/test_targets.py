"""Readers against any bytes: a value or an error that a user is to see, in a moment, and nothing written."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import own_clock
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS, taken

SECONDS = 5.0
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 9), st.binary(max_size=6)), max_size=4)


def edited(data: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Some bytes at a place (a share of the length) replaced by others."""
    for where, length, piece in edits:
        at = int(where * len(data))
        data = data[:at] + piece + data[at + length :]
    return data


def fed(target: str, data: bytes) -> bool:
    start = own_clock()
    with tempfile.TemporaryDirectory() as folder:
        answer = taken(target, Path(folder), data)
    assert own_clock() - start < SECONDS
    return answer


@pytest.mark.parametrize("target", TARGETS)
def test_the_first_seeds_are_taken(target):
    assert fed(target, SEEDS[target][0])
    assert not all(fed(target, seed) for seed in SEEDS[target])


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=150)
@given(data=st.data())
def test_damaged_seeds_are_taken_or_refused(target, data):
    seed = data.draw(st.sampled_from(SEEDS[target]))
    fed(target, edited(seed, data.draw(EDITS)))


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=75)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(target, data):
    fed(target, data)
