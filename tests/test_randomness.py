"""No global random state: every draw comes from a generator that was passed in."""

import ast
from pathlib import Path

import pytest

import mamo_cli

ROOT = Path(mamo_cli.__file__).parent
# Types that hold a state of their own; everything else under numpy.random is the global generator or feeds it.
NUMPY_ALLOWED = {"Generator", "PCG64", "SeedSequence", "BitGenerator"}
TORCH_DRAWS = ("rand", "normal", "bernoulli", "multinomial", "poisson", "manual_seed", "seed", "nn.init", "nn.Linear")
TORCH_METHODS = {"uniform_", "normal_", "random_", "exponential_", "bernoulli_", "geometric_", "log_normal_", "cauchy_"}


def dotted(node):
    """`a.b.c` as text, or None where it is not a chain of names."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def full_names(tree):
    """Local names and the modules or objects they stand for."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(item.asname or item.name.split(".")[0]): (item.asname and item.name) or item.name.split(".")[0]
                      for item in node.names}  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {(item.asname or item.name): f"{node.module}.{item.name}" for item in node.names}
    return names


def is_global_draw(name):
    """Whether a full dotted name draws from, or seeds, a random state that belongs to no one."""
    if name.startswith("numpy.random."):
        return name.split(".")[2] not in NUMPY_ALLOWED
    if name.startswith("torch."):
        return name.removeprefix("torch.").startswith(TORCH_DRAWS) or name.startswith("torch.random.")
    return name.startswith("random.")


def global_draws(source):
    """`line: name` of each use of global random state."""
    tree = ast.parse(source)
    names, found = full_names(tree), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in TORCH_METHODS:
            found.append(f"{node.lineno}: .{node.attr}")
        name = dotted(node)
        if name is None:
            continue
        first, _, rest = name.partition(".")
        full = f"{names.get(first, first)}.{rest}" if rest else names.get(first, "")
        if first in names and is_global_draw(full):
            found.append(f"{node.lineno}: {name}")
    return found


def test_the_package_draws_from_no_global_random_state():
    files = sorted(ROOT.rglob("*.py"))
    found = [f"{file.relative_to(ROOT)}:{use}" for file in files for use in global_draws(file.read_text("utf-8"))]
    assert len(files) > 50
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "import numpy as np\nnp.random.uniform(0, 1)",
        "import numpy as np\nnp.random.default_rng()",
        "import numpy\nnumpy.random.seed(1)",
        "from numpy.random import normal\nnormal()",
        "from numpy import random\nrandom.normal()",
        "import torch\ntorch.rand(3)",
        "import torch\ntorch.randn_like(x)",
        "import torch\ntorch.randint(3, (1,))",
        "import torch\ntorch.randperm(3)",
        "import torch\ntorch.manual_seed(0)",
        "from torch import nn\nnn.init.zeros_(x)",
        "import torch\ntorch.zeros(3).uniform_()",
        "import random\nrandom.shuffle(x)",
    ],
)
def test_a_planted_draw_is_caught(planted):
    assert global_draws(planted) != []


def test_generators_that_are_passed_in_are_no_offence():
    source = "import numpy as np\nrng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(1)))\nrng.random(3)"
    assert global_draws(source) == []
    assert global_draws("import torch\ntorch.zeros(3).sum()") == []
