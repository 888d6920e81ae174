"""Modules import downwards only: upward imports, sideways ones between layers, and circles are errors."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mamo_cli

ROOT = Path(mamo_cli.__file__).parent
# From the bottom up. Layers of one row do not know each other, but for the modules at the very bottom.
LAYERS = [
    {"errors", "seeding", "config", "storage", "compiled"},
    {"workload"},
    {"faas"},
    {"scaling", "offline"},
    {"learning"},
    {"adaptation"},
    {"runs"},
    {"analysis"},
    {"plots"},
    {"cli"},
]
HEIGHT = {name: height for height, row in enumerate(LAYERS) for name in row}


def module_name(path):
    parts = ("mamo_cli", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources():
    return {module_name(path): path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py"))}


def imports(source, known):
    """Modules of the package that a source imports anywhere, inside functions and for types too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            inner = {f"{node.module}.{item.name}" for item in node.names}
            found |= (inner & known) or {node.module}
    return found & known


def layer(module):
    return ([*module.split("."), ""])[1]


def violations(modules):
    """Imports that go up, or sideways between layers, and the first circle of modules."""
    graph = {name: imports(source, modules.keys()) - {name} for name, source in modules.items()}
    found = []
    for name, targets in graph.items():
        for target in sorted(targets):
            own, other = layer(name), layer(target)
            if own and other and own != other:
                bottom = HEIGHT[own] == HEIGHT[other] == 0
                if HEIGHT[own] <= HEIGHT[other] and not bottom:
                    found.append(f"{name} imports {target}")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("circle: " + " -> ".join(error.args[1]))
    return found


def test_every_module_belongs_to_a_layer():
    modules = sources()
    assert len(modules) > 50
    assert {layer(name) for name in modules} - {""} == HEIGHT.keys()


def test_imports_go_down_and_in_no_circle():
    assert violations(sources()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mamo_cli.domains.faas.rejection.erlang", "from mamo_cli.domains.faas.environment import BatchedScaling"),
        ("mamo_cli.domains.faas.environment", "from mamo_cli.domains.faas.offline.problem import ReplicaProblem"),
        ("mamo_cli.domains.faas.offline.problem", "import mamo_cli.domains.faas.node"),
        ("mamo_cli.learners.dqn.learner", "def late():\n    from mamo_cli.training.two_phase import TwoPhaseLoop"),
        ("mamo_cli.core.errors", "from mamo_cli.workload import trace"),
    ],
)
def test_a_planted_upward_or_sideways_import_is_caught(module, line):
    modules = sources()
    modules[module] += f"\n{line}\n"
    assert any(found.startswith(f"{module} imports") for found in violations(modules))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mamo_cli.learners.dqn.update", "from mamo_cli.learners.dqn.learner import PopulationLearner"),
        ("mamo_cli.core.errors", "from mamo_cli.core.settings import Section"),
    ],
)
def test_a_planted_circle_is_caught(module, line):
    modules = sources()
    modules[module] += f"\n{line}\n"
    assert violations(modules)[0].startswith("circle: ")
