"""The setting `noise` of domains that have one, where it shifts."""

from mamo_cli.core.errors import UsageError
from mamo_cli.workload.trace import Trace


def shifted_noise(noise: float, factor: float, training: Trace) -> float:
    """The setting times what it has shifted by.

    Raises:
        UsageError: that moves nothing, or not all that deviates: the trace has deviations that are not the setting's.
    """
    if factor != 1.0 and noise == 0.0:
        raise UsageError("noise cannot shift: it is 0, and so is any multiple of it")
    if factor != 1.0 and training.carries_deviations:
        raise UsageError("noise cannot shift: the trace carries deviations of its own, which are not the setting's")
    return noise * factor
