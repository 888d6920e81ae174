"""Whose an error is."""

import json
import pickle
import traceback

import numpy as np
import pytest

from mamo_cli.core.faults import WorkerError, fault
from mamo_cli.core.weights import weights_of


class Mistaken:
    """A module of the user's own that our code calls."""

    def __rsub__(self, _):
        raise KeyError("x")


@pytest.mark.parametrize(
    ("work", "told"),
    [
        (lambda: {}["x"], "KeyError: 'x'"),
        (lambda: weights_of(Mistaken()), "KeyError: 'x'"),
        (lambda: np.stack([np.zeros(2), np.zeros(3)]), "ValueError: all input arrays must have the same shape"),
        (lambda: json.loads("{"), "JSONDecodeError: Expecting property name"),
    ],
    ids=["itself", "called by ours", "in an installed package", "in the standard library"],
)
def test_a_mistake_in_a_file_that_is_not_ours_names_its_place(work, told):
    with pytest.raises(Exception, match=r".") as caught:
        work()
    said = fault(caught.value)
    assert said.startswith("test_faults.py, line ")
    assert f", is not ours and failed: {told}" in said


def test_a_mistake_in_our_code_is_ours_whoever_calls_it():
    with pytest.raises(TypeError) as caught:
        weights_of(None)
    assert fault(caught.value).startswith("a bug of ours: TypeError: ")
    assert fault(ValueError("never raised")) == "a bug of ours: ValueError: never raised"


def test_what_failed_in_another_process_is_told_as_it_was_there():
    with pytest.raises(KeyError) as caught:
        weights_of(Mistaken())
    there = WorkerError(fault(caught.value), "".join(traceback.format_exception(caught.value)))
    here = pickle.loads(pickle.dumps(there))
    assert fault(here) == fault(caught.value)
    assert "in __rsub__" in str(here)
