"""A real Ray cluster of two nodes on this machine, in a process of its own: `python -m tests.runs.ray_nodes [JSON]`.

It prints its address, loses the second node at a line on its standard input, and ends with that. The JSON holds
environment variables of the second node.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Nodes(NamedTuple):
    """Such a cluster: its address, its process, and what makes it lose its second node."""

    address: str
    process: int
    lose: Callable[[], None]


@contextmanager
def two_nodes(**environment: str) -> Iterator[Nodes]:
    """A cluster until the end of the block."""
    command = [sys.executable, "-m", __name__, json.dumps(environment)]
    # Workers must find what the tests hand them.
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own) as process:

        def lose() -> None:
            print(file=process.stdin, flush=True)
            process.stdout.readline()

        yield Nodes(process.stdout.readline().strip(), process.pid, lose)
        process.stdin.close()


def main() -> None:
    from ray.cluster_utils import Cluster

    # Small, and not in shared memory, of which a bare machine may have little.
    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "plasma_directory": "/tmp", "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node, env_vars=json.loads(sys.argv[1]))
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(second, allow_graceful=False)
        print("lost", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
