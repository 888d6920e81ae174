"""What a node's step costs in fleets of one to a hundred: members x nodes are one population.

Nodes forward to and hear two neighbours each, on a ring. A node-step is one node of one copy of one member for one
period: played and observed ("environment"), or chosen for, stored and learnt from besides ("training": of each member a
gradient step a period). As many node-steps are timed whatever the size, in turns, in CPU seconds of one process.
"""

import time
from collections.abc import Callable

import numpy as np
import torch

import mamo_cli
from benchmarks.problem import LEARNER
from benchmarks.rows import Row, measured, ratio
from mamo_cli.core.seam import Part
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.core.weights import weights_of
from mamo_cli.domains.faas.fleet.domain import FleetDomain, load
from mamo_cli.domains.faas.fleet.settings import FleetConfig
from mamo_cli.learners.dqn.learner import DQN
from mamo_cli.learners.protocol import Shape
from mamo_cli.runs.engine import limit_threads
from mamo_cli.training.agents import TaskAgents
from mamo_cli.training.settings import PhaseConfig

NODES = (1, 10, 100)
MEMBERS = 100  # of one node; of M nodes so many over M, and nodes in all as many
COPIES = 4
STEPS = 40
ON_A_GPU = (64, 256, 1024, 4096)  # members
KEPT = 1024  # transitions of a member: thousands of members have no room for more
NETWORKS = ("shared", "apart")
MIXERS = ("independent", "sum")


def fleet(nodes: int) -> FleetDomain:
    """So many nodes on a ring."""
    joined = "ring" if nodes > 1 else "none"
    settings = FleetConfig(nodes=nodes, topology=joined, messages=joined)
    return FleetDomain(settings, load(settings))


def trained(domain: FleetDomain, members: int, network: str, mixer: str, device: str = "cpu") -> TaskAgents:
    """A population whose replays hold enough to learn from, and whose code is compiled."""
    phase = PhaseConfig(
        iterations=1,
        iteration_steps=STEPS,
        environments=COPIES,
        updates_per_step=1,
        epsilon=((0.0, 0.1),),
        learning_rate=((0.0, 1e-4),),
    )
    streams = [MemberStreams(seed, "te") for seed in range(members)]
    config = LEARNER.model_copy(update={"network": network, "mixer": mixer, "replay_capacity": KEPT})
    learner = DQN(config, Shape.of(domain.spec), streams, device)
    agents = TaskAgents(domain, learner, phase, streams)
    agents.train_iteration(0, weights_of(np.full((members, len(domain.spec.agents)), 0.5)))
    return agents


def run(quick: bool, repeats: int) -> list[Row]:
    """Microseconds a node-step by size, network and mixer, and the ratios of the largest fleet to that of ten."""
    limit_threads()
    jobs = {}
    for nodes in NODES:
        domain, members = fleet(nodes), MEMBERS // nodes
        jobs["environment", nodes] = playing(domain, members)
        for network in NETWORKS:
            for mixer in MIXERS:
                agents = trained(domain, members, network, mixer)
                weights = weights_of(np.full((members, nodes), 0.5))
                jobs[f"training, {network}, {mixer}", nodes] = lambda a=agents, w=weights: a.train_iteration(0, w)
    taken: dict[tuple[str, int], list[float]] = {job: [] for job in jobs}
    for _ in range(1 if quick else 3 * repeats):
        for job, work in jobs.items():
            start = time.process_time()
            work()
            taken[job].append((time.process_time() - start) / (MEMBERS * COPIES * STEPS) * 1e6)
    about = {"version": mamo_cli.__version__, "cores": 1}
    rows = {
        (what, nodes): measured(
            "scale", what, "us/node-step", each, members=MEMBERS // nodes, note=f"{nodes} nodes", **about
        )
        for (what, nodes), each in taken.items()
    }
    ratios = [
        ratio(f"{what}: 100 nodes / 10", rows[what, 100], rows[what, 10], "time of a node-step")
        for what in dict.fromkeys(what for what, _ in jobs)
    ]
    return [*rows.values(), *ratios, *on_a_gpu(quick, repeats)]


def on_a_gpu(quick: bool, repeats: int) -> list[Row]:
    """Node-steps of thousands of members of ten nodes with the networks on a GPU, in wall time; none without one."""
    if not torch.cuda.is_available():
        return []
    domain, rows = fleet(10), []
    cases = [("cpu", 64), *(("cuda", members) for members in (ON_A_GPU[:1] if quick else ON_A_GPU))]
    for device, members in cases:
        agents = trained(domain, members, "shared", "sum", device)
        weights, taken = weights_of(np.full((members, 10), 0.5)), []
        for _ in range(repeats):
            start = time.perf_counter()
            agents.train_iteration(0, weights)
            taken.append((time.perf_counter() - start) / (members * 10 * COPIES * STEPS) * 1e6)
        about = {"version": mamo_cli.__version__, "cores": 1, "note": f"10 nodes, {device}"}
        rows.append(measured("scale", "training, shared, sum", "us/node-step", taken, members=members, **about))
    return rows


def playing(domain: FleetDomain, members: int) -> Callable[[], None]:
    """Periods of random choices, their noise and losses drawn before."""
    nodes, environment = len(domain.spec.agents), domain.environment(Part.TRAINING, members, COPIES)
    rng, streams = np.random.default_rng(0), [MemberStreams(seed, "te") for seed in range(members)]
    actions = rng.integers(0, max(domain.spec.choices), (STEPS, members, COPIES, nodes))
    draws = environment.draw(STEPS, streams)

    def play() -> None:
        for chosen, drawn in zip(actions, draws, strict=True):
            environment.step(chosen, drawn)

    play()
    return play
