"""Modules import downwards only, none knows another of its kind, and no learner knows a domain's words."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import mamo_cli
from mamo_cli.domains.registry import DOMAINS

ROOT = Path(mamo_cli.__file__).parent
# From the bottom up.
LAYERS = (
    "core",
    "workload",
    "solvers",
    "domains",
    "learners",
    "policies",
    "serving",
    "strategies",
    "training",
    "runs",
    "analysis",
    "plots",
    "experiments",
    "cli",
    "__main__",
)
HEIGHT = {name: height for height, name in enumerate(LAYERS)}
# Folders of these layers do not know one another: each stands in for any other.
EXCHANGEABLE = ("domains", "strategies")
# What is learnt, by whom and for whose weights is the same whatever is controlled.
BLIND = ("learners", "policies", "serving", "strategies", "training")
WORDS = re.compile("replica|rejection|faas", re.IGNORECASE)
# Above the domains, all go by the registry. These may name one: a command that is about the node alone.
ABOUT_ONE = ("mamo_cli.experiments.validate_model",)
FOLDERS = {path.name for path in (ROOT / "domains").iterdir() if (path / "__init__.py").exists()}
ALL = sorted({*DOMAINS, *FOLDERS, "FaaS"})
NAMES = re.compile("|".join(rf"(?<![a-z]){name}(?![a-z])|{name.title()}(?![a-z])|{name.upper()}" for name in ALL))
# Of Python and of packages, which call things of theirs so: as names they are left alone, as strings they are not.
OTHERS = ("chain", "load_cert_chain", "gymnasium")
# A package's version is told by its name.
VERSIONS = "mamo_cli.runs.provenance"


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


def exchangeable(module):
    """The folder of an exchangeable layer that a module is in, if it is in one."""
    parts = module.split(".")
    return parts[2] if len(parts) > 3 and parts[1] in EXCHANGEABLE else ""


def wrong_way(name, target):
    """Whether a module of the package must not import another."""
    own, other = layer(name), layer(target)
    if not own or not other:
        return False
    if own != other:
        return HEIGHT[own] < HEIGHT[other]
    folders = exchangeable(name), exchangeable(target)
    return all(folders) and folders[0] != folders[1]


def violations(modules):
    """Imports that go up, or to a folder that could be exchanged, and the first circle of modules."""
    graph = {name: imports(source, modules.keys()) - {name} for name, source in modules.items()}
    found = [
        f"{name} imports {target}"
        for name, targets in graph.items()
        for target in sorted(targets)
        if wrong_way(name, target)
    ]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append("circle: " + " -> ".join(error.args[1]))
    return found


def texts(source):
    """`(line, text)` of every name and every string of a source, but for its docstrings."""
    tree = ast.parse(source)
    expressions = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    said = {id(node) for node in expressions if isinstance(node, ast.Constant)}
    line = 0
    for node in ast.walk(tree):
        line = getattr(node, "lineno", line)
        for _, value in ast.iter_fields(node):
            parts = value if isinstance(value, list) else [value]
            yield from ((line, part) for part in parts if isinstance(part, str) and id(node) not in said)


def domain_words(source):
    """`line: text` of what only a domain may speak of."""
    return [f"{line}: {text}" for line, text in texts(source) if WORDS.search(text)]


def named_domains(source):
    """What of a source names a domain, but for its docstrings: a module, a name of its own, a string."""
    strings = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    found = [text for _, text in texts(source) if NAMES.search(text)]
    return [text for text in found if text not in OTHERS or text in strings]


def test_every_module_belongs_to_a_layer():
    modules = sources()
    assert len(modules) > 50
    assert {layer(name) for name in modules} - {""} == HEIGHT.keys()


def test_imports_go_down_and_in_no_circle():
    assert violations(sources()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mamo_cli.core.errors", "from mamo_cli.workload import trace"),
        ("mamo_cli.workload.trace", "import mamo_cli.domains.registry"),
        ("mamo_cli.solvers.cbc", "from mamo_cli.domains.faas.offline.problem import ReplicaProblem"),
        ("mamo_cli.domains.faas.environment", "from mamo_cli.learners.dqn.learner import DQN"),
        ("mamo_cli.learners.dqn.learner", "def late():\n    from mamo_cli.training.two_phase import TwoPhaseLoop"),
        ("mamo_cli.strategies.fixed", "from mamo_cli.training.settings import PhaseConfig"),
        ("mamo_cli.experiments.train", "from mamo_cli.cli.output import OUTPUT"),
        ("mamo_cli.domains.inventory.domain", "from mamo_cli.domains.faas.environment import ScalingEnvironment"),
    ],
)
def test_a_planted_upward_or_sideways_import_is_caught(module, line):
    modules = sources()
    modules[module] += f"\n{line}\n"
    assert any(found.startswith(f"{module} imports") for found in violations(modules))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("mamo_cli.learners.dqn.update", "from mamo_cli.learners.dqn.learner import DQN"),
        ("mamo_cli.core.errors", "from mamo_cli.core.settings import Section"),
        ("mamo_cli.core.words", "from mamo_cli.core.seam import Spec"),
    ],
)
def test_a_planted_circle_is_caught(module, line):
    modules = sources()
    modules[module] += f"\n{line}\n"
    assert violations(modules)[0].startswith("circle: ")


def test_no_learner_strategy_or_training_loop_knows_a_domains_words():
    blind = {name: source for name, source in sources().items() if layer(name) in BLIND}
    assert {layer(name) for name in blind} == set(BLIND)
    assert len(blind) > 20
    assert [f"{name}:{found}" for name, source in blind.items() for found in domain_words(source)] == []


@pytest.mark.parametrize(
    "planted",
    [
        "replicas = 1",
        "def f(max_replicas): pass",
        "def f(*, rejection=0): pass",
        "f(rejection=0)",
        "step.replicas",
        "class RejectionTable: pass",
        "def mean_rejection(): pass",
        "COLUMNS = ('seed', 'mean_replicas')",
        "row = f'mean_rejection_{name}'",
        "name = f'{kind}_replicas'",
        "table['rejection']",
        "import mamo_cli.domains.faas.node",
        "from mamo_cli.domains.faas import node",
        "from mamo_cli.domains import faas",
        "from mamo_cli.domains.registry import build as build_faas",
        "load('mamo_cli.domains.faas.domain')",
        "def f():\n    global rejection",
        "match x:\n    case {'a': replicas}: pass",
        "x: 'ReplicaProblem'",
    ],
)
def test_a_planted_word_of_a_domain_is_caught(planted):
    assert domain_words(planted) != []


def test_nothing_above_the_domains_names_one():
    above = {name: source for name, source in sources().items() if HEIGHT.get(layer(name), 0) > HEIGHT["domains"]}
    assert {layer(name) for name in above} == set(LAYERS[LAYERS.index("domains") + 1 :])
    found = {name: named_domains(source) for name, source in above.items() if name not in ABOUT_ONE}
    assert found.pop(VERSIONS) == ["gymnasium"]
    assert {name: named for name, named in found.items() if named} == {}


def test_the_exception_is_one_and_every_domain_is_looked_for():
    assert all(named_domains(sources()[name]) for name in ABOUT_ONE)
    known = {"faas", "fleet", "inventory", "battery", "junction", "gridworld", "chain", "tabular", "gymnasium"}
    assert known <= DOMAINS.keys()
    assert all(named_domains(f"x = {name!r}") == [name] for name in {*DOMAINS, *FOLDERS})


@pytest.mark.parametrize(
    "planted",
    [
        "if config.domain == 'gridworld': pass",
        "if domain in ('chain', name): pass",
        "from mamo_cli.domains.battery.settings import WORDS",
        "from mamo_cli.domains import junction",
        "import mamo_cli.domains.chain.domain",
        "def draw_inventory(): pass",
        "JUNCTION_COLOUR = 'red'",
        "text = f'{count} of the FaaS node'",
        "class BatteryPanel: pass",
        "f(gridworld=1)",
        "load('mamo_cli.domains.tabular.own')",
        "KINDS = {'gymnasium': 1}",
    ],
)
def test_a_planted_name_of_a_domain_is_caught(planted):
    assert named_domains(planted) != []


def test_what_python_and_packages_call_by_a_domains_name_is_no_offence():
    said = '"""Of a junction."""\nfrom itertools import chain\nimport gymnasium\nx, unchained = chain(gymnasium.spaces)'
    assert named_domains(said) == []


def test_what_is_said_of_a_domain_in_a_docstring_is_no_offence():
    assert domain_words('"""Of replicas."""\nMEASURES = 1\n"""Such as rejection."""\ndef f():\n    "Like faas."') == []
