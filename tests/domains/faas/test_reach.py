"""A node whose load exceeds its cap says so in one line, and names what is likeliest to blame."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.domains.faas.domain import build
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace import Trace
from tests.domains.faas.rejection.test_measured import measured


def trace_of(rates, caps=None, functions=("f0",), **options):
    rates = np.reshape(np.asarray(rates, dtype=float), (-1, len(functions)))
    caps = None if caps is None else np.full(rates.shape, caps)
    return Trace(functions, rates, rates, max_replicas=caps, period_steps=len(rates), **options)


def warnings_of(trace, **settings):
    """What a node under Erlang-B, of service time 1 s unless told otherwise, says of itself."""
    settings = {"rejection_model": "erlang", "warm_service_time": 1.0, "noise": 0.0, **settings}
    return build(InstanceConfig(**settings), trace, trace).warnings


def test_a_node_within_its_cap_says_nothing():
    source = sinusoidal()
    assert build(InstanceConfig(), source, source).warnings == ()
    # Two of four steps are not more than half, and the mean of .5, .5, 0 and 0 is within .3.
    assert warnings_of(trace_of([1, 1, 0, 0]), max_replicas=1, tolerance=0.3) == ()


def test_a_node_that_was_measured_is_not_told_of_more_than_was():
    rows = measured((4, 1, 0.5), (4, 2, 0.3))
    trace = replace(trace_of([4.0, 4.0]), measured={"node.csv": rows})
    (line,) = warnings_of(trace, rejection_model="measured", measurements="node.csv", max_replicas=2)
    assert line.endswith(
        "least reachable is 0.3 at 2 replicas: no number of replicas was measured to hold the load's peak"
    )


def test_a_node_beyond_its_cap_says_by_how_much_and_which_cap_would_do():
    # 4 Erlang on 1, 2, 3 servers: .8, .6154, .4507; within .2 with 6 (.1172), 5 leave .1991.
    (line,) = warnings_of(trace_of([4.2, 4.1, 0.1]), max_replicas=3, tolerance=0.2)
    reachable = [erlang(load, 3) for load in (4.2, 4.1, 0.1)]
    assert line == (
        "2 of 3 steps cannot keep rejection within 0.2 at the cap; no alpha can on average, least reachable is "
        f"{np.mean(reachable):.2g} at 3 replicas: set --max-replicas higher, 6 would do at every step"
    )
    assert erlang(4.2, 6) <= 0.2 < erlang(4.2, 5)


def erlang(load, servers):
    terms = np.cumprod([1.0, *(load / np.arange(1, servers + 1))])
    return terms[-1] / terms.sum()


def test_most_steps_may_be_beyond_a_limit_that_holds_on_average():
    # 1.5 Erlang on 2 servers: 1.125 / 3.625 = .3103; twice of three, .2069 on average.
    (line,) = warnings_of(trace_of([1.5, 1.5, 0]), max_replicas=2, tolerance=0.25)
    assert line.startswith("2 of 3 steps cannot keep rejection within 0.25 at the cap; on average, 0.21 at 2 replicas")


def test_the_worst_function_and_the_traces_own_caps_are_named():
    (line,) = warnings_of(trace_of([[0.1, 9.0], [0.1, 9.5]], caps=[[2, 4], [3, 5]], functions=("api", "jobs")))
    least = (erlang(9.0, 4) + erlang(9.5, 5)) / 2
    assert f"least reachable is {least:.2g} of jobs at 2 to 5 replicas: set the trace's max_replicas higher" in line


@pytest.mark.parametrize(
    ("rates", "settings", "cause"),
    [
        # 600 requests in 300 s are 2 a second: 20 % of ten servers, where 600 a second would be 60 times too much.
        ([600, 900], {}, "rates look like counts per 300 s period, not requests/s (whole numbers, a 300th would fit)"),
        ([600.5, 900.5], {}, "rates look like counts per 300 s period, not requests/s (a 300th would fit)"),
        # 60 requests/s of 65 "seconds": 3.9 servers of 10 if they are ms.
        (
            [60.5, 61.5],
            {"warm_service_time": 65.0},
            "service times look like ms (--warm-service-time 65 is in s; 0.065 would fit)",
        ),
        # As counts they would use a 250th of the cap: it is the cap that is small.
        ([12, 13], {}, "set --max-replicas higher, 18 would do at every step"),
        ([2000.5, 2000.5], {"tolerance": 0.0, "max_replicas": 2}, "the load is beyond what 1000 replicas serve"),
    ],
    ids=["counts", "counts of fractions", "ms", "cap", "hopeless"],
)
def test_the_likeliest_cause_is_named(rates, settings, cause):
    (line,) = warnings_of(trace_of(rates), **settings)
    assert line.endswith(f": {cause}")
