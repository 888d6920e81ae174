"""The manual's reference, which is made from the code: nothing is left out, and every column means something."""

import csv
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from mamo_cli.core import errors
from mamo_cli.core.complaints import places
from mamo_cli.core.settings import Section
from mamo_cli.domains import registry as domains
from mamo_cli.experiments.configs import DEFAULT_STRATEGY, KINDS, MamoConfig, configuration
from mamo_cli.strategies import registry as strategies
from tests.cli.test_advice import every_command, options_of

pytest.importorskip("sphinx", reason="Sphinx is not installed")
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made():
    spec = spec_from_file_location("generated", DOCS / "generated.py")
    module = module_from_spec(spec)
    sys.modules["generated"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["generated"]


def test_every_option_of_every_command_is_there(made):
    page = made.commands()
    for command in every_command():
        assert f"## `mamo {command}`" in page
        named = [option for option in options_of(command) if option.startswith("--") and option not in made.COMMON]
        for option in named:
            assert f"{option} " in page.replace("`", " ").replace(",", " "), (command, option)


def test_every_setting_is_there_beside_its_option(made):
    page = made.configuration_page()
    for kind in KINDS.values():
        for domain in domains.DOMAINS:
            for strategy in strategies.STRATEGIES:
                for place in set(places(configuration(kind, domain, strategy))) - {"run"}:
                    key = place.rpartition(".")[2]
                    assert any(one in page for one in (f"| `{key}` |", f"`[{key}]`", f"`[{key}.NAME]`")), place
    assert "| `tolerance` | `--tolerance` | number, 0 to 1 | `0.05` | Most rejection allowed, a probability. |" in page
    assert "| `iterations` | `--iterations` | whole number, at least 1 | `20`; `40` in `mamo train` |" in page


def test_every_exit_code_is_there(made):
    page = made.exit_codes()
    for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130, 143):
        assert f"| `{code}` |" in page
    assert f"| `{errors.StorageError.exit_code}` | `StorageError` |" in page


def head_of(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def test_the_columns_are_those_of_real_runs(made, finished):
    words = domains.about("faas").WORDS
    walked = made.walk.walk_summary_columns(words, domains.rules_of("faas"))
    added = (*walked, *made.believed.believed_columns(words), made.believed.CHARGED)
    added = (*added, *made.equality.equality_columns(words), *made.equality.FAIR)
    added = (*added, *made.federation.COLUMNS)
    for run, command in (("plan", "solve-offline"), ("te", "train"), ("wa", "run-mamo")):
        heads, found = made.heads(words)[command], {path.name for path in (finished / run).glob("*.csv")}
        assert found - {"trace.csv"} == heads.keys() - {"agents.csv", "continual.csv", "references.csv"}
        for file in found - {"trace.csv"}:
            optional = {words.agent, *added} if file not in ("plan.csv", "evaluation.csv") else set()
            assert head_of(finished / run / file) == [name for name in heads[file] if name not in optional], file


def test_every_column_means_something_and_no_meaning_is_of_none(made):
    words = domains.about("faas").WORDS
    made.tables()
    named = {
        (f"{command}/{file}", column)
        for command, files in made.heads(words).items()
        for file, head in files.items()
        for column in head
    }
    for place, meanings in made.glossary().items():
        for column in meanings if place != "patterns" else ():
            having = [at for at, name in named if name == column and (place == "any" or at.endswith(place))]
            assert having, f"no table has {place} {column}"
    with pytest.raises(KeyError, match=r"does not say what planted of train's training\.csv is"):
        made.meaning("planted", "train", "training.csv", words)


class Planted(Section):
    """Settings of kinds that ours may become."""

    count: int = 3
    share: float | None = None
    points: tuple[tuple[int, float], ...] = ((0, 1.0),)
    switch: bool = True


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("count", "whole number", "`3`"),
        ("share", "number", ""),
        ("points", "list", "`[[0, 1.0]]`"),
        ("switch", "true or false", "`true`"),
    ],
)
def test_a_setting_is_told_in_words_and_in_toml(made, name, kind, default):
    assert made.kind_of(Planted.model_fields[name]) == kind
    assert made.shown(getattr(Planted(), name)) == default


def test_the_defaults_of_a_loop_are_those_of_its_preset(made):
    config = made.configured(MamoConfig, strategies.preset(DEFAULT_STRATEGY, "quick"))
    assert f'| `readout` | `--readout` | `"last"`, `"best"`, `"mix"` | {made.shown(config.readout)} |' in (
        made.configuration_page()
    )
