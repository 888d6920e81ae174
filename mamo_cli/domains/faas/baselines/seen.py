"""What a platform tells a rule of the time since its last decision: an array of `SEEN` float64."""

ARRIVED_RPS, SERVED_RPS, CONCURRENCY = range(3)
"""Requests a second that came, and that were answered with success; requests in service, a mean over the time."""
SEEN = 3

MEMORY = 64
"""Numbers that a rule may keep from one decision to the next; all 0 before the first."""
