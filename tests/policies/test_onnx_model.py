"""The ONNX model: held equal to the one function that decides, by two runtimes, whatever is observed."""

import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from mamo_cli.core.errors import UsageError
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import Policy
from mamo_cli.policies.onnx_model import onnx_of
from tests.policies.small import about, policy

ROWS = 60
TOLD = np.array([[[0.25], [0.75]], [[0.5], [0.125]]], dtype=np.float32)


def told_policy():
    """Networks that see a weight beside each agent's 4 numbers."""
    size = 10 * 5 + 5 + 5 * 6 + 6
    parameters = np.random.default_rng(1).normal(size=(2, size)).astype(np.float32)
    return policy(widths=np.array([10, 5, 6]), parameters=parameters, told=TOLD)


def alone(leak=0.01):
    """One policy, no mixture, of three layers."""
    widths = [8, 5, 7, 6]
    size = sum(wide * narrow + narrow for wide, narrow in pairwise(widths))
    parameters = np.random.default_rng(2).normal(size=(1, size)).astype(np.float32)
    whole = {"weights": np.full((1, 2, 2), 0.5), "shares": np.ones((1, 2)), "widths": np.array(widths)}
    return policy(about=about(leak=leak), parameters=parameters, **whole)


def coupled():
    shares = np.array([[0.25, 0.25], [0.75, 0.75]])
    return policy(about=about(coupled=True, chooser="knapsack"), use=np.array([[1, 2, 3], [2, 4, 6]]), shares=shares)


POLICIES = {
    "a mixture": policy,
    "a network that is told weights": told_policy,
    "one policy": alone,
    "a plain rectifier": lambda: alone(0.0),
    "a shared budget": coupled,
}


def by_onnxruntime(data, given):
    session = onnxruntime.InferenceSession(data)
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, wanted(session.get_inputs(), given)), strict=True))


def by_reference(data, given):
    evaluator = ReferenceEvaluator(onnx.load_from_string(data))
    inputs = onnx.load_from_string(data).graph.input
    return dict(zip(evaluator.output_names, evaluator.run(None, wanted(inputs, given)), strict=True))


def wanted(inputs, given):
    return {one.name: given[one.name] for one in inputs}


def some(policy, rows=ROWS):
    """What may be observed, allowed and drawn."""
    rng, who = np.random.default_rng(3), policy.about
    agents = len(who.agents)
    draw = rng.random((rows, 1 if who.coupled else agents))
    draw[0], draw[1] = 0.25, np.nextafter(0.25, 0.0)  # where one policy ends and the other begins
    allowed = rng.random((rows, agents, max(who.choices))) < 0.6
    allowed[2] = False
    return {
        "observed": rng.normal(size=(rows, agents, who.observation)).astype(np.float32) * 2.0,
        "allowed": allowed,
        "draw": draw,
    }


@pytest.mark.parametrize("runs", [by_onnxruntime, by_reference])
@pytest.mark.parametrize("case", POLICIES)
def test_values_and_choices_are_those_of_the_decision(case, runs):
    one = POLICIES[case]()
    decider, given, agents = Decider(one), some(one), range(2)
    answer = runs(onnx_of(one), given)
    draws = np.broadcast_to(given["draw"], (ROWS, 2))
    plays = (draws[:, None] >= np.cumsum(one.shares[:-1], 0)).sum(1)
    values = np.array([[decider.values(plays[n, a], given["observed"][n])[a] for a in agents] for n in range(ROWS)])
    np.testing.assert_allclose(answer["values"], values, rtol=0.0, atol=1e-6 * abs(values).max())
    if one.about.coupled:
        assert answer.keys() == {"values"}
        return
    chosen = [decider.decide(given["observed"][n], given["allowed"][n], None, draws[n]) for n in range(ROWS)]
    assert answer["choice"].tolist() == np.array(chosen).tolist()
    assert len(np.unique(answer["choice"])) == 3
    assert len(np.unique(plays)) == len(one.parameters)


@pytest.mark.parametrize("runs", [by_onnxruntime, by_reference])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_what_the_decision_refuses_has_no_choice_and_its_neighbours_have(bad, runs):
    one = alone()
    given = some(one, 3)
    given["observed"][1, 0, 2] = bad
    with np.errstate(all="ignore"):
        choice = runs(onnx_of(one), given)["choice"]
    assert choice[1].tolist() == [-1, -1]
    assert (choice[[0, 2]] >= 0).all()


def test_of_equals_the_first_is_chosen():
    flat = alone()
    flat.parameters[:] = 0.0
    given = some(flat) | {"allowed": np.ones((ROWS, 2, 3), dtype=np.bool_)}
    given["allowed"][:, 1, 0] = False
    for runs in (by_onnxruntime, by_reference):
        np.testing.assert_array_equal(runs(onnx_of(flat), given)["choice"], [[0, 1]] * ROWS)


def test_the_model_says_what_it_is_of():
    one = coupled()
    model = onnx.load_from_string(onnx_of(one))
    onnx.checker.check_model(model, full_check=True)
    said = {prop.key: prop.value for prop in model.metadata_props}
    assert said["policy_digest"] == one.digest
    assert said["decides"].startswith("values alone: the chooser is knapsack")
    assert json.loads(said["about"]) == one.about.model_dump(mode="json")
    assert json.loads(said["scales"]) == {"rate_rps": 90.0}
    assert json.loads(said["use"]) == [[1, 2, 3], [2, 4, 6]]
    assert (
        "choice" in {prop.key: prop.value for prop in onnx.load_from_string(onnx_of(policy())).metadata_props}.values()
    )
    assert ([entry.version for entry in model.opset_import], model.ir_version) == ([13], 7)


def test_the_same_policy_gives_the_same_bytes_in_another_process():
    code = "import hashlib; from tests.policies.small import policy; from mamo_cli.policies.onnx_model import onnx_of"
    code += "; print(hashlib.sha256(onnx_of(policy())).hexdigest())"
    told = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    assert len(told) == 1
    assert onnx_of(policy()) == onnx_of(policy()) != onnx_of(alone())


def test_without_onnx_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError, match=r"--format onnx needs onnx .*: pip install 'mamo\[onnx\]'"):
        onnx_of(policy())


def test_who_is_told_weights_is_not_who_is_told_others():
    one = told_policy()
    other = Policy(**{**vars(one), "told": TOLD[::-1].copy()})
    given = some(one)
    assert (
        abs(by_onnxruntime(onnx_of(one), given)["values"] - by_onnxruntime(onnx_of(other), given)["values"]).max()
        > 0.01
    )
