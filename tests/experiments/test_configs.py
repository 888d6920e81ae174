"""The configuration of each command: the sections of its domain and strategy, filled in layers."""

import pytest

from mamo_cli.core.errors import UsageError
from mamo_cli.core.settings import digest, read_toml, to_toml
from mamo_cli.domains.registry import DOMAINS, about
from mamo_cli.experiments.configs import (
    EvaluateConfig,
    MamoConfig,
    ProblemConfig,
    SolveOfflineConfig,
    TrainConfig,
    configured,
)
from mamo_cli.strategies.registry import STRATEGIES, preset

PAPER = preset("wa-dqn", "paper")
KINDS = [SolveOfflineConfig, TrainConfig, MamoConfig, EvaluateConfig]
# As versions before domains, strategies and parts could be named wrote them: their runs must be known again.
DIGESTS = {SolveOfflineConfig: "ad55336b", TrainConfig: "64fdee80", MamoConfig: "19f92a31", EvaluateConfig: "8626d022"}


@pytest.mark.parametrize("kind", KINDS)
def test_toml_gives_the_same_configuration_back(tmp_path, kind):
    for domain in DOMAINS if issubclass(kind, ProblemConfig) else [None]:
        config = configured(kind, {} if domain is None else {"domain": domain})
        (tmp_path / "c.toml").write_text(to_toml(config), encoding="utf-8")
        again = configured(kind, read_toml(tmp_path / "c.toml"))
        assert again == config
        assert digest(again, "x") == digest(config, "x")


@pytest.mark.parametrize("kind", KINDS)
def test_the_digests_are_those_of_earlier_versions(kind):
    assert digest(configured(kind), "x") == DIGESTS[kind]
    assert digest(configured(MamoConfig, PAPER), "x") == "964d9eb2"


def test_a_configuration_that_says_what_auto_stands_for_keeps_its_digest():
    # Earlier versions wrote chooser = "greedy", their default, into every config.toml.
    for chooser, same in (("auto", True), ("greedy", True), ("knapsack", False), ("repair", False)):
        config = configured(TrainConfig, {"learner": {"chooser": chooser}})
        assert (digest(config, "x") == DIGESTS[TrainConfig]) == same


def test_every_choice_that_was_added_is_in_the_digest_once_it_is_made():
    # Names that stand for another domain or another part, whether or not there is a second of its kind yet.
    base = configured(MamoConfig)
    others = [
        base.model_copy(update={"domain": "tides"}),
        base.model_copy(update={"strategy": "dice"}),
        *(
            base.model_copy(update={"learner": base.learner.model_copy(update={part: "another"})})
            for part in ("network", "target", "chooser", "mixer", "optimiser")
        ),
        configured(MamoConfig, {"learner": {"sharing": 0.5}}),
    ]
    assert len({digest(config, "x") for config in (base, *others)}) == 9


def test_later_layers_win_and_leave_the_rest():
    layers = PAPER, {"seeds": 3, "phase": {"iterations": 5}}, {"phase": {"window": 2}}
    config = configured(MamoConfig, *layers)
    assert (config.seeds, config.phase.iterations, config.phase.window) == (3, 5, 2)
    assert config.adaptation.cycles == PAPER["adaptation"]["cycles"]


def test_the_last_layer_that_names_a_domain_brings_its_section_and_defaults():
    for domain in DOMAINS:
        config = configured(TrainConfig, {"domain": "faas"}, {"domain": domain})
        assert type(config.instance) is about(domain).SETTINGS
        for section, values in about(domain).DEFAULTS.items():
            for name, value in values.items():
                assert getattr(getattr(config, section), name) == value
    learner = {"learner": {"discount": 0.25}}
    assert configured(TrainConfig, {"domain": "inventory"}, learner).learner.discount == 0.25


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_presets_are_valid_and_every_strategy_has_the_quick_one(strategy):
    for name in ("quick", "paper") if strategy == "wa-dqn" else ("quick",):
        assert configured(MamoConfig, preset(strategy, name), {"strategy": strategy})
    with pytest.raises(UsageError, match=f"--preset of {strategy} is one of quick.*, got 'slow'"):
        preset(strategy, "slow")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sedes": 1}, "sedes: no such setting"),
        ({"instance": {"tolerence": 1}}, "instance.tolerence: no such setting"),
        ({"instance": {"tolerance": 2}}, "instance.tolerance: .*less than or equal to 1, got 2"),
        ({"instance": {"noise": float("nan")}}, "instance.noise: .*got nan"),
        ({"alpha": [0.1, 0.1]}, r"alpha: must not repeat a value, got \(?\[?0.1"),
        ({"alpha": []}, "alpha: .*at least 1"),
        ({"learner": {"hidden": [0]}}, "learner.hidden: must be greater than or equal to 1, got 0"),
        ({"phase": {"epsilon": [[0.5, 1], [0.1, 0]]}}, "phase.epsilon: must be .*rising"),
        ({"domain": "tides"}, "--domain is one of faas, .*got 'tides'"),
    ],
)
def test_what_makes_no_sense_is_named_with_its_rule(values, message):
    with pytest.raises(UsageError, match=message):
        configured(TrainConfig, values)


def test_an_unknown_strategy_is_refused():
    with pytest.raises(UsageError, match=r"--strategy is one of wa-dqn, .*got 'dice'"):
        configured(MamoConfig, {"strategy": "dice"})
