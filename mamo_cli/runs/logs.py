"""A run's log.txt: all that was said and done in it, tracebacks and Python's warnings included."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mamo_cli.core.storage import storage_errors

NAME = "log.txt"
LOGGER = logging.getLogger("mamo_cli")
_WRITERS = (LOGGER, logging.getLogger("py.warnings"))
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _LogFile(logging.FileHandler):
    """A log that must not end the run: a full disk costs lines of it, and nothing else."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Lose the record."""


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Append everything that is logged until the end of the block to a file.

    Raises:
        StorageError: the file cannot be opened.
    """
    with storage_errors(path):
        handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter(_FORMAT))
    LOGGER.setLevel(logging.DEBUG)
    logging.captureWarnings(True)
    for logger in _WRITERS:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for logger in _WRITERS:
            logger.removeHandler(handler)
        _close(handler)


def _close(handler: logging.Handler) -> None:
    try:
        handler.close()
    except OSError as error:
        LOGGER.debug("the log could not be closed: %s", error)
