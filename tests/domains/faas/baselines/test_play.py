"""The loop over ticks and control periods: by hand, against the model, and against simulated requests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.compiled import compiled
from mamo_cli.domains.faas.baselines.analytic import Modelled, play_modelled
from mamo_cli.domains.faas.baselines.play import KUBERNETES_HPA, OPENFAAS_CE, OPENFAAS_PRO, PLANNED, make_play
from mamo_cli.domains.faas.baselines.simulated import play_simulated, simulated
from mamo_cli.domains.faas.rejection.erlang import erlang_b
from mamo_cli.domains.faas.rejection.models import ErlangModel
from mamo_cli.domains.faas.rejection.table import build_table
from mamo_cli.domains.faas.simulation.pool import Service
from mamo_cli.domains.faas.simulation.tally import ARRIVED, REJECTED

SERVICE_S, MOST = 0.1, 12
TABLE = build_table([ErlangModel(SERVICE_S)], MOST, 100.0)
NODE = Modelled(TABLE.values, TABLE.root_step, SERVICE_S)


def played(play, node, rates, **options):
    """(T, 2) replicas and rejection of a rule on rates (T,)."""
    return measured(play, node, rates, 1, **options)[:, [1, 0]]


def measured(
    play, node, rates, measures=6, rule=PLANNED, knobs=(0.0,), plan=0, caps=MOST, step_seconds=60.0, tick_s=60.0
):
    """(T, 1 + Q) the rejection, and all measures."""
    rates = np.array(rates, dtype=float)
    brought = np.full((len(rates), 1 + measures), np.nan)
    each = [np.array(np.broadcast_to(one, rates.shape), dtype=np.int64) for one in (plan, caps)]
    play(node, rule, np.array(knobs, dtype=float), each[0], rates, each[1], step_seconds, tick_s, brought)
    return brought


@compiled
def _record(node, replicas, rate_rps, seconds, tally):
    """Half of what arrives is rejected, and every stretch is written down."""
    place = int(node[0, 0])
    node[place, 0], node[place, 1], node[place, 2] = replicas, rate_rps, seconds
    node[0, 0] = place + 1
    tally[ARRIVED] += rate_rps * seconds
    tally[REJECTED] += rate_rps * seconds / 2.0


@compiled
def _nothing(node, tally, step_seconds, measures):
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
    brought = measured(play_simulated, simulated(service, MOST, 7), [60.0] * 10, plan=6)
    assert brought[:, 0].mean() == pytest.approx(erlang_b(6.0, 6)[5], abs=0.015)
    assert np.ptp(brought[:, 0]) > 0.0


def test_what_is_measured_of_simulated_periods_adds_up():
    # Service of .1 s warm and 1 s on a replica that starts; an idle replica ends after .05 s, so that many start.
    node = simulated(Service(SERVICE_S, 1.0, 0.05), MOST, 11)
    _, replicas, cold, response_ms, p95_ms, warm_s, busy_s = measured(play_simulated, node, [10.0] * 5, plan=8).T
    assert replicas.tolist() == [8] * 5
    assert ((cold > 0.2) & (cold < 0.8)).all()
    assert response_ms / 1000 == pytest.approx(0.1 + 0.9 * cold, rel=0.15)
    assert (p95_ms > response_ms).all()
    assert (p95_ms < 5000).all()
    assert (busy_s < warm_s).all()
    assert (warm_s < 8 * 60.0).all()


def test_a_simulated_course_follows_from_its_seed():
    def play(seed):
        node = simulated(Service(SERVICE_S, 0.3, 5.0), MOST, seed)
        return measured(play_simulated, node, [40.0] * 3, rule=KUBERNETES_HPA, knobs=(0.5, 0.1), tick_s=15.0)

    assert play(3).tolist() == play(3).tolist()
    assert play(3).tolist() != play(4).tolist()


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
    node = simulated(Service(SERVICE_S, 0.3, 1.0), MOST, data.draw(st.integers(0, 2**64 - 1)))
    for play, own, measures in ((play_modelled, NODE, 1), (play_simulated, node, 6)):
        brought = measured(play, own, rates, measures, **options)[:, [1, 0]]
        assert (brought[:, 0] >= 1.0 - 1e-12).all()
        assert (brought[:, 0] <= np.array(caps) + 1e-9).all()
        assert ((brought[:, 1] >= 0.0) & (brought[:, 1] <= 1.0)).all()
