"""The loop over ticks and control periods: by hand, against the model, and against simulated requests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.analytic import Modelled, play_modelled
from mamo_cli.domains.faas.baselines.play import KUBERNETES_HPA, OPENFAAS_CE, OPENFAAS_PRO, PLANNED, grant, make_play
from mamo_cli.domains.faas.baselines.simulated import play_simulated, simulated
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.models import ErlangModel
from mamo_cli.domains.faas.rejection.table import build_table
from mamo_cli.domains.faas.simulation.pool import Service
from mamo_cli.domains.faas.simulation.tally import ARRIVED, REJECTED

SERVICE_S, MOST = 0.1, 12
TABLE = build_table([ErlangModel(SERVICE_S)], MOST, 100.0)
NODE = Modelled(TABLE.values, TABLE.root_step, np.array([SERVICE_S]))


def played(play, node, rates, **options):
    """(T, 2) replicas and rejection of a rule on rates (T,)."""
    return measured(play, node, rates, 1, **options)[:, [2, 0]]


def measured(play, node, rates, measures=6, knobs=(0.0,), plan=0, caps=MOST, **options):
    """(T, 2 + Q) the rejection, the slow, and all measures."""
    rates = np.array(rates, dtype=float)
    each = [np.array(np.broadcast_to(one, rates.shape))[:, None] for one in (plan, caps)]
    return together(play, node, rates[:, None], measures, knobs=[knobs], plan=each[0], caps=each[1], **options)[:, 0]


def together(
    play,
    node,
    rates,
    measures=1,
    *,
    knobs,
    plan,
    caps,
    use=None,
    budgets=None,
    rule=PLANNED,
    step_seconds=60.0,
    tick_s=60.0,
):
    """(T, F, 2 + Q) of a rule on all functions; without use, memory is no limit."""
    steps, functions = rates.shape
    brought = np.full((steps, functions, 2 + measures), np.nan)
    use = np.zeros((functions, MOST), dtype=np.int64) if use is None else np.array(use)
    budgets = np.zeros(steps, dtype=np.int64) if budgets is None else np.array(budgets)
    plan, caps = (np.array(np.broadcast_to(one, rates.shape), dtype=np.int64) for one in (plan, caps))
    knobs = np.array(knobs, dtype=float)
    play(node, rule, knobs, plan, rates, caps, use, budgets, step_seconds, tick_s, brought)
    return brought


@compiled
def _record(node, function, replicas, rate_rps, seconds, tally):
    """Half of what arrives is rejected, and every stretch is written down."""
    place = int(node[0, 0])
    node[place, 0], node[place, 1], node[place, 2] = replicas, rate_rps, seconds
    node[0, 0] = place + 1
    tally[ARRIVED] += rate_rps * seconds
    tally[REJECTED] += rate_rps * seconds / 2.0


@compiled
def _nothing(node, function, tally, measures):
    pass


play_recorded = make_play(_record, _nothing)


def test_ticks_run_on_through_the_periods_and_what_is_wanted_holds_from_the_tick_on():
    # Periods of 20 s, ticks of 15: stretches end at 15, 20, 30, 40, 45, 60. OpenFaaS Pro at 1 a replica: the tick to 15
    # sees 4; that to 30 sees 5 s of 4 and 10 s of 7: 6, and over both ticks 5; that to 45 sees 7 for 10 s and 1 for 5:
    # 5, and over the last two 5.5; from 45 on 6, cut to 5.
    node = np.zeros((20, 3))
    node[0, 0] = 1
    brought = played(
        play_recorded, node, [4, 7, 1], rule=OPENFAAS_PRO, knobs=(1, 1), caps=5, step_seconds=20.0, tick_s=15.0
    )
    stretches = [[1, 4, 15], [4, 4, 5], [4, 7, 10], [5, 7, 10], [5, 1, 5], [5, 1, 15]]
    assert node[1:8].tolist() == [*stretches, [0, 0, 0]]
    assert brought[:, 0].tolist() == [(15 * 1 + 5 * 4) / 20, (10 * 4 + 10 * 5) / 20, 5.0]
    assert brought[:, 1].tolist() == [0.5] * 3


def test_a_plan_is_what_the_model_says_of_it_cut_to_the_caps():
    rates, plan, caps = [5.0, 50.0, 0.0, 99.0], [1, 9, 3, 12], [12, 6, 12, 12]
    brought = played(play_modelled, NODE, rates, plan=plan, caps=caps)
    assert brought[:, 0].tolist() == [1, 6, 3, 12]
    expected = [erlang_b(rate * SERVICE_S, MOST)[int(n) - 1] for rate, n in zip(rates, brought[:, 0], strict=True)]
    assert brought[:, 1] == pytest.approx(expected, abs=1e-4)


def test_the_model_tells_a_rule_what_it_expects():
    # 60 requests/s of .1 s are 6 erlangs; B(6, n) for n = 1, 2, 3: 6/7, 18/25, 36/61. Replicas busy of 1: .857, of 2:
    # .84, of 3: .82. Over a target of .75: 1.143 wants 2, 1.12 wants 3, and 1.093 is within tolerance.
    brought = played(play_modelled, NODE, [60.0], rule=KUBERNETES_HPA, knobs=(0.75, 0.1), tick_s=15.0)
    assert brought[0, 0] == (1 + 2 + 3 + 3) / 4
    assert brought[0, 1] == pytest.approx((6 / 7 + 18 / 25 + 2 * 36 / 61) / 4, abs=1e-4)


def test_replicas_that_are_always_warm_reject_as_the_model_says():
    # A static number on simulated requests: 36,000 of them, so that the share rejected is good to some .005.
    service = Service(SERVICE_S, SERVICE_S, np.inf)
    brought = measured(play_simulated, simulated([service], MOST, [7]), [60.0] * 10, plan=6)
    assert brought[:, 0].mean() == pytest.approx(erlang_b(6.0, 6)[5], abs=0.015)
    assert np.ptp(brought[:, 0]) > 0.0


def test_what_is_measured_of_simulated_periods_adds_up():
    # Service of .1 s warm and 1 s on a replica that starts; an idle replica ends after .05 s, so that many start.
    node = simulated([Service(SERVICE_S, 1.0, 0.05, 2.0)], MOST, [11])
    _, slow, replicas, cold, response_ms, p95_ms, warm_s, busy_s = measured(play_simulated, node, [10.0] * 5, plan=8).T
    assert replicas.tolist() == [8] * 5
    assert ((cold > 0.2) & (cold < 0.8)).all()
    assert response_ms / 1000 == pytest.approx(0.1 + 0.9 * cold, rel=0.15)
    assert (p95_ms > response_ms).all()
    assert slow == pytest.approx(cold * np.exp(-2.0), abs=0.03)  # of those that started, exp(-2) take longer than 2 s
    assert (p95_ms < 5000).all()
    assert (busy_s < warm_s).all()
    assert (warm_s < 8 * 60.0).all()


def test_a_simulated_course_follows_from_its_seed():
    def play(seed):
        node = simulated([Service(SERVICE_S, 0.3, 5.0)], MOST, [seed])
        return measured(play_simulated, node, [40.0] * 3, rule=KUBERNETES_HPA, knobs=(0.5, 0.1), tick_s=15.0)

    assert play(3).tolist() == play(3).tolist()
    assert play(3).tolist() != play(4).tolist()


USE = np.outer([2, 3, 1], np.arange(1, MOST + 1))
"""Units that 1..N replicas of three functions take."""


@pytest.mark.parametrize(
    ("wanted", "before", "budget", "granted"),
    [
        ([4, 4, 4], [1, 1, 1], 24, [4, 4, 4]),  # 8 + 12 + 4
        ([4, 4, 4], [1, 1, 1], 23, [4, 4, 3]),  # the last one waits in vain
        ([4, 4, 4], [1, 1, 1], 14, [4, 1, 3]),  # 8 + 3 + 1 leave 2: not for one more of the second, two of the third
        ([4, 4, 4], [1, 3, 1], 16, [3, 3, 1]),  # who has replicas keeps them: 2 + 9 + 1 leave 4
        ([4, 2, 4], [1, 4, 1], 16, [4, 2, 2]),  # what is given up is there for others at once
        ([1, 1, 1], [5, 5, 5], 6, [1, 1, 1]),
        ([5, 5, 5], [2, 2, 2], 9, [2, 1, 2]),  # memory has become less: 6 + 2 leave 1, which is not 3
        ([5, 5, 5], [2, 2, 2], 0, [1, 1, 1]),  # one of each runs in any case
    ],
)
def test_memory_is_granted_in_order_and_first_to_who_has_it(wanted, before, budget, granted):
    replicas = np.array(before)
    grant(np.array(wanted), replicas, np.full(3, MOST), USE, budget)
    assert replicas.tolist() == granted


@settings(max_examples=100, deadline=None)
@given(
    wanted=st.lists(st.integers(1, MOST), min_size=3, max_size=3),
    before=st.lists(st.integers(1, MOST), min_size=3, max_size=3),
    caps=st.lists(st.integers(1, MOST), min_size=3, max_size=3),
    budget=st.integers(6, 80),
)
def test_nothing_is_granted_beyond_memory_caps_and_wishes_and_nothing_that_fits_is_withheld(
    wanted, before, caps, budget
):
    replicas, goals = np.array(before), np.minimum(wanted, caps)
    grant(np.array(wanted), replicas, np.array(caps), USE, budget)
    assert (replicas >= 1).all()
    assert (replicas <= goals).all()
    taken = USE[np.arange(3), replicas - 1].sum()
    assert taken <= budget
    for function in np.flatnonzero(replicas < goals):
        assert taken + USE[function, 0] > budget


def test_functions_in_one_memory_have_each_its_own_rule_and_share_what_there_is():
    # OpenFaaS Pro at 1 and at 2 requests/s a replica, loads of 4 and 8: 4 wanted of each. Replicas take 2 and 3 units.
    # Of 17 the first gets its 4 (8 units), the second 3 (9); from the second period on there are 11: both keep what
    # they have as far as it goes, the first first: 1 of the second is left.
    rates, node = (
        np.array([[4.0, 8.0], [4.0, 8.0]]),
        Modelled(np.repeat(TABLE.values, 2, 0), TABLE.root_step, np.array([SERVICE_S, SERVICE_S])),
    )
    brought = together(
        play_modelled, node, rates, knobs=[[1.0, 1.0], [2.0, 1.0]], plan=0, caps=MOST, use=USE[:2], budgets=[17, 11],
        rule=OPENFAAS_PRO, step_seconds=60.0, tick_s=15.0,
    )  # fmt: skip
    assert brought[0, :, 2].tolist() == [(1 + 3 * 4) / 4, (1 + 3 * 3) / 4]
    assert brought[1, :, 2].tolist() == [4.0, 1.0]


def test_without_memory_functions_do_not_touch_one_another():
    services = [Service(SERVICE_S, 0.3, 5.0), Service(0.2, 0.4, 1.0)]
    options = {"rule": KUBERNETES_HPA, "tick_s": 15.0}
    rates = np.array([[40.0, 10.0], [60.0, 20.0], [20.0, 40.0]])
    both = together(
        play_simulated, simulated(services, MOST, [5, 6]), rates, 6, knobs=[(0.5, 0.1), (0.3, 0.1)], plan=0, caps=MOST,
        **options,
    )  # fmt: skip
    for function, knobs in enumerate([(0.5, 0.1), (0.3, 0.1)]):
        node = simulated([services[function]], MOST, [5 + function])
        own = measured(play_simulated, node, rates[:, function], knobs=knobs, **options)
        assert own.tolist() == both[:, function].tolist()


RULES = {
    OPENFAAS_CE: (10.0, st.tuples(st.floats(0.0, 50.0), st.integers(1, 40))),
    OPENFAAS_PRO: (15.0, st.tuples(st.floats(0.01, 60.0), st.floats(0.1, 1.0))),
    3: (2.0, st.tuples(st.floats(0.1, 100.0), st.floats(0.05, 1.0))),
    KUBERNETES_HPA: (15.0, st.tuples(st.floats(0.01, 1.0), st.floats(0.0, 0.5))),
}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_rule_leaves_1_to_the_cap_and_shares_are_shares(data):
    rule = data.draw(st.sampled_from(list(RULES)))
    tick_s, knobs = RULES[rule]
    steps = data.draw(st.integers(1, 6))
    rates = data.draw(st.lists(st.floats(0.0, 100.0), min_size=steps, max_size=steps))
    caps = data.draw(st.lists(st.integers(1, MOST), min_size=steps, max_size=steps))
    options = {"rule": rule, "knobs": data.draw(knobs), "tick_s": tick_s, "caps": caps, "step_seconds": 70.0}
    node = simulated([Service(SERVICE_S, 0.3, 1.0)], MOST, [data.draw(st.integers(0, 2**64 - 1))])
    for play, own, measures in ((play_modelled, NODE, 1), (play_simulated, node, 6)):
        brought = measured(play, own, rates, measures, **options)[:, [2, 0]]
        assert (brought[:, 0] >= 1.0 - 1e-12).all()
        assert (brought[:, 0] <= np.array(caps) + 1e-9).all()
        assert ((brought[:, 1] >= 0.0) & (brought[:, 1] <= 1.0)).all()
