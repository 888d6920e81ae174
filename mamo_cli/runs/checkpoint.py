"""Checkpoints: one file with all that resuming needs, loaded without executing anything."""

import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from mamo_cli.core.errors import CheckpointError, StorageError
from mamo_cli.core.storage import replace_file

FORMAT = 3  # 1: before the compiled learner; 2: before the seam between domains and learners
NAME = "checkpoint.pt"
PREVIOUS = "checkpoint.previous.pt"


def save(folder: Path, digest: str, state: dict[str, Any]) -> None:
    """Replace the folder's checkpoint atomically and keep the one before.

    Args:
        folder: the run folder.
        digest: of the run's configuration.
        state: arrays, numbers, text, lists and dicts only.

    Raises:
        StorageError: the disk is full, read-only or failing; the old checkpoint stays.
    """
    content = {"format": FORMAT, "digest": digest, "state": in_tensors(state)}

    def write(file: IO[bytes]) -> None:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # how torch reports a full disk
            raise StorageError(f"cannot write {folder / NAME}: the disk is full or failing: free some space") from error

    replace_file(folder / NAME, write, lambda path: _read(path)["digest"] == digest, keep_as=folder / PREVIOUS)


def in_tensors(state: Any) -> Any:
    """A state with tensors in place of arrays, which is what torch stores without pickling objects."""
    if isinstance(state, np.ndarray):
        array = np.asarray(state, order="C")
        # What Ray keeps cannot be written to; empty arrays out of a pickle all lie at one address. Torch wants neither.
        return torch.from_numpy(array if array.size and array.flags.writeable else array.copy())
    if isinstance(state, dict):
        return {name: in_tensors(part) for name, part in state.items()}
    return [in_tensors(part) for part in state] if isinstance(state, list) else state


def load(folder: Path, digest: str) -> dict[str, Any] | None:
    """The newest readable checkpoint's state, or None where there is none yet.

    Raises:
        CheckpointError: none of those that are there can be read, or they belong to another configuration.
    """
    failures = []
    for path in (folder / NAME, folder / PREVIOUS):
        if not path.exists():
            continue
        try:
            content = _read(path)
        except CheckpointError as error:
            failures.append(str(error))
            continue
        if content["digest"] != digest:
            raise CheckpointError(
                f"{path} belongs to configuration {content['digest']}, not {digest}: start over with --fresh"
            )
        state: dict[str, Any] = content["state"]
        return state
    if failures:
        raise CheckpointError("; ".join(failures) + ": start over with --fresh")
    return None


@contextmanager
def restoring(folder: Path) -> Iterator[None]:
    """Say that a checkpoint is to blame where its state cannot be put back: another version may have written it.

    Raises:
        CheckpointError: something in the block met a state of the wrong shape.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).split("\n")[-1] or type(error).__name__)[:200]
        raise CheckpointError(
            f"{folder / NAME} holds a state that this version cannot put back ({reason}): start over with --fresh"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    """Content of a checkpoint of our format; nothing in the file is executed."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not compare the checksums
            damaged = archive.testzip()
        content = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(f"{path} holds something other than numbers, text and tensors: refused") from None
    except Exception as error:  # whatever a reader makes of arbitrary bytes
        raise CheckpointError(f"{path} cannot be read ({type(error).__name__})") from None
    if damaged:
        raise CheckpointError(f"{path} is damaged in {damaged}")
    if not isinstance(content, dict) or {"format", "digest", "state"} - content.keys():
        raise CheckpointError(f"{path} is not a checkpoint of ours")
    if content["format"] != FORMAT:
        raise CheckpointError(f"{path} has format {content['format']!r}; this version reads {FORMAT}")
    return content
