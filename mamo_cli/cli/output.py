"""What a person is told: messages on stderr, as loud as wanted. Nothing heavy is imported here."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LOGGER = logging.getLogger("mamo_cli")


class Output:
    """How much the user wants to hear on stderr; whatever is said also goes to the log of the run at work."""

    def __init__(self) -> None:
        self.quiet = self.verbose = False
        self._handler: logging.Handler = logging.NullHandler()

    @contextmanager
    def speaking(self) -> Iterator[None]:
        """Show messages on stderr until the end of the block."""
        self.quiet = self.verbose = False
        self._handler = logging.StreamHandler(sys.stderr)
        self._handler.setFormatter(logging.Formatter("%(message)s"))
        LOGGER.addHandler(self._handler)
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False
        self.want(quiet=False, verbose=False)
        try:
            yield
        finally:
            LOGGER.propagate = True
            LOGGER.removeHandler(self._handler)

    def want(self, *, quiet: bool, verbose: bool) -> None:
        """Take in what the options ask for, which may stand before the command's name and after it."""
        self.quiet, self.verbose = self.quiet or quiet, self.verbose or verbose
        self._handler.setLevel(logging.DEBUG if self.verbose else logging.ERROR if self.quiet else logging.INFO)

    @contextmanager
    def chatter(self) -> Iterator[int]:
        """A descriptor for what libraries say of themselves: stderr, unless the user wants quiet."""
        with open(os.devnull if self.quiet else 2, "wb", closefd=self.quiet) as stream:
            yield stream.fileno()

    def note(self, message: str) -> None:
        """Tell the user something."""
        LOGGER.info(message)

    def warn(self, message: str) -> None:
        """Tell the user something that casts doubt on the results."""
        LOGGER.warning(message)

    def alert(self, message: str) -> None:
        """Tell the user why a command did not do what it was asked to, also where only that is wanted."""
        LOGGER.error(message)


OUTPUT = Output()
