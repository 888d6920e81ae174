"""The manual's pages as a test reads them: their blocks, run in order, or held to the command line.

What a page may say to the test, in a comment before a block, which no reader sees:

    <!-- long: 4 minutes -->      run by `make manual-long` alone
    <!-- needs: a GPU -->         run by nobody: in `make test`, too, its `mamo` lines are parsed
    <!-- exits: 3 -->             it ends with this code

A block whose first line is a comment with the name of a file, such as `# drift.toml: from the third day on`, is that
file. A block in `text` right after one that runs is what this prints, where `...` stands for anything, space counts as
one space, and a number with a point may be off by one in its last digit.
"""

import ast
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir, redirect_stdout, suppress
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import typer

from mamo_cli.cli import options
from mamo_cli.cli.main import app
from mamo_cli.core.settings import read_toml
from mamo_cli.experiments.configs import KINDS, configuration, configured
from tests.clock import HANG_SECONDS

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "_build" not in path.parts
}
RUN = ("sh", "python")
LONG_SECONDS = 6 * 3600.0
KNOWN = (*RUN, "text", "toml", "yaml", "json", "")
FENCE = re.compile(r"^( *)```+([^\s`]*) *$")
MARK = re.compile(r"^ *<!-- (long|needs|exits): (.+) -->$")
FILE = re.compile(r"^# ([\w/-]+\.(?:py|toml|yaml))(?:[:,].*)?$")


class Block(NamedTuple):
    """A block of a page, and what was said of it."""

    page: str
    line: int  # of its fence, from 1
    language: str
    text: str
    marks: dict[str, str]
    printed: str | None  # what it prints, where the page shows that

    @property
    def file(self) -> str | None:
        """The file that it is, if it is one."""
        found = FILE.match(self.text.partition("\n")[0])
        return found[1] if found else None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> list[Block]:
    """The blocks of a page, in order.

    Raises:
        ValueError: a fence is not closed, a mark stands before no block, or a language is none that we know.
    """
    lines, found, marks, last, at = text.splitlines(), [], {}, None, 0
    while at < len(lines):
        if mark := MARK.match(lines[at]):
            marks[mark[1]] = mark[2]
        elif fence := FENCE.match(lines[at]):
            end = next((n for n in range(at + 1, len(lines)) if re.match(r"^ *```+ *$", lines[n])), None)
            if end is None:
                raise ValueError(f"{page}:{at + 1}: the block is not closed")
            block = Block(page, at + 1, fence[2], dedent("\n".join(lines[at + 1 : end])), marks, None)
            if not fence[2].startswith("{") and fence[2] not in KNOWN:
                raise ValueError(f"{block.place}: a block is one of {', '.join(KNOWN)}, got {fence[2]}")
            if block.language == "text" and re.search(r"^mamo [a-z]", block.text, re.MULTILINE):
                raise ValueError(f"{block.place}: what is typed stands in a block of sh")
            if block.language == "text" and last is not None:
                found[last] = found[last]._replace(printed=block.text)
            found.append(block)
            marks, at = {}, end
            last = len(found) - 1 if block.language in RUN and block.file is None else None
        elif lines[at].strip():
            if marks:
                raise ValueError(f"{page}:{at + 1}: a mark stands before a block")
            last = None
        at += 1
    return found


def all_blocks(page: str) -> list[Block]:
    return blocks_of(page, PAGES[page].read_text("utf-8"))


def runs(block: Block, *, long: bool) -> bool:
    """Whether a block is run: what takes minutes only where that is wanted."""
    return not ("needs" in block.marks or ("long" in block.marks and not long))


def played(blocks: Sequence[Block], folder: Path, *, long: bool = False) -> None:
    """Run a page's blocks in a folder, one shell for all, and hold what they print to what the page shows.

    Raises:
        AssertionError: one ends with another code than 0, or than it is said to, or prints something else.
    """
    own, said = folder / "page", folder / "said"
    _furnish(own)
    said.mkdir()
    steps = ["set -eo pipefail"]
    for number, block in enumerate(blocks):
        if block.file is not None:
            path = own / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text + "\n")
        elif block.language in RUN and runs(block, long=long):
            steps.append(f"echo {number} > {said / 'at'}\n{_step(block, number, own, said / str(number))}")
    code, complaint = _shell("\n".join(steps), own, said, LONG_SECONDS if long else HANG_SECONDS)
    at = said / "at"
    where = blocks[int(at.read_text())].place if at.exists() else "before any block"
    assert code == 0, f"{where} ends with {code}:\n{complaint[-3000:]}"
    for number, block in enumerate(blocks):
        shown = said / str(number)
        if block.printed is not None and shown.exists():
            differs = difference(block.printed, shown.read_text("utf-8"))
            assert not differs, f"{block.place} prints something else: {differs}"


def _furnish(own: Path) -> None:
    """What a reader's folder has: a checkout's examples and traces."""
    own.mkdir()
    for name in ("examples", "traces"):
        shutil.copytree(ROOT / name, own / name, ignore=shutil.ignore_patterns("__pycache__"))


def _step(block: Block, number: int, own: Path, said: Path) -> str:
    text = block.text
    if block.language == "python":
        (own / f"block_{number}.py").write_text(text + "\n")
        text = f"python block_{number}.py"
    if "exits" not in block.marks:
        return f"{{\n{text}\n}} > {said}"
    return (
        f"set +e\n(\n{text}\n) > {said}\ncode=$?\nset -e\n"
        f"[ $code = {block.marks['exits']} ] || {{ echo ended with $code >&2; exit 1; }}"
    )


def _environment(home: Path) -> dict[str, str]:
    """A reader's: the installed command, and a home in which nothing is."""
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HOME": str(home), "XDG_CACHE_HOME": cache, "COLUMNS": "100"}


def _shell(script: str, own: Path, said: Path, limit: float) -> tuple[int, str]:
    """Exit code and complaints of a script; what it left running is ended."""
    with (said / "complaints").open("w") as complaints:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=own,
            env=_environment(said),
            stdin=subprocess.DEVNULL,
            stdout=complaints,
            stderr=complaints,
            start_new_session=True,
        )
        try:
            code = shell.wait(timeout=limit)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
    return code, (said / "complaints").read_text("utf-8", errors="replace")


def difference(shown: str, printed: str) -> str:
    """What differs between what a page shows and what was printed; nothing where that is the same."""
    wanted, got = " ".join(shown.split()), " ".join(printed.split())
    number = r"(-?\d+\.\d+)"
    parts = [re.split(number, part) for part in wanted.split("...")]
    pattern = ".*?".join("".join(number if n % 2 else re.escape(text) for n, text in enumerate(part)) for part in parts)
    found = re.fullmatch(pattern, got)
    if found is None:
        return f"wanted\n{wanted}\ngot\n{got}"
    expected = [text for part in parts for text in part[1::2]]
    for one, other in zip(expected, found.groups(), strict=True):
        if abs(float(one) - float(other)) > 1.001 * 10.0 ** -len(one.partition(".")[2]):
            return f"wanted {one}, got {other}"
    return ""


def check_python(block: Block) -> None:
    """Hold a block of Python that is not run to the modules and names that there are.

    Raises:
        AssertionError: it takes something from the package that is not there.
    """
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("mamo_cli"):
            module = import_module(str(node.module))
            missing = [name.name for name in node.names if not hasattr(module, name.name)]
            assert not missing, f"{block.place}: {node.module} has no {', '.join(missing)}"


STUBS = """
command_not_found_handle() { :; }
told() { printf '%s\\0' "$@" >> "$TOLD"; printf '\\n\\0' >> "$TOLD"; }
mamo() { told mamo "$@"; }
make() { told make "$@"; }
python() { told python "$@"; }
"""


def parsed(blocks: Sequence[Block], folder: Path) -> None:
    """Hold the lines of a page's blocks that are not run to the command line, as a shell would hand them over.

    Raises:
        AssertionError: an option, a value, a target or a module is not there.
    """
    own = folder / "page"
    _furnish(own)
    for number, block in enumerate(blocks):
        if block.file is not None:
            (own / block.file).write_text(block.text + "\n")
        elif block.language == "python":
            check_python(block)
        elif block.language == "sh":
            for words in told_by(block, own, folder / f"told{number}"):
                complaint = complaint_of(words, own)
                assert not complaint, f"{block.place}: {shlex.join(words)}: {complaint}"


def told_by(block: Block, own: Path, told: Path) -> list[list[str]]:
    """The commands of ours that a block gives, every other doing nothing."""
    told.touch()
    bash = shutil.which("bash") or "bash"
    environment = {"PATH": str(own / "nowhere"), "TOLD": str(told), "HOME": str(own)}
    done = subprocess.run(
        [bash, "-c", STUBS + block.text], cwd=own, env=environment, capture_output=True, text=True, check=False
    )
    assert "syntax error" not in done.stderr, f"{block.place}: {done.stderr}"
    found = [line.split("\0")[:-1] for line in told.read_text("utf-8").split("\n\0") if line]
    lines = re.findall(r"(?:^|[;&|]|\bdo) *(?:mamo|make|python) ", block.text, re.MULTILINE)
    assert len(found) >= len(lines), f"{block.place}: only {found} of {len(lines)} lines were reached: {done.stderr}"
    return found


def complaint_of(words: Sequence[str], own: Path) -> str:
    """What is wrong with a command; nothing where all is well."""
    program, *arguments = words
    if program == "make":
        targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
        return ", ".join(sorted(set(arguments) - targets))
    if program == "python":
        module = arguments[1] if arguments[0] == "-m" else None
        return f"no module {module}" if module and find_spec(module) is None else ""
    try:
        with chdir(own), redirect_stdout(StringIO()):
            parse(arguments)
    except typer.Exit:
        return ""
    except Exception as error:
        return error.format_message() if hasattr(error, "format_message") else str(error)
    return ""


def parse(arguments: Sequence[str]) -> None:
    """Have the command line understood, its settings too, and nothing done.

    Raises:
        Exception: it is not understood.
    """
    group = command = typer.main.get_command(app)
    context, rest = typer.Context(group, info_name="mamo"), list(arguments)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context)
    if kind := KINDS.get(arguments[0]):
        about = options.chosen(rest)
        composed = configuration(kind, *about)
        paths = {name: name for name in composed.model_fields} | options._paths(kind, composed, about)
        values = {path: context.params.get(name) for name, path in paths.items() if name != "run"}
        given = options.nested({path: value for path, value in values.items() if value})
        file = options.value_of("--config", rest)
        configured(kind, *([read_toml(Path(file))] if file else []), given)
