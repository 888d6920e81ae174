"""What is read where a policy decides: what the environment shows of the same period, and nothing that was not told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamo_cli.core.errors import CheckpointError, DataError
from mamo_cli.core.readings import Past
from mamo_cli.core.seam import Part
from mamo_cli.domains import registry as domains
from mamo_cli.domains.faas.served import COARSENESS
from mamo_cli.learners.protocol import Shape
from tests.serving.nodes import THREE, body, node

MEMORY = {"memory_per_replica": 64, "node_memory": 700}
START = Past(np.zeros(1, dtype=np.int64))
NODES = {
    "one": node,
    "caps": lambda: node(THREE, caps=np.tile([[8, 5, 1], [3, 8, 2]], (12, 1))),
    "memory": lambda: node(THREE, **MEMORY),
    "memory and shield": lambda: node(THREE, shield=0.05, **MEMORY),
    "edge": lambda: node(THREE, shield=0.0, noise=0.3),
}


def reader_of(domain, **others):
    spec = domain.spec
    scales = {**domains.scales_of("faas", domain), **others}
    scales = {name: values for name, values in scales.items() if values is not None}
    return domains.reader_of("faas", spec.agents, spec.choices, spec.observation, Shape.of(spec).units(), scales)


@pytest.mark.parametrize("case", NODES)
def test_what_is_observed_is_what_the_environment_shows_to_the_last_bit(case):
    domain = NODES[case]()
    reader, faulty = reader_of(domain), reader_of(domain, rate_rps=domains.scales_of("faas", domain)["rate_rps"] * 1.01)
    environment, rng = domain.environment(Part.EVALUATION, 1), np.random.default_rng(0)
    seen, past = environment.observe(), Past(np.zeros(len(domain.spec.agents), dtype=np.int64))
    rejection = np.zeros(len(domain.spec.agents))
    for at in range(environment.steps):
        counted = environment.state_dict()["counted"][0, 0] if domain.shield and domain.shield.edge is None else None
        told = body(domain, at, rejection, counted)
        reading = reader.read(told, past)
        np.testing.assert_array_equal(reading.observed, seen.values[0, 0], strict=True)
        np.testing.assert_array_equal(reading.allowed, seen.mask[0, 0], strict=True)
        assert reading.budget == (None if seen.budget is None else seen.budget[0, 0])
        assert (faulty.read(told, past).observed[:, 0] != seen.values[0, 0, :, 0]).all()
        asked = np.minimum(rng.integers(0, 3, len(rejection)), seen.mask[0, 0].sum(1) - 1)
        step = environment.step(asked[None, None])
        chosen = reader.play(reading, asked)
        assert (chosen + 1).tolist() == step.measures[0, 0, :, 0].tolist()
        seen, rejection, past = step.seen, step.objectives[0, 0, :, 1], Past(chosen, reading.told)


def test_a_rejection_that_is_not_told_is_the_models_at_the_rate_and_the_replicas_of_the_period_before():
    domain = node(THREE, max_replicas=20)
    reader, table = reader_of(domain), domain.case.evaluation.table
    rng = np.random.default_rng(1)
    assert domains.scales_of("faas", domain)["rejection"].nbytes < table.values.nbytes / 8
    for _ in range(200):
        rates, chosen = rng.uniform(0.0, table.max_rate_rps, 3), rng.integers(0, 20, 3)
        before = {"functions": dict(zip(THREE, ({"rate_rps": rate} for rate in rates.tolist()), strict=True))}
        reading = reader.read({"functions": {name: {"rate_rps": 1.0} for name in THREE}}, Past(chosen, before))
        np.testing.assert_allclose(reading.observed[:, 2], table.lookup(rates, chosen + 1), atol=2.0 * COARSENESS)
        counts = {"arrived": float(rates[0]) * 30.0, "seconds": 30.0}
        counted = reader.read({"functions": dict.fromkeys(THREE, counts)}, Past(chosen, before))
        np.testing.assert_allclose(
            counted.observed[:, 2], table.lookup(np.repeat(rates[0], 3), chosen + 1), atol=2.0 * COARSENESS
        )
        assert counted.told["functions"]["g"]["rejection_from"] == "model"


def test_beyond_the_models_last_rate_as_many_are_served_as_there():
    # By Erlang-B, a model of its own here, the served rise no more to speak of once all replicas are busy.
    domain = node(rejection_model="erlang")
    reader, table, model = reader_of(domain), domain.case.evaluation.table, domain.case.models[0]
    for times in (1.0, 1.001, 2.0, 10.0):
        rate = table.max_rate_rps * times
        before = {"functions": {"f": {"rate_rps": rate}}}
        found = reader.read({"rate_rps": 1.0}, Past(START.choices, before)).observed[0, 2]
        assert found == pytest.approx(1.0 - (1.0 - table.values[0, 0, -1]) / times, rel=1e-6)
        exact = model.rejection_probability(np.array([rate]), 1)[0, 0]
        assert exact <= found + 1e-6
        assert found == pytest.approx(exact, abs=0.02)


def test_counts_of_the_period_before_are_a_rate_and_a_rejection_and_one_function_is_told_flat():
    # 90 of 600 in 30 s: 20 requests/s, of which 0.15 were rejected.
    domain = node()
    reader, scale = reader_of(domain), domain.case.evaluation.rate_scale_rps
    reading = reader.read({"arrived": 600, "rejected": 90.0, "seconds": 30, "max_replicas": 3, "time": 5}, START)
    # Training met no cap but 8, which is what its network is shown; 3 are allowed.
    np.testing.assert_allclose(reading.observed, [[20.0 / scale, 1 / 8, 0.15, 1.0]], rtol=1e-6)
    assert (reading.allowed.sum(), reading.beyond) == (3, ["f"])
    assert reading.told == {
        "functions": {
            "f": {
                "rate_rps": 20.0, "arrived": 600.0, "rejected": 90.0, "seconds": 30.0, "rejection": 0.15,
                "rejection_from": "counted", "max_replicas": 3,
            }
        }
    }  # fmt: skip
    assert reading.time == 5.0
    assert reading.allowed.tolist() == [[True] * 3 + [False] * 5]
    full = reader.read({"functions": {"f": {"rate_rps": 20.0, "max_replicas": 99}}}, START)
    assert full.told["functions"]["f"] == {
        "rate_rps": 20.0, "max_replicas": 8, "rejection": 0.0, "rejection_from": "start"
    }  # fmt: skip
    assert reader.read({"arrived": 0, "rejected": 0, "seconds": 1}, START).observed[0, 2] == 0.0


def test_memory_that_is_not_told_is_the_most_there_is_and_less_than_one_replica_of_each_is_one_of_each():
    reader = reader_of(node(THREE, **MEMORY))
    told = {"functions": {name: {"rate_rps": 20.0} for name in THREE}}
    past = Past(np.zeros(3, dtype=np.int64))
    assert [reader.read({**told, **more}, past).budget for more in ({}, {"memory_mb": 640.0}, {"memory_mb": 0})] == [
        10,
        10,
        3,
    ]
    assert reader.read(told, past).told["memory_mb"] == 700.0
    # 10 of the 24 replicas that three functions of 8 ever take is all that training met: no other share is observed.
    read = [reader.read({**told, "memory_mb": mb}, past) for mb in (640.0, 1536.0, 9e9)]
    np.testing.assert_allclose([one.observed[0, 4] for one in read], [10 / 24] * 3, rtol=1e-6)
    assert [one.beyond for one in read] == [[], list(THREE), list(THREE)]


NAN, INF = float("nan"), float("inf")
BAD = {
    "nothing": ({}, "rate_rps is missing, or in its place arrived and seconds"),
    "a list": ([], "what is told must be a JSON object, got []"),
    "NaN": ({"rate_rps": NAN}, "rate_rps must be a finite number, got nan"),
    "infinite": ({"rate_rps": INF}, "rate_rps must be a finite number, got inf"),
    "negative": ({"rate_rps": -1}, "rate_rps must be greater than or equal to 0, got -1"),
    "a truth": ({"rate_rps": True}, "rate_rps must be a valid number, got True"),
    "a text": ({"rate_rps": "60"}, "rate_rps must be a valid number, got '60'"),
    "a huge number": ({"rate_rps": 1e16}, "rate_rps must be less than or equal to 1000000000000000, got 1e+16"),
    "a number of many digits": ({"rate_rps": 10**400}, "rate_rps must be"),
    "a share above 1": ({"rate_rps": 1, "rejection": 1.01}, "rejection must be less than or equal to 1, got 1.01"),
    "no replica": ({"rate_rps": 1, "max_replicas": 0}, "max_replicas must be greater than or equal to 1, got 0"),
    "half a replica": ({"rate_rps": 1, "max_replicas": 2.5}, "max_replicas must be a valid integer, got 2.5"),
    "unknown": ({"rate_rps": 1, "rate": 2}, "rate is no key that is known, got 2"),
    "both": ({"rate_rps": 1, "arrived": 2, "seconds": 1}, "rate_rps and arrived are both told: it is one or the other"),
    "no seconds": ({"arrived": 2}, "rate_rps is missing, or in its place arrived and seconds"),
    "no time": ({"arrived": 2, "seconds": 0}, "seconds must be greater than 0, got 0"),
    "more rejected": ({"arrived": 2, "seconds": 1, "rejected": 3}, "rejected is at most arrived"),
    "twice": ({"arrived": 2, "seconds": 1, "rejected": 1, "rejection": 0}, "rejected is at most arrived, and instead"),
    "no shield": ({"rate_rps": 1, "counted": 3}, "counted is what a shield reads, and this policy has none"),
    "no window": ({"rate_rps": 1, "counted_seconds": 3}, "counted_seconds is what a shield reads, and this policy has"),
    "no memory": ({"rate_rps": 1, "memory_mb": 3}, "memory_mb is what functions share, and those of this policy"),
    "another": ({"functions": {"g": {"rate_rps": 1}}}, "functions must be f, got 'g'"),
    "two": ({"functions": {"f": {"rate_rps": 1}, "g": {"rate_rps": 1}}}, "functions must be f, got 'f', 'g'"),
    "none": ({"functions": {}}, "functions must be f, got none"),
    "mixed": ({"functions": {"f": {"rate_rps": 1}}, "rate_rps": 1}, "rate_rps is no key that is known, got 1"),
    "deep": ({"functions": {"f": {"rate_rps": [1]}}}, "functions.f.rate_rps must be a valid number, got [1]"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_what_was_asked_for_is_refused_in_a_line_that_names_it(what):
    told, said = BAD[what]
    with pytest.raises(DataError) as error:
        reader_of(node()).read(told, START)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


def test_of_several_functions_the_one_that_is_wrong_is_named():
    reader, past = reader_of(node(THREE, shield=0.05)), Past(np.zeros(3, dtype=np.int64))
    good = {"rate_rps": 1.0, "counted": 2, "counted_seconds": 30}
    window = "functions.g.counted_seconds must be 30, the shield's window in s, got"
    for bad, said in (
        ({"counted": 2}, "functions.g.rate_rps is missing"),
        ({"rate_rps": 1.0}, "functions.g.counted is missing: the requests of the last 30 s, for the shield"),
        ({"rate_rps": 1.0, "counted": 2}, f"{window} nothing"),
        ({**good, "counted_seconds": 300}, f"{window} 300"),
        ({**good, "rate_rps": None, "x": 1}, "functions.g.x is no key that is known"),
    ):
        with pytest.raises(DataError, match=f"^{said}"):
            reader.read({"functions": {"f": good, "g": bad, "h": good}}, past)
    with pytest.raises(DataError, match="functions is missing"):
        reader.read(good, past)


def test_where_there_is_no_model_a_rejection_must_be_told_but_for_the_first():
    for reader in (
        reader_of(node(rejection_model="simulation", simulated_seconds=5.0)),
        reader_of(node(), rejection=None),
    ):
        first = reader.read({"rate_rps": 1.0}, START)
        with pytest.raises(DataError, match="rejection is missing, and the policy file has no model"):
            reader.read({"rate_rps": 1.0}, Past(START.choices, first.told))
        assert reader.read({"rate_rps": 1.0, "rejection": 0.5}, Past(START.choices, first.told)).observed[0, 2] == 0.5
    with pytest.raises(DataError, match="the decision before tells of no rate of f"):
        reader_of(node()).read({"rate_rps": 1.0}, Past(START.choices, {"functions": {"g": 1}}))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("rate_rps", None),
        ("rate_rps", np.asarray(0.0)),
        ("rate_rps", np.ones(2)),
        ("trained_rps", None),
        ("trained_rps", np.ones(2)),
        ("max_replicas", None),
        ("max_replicas", np.array([8, 9, 8])),
        ("max_replicas", np.array([8, 0, 8])),
        ("node_mb", None),
        ("replica_mb", np.array([64.0, 64.0, 32.0])),
        ("replica_mb", np.array([64.0, 64.0, 0.0])),
        ("replica_mb", np.array([64.0, 64.0, -1.0])),
        ("full_units", np.asarray(0)),
        ("shield_enough", np.ones((3, 7))),
        ("shield_window_s", None),
        ("rejection", np.ones((3, 8, 1))),
        ("rejection_root_step", None),
    ],
)
def test_a_policy_file_that_lacks_a_scale_or_has_another_is_refused(name, values):
    with pytest.raises(CheckpointError, match="make the policy file anew with mamo export"):
        reader_of(node(THREE, shield=0.05, **MEMORY), **{name: values})


def test_a_policy_that_observes_or_chooses_what_no_node_has_is_refused():
    domain = node(THREE)
    scales, use = domains.scales_of("faas", domain), np.zeros((3, 8), dtype=np.int64)
    for choices, observation in (((8, 8, 7), 4), ((8, 8, 8), 5)):
        with pytest.raises(CheckpointError, match=f"this one observes {observation}: make the policy file anew"):
            domains.reader_of("faas", THREE, choices, observation, use, scales)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.floats() | st.integers() | st.floats(0.0, 100.0) | st.integers(0, 20) | ANY
KEYS = (
    "rate_rps",
    "arrived",
    "rejected",
    "seconds",
    "rejection",
    "counted",
    "counted_seconds",
    "max_replicas",
    "time",
    "memory_mb",
    "x",
)
ONE = st.dictionaries(st.sampled_from(KEYS), NUMBERS, max_size=4) | ANY
BODIES = ONE | st.fixed_dictionaries({"functions": st.dictionaries(st.sampled_from("fgh"), ONE, max_size=3) | ANY})


@pytest.mark.parametrize("case", ["one", "memory and shield"])
def test_whatever_is_told_is_understood_or_refused(case):
    domain = NODES[case]()
    reader, agents = reader_of(domain), len(domain.spec.agents)

    @settings(max_examples=200)
    @given(BODIES)
    def read(told):
        try:
            reading = reader.read(told, Past(np.zeros(agents, dtype=np.int64)))
        except DataError:
            return
        assert np.isfinite(reading.observed).all()
        assert (reading.observed >= 0).all()
        assert reading.allowed.any(1).all()

    read()


@pytest.mark.parametrize(
    "make",
    [
        node,
        lambda: node(shield=0.05),
        lambda: node(shield=0.0, noise=0.3),
        lambda: node(rejection_model="simulation", simulated_seconds=5.0),
        lambda: node(memory_per_replica=64, node_memory=350),
    ],
    ids=["model", "shield", "edge", "simulated", "memory"],
)
def test_what_the_keys_say_is_needed_useless_or_assumed_is_what_reading_makes_of_it(make):
    reader = reader_of(make())
    values = {"rate_rps": 20.0, "rejection": 0.0, "counted": 3.0, "max_replicas": 8, "memory_mb": 350.0}
    whole = {key: value for key, value in values.items() if key not in reader.keys.useless}
    whole |= {f"{key}_seconds": window for key, window in reader.windows.items()}
    past = Past(np.ones(1, dtype=np.int64), {"functions": {"f": {"rate_rps": 20.0}}})
    assert reader.keys.needed.keys() | reader.keys.useless.keys() | reader.keys.assumed.keys() == values.keys()
    assert reader.read(whole, past).told
    for key, value in values.items():
        changed = {**whole, key: value} if key in reader.keys.useless else {k: v for k, v in whole.items() if k != key}
        if key not in reader.keys.assumed:
            with pytest.raises(DataError, match=key):
                reader.read(changed, past)
            continue
        understood = {**(told := reader.read(changed, past).told), **told["functions"]["f"]}
        (stated,) = reader.keys.assumed[key].values()
        assert stated == ("what the node's model says" if key == "rejection" else f"{understood[key]:g}")
        assert key != "rejection" or understood["rejection_from"] == "model"
