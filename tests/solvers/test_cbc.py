"""What CBC writes is read as it is meant."""

import pytest

from mamo_cli.core.seam import Termination
from mamo_cli.solvers import cbc
from mamo_cli.solvers.program import NoPlanError


def test_cbc_is_read_by_its_own_words():
    log = "Result - Stopped on time limit\n\nObjective value:  12.0\nLower bound:   11.500\nGap: 0.04\n"
    lines = ["      0 x_0  1  0", "**    2 x_2  1  0"]
    answer = cbc._answer("Stopped on time - objective value 12.00000000", lines, log, 3)
    assert (answer.termination, answer.objective, answer.bound) == (Termination.TIME_LIMIT, 12.0, 11.5)
    assert answer.values.tolist() == [1, 0, 1]
    with pytest.raises(NoPlanError, match="no plan"):
        cbc._answer("Stopped on time (no integer solution - continuous used) - objective value 3.5", [], log, 3)
    with pytest.raises(NoPlanError, match="Infeasible"):
        cbc._answer("Infeasible - objective value 3.5", [], log, 3)
