"""Several functions, each with what its own table says: settings, traces, priorities, and who refuses what."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.core.seam import Part, Scope, Shift
from mamo_cli.core.settings import read_toml
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.domain import build, load
from mamo_cli.domains.faas.functions import caps_of
from mamo_cli.domains.faas.rejection.models import make_model
from mamo_cli.domains.faas.settings import FunctionConfig, InstanceConfig
from mamo_cli.experiments.configs import SolveOfflineConfig, configured
from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import write_trace
from tests.domains.faas.nodes import made_trace

OWN = {
    "f0": FunctionConfig(warm_service_time=0.2, cold_service_time=0.9, tolerance=0.2, replica_cost=3.0),
    "f2": FunctionConfig(idle_timeout=5.0, max_replicas=4),
}
ALPHA = weights_of(np.full(3, 0.8))


def test_what_a_table_does_not_say_is_as_the_instance_says():
    config = InstanceConfig(replica_cost=(1.0, 2.0, 5.0), max_replicas=6).having(OWN)
    domain = build(config, made_trace(3))
    node = domain.case.evaluation
    assert domain.spec.limits.tolist() == [[0.2], [0.05], [0.05]]
    assert node.replica_cost.tolist() == [3.0, 2.0, 5.0]
    assert node.max_replicas.max(0).tolist() == [6, 6, 4]
    # Each at its largest cap: (3 * 6 + 2 * 6 + 5 * 4) / 3.
    assert node.cost_scale == pytest.approx(50 / 3)
    times = ((0.2, 0.9, 60.0), (0.065, 0.25, 60.0), (0.065, 0.25, 5.0))
    assert domain.case.models == tuple(make_model("serverless", *each) for each in times)


def test_each_function_is_what_it_would_be_alone():
    trace = made_trace(3)
    domain = build(InstanceConfig().having(OWN), trace)
    for f, name in enumerate(trace.functions):
        own = OWN.get(name, FunctionConfig()).model_dump(exclude_none=True)
        alone = build(InstanceConfig(**own), trace.only(f, name))
        np.testing.assert_array_equal(
            domain.case.planned_rejection()[:, f, :4], alone.case.planned_rejection()[:, 0, :4]
        )
        plan = alone.optimum(Scope.STEP, solver="highs").plan[:, 0]
        np.testing.assert_array_equal(domain.optimum(Scope.STEP, solver="highs").plan[:, f], plan)


def test_a_table_that_says_what_the_instance_says_moves_no_number():
    config = InstanceConfig(warm_service_time=0.1)
    plain = build(config, load(config))
    same = FunctionConfig(warm_service_time=0.1, cold_service_time=0.25, tolerance=0.05, priority=1.0, replica_cost=1.0)
    told = build(InstanceConfig().having({"f0": same}), load(config))
    assert told.spec.priorities is None
    np.testing.assert_array_equal(plain.spec.limits, told.spec.limits)
    np.testing.assert_array_equal(plain.case.training.table.values, told.case.training.table.values)
    one, other = (domain.answer(weights_of(np.array([0.8]))) for domain in (plain, told))
    np.testing.assert_array_equal(one.objectives, other.objectives)
    ours, theirs = (domain.optimum(Scope.AVERAGE, solver="highs") for domain in (plain, told))
    assert (ours.objective, ours.plan.tolist()) == (theirs.objective, theirs.plan.tolist())


def test_what_shifts_shifts_what_functions_have_of_their_own():
    domain = build(InstanceConfig().having(OWN), made_trace(3))
    shifted = domain.shifted(Shift(service=2.0, tolerance=0.3))
    assert shifted.spec.limits.tolist() == [[0.3]] * 3
    assert [model.warm_service_time_s for model in shifted.case.models] == [0.4, 0.13, 0.13]
    assert domain.spec.limits.tolist() == [[0.2], [0.05], [0.05]]


def test_priorities_weigh_the_functions_of_a_joint_cost():
    shares = {"f0": 0.5, "f1": 0.2, "f2": 0.3}
    trace = made_trace(3)
    equal = build(InstanceConfig(), trace)
    own = {name: FunctionConfig(priority=share) for name, share in shares.items()}
    domain = build(InstanceConfig().having(own), trace)
    assert domain.spec.priorities.tolist() == pytest.approx([0.5, 0.2, 0.3])
    by_hand = (equal.answer(ALPHA).objectives @ [0.2, 0.8]) @ [0.5, 0.2, 0.3]
    assert domain.optimum(Scope.ALPHA, ALPHA, solver="highs").objective == pytest.approx(by_hand, rel=1e-9)
    np.testing.assert_array_equal(domain.answer(ALPHA).plan, equal.answer(ALPHA).plan)  # nothing ties them together


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"f0": {"priority": 0.5}}, "function.f1 has no priority, and others have: give all of them one, or none"),
        (
            {name: {"priority": 0.3} for name in ("f0", "f1", "f2")},
            "the priorities of all functions must sum to 1, got 0.9; without any they are equal",
        ),
        ({"web": {}}, "function.web: the trace has no such function; there are f0, f1, f2"),
        (
            {"f1": {"memory_per_replica": 1}},
            "function.f0.memory_per_replica is missing, and others have one: say it for all",
        ),
    ],
)
def test_tables_that_cannot_be_are_refused(own, message):
    config = InstanceConfig().having({name: FunctionConfig(**values) for name, values in own.items()})
    with pytest.raises(UsageError) as refusal:
        build(config, made_trace(3))
    assert str(refusal.value) == message


def written(folder, **traces):
    for name, trace in traces.items():
        write_trace(trace, folder / f"{name}.csv")
    return {name: str(folder / f"{name}.csv") for name in traces}


def test_functions_may_each_have_a_trace(tmp_path):
    day = sinusoidal(steps=24, period=24)
    night = sinusoidal(mean=20, amplitude=5, steps=24, period=12, node_memory_mb=900, node_memory_amplitude_mb=90)
    files = written(tmp_path, day=day, night=night, both=replace(made_trace(2, 24), step_seconds=300.0))
    own = {"a": FunctionConfig(trace=files["day"]), "f1": FunctionConfig(trace=files["both"], max_replicas=3)}
    own["b"] = FunctionConfig(trace=files["night"])
    source = load(InstanceConfig().having(own))
    assert source.functions == ("a", "f1", "b")
    columns = (day.actual_rate_rps[:, 0], made_trace(2, 24).actual_rate_rps[:, 1], night.actual_rate_rps[:, 0])
    np.testing.assert_array_equal(source.actual_rate_rps, np.stack(columns, 1))
    np.testing.assert_array_equal(source.node_memory_mb, night.node_memory_mb)
    assert source.period_steps is None  # one of them does not repeat
    del own["f1"]
    assert load(InstanceConfig().having(own)).period_steps == 24  # 24 and 12
    beside = load(InstanceConfig(trace=files["both"]).having({"f1": own["a"]}))
    columns = (made_trace(2, 24).actual_rate_rps[:, 0], day.actual_rate_rps[:, 0])
    np.testing.assert_array_equal(beside.actual_rate_rps, np.stack(columns, 1))


def test_a_function_without_caps_beside_one_with_has_its_own(tmp_path):
    files = written(tmp_path, capped=made_trace(1, caps=True), free=made_trace(1))
    own = {"a": FunctionConfig(trace=files["capped"]), "b": FunctionConfig(trace=files["free"], max_replicas=3)}
    caps = load(InstanceConfig().having(own)).max_replicas
    np.testing.assert_array_equal(caps[:, 0], made_trace(1, caps=True).max_replicas[:, 0])
    assert caps[:, 1].tolist() == [3] * 20


def test_traces_that_do_not_fit_are_refused(tmp_path):
    files = written(tmp_path, long=made_trace(1, 30), short=made_trace(1, 20), two=made_trace(2, 20))
    long, short, two = (FunctionConfig(trace=files[name]) for name in ("long", "short", "two"))
    for own, error, message in (
        ({"a": long, "b": short}, DataError, "b has 20 steps of 300 s, a has 30 of 300 s"),
        ({"a": two}, DataError, f"{files['two']}: it has no function a; there are f0, f1"),
        ({"a": short, "b": FunctionConfig()}, UsageError, "function.b needs a trace, as others have"),
    ):
        with pytest.raises(error, match=message.replace("(", r"\(")):
            load(InstanceConfig().having(own))


def test_a_configuration_says_the_same_again(tmp_path):
    files = written(tmp_path, day=sinusoidal(steps=24, period=24))
    text = f'[function.web]\ntrace = "{files["day"]}"\ntolerance = 0.1\n'
    (tmp_path / "a.toml").write_text(text)
    config = configured(SolveOfflineConfig, read_toml(tmp_path / "a.toml"))
    assert config.instance.of("web").tolerance == 0.1
    assert load(config.instance).functions == ("web",)
    domain = build(config.instance, load(config.instance))
    assert domain.environment(Part.TRAINING, 1).observe().values.shape == (1, 1, 1, 4)


def test_each_function_is_simulated_with_its_own_times():
    config = InstanceConfig(rejection_model="simulation", max_replicas=4).having(OWN)
    domain = build(config, made_trace(3))
    services = domain.environment(Part.EVALUATION, 1)._requests.services
    assert services[:, :3].tolist() == [[0.2, 0.9, 60.0], [0.065, 0.25, 60.0], [0.065, 0.25, 5.0]]
    # Ten times the longest time to start and end, of .2 + .9 s, within periods of 300 s.
    assert domain.spec.block == 2


def test_a_functions_own_cap_holds_where_the_trace_has_caps_too():
    trace = made_trace(2, caps=True)
    second = trace.functions[1]
    caps = caps_of(trace, InstanceConfig().having({second: FunctionConfig(max_replicas=2)}))
    assert trace.max_replicas.max(0).min() > 2  # else this would not tell
    np.testing.assert_array_equal(caps[:, 0], trace.max_replicas[:, 0])
    np.testing.assert_array_equal(caps[:, 1], np.minimum(trace.max_replicas[:, 1], 2))
