import pytest

from mamo_cli.core.settings import (
    MAX_CONFIG_BYTES,
    PRESETS,
    EvaluateConfig,
    MamoConfig,
    SolveOfflineConfig,
    TrainConfig,
    canonical,
    digest,
    read_toml,
    resolve,
    to_toml,
)
from mamo_cli.core.errors import UsageError

KINDS = [SolveOfflineConfig, TrainConfig, MamoConfig, EvaluateConfig]


@pytest.mark.parametrize("kind", KINDS)
def test_toml_gives_the_same_configuration_back(tmp_path, kind):
    (tmp_path / "c.toml").write_text(to_toml(kind()), encoding="utf-8")
    again = resolve(kind, read_toml(tmp_path / "c.toml"))
    assert again == kind()
    assert digest(again, "x") == digest(kind(), "x")


def test_later_layers_win_and_leave_the_rest():
    config = resolve(MamoConfig, PRESETS["paper"], {"seeds": 3, "phase": {"iterations": 5}}, {"phase": {"window": 2}})
    assert (config.seeds, config.phase.iterations, config.phase.window) == (3, 5, 2)
    assert config.adaptation.cycles == PRESETS["paper"]["adaptation"]["cycles"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_valid(preset):
    assert resolve(MamoConfig, PRESETS[preset])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sedes": 1}, "sedes: no such setting"),
        ({"instance": {"tolerence": 1}}, "instance.tolerence: no such setting"),
        ({"instance": {"tolerance": 2}}, "instance.tolerance: .*less than or equal to 1, got 2"),
        ({"instance": {"noise": float("nan")}}, "instance.noise: .*got nan"),
        ({"alpha": [0.1, 0.1]}, r"alpha: must not repeat a value, got \(?\[?0.1"),
        ({"alpha": []}, "alpha: .*at least 1"),
        ({"learner": {"hidden": [0]}}, "learner.hidden.0: input should be greater than or equal to 1, got 0"),
        ({"phase": {"epsilon": [[0.5, 1], [0.1, 0]]}}, "phase.epsilon: must be .*rising"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_rule(values, message):
    with pytest.raises(UsageError, match=message):
        resolve(TrainConfig, values)


def test_the_digest_stands_for_values_kind_and_contents():
    base = digest(TrainConfig(), "trace")
    assert base == digest(resolve(TrainConfig, {"seeds": 8}), "trace")
    others = [digest(resolve(TrainConfig, {"seeds": 9}), "trace"), digest(TrainConfig(), "other")]
    assert base not in others
    assert digest(SolveOfflineConfig()) != digest(EvaluateConfig())


def test_canonical_is_plain():
    assert canonical(TrainConfig())["alpha"] == [0.1, 0.9]


@pytest.mark.parametrize("data", [b"a = ", b"\xff", b"x" * (MAX_CONFIG_BYTES + 1), b"a = " + b"[" * 5000])
def test_a_file_that_is_no_toml_is_named(tmp_path, data):
    (tmp_path / "c.toml").write_bytes(data)
    with pytest.raises(UsageError, match=r"c\.toml: "):
        read_toml(tmp_path / "c.toml")


def test_a_folder_is_no_configuration(tmp_path):
    with pytest.raises(UsageError, match="cannot read the configuration"):
        read_toml(tmp_path)


@pytest.mark.parametrize(
    "text", ["seeds = 0x" + "f" * 9000, "alpha = [{" + "a." * 900 + "a = 1}]", 'seeds = "' + "y" * 50_000 + '"']
)
def test_what_nobody_could_read_is_cut_in_the_message(tmp_path, text):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(UsageError, match="got ") as caught:
        resolve(TrainConfig, read_toml(tmp_path / "c.toml"))
    assert len(str(caught.value)) < 500


def test_a_key_of_thousands_of_parts_does_not_reach_the_parser(tmp_path):
    (tmp_path / "c.toml").write_text("a." * 30_000 + "a = 1")
    with pytest.raises(UsageError, match="at most 1000 dots"):
        read_toml(tmp_path / "c.toml")
