"""Compiled functions: where their cache may be trusted, and that they do without one."""

import ast
from pathlib import Path

import numba
import numpy as np
import pytest

import mamo_cli
from mamo_cli.compiled import compiled

ROOT = Path(mamo_cli.__file__).parent


def foreign_names(source):
    """What the compiled functions of a module use of other modules of ours."""
    tree = ast.parse(source)
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mamo_cli"):
            imported |= {alias.asname or alias.name for alias in node.names}
    used = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and "compiled" in {
            ast.unparse(one) for one in function.decorator_list
        }:
            body = [node for statement in function.body for node in ast.walk(statement)]
            used |= {node.id for node in body if isinstance(node, ast.Name)}
    return used & imported


def test_no_compiled_function_uses_another_module_whose_change_its_cache_would_miss():
    sources = {path: path.read_text("utf-8") for path in ROOT.rglob("*.py")}
    holding = [path for path, source in sources.items() if "@compiled" in source]
    assert {path.name for path in holding} >= {"kernels.py", "environment.py", "population.py"}
    assert {path: foreign_names(sources[path]) for path in holding} == {path: set() for path in holding}


@pytest.mark.parametrize("use", ["helper(x)", "x + CONSTANT", "kernels.helper(x)"])
def test_that_check_sees_a_planted_use(use):
    header = "from mamo_cli.learning.kernels import helper, CONSTANT\nfrom mamo_cli.learning import kernels\n"
    assert foreign_names(f"{header}@compiled\ndef f(x):\n    return {use}")
    assert not foreign_names(f"{header}def f(x):\n    return {use}")


def summed(values):
    total = 0.0
    for value in values:
        total += value
    return total


def test_without_a_folder_for_the_cache_it_compiles_all_the_same(monkeypatch):
    make = numba.njit

    def without_a_folder(*functions, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")  # as Numba says where none is writable
        return make(*functions, **options)

    monkeypatch.setattr(numba, "njit", without_a_folder)
    function = compiled(summed)
    assert function(np.arange(5.0)) == 10.0
    assert function.signatures
