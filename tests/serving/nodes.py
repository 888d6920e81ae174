"""Policies of random numbers for real nodes, and what is measured of such a node's evaluation, period by period."""

import numpy as np

from mamo_cli.core.seam import Part
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.settings import InstanceConfig
from mamo_cli.learners.dqn.parts import chooser_for
from mamo_cli.learners.protocol import Shape
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import Policy
from mamo_cli.workload.trace import Trace
from tests.policies.small import about

STEPS = 24
HIDDEN = 16
ONE = ("f",)
THREE = ("f", "g", "h")
PERIOD_S = 300.0


def trace(functions=ONE, **others):
    """Of so many functions, each with another load."""
    load = 8.0 + 40.0 * np.sin(np.pi * np.arange(STEPS) / STEPS)[:, None] * np.linspace(1.0, 0.4, len(functions))
    return Trace(functions, load, load, period_steps=STEPS, **others)


def node(functions=ONE, caps=None, **settings):
    """The domain."""
    others = {} if caps is None else {"max_replicas": caps}
    return domains.build("faas", InstanceConfig(**{"max_replicas": 8, **settings}), trace(functions, **others))


def policy(domain, plays=1, seed=0, **said):
    """Networks whose choices differ from state to state, each played as often as the others."""
    spec, shape, rng = domain.spec, Shape.of(domain.spec), np.random.default_rng(seed)
    agents, choices = len(spec.agents), max(spec.choices)
    widths = (agents * spec.observation, agents * spec.observation + HIDDEN, agents * choices)
    told = {
        "agents": spec.agents, "choices": spec.choices, "observation": spec.observation, "seed": 7,
        "objectives": ["cost", "rejection"], "limits": spec.limits.tolist(), "alpha": [[0.5]] * agents,
        "step_seconds": spec.step_seconds, "cost_scale": spec.cost_scale, "block": spec.block,
        "coupled": spec.coupled, "chooser": chooser_for("auto", spec.coupled),
    }  # fmt: skip
    return Policy(
        about=about(**told, **said),
        parameters=np.stack([_network(rng, agents, widths[0], choices) for _ in range(plays)]),
        widths=np.array(widths),
        shares=np.full((plays, agents), 1 / plays),
        weights=np.full((plays, agents, 2), 0.5),
        use=shape.units(),
        scales=domains.scales_of("faas", domain),
    )


def _network(rng, agents, inputs, choices):
    """Choices about as large as the expected rate's share of its largest, and a little chance in all that is seen."""
    first = np.hstack((np.eye(inputs), rng.normal(size=(inputs, HIDDEN))))
    at = np.arange(choices) / choices
    second = np.zeros((inputs + HIDDEN, agents, choices))
    second[np.arange(agents), np.arange(agents)] = 2.0 * at  # -(x - at)^2, but for what no choice changes
    second[inputs:] += 0.02 * rng.normal(size=(HIDDEN, agents, choices))
    parts = (first, np.zeros(inputs + HIDDEN), second, np.tile(-(at**2), agents))
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def body(domain, at, rejection, counted=None):
    """What is measured before a period of the evaluation."""
    there = domain.case.evaluation
    functions = {
        name: {
            "rate_rps": float(there.trace.expected_rate_rps[at, f]),
            "rejection": float(rejection[f]),
            "max_replicas": int(there.max_replicas[at, f]),
            **({} if counted is None else {"counted": float(counted[f]), "counted_seconds": domain.shield.window_s}),
        }
        for f, name in enumerate(domain.spec.agents)
    }
    memory = {} if there.memory is None else {"memory_mb": float(there.memory.node_mb[at])}
    return {"functions": functions, **memory}


def played(domain, made):
    """What an evaluation does with a policy: of each period what was measured before it, replicas, and those asked."""
    environment, decider = domain.environment(Part.EVALUATION, 1), Decider(made)
    draws, seen, rejection = decider.draws(environment.steps, domain.spec.block), environment.observe(), None
    told = []
    for at in range(environment.steps):
        counted = environment.state_dict()["counted"][0, 0] if domain.shield and domain.shield.edge is None else None
        measured = body(domain, at, np.zeros(len(domain.spec.agents)) if rejection is None else rejection, counted)
        budget = None if seen.budget is None else int(seen.budget[0, 0])
        asked = decider.decide(seen.values[0, 0], seen.mask[0, 0], budget, draws[at])
        step = environment.step(asked[None, None])
        seen, rejection = step.seen, step.objectives[0, 0, :, 1]
        told.append((measured, step.measures[0, 0, :, 0].astype(int).tolist(), (asked + 1).tolist()))
    return told
