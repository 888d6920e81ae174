"""Agents that train apart, each its own network, and average what they learnt.

All agents begin with one network, the first's. After every so many cycles each sends its update, what it has learnt
since they last had one network in common; the common network moves by an aggregate of these, and all go on from it. An
agent's optimiser, replay and exploration stay its own: the optimiser's moments are those of its own gradients.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mamo_cli.core.arrays import AnyFloatArray, BoolArray, Float32Array, FloatArray
from mamo_cli.core.compiled import put_back
from mamo_cli.core.errors import UsageError
from mamo_cli.core.seam import Spec
from mamo_cli.core.seeding import MemberStreams
from mamo_cli.learners.dqn.settings import LearnerConfig
from mamo_cli.training.federation import aggregation, attacks
from mamo_cli.training.federation.privacy import DELTA, clipped, epsilon, noised
from mamo_cli.training.federation.settings import FederationConfig

COLUMNS = ("update_norm", "update_bytes", "update_epsilon")
"""Of cycles.csv: of what an agent sends; blank in cycles without an average, and epsilon where there is no noise."""

BYTES = 4
"""Of a number of a network."""


class Averaged(Protocol):
    """Whose networks are averaged."""

    def policies(self) -> AnyFloatArray:
        """`(K, D)` the present ones, agent after agent."""
        ...

    def begin_with(self, policies: AnyFloatArray) -> None:
        """Go on from policies `(K, D)`."""
        ...


class Federation:
    """K members, each a federation of A agents."""

    def __init__(self, config: FederationConfig, tasks: Averaged, seeds: Sequence[int], agents: int) -> None:
        """Give all agents the first one's network.

        Args:
            config: settings, with `every`.
            tasks: members' agents, untrained.
            seeds: one a member.
            agents: A.
        """
        assert config.every is not None
        self._config, self._every, self._tasks, self._agents = config, config.every, tasks, agents
        self._streams = [MemberStreams(seed, "federation", ("attack", "privacy")) for seed in seeds]
        self._common: Float32Array = self._networks()[:, 0].copy()
        self._rounds = 0
        tasks.begin_with(np.tile(self._common, (1, agents)))

    def average(self, cycle: int, alive: BoolArray) -> Mapping[str, FloatArray]:
        """After a cycle whose turn it is, average every member's networks but those of the frozen.

        Returns:
            `(K, A)` of each of `COLUMNS`: the norm of what an agent learnt since the last average, before anything is
            done to it; bytes that it sent and received so far; and what it has told, see `privacy.epsilon`.
        """
        told = {name: np.full((len(self._streams), self._agents), np.nan) for name in COLUMNS}
        if (cycle + 1) % self._every:
            return told
        networks = self._networks()
        self._rounds += 1
        for k in np.flatnonzero(alive):
            learnt = networks[k].astype(np.float64) - self._common[k]
            told["update_norm"][k] = np.sqrt((learnt**2).sum(1))
            with np.errstate(over="ignore", invalid="ignore"):  # the loop freezes whoever holds what is no number
                update = aggregation.BY_NAME[self._config.aggregate](
                    self._sent(learnt, self._streams[k]), self._config.faulty
                )
                self._common[k] += update.astype(np.float32)
            networks[k] = self._common[k]
        self._tasks.begin_with(networks.reshape(len(networks), -1))
        told["update_bytes"][:] = bytes_sent(networks.shape[2], self._rounds)
        if self._config.noise:
            honest = self._agents - self._config.poisoned
            told["update_epsilon"][:, :honest] = epsilon(self._rounds, self._config.noise)
        return told

    def _networks(self) -> Float32Array:
        """`(K, A, D)` a copy of every agent's."""
        policies = self._tasks.policies()
        return np.array(policies, dtype=np.float32).reshape(len(policies), self._agents, -1)

    def _sent(self, learnt: FloatArray, streams: MemberStreams) -> FloatArray:
        """What agents send `(A, D)` of what they learnt: the honest, clipped and noised; the poisoned, as they like."""
        config, honest = self._config, self._agents - self._config.poisoned
        sent = learnt[:honest]
        if config.clip is not None:
            sent = clipped(sent, config.clip)
            if config.noise:
                sent = noised(sent, config.clip, config.noise, streams["privacy"])
        if config.attack is None:
            return sent
        attack = attacks.BY_NAME[config.attack](sent, learnt[honest:], config.scale, streams["attack"])
        return np.concatenate((sent, attack))

    def state_dict(self) -> dict[str, Any]:
        """All that a bit-identical continuation needs beside the agents."""
        streams = [each.state_dict() for each in self._streams]
        return {"common": self._common.copy(), "rounds": self._rounds, "streams": streams}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned."""
        put_back(self._common, state["common"])
        self._rounds = state["rounds"]
        for each, saved in zip(self._streams, state["streams"], strict=True):
            each.load_state_dict(saved)


def promised(config: FederationConfig, cycles: int) -> dict[str, Any]:
    """What a run of so many cycles will have done, for its record; epsilon is None where no noise hides anything."""
    assert config.every is not None
    rounds = cycles // config.every
    private = config.noise > 0.0 and rounds > 0
    return {
        "averages": rounds,
        "aggregate": config.aggregate,
        "attack": config.attack,
        "poisoned": config.poisoned,
        "epsilon": epsilon(rounds, config.noise) if private else None,
        "delta": DELTA if private else None,
    }


def bytes_sent(size: int, rounds: int) -> int:
    """What an agent sends and receives in so many rounds, of networks of so many numbers."""
    return 2 * BYTES * size * rounds


def refuse(config: FederationConfig, cycles: int, te: str, learner: LearnerConfig, problem: Spec) -> None:
    """Say what cannot be averaged, or would not be delivered as it was averaged.

    Raises:
        UsageError: agents are not ours, have no networks of their own, learn from one another, or are too few; or what
            they learn in the last of so many cycles is not averaged.
    """
    assert config.every is not None
    agents, faulty, poisoned = len(problem.agents), config.faulty, config.poisoned
    if te != "dqn":
        raise UsageError(f"federation is of task agents dqn, whose networks can be averaged, not {te}")
    if agents == 1:
        raise UsageError("federation is of several agents, and there is one")
    if not learner.separate:
        raise UsageError(
            "federation is of agents that learn from nothing but their own: it needs learner.network apart, "
            "learner.mixer independent and learner.sharing 0"
        )
    if learner.priority_exponent > 0.0:
        raise UsageError(
            "federation is of agents that learn from nothing but their own, and replay's priorities are of all agents' "
            "errors: it needs learner.priority_exponent 0"
        )
    if cycles % config.every:
        raise UsageError(
            f"federation.every {config.every} with {cycles} cycles: the last would go without an average, so cycles "
            "must be a multiple of it"
        )
    if 2 * poisoned >= agents:
        raise UsageError(f"federation.poisoned {poisoned} of {agents} agents: it must be fewer than half")
    needed = 2 * faulty + (3 if config.aggregate == "krum" else 1)
    if agents < needed:
        raise UsageError(
            f"federation.aggregate {config.aggregate} with faulty {faulty} needs {needed} agents, and there are "
            f"{agents}"
        )
