"""What bounds the room and the patience that callers have; beyond it they are refused, none waits in a queue."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Of one server."""

    connections: int = 64  # at a time, of each face; a further one is closed at once
    rpcs: int = 256  # at a time; a further one is answered RESOURCE_EXHAUSTED
    streams: int = 64  # of them that stay open; likewise
    body_bytes: int = 1 << 16  # of a request; a longer one is answered 413, RESOURCE_EXHAUSTED
    head_bytes: int = 1 << 13  # of a line, and of the metadata of an RPC
    patience_s: float = 10.0  # for a handshake, and for a request to come whole or its answer to go
    farewell_s: float = 1.0  # of each face, for answers in flight at the end


LIMITS = Limits()
