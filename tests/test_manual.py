"""The manual: every block of every page runs, or is held to the command line; and the tester notices what is wrong."""

import re
import tomllib

import pytest

from mamo_cli.cli.commands import COMMANDS
from tests.cli.test_advice import every_command, options_of
from tests.manual import PAGES, ROOT, RUN, all_blocks, blocks_of, difference, parsed, played, runs

RUNNING = [
    page for page in PAGES if any(block.language in RUN and runs(block, long=False) for block in all_blocks(page))
]
LONG = [page for page in PAGES if any("long" in block.marks for block in all_blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUNNING)
def test_every_block_of_a_page_runs(page, tmp_path):
    played(all_blocks(page), tmp_path)


@pytest.mark.parametrize("page", [page for page in PAGES if any(block.marks for block in all_blocks(page))])
def test_what_is_not_run_is_understood(page, tmp_path):
    blocks = all_blocks(page)
    parsed([block for block in blocks if block.file or not runs(block, long=False)], tmp_path)


@pytest.mark.manual
@pytest.mark.parametrize("page", LONG)
def test_every_block_that_takes_minutes_runs(page, tmp_path):
    played(all_blocks(page), tmp_path, long=True)


def test_every_block_in_toml_can_be_read():
    for page in PAGES:
        for block in all_blocks(page):
            if block.language == "toml":
                tomllib.loads(block.text)


def page(*lines: str) -> list:
    return blocks_of("p.md", "\n".join(lines))


SOUND = (
    *("```toml", "# three.toml: of three", 'seeds = "3"', "```"),
    *("```sh", "export SAID=three", "ls *.toml; echo 'at 0.1234 of' $SAID", "```"),
    *("```text", "three.toml", "at 0.123 ... three", "```"),
    *("```python", "from pathlib import Path", "print(Path('three.toml').read_text())", "```"),
    *("<!-- exits: 3 -->", "```sh", "exit 3", "```"),
    *("<!-- needs: another machine -->", "```sh", "exit 4", "```"),
)


def test_blocks_of_a_page_share_a_folder_and_a_shell(tmp_path):
    blocks = page(*SOUND)
    assert [block.line for block in blocks] == [1, 5, 9, 13, 18, 22]
    assert [block.file for block in blocks] == ["three.toml", *[None] * 5]
    played(blocks, tmp_path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("```sh", "true", "false", "true", "```"), "p.md:1 ends with 1"),
        (
            ("```sh", "true", "```", "", "```sh", "mamo doctor --planted", "```"),
            r"p.md:5 ends with 2:\s.*No such option",
        ),
        (("```sh", "false | true", "```"), "p.md:1 ends with 1"),
        (("```python", "import mamo_cli.planted", "```"), r"p.md:1 ends with 1:\s(.|\s)*No module named"),
        (("<!-- exits: 3 -->", "```sh", "exit 2", "```"), r"p.md:2 ends with 1:\sended with 2"),
        (("```sh", "echo three", "```", "```text", "four", "```"), "p.md:1 prints something else"),
        (("```sh", "echo 0.51", "```", "```text", "0.49", "```"), "wanted 0.49, got 0.51"),
        (("```sh", "if", "```"), "syntax error"),
    ],
)
def test_what_fails_is_told_with_its_place(lines, told, tmp_path):
    with pytest.raises(AssertionError, match=told):
        played(page(*lines), tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("mamo train --alpha 0.1 --planted", "No such option: --planted"),
        ("mamo train --alpha much", "a valid number"),
        ("mamo train --alpha 1.5", "less than or equal to 1"),
        ("mamo trian", "No such command"),
        ("mamo run-mamo --strategy none", "--strategy is one of"),
        ("mamo run-mamo --config planted.toml", "no such setting"),
        ("mamo compare --strategy none", "strategy"),
        ("mamo runs lits", "No such command"),
        ("for seed in 1 2; do mamo evaluate x --noise-seed $seed.5; done", "a valid integer"),
        ("pip install mamo && mamo train \\\n  --sede 3", "No such option: --sede"),
        ("make planted", "planted"),
        ("python -m benchmarks.planted", "no module"),
        ("if", "syntax error"),
        ("false || exit\nmamo train", "were reached"),
    ],
)
def test_a_planted_fault_in_a_line_that_is_not_run_is_seen(line, told, tmp_path):
    file = ("```toml", "# planted.toml", "planted = 1", "```")
    with pytest.raises(AssertionError, match=told):
        parsed(page(*file, "<!-- long: minutes -->", "```sh", *line.split("\n"), "```"), tmp_path)


def test_a_planted_import_in_a_block_that_is_not_run_is_seen(tmp_path):
    block = page("<!-- needs: time -->", "```python", "from mamo_cli.policies.decide import Planted", "```")
    with pytest.raises(AssertionError, match=r"decide has no Planted"):
        parsed(block, tmp_path)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("```bash", "true", "```"), "p.md:1: a block is one of"),
        (("```sh", "true"), "p.md:1: the block is not closed"),
        (("```text", "mamo train --planted", "```"), "p.md:1: what is typed stands in a block of sh"),
        (("<!-- long: minutes -->", "Text.", "```sh", "true", "```"), "p.md:2: a mark stands before a block"),
    ],
)
def test_a_page_whose_blocks_would_go_unseen_is_refused(lines, told):
    with pytest.raises(ValueError, match=told):
        page(*lines)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a  1.25\nb", "a 1.254\nb\n", True),
        ("a 1.25", "a 1.27", False),
        ("at ... done", "at 3 of 4, done", True),
        ("at ... done", "at 3 of 4", False),
        ("1 of 2", "1 of 3", False),
        ("-0.5", "0.5", False),
    ],
)
def test_what_is_printed_is_compared_number_by_number(shown, printed, same):
    assert (not difference(shown, printed)) == same


def test_a_mark_is_one_that_is_known():
    said = "\n".join(path.read_text("utf-8") for path in PAGES.values())
    marks = re.findall(r"<!-- (\w+):", said)
    assert set(marks) <= {"long", "needs", "exits", "made"}


def test_every_option_that_a_page_names_is_there():
    known = {command: options_of(command) for command in every_command()}
    anywhere = frozenset().union(*known.values(), {"--help", "--version", "--install-completion"}, OF_OTHERS)
    for name, path in PAGES.items():
        prose = re.sub(r"^ *```.*?^ *```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for span in re.findall(r"`([^`]+)`", prose):
            words = span.replace("\n", " ").split()
            if not words[0].startswith(("mamo", "--")):  # another program's, or no command at all
                continue
            said = [f"mamo {command}" for command in known if f"{span} ".startswith(f"mamo {command} ")]
            allowed = known[said[-1].removeprefix("mamo ")] if said else anywhere
            named = {word.partition("=")[0].strip("[]();,.") for word in words if word.startswith(("--", "[--"))}
            assert named <= {*allowed, "--help"}, (name, span)


OF_OTHERS = {"--who", "--only", "--extra-index-url", "--samples_per_plugin"}
"""Options of our benchmarks, of pip and of TensorBoard."""


def test_the_readme_is_one_screen_that_names_every_command():
    text = PAGES["README.md"].read_text("utf-8")
    assert len(text.splitlines()) <= 102
    for command in COMMANDS:
        assert f"`mamo {command}" in text, command
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / link).exists(), link
