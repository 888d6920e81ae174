"""Which part of a workload is trained on and which is evaluated on: the two never share what comes."""

from mamo_cli.core.errors import DataError
from mamo_cli.workload.trace import Trace


def training_and_evaluation(source: Trace, train_share: float, other: Trace | None = None) -> tuple[Trace, Trace]:
    """Cut a trace into what is trained on and what is evaluated on.

    A periodic trace is trained on whole and evaluated on noise of its own; any other is split in time.

    Args:
        source: the trace.
        train_share: leading part of a trace that does not repeat that is trained on.
        other: a trace of the same functions, in whatever order, to evaluate on instead, whole.

    Raises:
        DataError: a part would be empty, or the functions differ.
    """
    training, evaluation = (source, source) if source.period_steps else source.split(train_share)
    if other is None:
        return training, evaluation
    try:
        return training, other.ordered_as(source.functions)
    except DataError as error:
        raise DataError(
            f"the trace to evaluate on is of others than what was trained on: {error}: if they are meant to be the "
            "same, rename them in the trace file's column function"
        ) from error
