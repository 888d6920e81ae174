"""The exact optimum of the replica problem: `solve` is the door, `enumeration` the reference it is tested against."""
