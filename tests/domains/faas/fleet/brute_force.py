"""A small fleet by trying everything, written from the specification: no table, no elimination, no program."""

import itertools

import numpy as np

from mamo_cli.domains.faas.fleet.domain import build
from mamo_cli.domains.faas.fleet.settings import FleetConfig, OwnConfig, Planning
from mamo_cli.domains.faas.rejection.models import make_model
from mamo_cli.workload.trace import Trace

SHARES = (0.25, 0.5)
ROUNDING = 1e-7


def random_fleet(seed, nodes=3, topology="star", replicas=2, steps=2, model=None, pooled=False, own=False, **settings):
    """A fleet under loads around what its replicas can serve, for solve-offline; own: nodes and caps differ, too."""
    rng = np.random.default_rng(seed)
    rates = rng.uniform(0.0, 20.0 * replicas, (steps, nodes))
    chosen = FleetConfig(
        topology=topology,
        max_replicas=replicas,
        tolerance=float(rng.uniform(0.02, 0.5)),
        rejection_model=model or ("erlang", "serverless")[seed % 2],
        forward_cost=float(rng.choice([0.0, 1e-5, 1e-4])),
        noise=0.0,
        **settings,
    )
    names, caps = tuple(f"node{m + 1}" for m in range(nodes)), None
    if own:
        caps = rng.integers(1, replicas + 1, (steps, nodes))
        chosen = chosen.having({name: of_its_own(rng, replicas) for name in names})
    source = Trace(names, rates, rates, step_seconds=300.0, max_replicas=caps, period_steps=steps)
    return build(chosen, source, source, Planning(pooled=pooled))


def of_its_own(rng, replicas):
    """What a node has that others have not."""
    return OwnConfig(
        tolerance=float(rng.uniform(0.02, 0.5)),
        max_replicas=int(rng.integers(1, replicas + 1)),
        replica_cost=float(rng.choice([0.5, 1.0, 2.3])),
        warm_service_time=float(rng.uniform(0.02, 0.1)),
        cold_service_time=float(rng.uniform(0.1, 0.3)),
    )


def every(domain):
    """Joint choices `(J, M)`, and by step `(T, J)` what they cost in sum and `(T, J, M)` lose of each node's own.

    What is beyond a node's cap, its own or the trace's of that step, costs infinitely much.
    """
    settings, near, trace = domain.settings, domain.evaluation.neighbours, domain.evaluation.node.trace
    rates, own = domain.case.known_rate_rps, [settings.of(m) for m in trace.functions]
    count = domain.evaluation.node.replica_choices  # fewer than asked for where no cap allows as many
    flows = [[(None, 0.0), *((j, share) for j in each for share in SHARES)] for each in near]
    choices = [list(itertools.product(each, range(1, count + 1))) for each in flows]
    joint = list(itertools.product(*choices))
    indices = np.array(list(itertools.product(*(range(len(each)) for each in choices))))
    models = [
        make_model(settings.rejection_model, each.warm_service_time, each.cold_service_time, settings.idle_timeout)
        for each in own
    ]
    cost, lost = np.zeros((len(rates), len(joint))), np.zeros((len(rates), len(joint), len(near)))
    for t, rate in enumerate(rates):
        caps = [each.max_replicas for each in own]
        caps = caps if trace.max_replicas is None else np.minimum(caps, trace.max_replicas[t])
        arriving = np.zeros((len(joint), len(near)))
        for i, each in enumerate(joint):
            for m, ((to, share), replicas) in enumerate(each):
                arriving[i, m] += (1 - share) * rate[m]
                if to is not None:
                    arriving[i, to] += share * rate[m]
                cost[t, i] += own[m].replica_cost * replicas + settings.forward_cost * 300.0 * share * rate[m]
                cost[t, i] += np.inf if replicas > caps[m] else 0.0
        rejected = [model.rejection_probability(arriving[:, m], count) for m, model in enumerate(models)]
        for i, each in enumerate(joint):
            here = [rejected[m][i, replicas - 1] for m, (_, replicas) in enumerate(each)]
            for m, ((to, share), _) in enumerate(each):
                lost[t, i, m] = (1 - share) * here[m] + (share * here[to] if to is not None else 0.0)
    return indices, cost, lost


def tolerances(domain):
    """`(M,)` of each node."""
    return np.array([domain.settings.of(name).tolerance for name in domain.spec.agents])


def best_by_step(cost, lost, tolerance):
    """`(T,)` least violation, and the least cost among what violates no more."""
    violation = np.where(lost > tolerance + ROUNDING, lost - tolerance, 0.0).sum(-1) + np.where(
        cost < np.inf, 0.0, cost
    )
    least = violation.min(1)
    return least, np.where(violation <= least[:, None] + ROUNDING, cost, np.inf).min(1)


def best_on_average(cost, lost, tolerance):
    """The least mean cost of two steps whose means are within the tolerance; infinite where none are."""
    means = (lost[0][:, None] + lost[1][None]) / 2
    costs = (cost[0][:, None] + cost[1][None]) / 2
    return np.where((means <= tolerance + ROUNDING).all(-1), costs, np.inf).min()
