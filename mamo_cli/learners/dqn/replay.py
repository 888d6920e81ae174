"""Prioritised replay for a population, keeping the objectives of every transition apart.

The reward is never stored: when the weights of the objectives change, every stored transition stays valid and is
weighed anew when it is drawn. A member's E copies of the environment are stored side by side, so that the transition
after the one at a place stands E places on.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import BoolArray, Float32Array, FloatArray, IntArray
from mamo_cli.core.compiled import compiled, put_back
from mamo_cli.core.seam import Seen, Step
from mamo_cli.learners.dqn.priorities import draw, set_priorities
from mamo_cli.learners.protocol import Shape

WORD = 64  # choices in a word of a mask
ALL = 2**WORD - 1  # a word that forbids nothing

WordArray = NDArray[np.uint64]


class Memory(NamedTuple):
    """Every member's replay of N transitions."""

    states: Float32Array  # (K, N, 2, O A): the state before a transition and the one after it, see `join`
    outcomes: Float32Array  # (K, N, A + A M + 1): choices, objectives, and how it went on: see `successor`
    masks: WordArray  # (K, N, A, words): what may be chosen in the state after, a bit a choice; N is 1 while all may be
    budgets: IntArray  # (K, N): units that all choices may take together there; N is 1 where agents share nothing
    sums: FloatArray  # (K, 2 leaves): sum tree of priorities; node i has the children 2i and 2i + 1, node 1 is the root
    largest: FloatArray  # (K, 1) largest priority so far
    ring: IntArray  # (3,): the next place, how many are held, and E, how many were stored at once last time


class Batch(NamedTuple):
    """B transitions of a member, as a target sees them; `_t` is the time after the choice."""

    places: IntArray  # (B,)
    probability: FloatArray  # (B,) with which each was drawn
    states: Float32Array  # (2B, inputs): the B before, then the B whose value counts for what comes later; O A numbers
    actions: IntArray  # (B, A)
    objectives: Float32Array  # (B, A, M)
    discounts: FloatArray  # (B,) of the value of the states after
    allowed: BoolArray  # (B, A, C): what may be chosen in the states after
    budgets: IntArray  # (B,): what all choices may take together there


@compiled
def unpack(memory: Memory, k: int, places: IntArray, allowed: BoolArray, budgets: IntArray) -> None:
    """Fill what may be chosen `(B, A, C)`, and within which budget `(B,)`, after a member's transitions at `places`."""
    size, agents, choices = allowed.shape
    for b in range(size):
        budgets[b] = memory.budgets[k, places[b] if memory.budgets.shape[1] > 1 else 0]
        row = places[b] if memory.masks.shape[1] > 1 else 0
        for a in range(agents):
            for first in range(0, choices, WORD):
                word = memory.masks[k, row, a, first // WORD]
                for c in range(first, min(first + WORD, choices)):
                    allowed[b, a, c] = word & np.uint64(1) != 0
                    word >>= np.uint64(1)


@compiled
def pack(allowed: BoolArray, words: WordArray) -> None:
    """Fill the bits `(A, words)` of a mask `(A, C)`."""
    for a in range(allowed.shape[0]):
        for w in range(words.shape[1]):
            words[a, w] = np.uint64(0)
        for c in range(allowed.shape[1]):
            words[a, c // WORD] |= np.uint64(allowed[a, c]) << np.uint64(c % WORD)


@compiled
def successor(memory: Memory, k: int, place: int) -> int:
    """Place of the transition after a member's at `place`; -1 where its episode was over, or it is not stored yet.

    How a transition went on is told by the last number of its outcome: how many places on the next stands; 0 where the
    episode was cut short; -1 where it terminated.
    """
    capacity = memory.states.shape[1]
    gap, younger = int(memory.outcomes[k, place, -1]), (memory.ring[0] - 1 - place) % capacity
    return (place + gap) % capacity if 0 < gap <= younger else -1


@compiled
def join(values: Float32Array, row: Float32Array) -> None:
    """What all agents observe `(A, O)` as one row `(O A,)`: the first number of each, then the second of each."""
    agents, numbers = values.shape
    for a in range(agents):
        for o in range(numbers):
            row[o * agents + a] = values[a, o]


@compiled
def store(
    memory: Memory,
    values_tm1: Float32Array,
    actions: IntArray,
    objectives: FloatArray,
    values_t: Float32Array,
    mask_t: BoolArray,
    budget_t: IntArray,
    continues: Float32Array,
    over: BoolArray,
) -> bool:
    """Put E transitions of every member into the ring, at the largest priority so far.

    Args:
        memory: changed.
        values_tm1: `(K, E, A, O)`.
        actions: `(K, E, A)`.
        objectives: `(K, E, A, M)`.
        values_t: `(K, E, A, O)`.
        mask_t: `(K, E, A, C)`.
        budget_t: `(K, E)`, not looked at where the memory has no room for budgets.
        continues: `(K, E)`, 0 where the episode terminated.
        over: `(K, E)`, whether it is over, terminated or cut short.

    Returns:
        Whether they were stored: not where something is forbidden and the memory has no room for masks.
    """
    members, count, agents, weighed = objectives.shape
    masked = memory.masks.shape[1] > 1
    if not masked:
        for allowed in mask_t.flat:
            if not allowed:
                return False
    capacity = memory.states.shape[1]
    following, held, copies = memory.ring
    places, largest = np.empty(count, dtype=np.int64), np.empty(count)
    for e in range(count):
        places[e] = (following + e) % capacity
    memory.ring[0], memory.ring[1] = (following + count) % capacity, min(held + count, capacity)
    memory.ring[2] = count
    for k in range(members):
        if count != copies:  # other environments: nothing that is held goes on in them
            for back in range(1, copies + 1):
                last = memory.outcomes[k, (following - back) % capacity]
                last[-1] = min(last[-1], 0)
        for e in range(count):
            state, outcome = memory.states[k, places[e]], memory.outcomes[k, places[e]]
            join(values_tm1[k, e], state[0])
            join(values_t[k, e], state[1])
            for a in range(agents):
                outcome[a] = actions[k, e, a]
                for m in range(weighed):
                    outcome[agents + a * weighed + m] = objectives[k, e, a, m]
            outcome[-1] = -1 if continues[k, e] == 0 else 0 if over[k, e] else count
            if masked:
                pack(mask_t[k, e], memory.masks[k, places[e]])
            if memory.budgets.shape[1] > 1:
                memory.budgets[k, places[e]] = budget_t[k, e]
            largest[e] = memory.largest[k, 0]
        set_priorities(memory.sums[k], places, largest)
    return True


@compiled
def prioritise(memory: Memory, k: int, places: IntArray, priorities: FloatArray) -> None:
    """Set a member's priorities `(B,)` at `places` and remember the largest."""
    set_priorities(memory.sums[k], places, priorities)
    for priority in priorities:
        memory.largest[k, 0] = max(memory.largest[k, 0], priority)


@functools.cache
def make_sample(follow: Any) -> Callable[..., None]:
    """How a batch is drawn, of what a target's `follow` makes of each transition."""

    @compiled
    def sample(memory: Memory, k: int, uniforms: FloatArray, discount: float, batch: Batch) -> None:
        """Fill a batch of a member's transitions, one from each of B equal strata of the priorities' sum.

        Args:
            memory: the replay.
            k: the member.
            uniforms: `(B,)` in [0, 1), where in its stratum each falls.
            discount: of the next period's value.
            batch: to be filled.
        """
        size, agents = batch.actions.shape
        strata = np.empty(size)
        for b in range(size):
            strata[b] = (b + uniforms[b]) / size
        draw(memory.sums[k], strata, batch.places, batch.probability)
        for b in range(size):
            place = batch.places[b]
            for i in range(memory.states.shape[3]):
                batch.states[b, i] = memory.states[k, place, 0, i]
            for a in range(agents):
                batch.actions[b, a] = int(memory.outcomes[k, place, a])
        follow(memory, k, discount, batch)

    return sample


@functools.cache
def make_population_sample(follow: Any) -> Callable[[Memory, FloatArray, float, int, int], Batch]:
    """How a batch of every member is drawn, for networks that are not compiled; see `make_sample`."""
    sample = make_sample(follow)

    @compiled
    def population_sample(
        memory: Memory, uniforms: FloatArray, discount: float, choices: int, objectives: int
    ) -> Batch:
        """Batches of every member, one more leading axis K on each field, by uniforms `(K, B)` in [0, 1)."""
        members, size = uniforms.shape
        agents = memory.masks.shape[2]
        drawn = Batch(
            np.empty((members, size), dtype=np.int64),
            np.empty((members, size)),
            np.empty((members, 2 * size, memory.states.shape[3]), dtype=np.float32),
            np.empty((members, size, agents), dtype=np.int64),
            np.empty((members, size, agents, objectives), dtype=np.float32),
            np.empty((members, size)),
            np.empty((members, size, agents, choices), dtype=np.bool_),
            np.empty((members, size), dtype=np.int64),
        )
        for k in range(members):
            batch = Batch(
                drawn.places[k],
                drawn.probability[k],
                drawn.states[k],
                drawn.actions[k],
                drawn.objectives[k],
                drawn.discounts[k],
                drawn.allowed[k],
                drawn.budgets[k],
            )
            sample(memory, k, uniforms[k], discount, batch)
        return drawn

    return population_sample


@compiled
def prioritise_population(memory: Memory, places: IntArray, priorities: FloatArray) -> None:
    """Set every member's priorities `(K, B)` at `places` and remember the largest."""
    for k in range(len(places)):
        prioritise(memory, k, places[k], priorities[k])


class PrioritisedReplay:
    """A ring of the latest `capacity` transitions of each member, drawn proportionally to their priority.

    Attributes:
        size: transitions held of each member.
        memory: where they are.
    """

    def __init__(self, members: int, capacity: int, shape: Shape) -> None:
        """Args: members: K. capacity: N. shape: of the problem."""
        self.size = 0
        self._shape = shape
        self._capacity = capacity
        self._first_leaf = 1 << (capacity - 1).bit_length()
        numbers, words = shape.agents * (1 + shape.objectives) + 1, -(-shape.choices // WORD)
        self.memory = Memory(
            states=np.zeros((members, capacity, 2, shape.agents * shape.observation), dtype=np.float32),
            outcomes=np.zeros((members, capacity, numbers), dtype=np.float32),
            masks=np.full((members, 1, shape.agents, words), ALL, dtype=np.uint64),
            budgets=np.zeros((members, 1 if shape.use is None else capacity), dtype=np.int64),
            sums=np.zeros((members, 2 * self._first_leaf)),
            largest=np.ones((members, 1)),
            ring=np.zeros(3, dtype=np.int64),
        )

    def add(self, seen: Seen, actions: IntArray, step: Step) -> None:
        """Store E transitions of each member: what was seen, the choices `(K, E, A)`, and what they brought."""
        values, mask, _ = step.after
        brought = (step.objectives, values, mask, self._shape.budgets(step.after), step.continues, step.over)
        if not store(self.memory, seen.values, actions, *brought):
            self.keep_masks()
            store(self.memory, seen.values, actions, *brought)
        self.size = min(self.size + actions.shape[1], self._capacity)

    def forget(self, member: int) -> None:
        """Never again draw what a member holds now."""
        self.memory.sums[member] = 0.0

    def keep_masks(self) -> None:
        """Make room for what may be chosen after each transition: where all may be, the gathering of it is saved."""
        members, _, *mask = self.memory.masks.shape
        self.memory = self.memory._replace(masks=np.full((members, self._capacity, *mask), ALL, dtype=np.uint64))

    def state_dict(self) -> dict[str, Any]:
        """Everything held, cut to the transitions stored so far; of the priorities the leaves, which give the sums."""
        names = ("states", "outcomes", *self._shared())
        parts = {name: getattr(self.memory, name)[:, : self.size] for name in names}
        parts["priorities"] = self._priorities()[:, : self.size]
        whole = {"largest": self.memory.largest, "ring": self.memory.ring}
        kept = self.memory.masks.shape[1] > 1  # as whole numbers with a sign: not every version of torch has others
        masks = self.memory.masks[:, : self.size].view(np.int64).copy() if kept else None
        return {"masks": masks, **{name: part.copy() for name, part in {**parts, **whole}.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned.

        Raises:
            ValueError: it is not of this replay; compiled code would follow its indices anywhere.
        """
        names = ["states", "outcomes", *self._shared(), "priorities", "largest", "ring"]
        names += [] if state["masks"] is None else ["masks"]
        saved: dict[str, NDArray[Any]] = {name: np.asarray(state[name]) for name in names}
        put_back(np.empty_like(self.memory.ring), saved["ring"])
        following, size, copies = saved["ring"].tolist()
        actions = saved["outcomes"][..., : self._shape.agents]
        if not (0 <= size <= self._capacity and 0 <= following < self._capacity and 0 <= copies <= self._capacity):
            raise ValueError(f"a replay of {self._capacity} cannot hold {size} transitions and go on at {following}")
        if not bool(((actions >= 0) & (actions < self._shape.choices)).all()):
            raise ValueError(f"a replay holds choices beyond 0..{self._shape.choices - 1}")
        self.memory.ring[:], self.size = saved.pop("ring"), size
        if "masks" in saved:
            self.keep_masks()
        else:
            self.memory = self.memory._replace(masks=np.full_like(self.memory.masks[:, :1], ALL))
        self._priorities()[:] = 0.0
        ours = {**self.memory._asdict(), "masks": self.memory.masks.view(np.int64), "priorities": self._priorities()}
        for name, part in saved.items():
            put_back(ours[name][:, :size] if name != "largest" else ours[name], part)
        sums, level = self.memory.sums, self._first_leaf
        while level > 1:
            pairs = sums[:, level : 2 * level]
            level //= 2
            sums[:, level : 2 * level] = pairs[:, 0::2] + pairs[:, 1::2]

    def _shared(self) -> tuple[str, ...]:
        """What is kept of a budget where agents share one."""
        return () if self._shape.use is None else ("budgets",)

    def _priorities(self) -> FloatArray:
        """`(K, capacity)` view of the leaves."""
        return self.memory.sums[:, self._first_leaf : self._first_leaf + self._capacity]
