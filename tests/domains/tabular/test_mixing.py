"""Mixing two policies: slot by slot is another policy, which misses the limit; by blocks it is the mixture."""

import numpy as np
import pytest

from mamo_cli.core.mixtures import mixed
from mamo_cli.core.weights import weights_of
from mamo_cli.domains import registry
from mamo_cli.domains.tabular import gridworld, junction
from mamo_cli.domains.tabular.exact import best, means
from mamo_cli.domains.tabular.occupancy import constrained_optimum

LIMIT = 0.15


@pytest.fixture(scope="module")
def mixture():
    """The junction, the chains and objectives of two answers that bracket the limit, and their probabilities."""
    process = junction.process((0.30, 0.20), 12)
    multiplier = constrained_optimum(process, LIMIT).multiplier
    plans = [best(process, weights_of(np.array(m / (1 + m)))) for m in (multiplier + 1e-6, multiplier - 1e-6)]
    objectives = np.array([means(process, plan, process.objectives) for plan in plans])
    shares = mixed(objectives, np.array([LIMIT]))
    assert (shares > 0.1).all()
    return (
        process,
        [process.following(plan).T for plan in plans],
        [process.under(p, process.objectives) for p in plans],
        shares,
    )


def in_blocks(mixture, block, periods):
    """Mean objectives of a mixture that is drawn anew for each block, from the beginning: exactly, without a draw."""
    process, chains, objectives, shares = mixture
    at, total = np.zeros(process.states), np.zeros(2)
    at[process.starts] = 1.0 / len(process.starts)
    for _ in range(periods // block):
        after = np.zeros_like(at)
        for chain, brought, share in zip(chains, objectives, shares, strict=True):
            here = share * at
            for _ in range(block):
                total += here @ brought
                here = chain @ here
            after += here
        at = after
    return total / (periods // block * block)


def test_mixing_slot_by_slot_misses_the_limit(mixture):
    slots = in_blocks(mixture, 1, 4000)
    assert slots[1] > LIMIT * 1.05


def test_mixing_by_the_domains_blocks_keeps_it_within_a_thousandth(mixture):
    process, _, _, _ = mixture
    block = registry.build("junction", junction.JunctionConfig(), junction.load(junction.JunctionConfig())).spec.block
    objectives = in_blocks(mixture, block, 8000)
    assert objectives[1] == pytest.approx(LIMIT, rel=1e-3)
    assert objectives[0] == pytest.approx(constrained_optimum(process, LIMIT).cost, rel=2e-3)


@pytest.mark.parametrize(("gamma", "block"), [(0.9, 100), (0.7, 33), (0.99, 1000)])
def test_a_gridworlds_policy_plays_for_ten_episodes(gamma, block):
    config = gridworld.GridworldConfig(gamma=gamma)
    assert registry.build("gridworld", config, gridworld.load(config)).spec.block == block
