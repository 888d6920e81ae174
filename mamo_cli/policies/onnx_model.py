"""A policy as an ONNX model (https://onnx.ai), for what runs no Python: equal to `decide`, but for rounding.

| input | is |
|---|---|
| `observed` | float `(N, A, O)` of N decisions at once |
| `allowed` | bool `(N, A, C)` what may be chosen |
| `draw` | of a mixture alone: double `(N, A)` uniforms in [0, 1) that say which policy each agent plays by |

| output | is |
|---|---|
| `values` | float `(N, A, C)` of every choice to the policy that the agent plays by |
| `choice` | int64 `(N, A)` the best that is allowed, of equals the first; -1 where the values are not all finite |

Agents that share a budget choose by a program over all their values, which is no part of the graph: there is no
`choice` then and no `allowed`, and `draw` is `(N, 1)`, as they have one draw.
"""

import json
import re
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamo_cli import __version__
from mamo_cli.core.errors import UsageError
from mamo_cli.policies.file import Policy

OPSET, IR = 13, 7
"""Of ONNX 1.8, which is old enough for every runtime in use and has all that the graph needs."""

_BEFORE = """
  by_number = Transpose <perm = [0, 2, 1]> (observed)
  signal0 = Reshape (by_number, rows)
"""
_LAYER = """
  product{i} = MatMul (signal{i}, weights{i})
  sum{i} = Add (product{i}, biases{i})
"""
_RECTIFIER = """
  signal{next} = LeakyRelu <alpha = {leak!r}> (sum{i})
"""
_ONE = """
  values = Reshape (sum{i}, by_agent)
"""
_MIXTURE = """
  by_play = Reshape (sum{i}, by_play_and_agent)
  by_row = Transpose <perm = [1, 2, 0, 3]> (by_play)
  drawn = Unsqueeze (draw, first)
  passed = GreaterOrEqual (drawn, edges)
  ones = Cast <to = 7> (passed)
  play = ReduceSum <keepdims = 0> (ones, first)
  place = Unsqueeze (play, last)
  values = GatherND <batch_dims = 2> (by_row, place)
"""
_CHOICE = """
  sizes = Abs (values)
  finite = LessOrEqual (sizes, greatest)
  counts = Cast <to = 6> (finite)
  all_finite = ReduceMin <axes = [1, 2], keepdims = 0> (counts)
  sound = Cast <to = 9> (all_finite)
  sound_row = Unsqueeze (sound, last_of_two)
  masked = Where (allowed, values, lowest)
  best = ArgMax <axis = 2, keepdims = 0> (masked)
  choice = Where (sound_row, best, none)
"""


def onnx_of(policy: Policy) -> bytes:
    """The model's bytes: the same policy gives the same, by one version of mamo and of onnx.

    Raises:
        UsageError: onnx is not installed, or the policy has networks that see one agent at a time.
    """
    if policy.about.network != "perceptron":
        raise UsageError(f"--format onnx writes perceptrons that see all agents, not networks {policy.about.network}")
    try:
        import onnx
        from onnx import checker, numpy_helper, parser
    except ModuleNotFoundError as error:
        raise UsageError(f"--format onnx needs onnx ({error}): pip install 'mamo[onnx]'") from error
    graph, constants = _graph(policy)
    model = parser.parse_model(f'<ir_version: {IR}, opset_import: ["" : {OPSET}]>\n{graph}')
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    model.producer_name, model.producer_version, model.doc_string = "mamo", __version__, __doc__
    onnx.helper.set_model_props(model, _about(policy))
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def chooses(policy: Policy) -> bool:
    """Whether the model has a `choice`."""
    return policy.about.chooser == "greedy"


def _graph(policy: Policy) -> tuple[str, dict[str, NDArray[Any]]]:
    """The graph in ONNX's own text, and its constants."""
    about, plays, last = policy.about, len(policy.parameters), len(policy.widths) - 2
    agents, choices = len(about.agents), max(about.choices)
    observed = agents * about.observation
    ints = {"rows": [1, -1, observed], "by_agent": [-1, agents, choices], "first": [0], "last": [-1], "none": [-1]}
    ints |= {"by_play_and_agent": [plays, -1, agents, choices], "last_of_two": [1]}
    floats = {"greatest": np.finfo(np.float32).max, "lowest": -np.inf}
    constants = {
        **_parameters(policy, observed),
        "edges": np.cumsum(policy.shares[:-1], 0)[:, None],
        **{name: np.array(value, dtype=np.int64) for name, value in ints.items()},
        **{name: np.array(value, dtype=np.float32) for name, value in floats.items()},
    }
    layers = [_LAYER + _RECTIFIER] * last + [_LAYER]
    steps = [_BEFORE, *(step.format(i=i, next=i + 1, leak=about.leak) for i, step in enumerate(layers))]
    inputs, outputs = [f"float[N,{agents},{about.observation}] observed"], [f"float[N,{agents},{choices}] values"]
    steps.append((_ONE if plays == 1 else _MIXTURE).format(i=last))
    if chooses(policy):
        inputs.append(f"bool[N,{agents},{choices}] allowed")
        outputs.append(f"int64[N,{agents}] choice")
        steps.append(_CHOICE)
    if plays > 1:
        inputs.append(f"double[N,{1 if about.coupled else agents}] draw")
    body = "".join(steps)
    graph = f"decision ({', '.join(inputs)}) => ({', '.join(outputs)}) {{{body}}}"
    used = set(re.findall(r"\w+", body))
    return graph, {name: array for name, array in constants.items() if name in used}


def _parameters(policy: Policy, observed: int) -> dict[str, NDArray[Any]]:
    """Weights `(J, inputs, outputs)` and biases `(J, 1, outputs)` of each layer.

    What networks are told beside what is observed is a constant of each policy: it goes into the first biases.
    """
    parts, at = {}, 0
    for i, (wide, narrow) in enumerate(pairwise(policy.widths.tolist())):
        bias = at + wide * narrow
        weights = policy.parameters[:, at:bias].reshape(-1, wide, narrow)
        biases = policy.parameters[:, None, bias : bias + narrow]
        at = bias + narrow
        if i == 0 and policy.told is not None:
            told = policy.told.swapaxes(1, 2).reshape(len(weights), 1, -1)  # the first number of each agent first
            biases = (biases + told.astype(np.float64) @ weights[:, observed:]).astype(np.float32)
            weights = weights[:, :observed]
        parts[f"weights{i}"], parts[f"biases{i}"] = weights, biases
    return parts


def _about(policy: Policy) -> dict[str, str]:
    """What the model says of itself, JSON where it is more than a word."""
    said = {
        "about": policy.about.model_dump(mode="json"),  # as in a policy file
        "scales": {name: values.tolist() for name, values in sorted(policy.scales.items())},
        "use": policy.use.tolist(),
    }
    decides = "choice" if chooses(policy) else f"values alone: the chooser is {policy.about.chooser}, under a budget"
    texts = {name: json.dumps(value, allow_nan=False) for name, value in said.items()}
    return {"policy_digest": policy.digest, "decides": decides, **texts}
