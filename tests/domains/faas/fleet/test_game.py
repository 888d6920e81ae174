"""What selfish nodes do: by hand, and as a look at every joint choice finds it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import NothingExactError
from mamo_cli.core.seam import Knowledge, Part
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet.domain import build
from mamo_cli.domains.faas.fleet.game import Game
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.workload.trace import Trace

ERLANG = {"rejection_model": "erlang", "warm_service_time": 1.0, "noise": 0.0}


def outlook_of(rates, caps, topology="full", **settings):
    """Of a fleet whose nodes have these rates `(T, M)` and caps `(T, M)`."""
    nodes = tuple(f"n{m}" for m in range(rates.shape[1]))
    source = Trace(nodes, rates, rates, max_replicas=caps, period_steps=len(rates), step_seconds=300.0)
    domain = build(FleetConfig(topology=topology, **ERLANG, **settings), source)
    return domain.outlook(Part.EVALUATION, Knowledge.CAUSAL)


def random_game(seed, sharing):
    rng = np.random.default_rng(seed)
    nodes, topology = [(2, "full"), (3, "star"), (3, "ring")][seed % 3]
    rates, caps = rng.uniform(0.2, 4.0, (3, nodes)), rng.integers(1, 4, (3, nodes))
    return Game(outlook_of(rates, caps, topology, forward_cost=1e-3), weights_of(rng.uniform(0.3, 0.9, nodes)), sharing)


def every_equilibrium(game):
    """Of each period the choices from which nobody turns away and what they weigh, by looking at all joint ones."""
    outlook = game.outlook
    limit, caps = outlook.fleet.node.replica_choices, outlook.fleet.node.max_replicas
    for t in range(len(outlook.rates)):
        own = [[c for c in range(count) if c % limit < caps[t, m]] for m, count in enumerate(outlook.fleet.choices)]
        joint = np.array(list(itertools.product(*own)))
        weighed = game.weighed(joint, np.full(len(joint), t)).reshape(*map(len, own), -1)
        mean = weighed.mean(-1)
        stays = np.ones(mean.shape, dtype=bool)
        for m in range(len(own)):
            minds = (1 - game.sharing) * weighed[..., m] + game.sharing * mean
            stays &= minds <= minds.min(m, keepdims=True) + 1e-12
        yield joint[stays.ravel()], mean[stays]


def test_two_nodes_that_burden_one_another_by_hand():
    """Loads of 2 and 1/2 Erlang on a replica each, B(a) = a / (1 + a); only rejection counts, forwarding is free.

    To keep everything is best for both together: 2/3 + 1/3, a mean of 1/2. But node 1 loses less where half of its
    requests go to node 2: (B(1) + B(3/2)) / 2 = .55; and node 2, then at .6, where half of its own come back, so that
    both have 5/4 Erlang and lose 5/9. There neither turns: node 1 would lose (3 B(7/4) + B(3/4)) / 4 = .584 by a
    quarter and B(9/4) = .692 by nothing; node 2 (3 B(11/8) + B(9/8)) / 4 = .567 and B(3/2) = .6.
    """
    outlook = outlook_of(np.array([[2.0, 0.5]]), np.array([[1, 1]]), forward_cost=0.0)
    weights = weights_of(np.ones(2))
    selfish = Game(outlook, weights, 0.0).equilibria()
    assert (selfish.count.tolist(), selfish.best.tolist(), selfish.worst.tolist()) == ([1], [[2, 2]], [[2, 2]])
    assert selfish.least == selfish.most == pytest.approx(5 / 9, rel=1e-9)
    assert Game(outlook, weights, 0.0).settled(np.zeros((1, 2), dtype=np.int64))[0].tolist() == [[2, 2]]
    best = Game(outlook, weights, 1.0).equilibria()
    assert best.best.tolist() == [[0, 0]] == outlook.best(weights).tolist()
    assert best.least == pytest.approx(1 / 2, rel=1e-9)  # a price of anarchy of 10/9, and of stability, too


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 1.0]))
def test_equilibria_are_those_that_a_look_at_every_joint_choice_finds(seed, sharing):
    game = random_game(seed, sharing)
    found = game.equilibria()
    for t, (plans, weighs) in enumerate(every_equilibrium(game)):
        assert found.count[t] == len(plans)
        if len(plans):
            assert [found.least[t], found.most[t]] == pytest.approx([weighs.min(), weighs.max()], rel=1e-12)
            assert found.best[t].tolist() in plans[weighs <= weighs.min() + 1e-12].tolist()
            assert found.worst[t].tolist() in plans[weighs >= weighs.max() - 1e-12].tolist()
        else:
            assert np.isnan([found.least[t], found.most[t]]).all()
            assert {*found.best[t], *found.worst[t]} == {-1}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_who_shares_everything_has_the_joint_optimum_among_its_equilibria(seed):
    game = random_game(seed, 1.0)
    plan = game.outlook.best(game.weights)
    assert not any(game.responses(plan, node)[1].any() for node in range(plan.shape[1]))
    found = game.equilibria()
    np.testing.assert_allclose(found.least, game.weighed(plan).mean(1), rtol=1e-12)
    assert (found.most >= found.least).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.5, 1.0]))
def test_who_settles_has_found_an_equilibrium(seed, sharing):
    game = random_game(seed, sharing)
    plan, settled = game.settled(np.zeros_like(game.outlook.fleet.node.max_replicas))
    found = game.equilibria()
    assert not (settled & (found.count == 0)).any()
    total = game.weighed(plan).mean(1)
    assert (total[settled] >= found.least[settled] - 1e-12).all()
    assert (total[settled] <= found.most[settled] + 1e-12).all()
    assert settled.all() or sharing < 1.0  # what falls with every move of anybody ends


def test_where_each_answer_calls_for_another_there_is_no_equilibrium_and_nobody_settles():
    """4 and 1 Erlang on a replica each; a quarter more of node 1's requests forwarded weighs .4 x .03 / 1.0375 = .0116.

    While node 2 keeps all, node 1 forwards half: (B(2) + B(3)) / 2 = .708 beats a quarter's (3 B(3) + B(2)) / 4 = .729
    by .0125 when weighed. Node 2, at B(3) = .75, sends half of its own back, for B(5/2) = .714. Then half is worth only
    (3 B(7/2) + B(3/2)) / 4 - B(5/2) = .0190 more to node 1, .0114 when weighed: it forwards a quarter. And node 2, whom
    its own now cost (B(3/2) + B(7/2)) / 2 = .689 and would cost B(2) = .667 at home, keeps all.
    """
    outlook = outlook_of(np.array([[4.0, 1.0]]), np.array([[1, 1]]), forward_cost=1e-4)
    game = Game(outlook, weights_of(np.full(2, 0.6)), 0.0)
    plan = np.zeros((1, 2), dtype=np.int64)
    for node, answer in [(0, 2), (1, 2), (0, 1), (1, 0), (0, 2)]:
        plan[:, node], gains = game.responses(plan, node)
        assert (plan[0, node], gains.tolist()) == (answer, [True])
    (plans, _), found = next(every_equilibrium(game)), game.equilibria()
    assert (len(plans), found.count.tolist(), found.worst.tolist()) == (0, [0], [[-1, -1]])
    assert game.settled(np.zeros((1, 2), dtype=np.int64))[1].tolist() == [False]


def test_too_many_joint_flows_are_not_looked_through():
    game = Game(outlook_of(np.full((1, 6), 2.0), np.ones((1, 6), dtype=np.int64), "ring"), np.ones((6, 2)), 0.0)
    with pytest.raises(NothingExactError, match="6 nodes have too many joint flows"):
        game.equilibria()
    assert game.settled(np.zeros((1, 6), dtype=np.int64))[1].all()
