"""What a policy of a node needs beside itself where it decides, and how it reads there what is measured.

What is observed is what `ScalingEnvironment` makes of the same period, and what a shield raises is what it raises
there: tests hold both equal to the last bit. Nothing of a workload is imported.
"""

from collections.abc import Mapping
from math import isclose
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mamo_cli.core.arrays import FloatArray, IntArray
from mamo_cli.core.errors import CheckpointError, DataError
from mamo_cli.core.readings import Keys, Past, Reading
from mamo_cli.domains.faas.floor import raised, replicas_for
from mamo_cli.domains.faas.kept import ANEW, Budget, Kept, Model
from mamo_cli.domains.faas.readings import FUNCTIONS, FunctionReading, NodeReading, understood

if TYPE_CHECKING:  # what a run is made of, and no decision needs
    from mamo_cli.domains.faas.domain import FaasDomain
    from mamo_cli.domains.faas.environment import ScalingEnvironment
    from mamo_cli.domains.faas.guarded import GuardedEnvironment

MOST = float(np.finfo(np.float64).max)
"""Stands for any reading, in a file that knows no infinite number."""
COARSENESS = 1e-3
"""What a share of requests may be off by in the model that a file keeps."""
SIMULATION = "simulation"
COUNTED = "counted"


def scales(domain: "FaasDomain") -> Mapping[str, NDArray[Any]]:
    """By name:

    | name | shape | what it is |
    |---|---|---|
    | `rate_rps` | `()` | what the expected rate is divided by |
    | `trained_rps` | `(F,)` | the largest expected rate of each function in training, requests/s |
    | `max_replicas`, `trained_replicas` | `(F,)` | the largest cap of each function, and the least in training |
    | `replica_cost` | `(F,)` | cost of a replica for one period |
    | `replica_mb`, `full_units` | `(F,)`, `()` | memory of a replica, and units that all take at their largest caps |
    | `node_mb` | `()` | the most memory that there ever is, MB |
    | `trained_share` | `(2,)` | the least and the most memory in training, as its share is observed |
    | `rejection`, `rejection_root_step` | `(F, N, L)`, `()` | the node's model: P of n = 1..N replicas at L rates |
    | `shield_enough` | `(F, N)` | the largest reading for which n = 1..N replicas are enough; below 0 where none is |
    | `shield_window_s` | `()` | s in which the requests are counted that are the reading |
    | `shield_edge` | `()` | or else: what the expected rate is multiplied by to be the reading |

    Those of memory and shield only where there is such; the model, float32 within `COARSENESS` at rates
    `(i x rejection_root_step)^2`, not where requests are simulated, of which there is no model.
    """  # fmt: skip
    (node, training), shield = (domain.case.evaluation, domain.case.training), domain.shield
    found: dict[str, Any] = {
        "rate_rps": node.rate_scale_rps,
        "trained_rps": training.trace.expected_rate_rps.max(0),
        "max_replicas": np.maximum(node.max_replicas.max(0), training.max_replicas.max(0)),
        "trained_replicas": training.max_replicas.min(0),
        "replica_cost": node.replica_cost,
    }
    if node.memory is not None and training.memory is not None:
        most = max(float(memory.node_mb.max()) for memory in (node.memory, training.memory))
        found |= {"replica_mb": node.memory.per_replica_mb, "full_units": node.memory.full, "node_mb": most}
        found["trained_share"] = training.memory.shares.min(), training.memory.shares.max()
    if domain.settings.rejection_model != SIMULATION:
        found["rejection"], found["rejection_root_step"] = _coarse(node.table.values, node.table.root_step)
    if shield is not None:
        reading = {"shield_window_s": shield.window_s} if shield.edge is None else {"shield_edge": shield.edge}
        found |= {"shield_enough": np.minimum(shield.enough, MOST), **reading}
    return {name: np.asarray(values) for name, values in found.items()}


def _coarse(values: FloatArray, step: float) -> tuple[NDArray[np.float32], float]:
    """As few points of a table as tell of the others within `COARSENESS`, each 2^k-th, and their distance."""
    wide = 1
    while (values.shape[2] - 1) % (2 * wide) == 0 and _off(values, 2 * wide) <= COARSENESS:
        wide *= 2
    return np.ascontiguousarray(values[..., ::wide], dtype=np.float32), step * wide


def _off(values: FloatArray, wide: int) -> float:
    """The largest distance of a table's points from the lines between each `wide`-th of them."""
    cells = values[..., :-1].reshape(*values.shape[:2], -1, wide)
    low, high = values[..., :-1:wide, None], values[..., wide::wide, None]
    return float(np.abs(low + (high - low) * (np.arange(wide) / wide) - cells).max())


def reader(
    functions: tuple[str, ...],
    choices: tuple[int, ...],
    observation: int,
    use: IntArray,
    scales: Mapping[str, NDArray[Any]],
) -> "NodeReader":
    """What reads for a policy; see `registry.reader_of`."""
    shared = "replica_mb" in scales
    if len(set(choices)) > 1 or observation != (5 if shared else 4):
        raise CheckpointError(
            "a policy of a node observes 4 numbers of each function, and a fifth of a shared memory, and all functions "
            f"have as many choices; this one observes {observation}: {ANEW}"
        )
    return NodeReader(functions, choices[0], use, scales)


def measured(environment: "ScalingEnvironment | GuardedEnvironment") -> dict[str, Any]:
    """What is measured before the coming period of an environment's first copy."""
    return environment.measured()


class NodeReader:
    """From what is measured of a node to what its functions observe, may choose and share, and to their floors."""

    first = 1

    def __init__(
        self, functions: tuple[str, ...], most: int, use: IntArray, scales: Mapping[str, NDArray[Any]]
    ) -> None:
        """Take what a policy file keeps.

        Args:
            functions: F names.
            most: N.
            use: `(F, N)` units of a shared memory.
            scales: see `scales`.

        Raises:
            CheckpointError: the scales are not those of such a node.
        """
        self._functions, self._most, self._each = functions, most, np.arange(most)
        self._at = [f"{FUNCTIONS}.{name}." if len(functions) > 1 else "" for name in functions]
        kept = Kept(scales, len(functions), self._most)
        self._rate_rps = kept.number("rate_rps")
        self._trained_rps = kept.array("trained_rps", (len(functions),)).tolist()
        self._largest = kept.replicas("max_replicas").tolist()
        self._least = kept.replicas("trained_replicas").tolist()
        self._memory = Budget(kept, use) if "replica_mb" in scales else None
        self._model = Model(kept) if "rejection" in scales else None
        self._edge = kept.number("shield_edge") if "shield_edge" in scales else None
        self._enough = kept.array("shield_enough", (len(functions), self._most)) if "shield_enough" in scales else None
        counts = self._enough is not None and self._edge is None
        self.windows = {COUNTED: kept.number("shield_window_s")} if counts else {}
        self.keys = self._keys()
        if self._enough is not None and self._memory is not None:  # compiled now, so that no decision waits for it
            none = np.zeros((1, len(functions)), dtype=np.int64)
            raised(none, none, use, np.zeros(1, dtype=np.int64))

    def read(self, body: Mapping[str, Any], past: Past) -> Reading:
        """What was measured, understood; see `FunctionReading` for what is told.

        A network observes at most the rate that it learnt from, and no cap or memory that it never met: beyond these it
        may well choose fewer replicas for more requests. The floor is of the rate as it is, and what may be chosen is
        what there is.

        Raises:
            DataError: it is not what was asked for, or less or more than this policy knows what to do with.
        """
        node = understood(body, self._functions)
        told = [self._told(f, node.functions[name], past) for f, name in enumerate(self._functions)]
        said: dict[str, Any] = {FUNCTIONS: dict(zip(self._functions, told, strict=True))}
        budget, share = self._budget(node, said)
        met = share if self._memory is None else tuple(map(self._memory.met, share))
        most, before, trained = self._most, past.choices.tolist(), (self._trained_rps, self._least)
        rows = [
            (min(one["rate_rps"], rate) / self._rate_rps, min(n + 1, most) / most, one["rejection"],
             max(one["max_replicas"], cap) / most, *met)
            for n, one, rate, cap in zip(before, told, *trained, strict=True)
        ]  # fmt: skip
        caps = np.array([one["max_replicas"] for one in told], dtype=np.int64)
        return Reading(
            observed=np.array(rows, dtype=np.float32),
            allowed=self._each < caps[:, None],
            budget=budget,
            floor=None if self._enough is None else self._floor(self._enough, told, caps),
            time=node.time,
            told=said,
            beyond=[
                name
                for name, one, rate, cap in zip(self._functions, told, *trained, strict=True)
                if one["rate_rps"] > rate or one["max_replicas"] < cap or met != share
            ],
        )

    def play(self, reading: Reading, chosen: IntArray) -> IntArray:
        """The choices, or more of them, as far as the memory holds them."""
        if reading.floor is None:
            return chosen
        if self._memory is None or reading.budget is None:
            return raised(chosen, reading.floor)
        played = raised(chosen[None], reading.floor[None], self._memory.use, np.array([reading.budget]))
        return np.asarray(played[0])

    def _keys(self) -> Keys:
        """What this policy needs to be told, and what stands where it is not."""
        functions, needed, useless = self._functions, {"rate_rps": "the requests/s to expect"}, {}
        caps = {name: str(cap) for name, cap in zip(functions, self._largest, strict=True)}
        assumed: dict[str, dict[str, str]] = {"max_replicas": caps}
        if self.windows:
            needed["counted"] = "its shield counts requests"
        else:
            useless["counted"] = "it has no shield that counts requests"
        if self._model is None:
            needed["rejection"] = "its file has no model of the node to stand in for it"
        else:
            assumed["rejection"] = dict.fromkeys(functions, "what the node's model says")
        if self._memory is None:
            useless["memory_mb"] = "its functions share no memory"
        else:
            assumed["memory_mb"] = {"": f"{self._memory.most_mb:g}"}
        return Keys(needed, useless, assumed)

    def _told(self, f: int, said: FunctionReading, past: Past) -> dict[str, Any]:
        """Of a function, all that was told of it, and what follows from that."""
        place, given = self._at[f], {name: value for name, value in vars(said).items() if value is not None}
        rate = _rate(place, given)
        self._require_window(place, given)
        rejection, source = self._rejection(f, given, rate, past)
        cap = min(given.get("max_replicas", self._largest[f]), self._largest[f])
        return {**given, "rate_rps": rate, "rejection": rejection, "rejection_from": source, "max_replicas": cap}

    def _require_window(self, place: str, given: Mapping[str, Any]) -> None:
        """See that what the shield counts is told, over its own window, and nothing where it counts nothing."""
        window, told = self.windows.get(COUNTED), given.get(f"{COUNTED}_seconds")
        if window is None:
            if needless := given.keys() & {COUNTED, f"{COUNTED}_seconds"}:
                raise DataError(
                    f"{place}{min(needless)} is what a shield reads, and this policy has none that counts requests"
                )
            return
        if COUNTED not in given:
            raise DataError(f"{place}{COUNTED} is missing: the requests of the last {window:.12g} s, for the shield")
        if told is None or not isclose(told, window):
            got = "nothing" if told is None else f"{told:.12g}"
            raise DataError(f"{place}{COUNTED}_seconds must be {window:.12g}, the shield's window in s, got {got}")

    def _rejection(self, f: int, given: Mapping[str, Any], rate: float, past: Past) -> tuple[float, str]:
        """The share rejected in the period before, and who says so; 0 where there was none, as an episode begins."""
        if "rejection" in given:
            return given["rejection"], "told"
        if "rejected" in given:
            return (given["rejected"] / given["arrived"] if given["arrived"] else 0.0), "counted"
        if past.told is None:
            return 0.0, "start"
        if self._model is None:
            raise DataError(
                f"{self._at[f]}rejection is missing, and the policy file has no model to stand in for it: its node was "
                f"simulated, or {ANEW}"
            )
        before = rate if "arrived" in given else _rate_of(past.told, self._functions[f])
        return self._model.rejection(f, min(int(past.choices[f]) + self.first, self._most), before), "model"

    def _budget(self, node: NodeReading, said: dict[str, Any]) -> tuple[int | None, tuple[float, ...]]:
        """Units of memory and their share of what all functions take at most, if they share one."""
        if self._memory is None:
            if node.memory_mb is not None:
                raise DataError("memory_mb is what functions share, and those of this policy share none")
            return None, ()
        said["memory_mb"] = self._memory.most_mb if node.memory_mb is None else node.memory_mb
        units, share = self._memory.units(said["memory_mb"])
        return units, (share,)

    def _floor(self, enough: FloatArray, told: list[dict[str, Any]], caps: IntArray) -> IntArray:
        readings = [one["counted"] if self._edge is None else one["rate_rps"] * self._edge for one in told]
        return np.asarray(np.minimum(replicas_for(enough, np.array(readings, dtype=np.float64)), caps) - 1)


def _rate(place: str, given: Mapping[str, Any]) -> float:
    """The expected rate as told, or that of the period before.

    Raises:
        DataError: neither is told, or both, or more was rejected than came.
    """
    counts = given.keys() & {"arrived", "rejected", "seconds"}
    if "rate_rps" in given:
        if counts:
            raise DataError(f"{place}rate_rps and {min(counts)} are both told: it is one or the other")
        return float(given["rate_rps"])
    if not {"arrived", "seconds"} <= counts:
        raise DataError(f"{place}rate_rps is missing, or in its place arrived and seconds")
    if "rejected" in given and ("rejection" in given or given["rejected"] > given["arrived"]):
        raise DataError(f"{place}rejected is at most arrived, and instead of rejection, got {given['rejected']:g}")
    return float(given["arrived"] / given["seconds"])


def _rate_of(told: Mapping[str, Any], function: str) -> float:
    """The rate that was expected of the period before."""
    try:
        return float(told[FUNCTIONS][function]["rate_rps"])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"the decision before tells of no rate of {function}, and no rejection is told") from None
