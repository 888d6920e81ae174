"""Where results come from: versions, code state and machine, for a run's manifest."""

import functools
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("mamo", "torch", "numpy", "scipy", "numba", "gurobipy", "pulp", "highspy", "pandas", "gymnasium", "ray")


def provenance() -> dict[str, Any]:
    """Versions of what computes, the code's commit, and the processor."""
    return {
        "versions": versions(PACKAGES),
        "git": _git_state(),
        "cpu": _processor(),
        "threads": cores(),
    }


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Versions of Python and of packages; None for one that is not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


@functools.cache
def source_digest() -> str:
    """Sixteen hex digits that stand for the package's source as it is now: a version alone does not tell of edits."""
    package = Path(__file__).parents[1]
    content = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        content.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return content.hexdigest()[:16]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache  # looked up on disk, and asked for in every task
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _git_state() -> dict[str, Any] | None:
    """Commit and dirty flag of the source tree, or None where it is not one."""
    commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    return None if commit is None or changes is None else {"commit": commit, "dirty": bool(changes)}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.strip()
