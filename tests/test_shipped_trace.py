"""The trace in traces/ is the reference sinusoid that every command uses by default."""

from pathlib import Path

from mamo_cli.workload.generators import sinusoidal
from mamo_cli.workload.trace_csv import read_trace


def test_the_shipped_trace_is_the_reference_instance():
    shipped = read_trace(Path(__file__).parents[1] / "traces" / "sinusoidal.csv")
    assert shipped.digest() == sinusoidal().digest()
    assert shipped.period_steps == shipped.steps == 288
    assert shipped.expected_rate_rps[[0, 72, 216], 0].tolist() == [50.0, 90.0, 10.0]  # 50 + 40 sin of 0, 90 and 270 deg
