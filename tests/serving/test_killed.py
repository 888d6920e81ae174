"""`mamo serve` killed and started again: it goes on as if nothing had happened."""

import os
import re
import signal
from dataclasses import replace

import pytest

from mamo_cli.serving.log import check
from tests.serving.nodes import THREE, node, played, policy
from tests.serving.real import end, process, value
from tests.serving.running import http_to

HEAVY = {"torch", "numba", "scipy", "pandas", "duckdb", "matplotlib", "gurobipy", "optuna", "gymnasium"}


@pytest.fixture(scope="module")
def evaluation():
    """A mixture for three functions, in which each decision draws; what is measured, and what is decided of it."""
    domain = node(THREE)
    made = policy(domain, plays=3, readout="mix")
    return made, [(body, dict(zip(THREE, replicas, strict=True))) for body, replicas, _ in played(domain, made)]


@pytest.mark.slow
def test_killed_after_any_decision_it_goes_on_from_there(evaluation, tmp_path):
    made, told = evaluation
    (tmp_path / "p.npz").write_bytes(made.to_bytes())
    kills, decided, before = (1, 2, 9), [], None
    for first, last in zip((0, *kills), (*kills, len(told)), strict=True):
        with process(tmp_path / "p.npz") as (server, bound):
            if before is not None:
                assert {name: value(bound, function=name) for name in THREE} == before["agents"]
                assert http_to(bound).json == before
            for body, _ in told[first:last]:
                before = http_to(bound, body=body).json
                decided.append(before["agents"])
            assert end(server, signal.SIGKILL)[0] == -signal.SIGKILL
    assert decided == [agents for _, agents in told]
    checked = check(tmp_path / "decisions.jsonl")
    assert (checked.count, checked.head) == (len(told), before["head"])


@pytest.mark.slow
def test_nothing_heavy_is_imported_on_the_way_to_the_first_decision(tmp_path):
    domain = node()
    made = policy(domain, plays=2, readout="mix")
    made = replace(made, about=made.about.model_copy(update={"chooser": "greedy"}))  # as where nothing is shared
    (tmp_path / "p.npz").write_bytes(made.to_bytes())
    ((body, (replicas,), _), *_) = played(domain, made)
    with process(tmp_path / "p.npz", env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}) as (server, bound):
        assert http_to(bound, body=body).json["agents"] == {"f": replicas}
        assert value(bound) == replicas
        code, err = end(server)
    imported = set(re.findall(r"\| +(\w+)[.\w]*$", err, re.MULTILINE))
    assert (code, {"mamo_cli", "numpy", "grpc", "aiohttp"} - imported) == (143, set())
    assert imported & HEAVY == set()
