"""A wheel is complete: it holds every package of the tree, and what it installs works where there is no tree."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

from tests.cli.invoke import TINY

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mamo_cli"
COMMANDS = [
    ("solve-offline",),
    ("train", *TINY, "--jobs", "2", "--name", "te"),
    ("plot", "te"),
    ("report", "te"),
    ("export", "te", "--format", "onnx"),
]


def test_every_package_of_the_tree_is_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("*.py")}
    assert set(declared) == found
    assert "mamo_cli" in declared


def test_what_a_wheel_holds_works_without_the_tree(folder):
    """Unpacked, with the dependencies of this environment; nothing is asked of a package index."""
    shutil.copytree(PACKAGE, folder / "tree" / "mamo_cli", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "tree")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "."]
    subprocess.run([*build, "./tree"], check=True, capture_output=True)
    (wheel,) = folder.glob("mamo-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
        assert not [name for name in archive.namelist() if name.startswith("tests/")]
        files = {path.relative_to(folder / "tree").as_posix() for path in (folder / "tree" / "mamo_cli").rglob("*.*")}
        assert {name for name in archive.namelist() if name.startswith("mamo_cli/")} == files
    (said,) = metadata.distributions(name="mamo", path=[str(folder / "installed")])
    assert [(one.name, one.value) for one in said.entry_points] == [("mamo", "mamo_cli.cli.main:main")]
    assert {
        extra for path in PACKAGE.rglob("*.py") for extra in re.findall(r"mamo\[(\w+)\]", path.read_text("utf-8"))
    } <= {*said.metadata.get_all("Provides-Extra")}
    shutil.rmtree(folder / "tree")
    program = f"import sys; sys.path.insert(0, {str(folder / 'installed')!r}); import mamo_cli.cli.main as m; m.main()"
    start = [sys.executable, "-P", "-c", program]
    for command in COMMANDS:
        done = subprocess.run([*start, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    program = program.replace("m.main()", "print(m.__file__)")
    told = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.startswith(str(folder / "installed"))
