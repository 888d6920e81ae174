"""The benchmark's load: what was asked and not answered by a decision is counted as lost."""

import pytest

from benchmarks.load import load
from tests.serving.nodes import node, policy

GOOD, BAD = b'{"rate_rps": 30.0, "rejection": 0.01}', b'{"rate_rps": -1.0}'


@pytest.mark.slow
def test_an_answer_that_is_no_decision_is_lost(tmp_path):
    (tmp_path / "p.npz").write_bytes(policy(node()).to_bytes())
    found = load(tmp_path / "p.npz", [GOOD] * 9 + [BAD], seconds=1.0, rate=60.0)
    assert (found.asked, found.lost, len(found.late_ms)) == (60, 6, 60)
    assert found.seconds >= 59 / 60
    assert found.resident_mib[-1] > 20.0
