"""A scenario that takes no time."""

from pathlib import Path

MINI = """
seeds = "1000..1002"

[scenario]
title = "Mini"
purpose = "to be over soon"
budget = 224

[phase]
iterations = 2
iteration_steps = 4
environments = 4
window = 1

[learner]
batch_size = 16

[instance]
tolerance = 0.3
"""


def write_scenario(path: Path, *changes: tuple[str, str]) -> Path:
    """The scenario, in which the first of each pair of texts is replaced by the second."""
    text = MINI
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")
    return path
