"""All members of a run that trains, as its configuration has them."""

from mamo_cli.experiments.configs import MamoConfig, TrainConfig
from mamo_cli.policies.start import Start
from mamo_cli.training.settings import seeds_of
from mamo_cli.training.shards import ShardSpec
from mamo_cli.workload.trace import Trace


def members(
    config: TrainConfig | MamoConfig, source: Trace, device: str = "cpu", start: Start | None = None
) -> ShardSpec:
    """Those of `mamo train`: each seed at each alpha; those of `mamo run-mamo`: one a seed."""
    if isinstance(config, MamoConfig):
        return _of_a_loop(config, source, device, start)
    pairs = [(seed, alpha) for alpha in config.alpha for seed in seeds_of(config.seeds)]
    return ShardSpec(
        domain=config.domain,
        instance=config.instance,
        source=source,
        learner=config.learner,
        phase=config.phase,
        seeds=tuple(seed for seed, _ in pairs),
        alphas=tuple(alpha for _, alpha in pairs),
        device=device,
        start=start,
        randomise=config.randomise,
        pretrain=config.pretrain,
    )


def _of_a_loop(config: MamoConfig, source: Trace, device: str, start: Start | None) -> ShardSpec:
    return ShardSpec(
        domain=config.domain,
        instance=config.instance,
        source=source,
        learner=config.learner,
        phase=config.phase,
        seeds=tuple(seeds_of(config.seeds)),
        strategy=config.strategy,
        sections=config.sections(),
        device=device,
        te=config.te,
        readout=config.readout,
        drift=config.drift,
        walk=config.walk if config.continual else None,
        preparation=getattr(config, "preparation", None),
        start=start,
        randomise=config.randomise,
        pretrain=config.pretrain,
        federation=config.federation,
    )
