"""Compiled functions: what their cache is keyed by, that they do without one, and that they share no threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mamo_cli
from mamo_cli.core import compiled as module
from mamo_cli.core.compiled import compiled, content_digest, put_back
from mamo_cli.core.weights import scalarize

ROOT = Path(mamo_cli.__file__).parent
# -B: a module that is as long as the one before, and hardly younger, is read anew.
PYTHON = [sys.executable, "-B", "-c"]

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from summing import total
print(total(np.arange(5.0)), sum(total.stats.cache_hits.values()))
"""


def played(folder, source):
    """What a fresh process makes of a module with a compiled function, and how often it found it in the cache."""
    module, text = folder / "summing.py", f"from mamo_cli.core.compiled import compiled\n\n\n@compiled\n{source}"
    if not module.exists() or module.read_text() != text:  # older versions of Numba look at its age, too
        module.write_text(text)
    done = subprocess.run([*PYTHON, PROGRAM, str(folder)], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    return done.stdout.split()


def test_the_cache_is_used_until_the_source_changes_and_a_torn_one_is_not(tmp_path):
    source = "def total(values):\n    return values.sum() + {}\n"
    assert played(tmp_path, source.format(1)) == ["11.0", "0"]
    assert played(tmp_path, source.format(1)) == ["11.0", "1"]
    assert played(tmp_path, source.format(2)) == ["12.0", "0"]  # as long as the one before, and no less young
    kept = [path for path in (tmp_path / "__pycache__").rglob("*") if path.suffix in (".nbi", ".nbc")]
    assert len(kept) == 2  # an index, and the one function
    for path in kept:
        path.write_bytes(b"")
    assert played(tmp_path, source.format(2)) == ["12.0", "0"]


HOMELESS = """
import pwd
def unknown(uid):
    raise KeyError(uid)
pwd.getpwuid = unknown
"""


def test_without_a_home_the_cache_is_in_a_folder_for_temporary_files_and_never_in_one_named_tilde(tmp_path):
    """Beside the source there is none, as a file is in its place: that stops root, too."""
    (tmp_path / "__pycache__").write_text("")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "summing.py").write_text(
        "from mamo_cli.core.compiled import compiled\n\n\n@compiled\ndef total(values):\n    return values.sum() + 1\n"
    )
    own = {
        name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR")
    }
    said = "import logging\nlogging.basicConfig(level=logging.INFO, format='%(message)s')\n"

    def played_from(temporary):
        command = [*PYTHON, said + HOMELESS + PROGRAM, str(tmp_path)]
        environment = {**own, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT.parent)}
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=tmp_path / "here", env=environment
        )
        return done.stdout.split(), done.stderr.count("it is compiled at every start"), "NUMBA_CACHE_DIR" in done.stderr

    assert played_from(tmp_path / "tmp") == (["11.0", "0"], 0, False)
    assert played_from(tmp_path / "tmp") == (["11.0", "1"], 0, False)
    assert played_from(tmp_path / "summing.py") == (["11.0", "0"], 1, True)  # no folder at all
    assert list((tmp_path / "here").iterdir()) == []


# How a compiled function comes by what another module holds. Each use has two modules of its own, NAME_near and
# NAME_far; the near one takes its `helper` from the far one, in which alone there are numbers.
USES = {
    "function": ("from {0}_far import helper", "helper(x)"),
    "module": ("import {0}_far", "{0}_far.helper(x)"),
    "renamed": ("import {0}_far as far", "far.helper(x)"),
    "dotted": ("import {0}_folder.far", "{0}_folder.far.helper(x)"),
    "two_steps": ("from {0}_near import helper", "helper(x)"),
    "constant": ("from {0}_far import ADDED", "x + ADDED"),
    "constant_of_module": ("import {0}_far as far", "x + far.ADDED"),
    "constant_made_here": ("from {0}_far import ADDED\nTWICE = 2 * ADDED", "x + TWICE / 2"),
    "tuple": ("from {0}_far import Pair", "Pair(x + 1, x + 2).first"),
    "part": ("import {0}_far", "part(x)"),
    "part_two_steps": ("import {0}_near", "part(x)"),
}
MODULE = """
from mamo_cli.core.compiled import compiled
{header}

def make(part):
    @compiled
    def total(x):
        return {use}
    return total

total = make({part})
"""
NEAR = """
from mamo_cli.core.compiled import compiled
from {0}_far import helper as inner

@compiled
def helper(x):
    return inner(x)
"""
FAR = """
from typing import NamedTuple
from mamo_cli.core.compiled import compiled

ADDED = {0}.0

class Pair(NamedTuple):
    {1}: float
    {2}: float

@compiled
def helper(x):
    return x + {0}
"""
PLAY = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
from mamo_cli.core import compiled
if sys.argv[2] == "planted":
    compiled.content_digest = lambda function: "the same"
told = {}
for name in sys.argv[3:]:
    total = importlib.import_module(name).total
    told[name] = [total(10.0), sum(total.stats.cache_hits.values())]
print(json.dumps(told))
"""


def write_uses(folder):
    """The modules whose compiled functions use others, and what does not change of the others."""
    for name, (header, use) in USES.items():
        part = {"part": f"{name}_far.helper", "part_two_steps": f"{name}_near.helper"}.get(name, "None")
        source = MODULE.format(header=header.format(name), use=use.format(name), part=part)
        (folder / f"{name}.py").write_text(source)
        (folder / f"{name}_near.py").write_text(NEAR.format(name))
        (folder / f"{name}_folder").mkdir()


def write_numbers(folder, number):
    """The modules that change: what is added to 10."""
    fields = ("first", "other") if number == 1 else ("other", "first")
    for name in USES:
        for path in (folder / f"{name}_far.py", folder / f"{name}_folder" / "far.py"):
            path.write_text(FAR.format(number, *fields))


def told(folder, digest="honest"):
    """For each use: what 10 becomes in a fresh process, and how often the cache had the function."""
    command = [*PYTHON, PLAY, str(folder), digest, *USES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT.parent)
    return {name: tuple(pair) for name, pair in json.loads(done.stdout).items()}


def test_machine_code_is_kept_until_something_it_was_made_from_changes_wherever_that_is(tmp_path):
    write_uses(tmp_path)
    write_numbers(tmp_path, 1)
    assert told(tmp_path) == dict.fromkeys(USES, (11.0, 0))
    (tmp_path / "unused.py").write_text("ADDED = 2.0\n")
    assert told(tmp_path) == dict.fromkeys(USES, (11.0, 1))
    write_numbers(tmp_path, 2)
    assert told(tmp_path) == dict.fromkeys(USES, (12.0, 0))


def test_that_check_sees_a_digest_that_knows_nothing_of_other_modules(tmp_path):
    write_uses(tmp_path)
    write_numbers(tmp_path, 1)
    told(tmp_path, "planted")
    write_numbers(tmp_path, 2)
    assert told(tmp_path, "planted") == dict.fromkeys(USES, (11.0, 1))  # stale throughout


def test_functions_of_other_parts_have_other_digests():
    def made(part):
        @compiled
        def total(x):
            return part(x)

        return content_digest(total.py_func), total.py_func.__qualname__

    one = compiled(lambda x: x + 1)
    assert made(one) == made(one)
    # Of another module; its name differs, too: by that the linker tells apart what several processes have compiled.
    assert all(a != b for a, b in zip(made(one), made(scalarize), strict=True))


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
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.learners.protocol import Shape
learner = DQN(LearnerConfig(hidden=(2,)), Shape(3, 1, 3, 2), [MemberStreams(0, "te")])
learner.q_values(np.zeros((1, 4, 1, 3), dtype="f4"))
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
