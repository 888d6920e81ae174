"""What a policy of a node needs beside itself where it decides: how what is measured becomes what is observed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamo_cli.domains.faas.domain import FaasDomain

MOST = float(np.finfo(np.float64).max)
"""Stands for any reading, in a file that knows no infinite number."""


def scales(domain: FaasDomain) -> Mapping[str, NDArray[Any]]:
    """By name:

    | name | shape | what it is |
    |---|---|---|
    | `rate_rps` | `()` | what the expected rate is divided by |
    | `max_replicas` | `(F,)` | the largest cap of each function |
    | `replica_cost` | `(F,)` | cost of a replica for one period |
    | `replica_mb`, `full_units` | `(F,)`, `()` | memory of a replica, and units that all take at their largest caps |
    | `shield_enough` | `(F, N)` | the largest reading for which n = 1..N replicas are enough; below 0 where none is |
    | `shield_window_s` | `()` | s in which the requests are counted that are the reading |
    | `shield_edge` | `()` | or else: what the expected rate is multiplied by to be the reading |

    Those of memory and shield only where there is such.
    """  # fmt: skip
    node, shield = domain.case.evaluation, domain.shield
    found: dict[str, Any] = {
        "rate_rps": node.rate_scale_rps,
        "max_replicas": np.maximum(node.max_replicas.max(0), domain.case.training.max_replicas.max(0)),
        "replica_cost": node.replica_cost,
    }
    if node.memory is not None:
        found |= {"replica_mb": node.memory.per_replica_mb, "full_units": node.memory.full}
    if shield is not None:
        reading = {"shield_window_s": shield.window_s} if shield.edge is None else {"shield_edge": shield.edge}
        found |= {"shield_enough": np.minimum(shield.enough, MOST), **reading}
    return {name: np.asarray(values) for name, values in found.items()}
