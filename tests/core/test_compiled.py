"""Compiled functions: where their cache may be trusted, that they do without one, and that they share no threads."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mamo_cli
from mamo_cli.core import compiled as module
from mamo_cli.core.compiled import compiled, put_back

ROOT = Path(mamo_cli.__file__).parent


def foreign_names(source, package="mamo_cli.domains.faas"):
    """What a module's compiled functions use of our other packages, also by way of a name of their own."""
    tree = ast.parse(source)
    foreign = set()
    for node in ast.walk(tree):
        ours = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mamo_cli")
        if ours and node.module.startswith(f"{package}."):
            continue
        names = node.names if ours or isinstance(node, ast.Import) else []
        foreign |= {one.asname or one.name.split(".")[0] for one in names if ours or one.name.startswith("mamo_cli")}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and used(node.value) & foreign:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            foreign |= {name for target in targets for name in used(target)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    kept = [one for one in functions if "compiled" in {ast.unparse(decorator) for decorator in one.decorator_list}]
    return {name for function in kept for statement in function.body for name in used(statement)} & foreign


def used(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_no_compiled_function_uses_another_package_whose_change_its_cache_would_miss():
    sources = {path: path.read_text("utf-8") for path in ROOT.rglob("*.py")}
    holding = [path for path, source in sources.items() if "@compiled" in source]
    assert {path.name for path in holding} >= {"kernels.py", "environment.py", "population.py"}
    assert {path: foreign_names(sources[path], f"mamo_cli.{path.parent.name}") for path in holding} == {
        path: set() for path in holding
    }


@pytest.mark.parametrize(
    ("header", "use"),
    [
        ("from mamo_cli.learners.dqn.update import helper", "helper(x)"),
        ("from mamo_cli.learners.dqn.update import LEAK", "x + LEAK"),
        ("from mamo_cli.learners.dqn import kernels", "kernels.helper(x)"),
        ("import mamo_cli.learners.dqn.update as k", "k.helper(x)"),
        ("import mamo_cli.learners.dqn.update", "mamo_cli.learners.dqn.update.helper(x)"),
        ("from mamo_cli.learners.dqn.update import LEAK\nTWICE = 2 * LEAK", "x + TWICE"),
    ],
)
def test_that_check_sees_a_planted_use(header, use):
    assert foreign_names(f"{header}\n@compiled\ndef f(x):\n    return {use}")
    assert not foreign_names(f"{header}\ndef f(x):\n    return {use}")


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from summing import total
print(total(np.arange(5.0)), sum(total.stats.cache_hits.values()))
"""


def played(folder, source):
    """What a fresh process makes of a module with a compiled function, and how often it found it in the cache."""
    (folder / "summing.py").write_text(f"from mamo_cli.core.compiled import compiled\n\n\n@compiled\n{source}")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return done.stdout.split()


def test_the_cache_is_used_until_the_source_changes_and_a_torn_one_is_not(tmp_path):
    source = "def total(values):\n    return values.sum() + {}\n"
    assert played(tmp_path, source.format(1)) == ["11.0", "0"]
    assert played(tmp_path, source.format(1)) == ["11.0", "1"]
    assert played(tmp_path, source.format(2)) == ["12.0", "0"]  # as long as the one before, and no less young
    kept = [path for path in (tmp_path / "__pycache__").rglob("*") if path.suffix in (".nbi", ".nbc")]
    assert len(kept) == 4
    for path in kept:
        path.write_bytes(b"")
    assert played(tmp_path, source.format(2)) == ["12.0", "0"]


def summed(values):
    total = 0.0
    for value in values:
        total += value
    return total


def test_without_a_folder_or_room_for_the_cache_it_compiles_all_the_same(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    def nowhere(*_):
        raise RuntimeError("cannot cache function: no locator available")  # as Numba says where none is writable

    with monkeypatch.context() as patch:
        patch.setattr("numba.core.caching.FunctionCache.save_overload", full)
        assert compiled(summed)(np.arange(5.0)) == 10.0
    with monkeypatch.context() as patch:
        patch.setattr(module, "_Cache", nowhere)
        assert compiled(summed)(np.arange(5.0)) == 10.0


@pytest.mark.parametrize("saved", [torch.zeros(1, 3), torch.zeros(3), torch.zeros(2, 3).double(), torch.zeros(3, 2)])
def test_what_does_not_fit_its_place_is_refused(saved):
    place = np.ones((2, 3), dtype=np.float32)
    with pytest.raises(ValueError, match="stands where"):
        put_back(place, saved)
    assert place.all()


THREADS = """
from mamo_cli.runs.engine import LocalEngine
import numpy as np, threadpoolctl
LocalEngine(lambda spec: None, [], None)
import mamo_cli.learners.dqn.update as kernels
kernels.values(np.zeros((1, 17)).astype("f4"), np.array([3, 2, 3]), np.zeros((1, 4, 3)).astype("f4"))
pools = threadpoolctl.threadpool_info()
print([pool["num_threads"] for pool in pools], sum("scipy" in pool["filepath"] for pool in pools))
"""


def test_a_process_that_trains_has_one_thread_for_every_library(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=True)
    threads, of_scipy = done.stdout.strip().rsplit(" ", 1)
    assert set(threads.strip("[]").split(", ")) == {"1"}
    assert int(of_scipy) >= 1
