"""The lowest versions that pyproject.toml declares, as constraints for pip: `python -m tests.lowest`.

Torch stays at the version of constraints.txt: package indexes keep no light build of older ones.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOWER_BOUND = re.compile(r"([A-Za-z0-9_.-]+)>=([0-9.]+)")


def lowest(root: Path = ROOT) -> list[str]:
    """A line for each dependency."""
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    bounds = [LOWER_BOUND.match(one) for one in declared]
    assert all(bounds), f"no lower bound: {declared}"
    lines = [f"{bound[1]}=={bound[2]}" for bound in bounds if bound and bound[1] != "torch"]
    pinned = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [*lines, *(line for line in pinned if line.startswith("torch=="))]


if __name__ == "__main__":
    print("\n".join(lowest()))
