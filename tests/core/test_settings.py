"""Sections: filled in layers, refused with their rule, written and read back, and what their digest stands for."""

import pytest
from pydantic import Field

from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import (
    ADDED,
    MAX_CONFIG_BYTES,
    Section,
    canonical,
    digest,
    read_toml,
    resolve,
    to_toml,
)
from mamo_cli.domains.faas.settings import InstanceConfig, Planning
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.strategies.wa_dqn.settings import AdaptationConfig
from mamo_cli.training.settings import PhaseConfig

SECTIONS = [InstanceConfig, Planning, LearnerConfig, PhaseConfig, AdaptationConfig]


@pytest.mark.parametrize("kind", SECTIONS)
def test_toml_gives_the_same_section_back(tmp_path, kind):
    (tmp_path / "c.toml").write_text(to_toml(kind()), encoding="utf-8")
    again = resolve(kind, read_toml(tmp_path / "c.toml"))
    assert again == kind()
    assert digest(again, "x") == digest(kind(), "x")


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (LearnerConfig, {"hiden": [8]}, "hiden: no such setting"),
        (LearnerConfig, {"hidden": [0]}, "hidden: must be greater than or equal to 1, got 0"),
        (LearnerConfig, {"hidden": []}, "hidden: .*at least 1"),
        (LearnerConfig, {"replay_capacity": 40, "batch_size": 41}, "40 must hold a batch, batch_size 41"),
        (LearnerConfig, {"network": "crystal"}, "network: must be one of perceptron.*, got 'crystal'"),
        (InstanceConfig, {"tolerance": 2}, "tolerance: .*less than or equal to 1, got 2"),
        (InstanceConfig, {"noise": float("nan")}, "noise: .*got nan"),
        (PhaseConfig, {"epsilon": [[0.5, 1], [0.1, 0]]}, "epsilon: must be .*rising"),
        (AdaptationConfig, {"cycles": 0}, "cycles: .*greater than or equal to 1, got 0"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_rule(kind, values, message):
    with pytest.raises(UsageError, match=message):
        resolve(kind, values)


def test_the_digest_stands_for_values_kind_and_contents():
    base = digest(PhaseConfig(), "trace")
    assert base == digest(resolve(PhaseConfig, {"window": 6}), "trace")
    assert base not in (digest(resolve(PhaseConfig, {"window": 5}), "trace"), digest(PhaseConfig(), "other"))
    assert digest(Section()) != digest(type("Other", (Section,), {})())


def versions(added, default=7):
    """A configuration and its successor, whose inner section has one more setting, marked or not."""

    class Inner(Section):
        kept: int = 1

    class Config(Section):
        inner: Inner = Inner()

    before = Config()

    class Inner(Inner):
        new: int = Field(default=default, json_schema_extra=ADDED if added else None)

    class Config(Section):
        inner: Inner = Inner()

    return before, Config


def test_a_setting_that_was_added_changes_no_digest_where_it_is_at_its_default_and_otherwise_does():
    before, after = versions(added=True)
    assert digest(after()) == digest(before)
    assert digest(resolve(after, {"inner": {"new": 7}})) == digest(before)
    others = [digest(resolve(after, {"inner": values})) for values in ({"new": 8}, {"new": 9}, {"kept": 2})]
    assert len({digest(before), *others}) == 4
    assert canonical(after())["inner"] == {"kept": 1, "new": 7}  # it is still written down


def test_a_section_that_was_added_changes_no_digest_where_it_is_at_its_defaults_and_otherwise_does():
    class Inner(Section):
        factor: int = 1

    class Config(Section):
        kept: int = 1

    before = Config()

    class Config(Section):
        kept: int = 1
        inner: Inner = Field(default=Inner(), json_schema_extra=ADDED)

    assert digest(Config()) == digest(before)
    assert digest(Config(inner=Inner(factor=1))) == digest(before)
    assert digest(Config(inner=Inner(factor=2))) != digest(before)
    assert canonical(Config())["inner"] == {"factor": 1}


def test_that_check_sees_a_setting_that_was_added_unmarked():
    before, after = versions(added=False)
    assert digest(after()) != digest(before)


def test_canonical_is_plain():
    assert canonical(PhaseConfig())["epsilon"] == [[0.0, 0.5], [0.4, 0.05], [0.6, 0.0]]


@pytest.mark.parametrize("data", [b"a = ", b"\xff", b"x" * (MAX_CONFIG_BYTES + 1), b"a = " + b"[" * 5000])
def test_a_file_that_is_no_toml_is_named(tmp_path, data):
    (tmp_path / "c.toml").write_bytes(data)
    with pytest.raises(UsageError, match=r"c\.toml: "):
        read_toml(tmp_path / "c.toml")


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(UsageError, match="cannot read the configuration"):
        read_toml(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["batch_size = 0x" + "f" * 9000, "hidden = [{" + "a." * 900 + "a = 1}]", 'batch_size = "' + "y" * 50_000 + '"'],
)
def test_what_nobody_could_read_is_cut_in_the_message(tmp_path, text):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(UsageError, match="got ") as caught:
        resolve(LearnerConfig, read_toml(tmp_path / "c.toml"))
    assert len(str(caught.value)) < 500


def test_a_key_of_thousands_of_parts_does_not_reach_the_parser(tmp_path):
    (tmp_path / "c.toml").write_text("a." * 30_000 + "a = 1")
    with pytest.raises(UsageError, match="at most 1000 dots"):
        read_toml(tmp_path / "c.toml")
