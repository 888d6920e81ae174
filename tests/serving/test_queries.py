"""Queries on the command line, held against what a policy needs to be told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import UsageError
from mamo_cli.serving.decisions import reader_for
from mamo_cli.serving.queries import Asked, assumed, share, source_of, whole
from tests.serving.nodes import THREE, node, policy

ASKED = {
    "rate_rps": "--load", "rejection": "--rejected", "counted": "--counted", "max_replicas": "--cap",
    "memory_mb": "--memory",
}  # fmt: skip
MEMORY = {"memory_per_replica": 64, "node_memory": 700}


def keys_of(**settings):
    """Of a policy of three functions."""
    return reader_for(policy(node(THREE, **settings))).keys


KEYS, SHIELD, SHARED = keys_of(), keys_of(shield=0.05), keys_of(**MEMORY)
SIMULATED = keys_of(rejection_model="simulation", simulated_seconds=5.0)
URL = "http://prometheus:9090"


def asked(**given):
    return {what: Asked(option, given.get(what), shared=what == "memory_mb") for what, option in ASKED.items()}


def sourced(url=URL, agents=("f",), keys=KEYS, **given):
    return source_of(url, asked(**given), agents, keys)


def test_queries_are_of_the_function_that_they_name():
    load = ["g=up == 1", 'f=sum(rate(x{a="b"}[5m]))']
    queries = {"f": {"rate_rps": 'sum(rate(x{a="b"}[5m]))', "rejection": "n"}, "g": {"rate_rps": "up == 1"}}
    assert sourced(agents=("f", "g"), rate_rps=load, rejection=["f=n"])[:2] == (URL, queries)
    assert sourced(rate_rps=["up == 1"]).queries == {"f": {"rate_rps": "up == 1"}}
    assert sourced(rate_rps=["f=up"]).queries == {"f": {"rate_rps": "up"}}
    assert sourced(url=URL + "/", rate_rps=["up"]).url == URL
    assert sourced(url=None) is None


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": None, "rate_rps": ["up"]}, "--load is a query to Prometheus: say with --prometheus where"),
        ({"url": None, "counted": ["up"]}, "--counted is a query"),
        ({}, "--prometheus needs --load for f"),
        ({"rejection": ["up"]}, "--prometheus needs --load for f"),
        ({"keys": SHIELD, "rate_rps": ["up"]}, "--prometheus needs --counted for f: its shield counts requests"),
        ({"keys": SIMULATED, "rate_rps": ["up"]}, "--prometheus needs --rejected for f: its file has no model"),
        ({"rate_rps": ["up"], "counted": ["up"]}, "--counted is of no use to this policy: it has no shield"),
        ({"rate_rps": ["up"], "memory_mb": ["up"]}, "--memory is of no use to this policy: its functions share"),
        ({"keys": SHARED, "rate_rps": ["up"], "memory_mb": ["up", "up"]}, "--memory must give one query for all"),
        ({"agents": ("f", "g"), "rate_rps": ["f=up"]}, "--prometheus needs --load for g"),
        ({"agents": ("f", "g"), "rate_rps": ["up"]}, "--load must say for which of f, g"),
        ({"agents": ("f", "g"), "rate_rps": ["h=up"]}, "--load must say for which of f, g"),
        ({"rate_rps": ["up", "up"]}, "--load must give one query for f"),
        ({"rate_rps": ["up", "f=down"]}, "--load must give one query for f"),
        ({"rate_rps": ["f="]}, "--load must give one query for f"),
        ({"rate_rps": [" "]}, "--load must give one query for f"),
        *(
            ({"url": url, "rate_rps": ["up"]}, "--prometheus must be a URL such as")
            for url in (
                "",
                "prometheus:9090",
                "ftp://x",
                "http://",
                "http://x:99999",
                "http://x:0",
                "http://x/?a",
                "http://[",
            )
        ),
    ],
)
def test_queries_that_make_no_sense_are_refused(given, told):
    with pytest.raises(UsageError, match=told):
        sourced(**given)


def test_what_is_assumed_where_no_query_asks_is_told_in_numbers():
    load = [f"{name}=up" for name in THREE]
    caps = [f"{name}=up" for name in ("f", "h")]

    def told(keys=SHARED, **given):
        return assumed(sourced(agents=THREE, keys=keys, rate_rps=load, **given), asked(), keys)

    model = "no --rejected: rejection is taken to be what the node's model says ({}) at all times"
    each = "what the node's model says (f), what the node's model says (g), what the node's model says (h)"
    every = model.replace("what the node's model says ({})", each)
    assert told() == [
        "no --cap: max_replicas is taken to be 8 (f), 8 (g), 8 (h) at all times", every,
        "no --memory: memory_mb is taken to be 700 at all times",
    ]  # fmt: skip
    assert told(max_replicas=caps, memory_mb=["m"], rejection=load) == [
        "no --cap: max_replicas is taken to be 8 (g) at all times"
    ]
    assert told(keys=SIMULATED, max_replicas=load, rejection=load) == []


@given(st.floats(0.0, 1.0), st.floats(0.0, 0.99e-9))
def test_a_share_is_what_it_is_but_for_rounding_at_the_ends(value, off):
    assert share(value) == value
    assert (share(-off), share(1.0 + off)) == (0.0, 1.0)
    assert (share(-2e-9), share(1.0 + 2e-9)) == (-2e-9, 1.0 + 2e-9)


@pytest.mark.parametrize(("value", "number", "kind"), [(8.0, 8, int), (8.5, 8.5, float), (1e300, 10**300, int)])
def test_a_whole_number_is_one(value, number, kind):
    assert math.isclose(whole(value), number)
    assert type(whole(value)) is kind
