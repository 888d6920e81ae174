"""Which solvers there are, and who is tried, in order, for what the user asks."""

from mamo_cli.solvers.cbc import open_cbc
from mamo_cli.solvers.gurobi import open_gurobi
from mamo_cli.solvers.highs import open_highs
from mamo_cli.solvers.program import OpenSession

SESSIONS: dict[str, OpenSession] = {"gurobi": open_gurobi, "cbc": open_cbc, "highs": open_highs}
CHAINS = {"auto": ("gurobi", "cbc"), "gurobi": ("gurobi", "cbc"), "cbc": ("cbc",), "highs": ("highs",)}
