"""A Trace is valid or does not exist; slices, splits and digests keep what they must."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import DataError
from mamo_cli.workload.parts import training_and_evaluation
from mamo_cli.workload.trace import MAX_REPLICAS, Trace

TWO = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]])


def two_functions(**changes):
    fields = {"functions": ("a", "b"), "expected_rate_rps": TWO, "actual_rate_rps": TWO}
    return Trace(**{**fields, **changes})


def with_value(value):
    rates = TWO.copy()
    rates[2, 1] = value
    return rates


def test_arrays_are_read_only_copies():
    given = TWO.copy()
    trace = two_functions(actual_rate_rps=given)
    given[0, 0] = 99.0
    assert trace.actual_rate_rps[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        trace.actual_rate_rps[0, 0] = 5.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"functions": ()}, "at least one function"),
        ({"functions": ("a", "a")}, "must differ"),
        ({"functions": ("a", "=1+1")}, "'=1\\+1'"),
        ({"functions": ("a", "b" * 65)}, "must match"),
        ({"functions": ("a", "b\n")}, "must match"),
        ({"functions": ("a",)}, r"shape \(steps >= 1, 1\), got \(4, 2\)"),
        ({"actual_rate_rps": TWO[:3]}, "same steps, got 4 and 3"),
        ({"expected_rate_rps": TWO[:0], "actual_rate_rps": TWO[:0]}, "shape"),
        ({"expected_rate_rps": TWO[0]}, "shape"),
        ({"actual_rate_rps": with_value(-1.0)}, r"got -1.0 at step 2, column 1"),
        ({"actual_rate_rps": with_value(np.nan)}, "got nan at step 2"),
        ({"expected_rate_rps": with_value(np.inf)}, "expected_rate_rps must be finite"),
        ({"step_seconds": 0.0}, "step_seconds"),
        ({"step_seconds": float("nan")}, "step_seconds"),
        ({"max_replicas": np.zeros((4, 2), dtype=int)}, "max_replicas must be in 1"),
        ({"max_replicas": np.full((4, 2), MAX_REPLICAS + 1)}, "max_replicas must be in 1"),
        ({"max_replicas": np.ones((4, 2))}, "integers"),
        ({"max_replicas": np.ones((3, 2), dtype=int)}, r"shape \(4, 2\)"),
        ({"period_steps": 3}, "must divide the 4 steps"),
        ({"period_steps": 0}, "must divide"),
        ({"notes": {"two words": "x"}}, "key"),
        ({"notes": {"step_seconds": "1"}}, "reserved"),
        ({"notes": {"source": "a\nb"}}, "printable"),
        ({"notes": {"source": " a"}}, "spaces"),
    ],
)
def test_what_no_workload_can_have_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        two_functions(**changes)


def test_deviations_are_seen_in_a_single_cell():
    assert not two_functions().carries_deviations
    assert two_functions(actual_rate_rps=with_value(30.000000000000004)).carries_deviations


def test_slice_keeps_rows_caps_names_and_notes():
    caps = np.arange(1, 9).reshape(4, 2)
    part = two_functions(max_replicas=caps, notes={"source": "x"}, step_seconds=60.0).slice(1, 3)
    assert part.expected_rate_rps.tolist() == [[2.0, 20.0], [3.0, 30.0]]
    assert part.max_replicas.tolist() == [[3, 4], [5, 6]]
    assert (part.functions, part.step_seconds, part.notes) == (("a", "b"), 60.0, {"source": "x"})


def test_a_slice_is_periodic_only_over_whole_periods():
    trace = two_functions(period_steps=2)
    assert trace.slice(1, 3).period_steps == 2
    assert trace.slice(0, 3).period_steps is None


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (2, 1), (-1, 2), (0, 5)])
def test_a_slice_outside_the_trace_is_refused(start, stop):
    with pytest.raises(DataError, match="no steps"):
        two_functions().slice(start, stop)


@pytest.mark.parametrize(("steps", "share", "train"), [(10, 0.7, 7), (100, 0.29, 29), (4, 0.7, 3), (2, 0.5, 1)])
def test_split_cuts_in_time_at_the_nearest_step(steps, share, train):
    # 100 * 0.29 is 28.999999999999996 in floating point: cutting it off would lose a step.
    rates = np.arange(float(steps))[:, None]
    first, rest = Trace(("f",), rates, rates).split(share)
    assert first.actual_rate_rps[:, 0].tolist() == list(range(train))
    assert rest.actual_rate_rps[:, 0].tolist() == list(range(train, steps))


@pytest.mark.parametrize("share", [0.0, 1.0, 0.05, 0.95, -1.0, float("nan")])
def test_a_split_with_an_empty_part_is_refused(share):
    with pytest.raises(DataError, match="train share"):
        two_functions().split(share)


def test_the_digest_tells_all_that_matters_and_nothing_else():
    base = two_functions()
    others = [
        two_functions(functions=("a", "c")),
        two_functions(expected_rate_rps=with_value(30.000000000000004)),
        two_functions(actual_rate_rps=with_value(30.000000000000004)),
        two_functions(step_seconds=60.0),
        two_functions(period_steps=4),
        two_functions(max_replicas=np.full((4, 2), 10)),
        two_functions(max_replicas=np.full((4, 2), 11)),
        two_functions().slice(0, 3),
    ]
    assert len({trace.digest() for trace in [base, *others]}) == 9
    assert two_functions(notes={"source": "x"}).digest() == base.digest()
    assert len(base.digest()) == 64


def test_minus_zero_is_zero_to_the_digest():
    zero, minus = (two_functions(actual_rate_rps=with_value(value)) for value in (0.0, -0.0))
    assert zero.digest() == minus.digest()


def test_functions_are_put_in_another_order_with_all_that_is_theirs():
    caps = np.arange(1, 9).reshape(4, 2)
    other = two_functions(max_replicas=caps).ordered_as(("b", "a"))
    assert other.functions == ("b", "a")
    assert other.actual_rate_rps.tolist() == TWO[:, ::-1].tolist()
    assert other.expected_rate_rps.tolist() == TWO[:, ::-1].tolist()
    assert other.max_replicas.tolist() == caps[:, ::-1].tolist()
    with pytest.raises(DataError, match="the functions are a, b, not a, c"):
        two_functions().ordered_as(("a", "c"))


def test_a_trace_to_evaluate_on_is_matched_by_the_names_of_its_functions():
    source = two_functions()
    other = two_functions(functions=("b", "a"), actual_rate_rps=TWO * 2)
    _, evaluation = training_and_evaluation(source, 0.5, other)
    assert evaluation.functions == ("a", "b")
    assert evaluation.actual_rate_rps.tolist() == (TWO * 2)[:, ::-1].tolist()
    words = (
        "of others than what was trained on: the functions are a, c, not a, b: .*, rename them in .* column function"
    )
    with pytest.raises(DataError, match=words):
        training_and_evaluation(source, 0.5, two_functions(functions=("a", "c")))


def test_a_shape_is_of_the_deviations_from_each_functions_mean():
    """By hand: means of 6 and 3, deviations of +-4 and +-1 twice and half as large; none falls below 0."""
    rates = np.array([[10.0, 4.0], [2.0, 2.0]])
    trace = Trace(("a", "b"), rates, rates / 2)
    steeper, flatter = trace.at_shape(2.0), trace.at_shape(0.5)
    assert steeper.expected_rate_rps.tolist() == [[14.0, 5.0], [0.0, 1.0]]
    assert flatter.expected_rate_rps.tolist() == [[8.0, 3.5], [4.0, 2.5]]
    assert flatter.actual_rate_rps.tolist() == [[4.0, 1.75], [2.0, 1.25]]
    assert trace.at_shape(0.0).expected_rate_rps.tolist() == [[6.0, 3.0]] * 2
    assert trace.at_shape(1.0) is trace


def test_the_nodes_memory_goes_with_its_steps_and_counts_for_the_digest():
    plain = two_functions()
    trace = replace(plain, node_memory_mb=np.arange(1, plain.steps + 1))
    assert trace.slice(1, 2).node_memory_mb.tolist() == [2]
    assert trace.repeated(2).node_memory_mb.tolist() == [*range(1, plain.steps + 1)] * 2
    for same in (trace.at_load(2.0), trace.only(1, "one")):
        assert same.node_memory_mb.tolist() == trace.node_memory_mb.tolist()
    others = (plain, replace(trace, node_memory_mb=np.arange(2, plain.steps + 2)))
    assert trace.digest() not in {other.digest() for other in others}
    for wrong in (np.zeros(plain.steps, dtype=int), np.ones(plain.steps + 1, dtype=int), np.ones(plain.steps)):
        with pytest.raises(DataError, match="node_memory_mb must"):
            replace(plain, node_memory_mb=wrong)
