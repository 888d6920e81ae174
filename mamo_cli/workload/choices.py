"""Questions that only the user can answer, each with the commands to choose from."""

from collections.abc import Sequence

from mamo_cli.core.errors import DataError


class ChoiceError(DataError):
    """A file that can be read in more than one way, which would differ by more than a factor of two.

    Attributes:
        question: what is not known.
        answers: (options that settle it, what then comes out), two or more.
    """

    def __init__(self, question: str, answers: Sequence[tuple[Sequence[str], str]]) -> None:
        self.question, self.answers = question, answers
        super().__init__([question, *(f"  {' '.join(words)}: {outcome}" for words, outcome in answers)])
