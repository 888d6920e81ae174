"""Completion as shells ask for it: by variables of the environment, and by bash itself where there is one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mamo_cli.cli.commands import COMMANDS
from mamo_cli.domains.registry import DOMAINS
from mamo_cli.strategies.registry import STRATEGIES
from tests.cli.invoke import COMMAND, installed, mamo, patched

HEAVY = ("torch", "pandas", "gurobipy", "matplotlib", "numba", "scipy", "ray", "numpy")


ASKING = """
import json, os, sys
from mamo_cli.cli.main import main
sys.argv = ["mamo"]
for shell, line in json.loads(os.environ["ASKED"]):
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "_TYPER_COMPLETE_ARGS": line}
    os.environ |= {**words, "_TYPER_COMPLETE_FISH_ACTION": "get-args", "_MAMO_COMPLETE": f"complete_{shell}"}
    try:
        main()
    except SystemExit as end:
        assert not end.code, (line, end)
    print(chr(0), end="")
"""
"""Answers in one process, of which each takes its time to start, what a shell asks in many."""


def answers(*asked: tuple[str, str]) -> list[str]:
    """What is answered to shells that complete the last word of a line."""
    environment = {**os.environ, "ASKED": json.dumps(asked)}
    done = subprocess.run([sys.executable, "-c", ASKING], capture_output=True, text=True, check=True, env=environment)
    assert done.stderr == ""
    return done.stdout.split(chr(0))[:-1]


OFFERED = {
    "mamo ": set(COMMANDS),
    "mamo runs ": {"list", "show", "compare", "rm"},
    "mamo runs show ": {"plan", "te", "wa"},
    "mamo runs rm te w": {"wa"},
    "mamo runs compare te ": {"plan", "te", "wa"},
    "mamo watch p": {"plan"},
    "mamo evaluate t": {"te"},
    "mamo plot wa ": {"plan", "te", "wa"},
    "mamo run-mamo --grow w": {"wa"},
    "mamo runs show --results other ": {"elsewhere"},
    "mamo train --domain ": set(DOMAINS),
    "mamo run-mamo --strategy ": set(STRATEGIES),
    "mamo compare --strategy b": {"bisect", "bayes"},
    "mamo solve-offline --scope ": {"step", "average", "alpha"},
    "mamo runs list --status c": {"complete", "crashed"},
    "mamo solve-offline --domain inventory --warm-s": set(),
    "mamo solve-offline --domain inventory --leve": {"--levels"},
    "mamo train --config missing.toml --do": set(),
}


@pytest.mark.usefixtures("finished")
def test_bash_is_offered_what_may_come_next():
    (Path("other") / "elsewhere").mkdir(parents=True)
    (Path("other") / "elsewhere" / "run.json").write_text("{}")
    answered = answers(*(("bash", line) for line in OFFERED))
    assert {line: set(answer.split()) for line, answer in zip(OFFERED, answered, strict=True)} == OFFERED


@pytest.mark.usefixtures("finished")
def test_zsh_and_fish_are_offered_the_same_in_their_own_words():
    lines = ["mamo runs show t", "mamo w", "mamo train --domain fa"]
    run, command, domain = answers(*(("zsh", line) for line in lines))
    assert '(("te"))' in run
    assert '(("watch":"Watch a run while it trains."))' in command
    assert '(("faas"))' in domain
    assert answers(*(("fish", line) for line in lines)) == ["te\n", "watch\tWatch a run while it trains.\n", "faas\n"]


def test_every_options_help_reaches_the_shells_that_show_it():
    lines = [f"mamo {command} --" for command in ("run-mamo", "import", "runs list", "watch", "evaluate")]
    for answer in answers(*((shell, line) for shell in ("zsh", "fish") for line in lines)):
        assert "--json" in answer


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("line", ["mamo ", "mamo run-mamo --grow "])
def test_completion_is_instant(line):
    told = f"""
import atexit, sys
sys.argv[0] = "mamo"
atexit.register(lambda: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr))
"""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1), "_MAMO_COMPLETE": "complete_bash"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in words.items():
            patch.setenv(name, value)
        done = patched(told)
    assert (done.code, done.err) == (0, "[]\n")
    assert done.out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_of_every_shell_is_shown(shell):
    environment = {**os.environ, "_MAMO_COMPLETE": f"source_{shell}"}
    done = subprocess.run([COMMAND], capture_output=True, text=True, check=True, env=environment)
    assert f"_MAMO_COMPLETE=complete_{shell}" in done.stdout


@pytest.mark.parametrize(
    ("shell", "begins"), [("bash", "_mamo_completion()"), ("zsh", "#compdef mamo"), ("fish", "comp")]
)
def test_the_script_of_a_shell_that_is_named_is_shown_whatever_shell_asks(shell, begins):
    done = installed("--show-completion", shell)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(begins)
    assert f"_MAMO_COMPLETE=complete_{shell}" in done.out


def test_a_shell_that_there_is_none_of_is_refused():
    done = installed("--install-completion", "tcsh")
    assert (done.code, done.out) == (2, "")
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.err


def test_help_says_how_to_have_it():
    assert "--install-completion" in mamo("--help").out
    assert "--show-completion" in mamo("--help").out


@pytest.mark.usefixtures("finished")
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes_with_the_script():
    script = """
eval "$(_MAMO_COMPLETE=source_bash mamo)"
complete -p mamo
COMP_WORDS=(mamo runs show "") COMP_CWORD=3
_mamo_completion mamo
printf '%s\\n' "${COMPREPLY[@]}"
"""
    path = f"{Path(COMMAND).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, check=True, env={**os.environ, "PATH": path}
    )
    first, *names = done.stdout.split("\n")
    assert first.startswith("complete ")
    assert set(filter(None, names)) == {"plan", "te", "wa"}
    assert done.stderr == ""
