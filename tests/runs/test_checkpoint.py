import os
import pickle
import random
import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch

from mamo_cli.core.compiled import put_back
from mamo_cli.core.errors import CheckpointError, StorageError
from mamo_cli.runs import checkpoint

DIGEST = "0123abcd"


class Malice:
    """Touches a file when unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def save(folder, rounds):
    checkpoint.save(folder, DIGEST, {"rounds": rounds, "weights": torch.full((500,), float(rounds))})


@pytest.fixture
def folder(tmp_path):
    """A folder with checkpoints of rounds 1 and 2."""
    save(tmp_path, 1)
    save(tmp_path, 2)
    return tmp_path


def rounds_of(folder) -> int:
    state = checkpoint.load(folder, DIGEST)
    assert torch.equal(state["weights"], torch.full((500,), float(state["rounds"])))
    return state["rounds"]


def test_the_newest_is_loaded_and_none_is_none(folder, tmp_path_factory):
    assert rounds_of(folder) == 2
    assert checkpoint.load(tmp_path_factory.mktemp("empty"), DIGEST) is None


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_torn_one_falls_back_to_the_one_before(folder, keep):
    path = folder / checkpoint.NAME
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep < 1 else keep])
    assert rounds_of(folder) == 1


def test_a_missing_one_falls_back_to_the_one_before(folder):
    (folder / checkpoint.NAME).unlink()
    assert rounds_of(folder) == 1


def test_flipped_bits_never_change_what_is_loaded(folder):
    path = folder / checkpoint.NAME
    data, rng, found = path.read_bytes(), random.Random(0), set()
    for _ in range(60):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        found.add(rounds_of(folder))
    assert found == {1, 2}  # 2 where the bit lies in padding


def test_with_both_damaged_the_error_names_them_and_the_remedy(folder):
    for name in (checkpoint.NAME, checkpoint.PREVIOUS):
        (folder / name).write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"checkpoint.pt .*checkpoint.previous.pt .*--fresh"):
        checkpoint.load(folder, DIGEST)


def test_another_configuration_is_refused(folder):
    with pytest.raises(CheckpointError, match="belongs to configuration 0123abcd, not ffffffff"):
        checkpoint.load(folder, "ffffffff")


@pytest.mark.parametrize("bare", [True, False], ids=["pickle", "in torch's container"])
def test_malice_is_refused_and_not_run(tmp_path, bare):
    evil = {"format": checkpoint.FORMAT, "digest": DIGEST, "state": Malice(tmp_path / "ran")}
    if bare:
        (tmp_path / checkpoint.NAME).write_bytes(pickle.dumps(evil))
    else:
        torch.save(evil, tmp_path / checkpoint.NAME)
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path, DIGEST)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [[], {"format": 1}, {"format": 99, "digest": DIGEST, "state": {}}])
def test_what_is_not_ours_is_refused(tmp_path, content):
    torch.save(content, tmp_path / checkpoint.NAME)
    with pytest.raises(CheckpointError, match=r"not a checkpoint of ours|format 99; this version reads 3"):
        checkpoint.load(tmp_path, DIGEST)


@pytest.mark.parametrize("writeable", [True, False])
def test_arrays_of_any_type_and_size_come_back_also_out_of_a_workers_pickle(tmp_path, writeable):
    # What a worker process tells arrives as a pickle, in which all empty arrays share one address; from a Ray cluster,
    # in memory that cannot be written to.
    types = (np.float32, np.float64, np.int64, np.bool_)
    state = {f"{kind.__name__} {size}": np.ones((size, 3), dtype=kind) for kind in types for size in (0, 2)}
    state |= {"strided": np.arange(12.0).reshape(3, 4)[:, ::2], "single": np.array(7)}
    arrived = pickle.loads(pickle.dumps(state, protocol=pickle.HIGHEST_PROTOCOL))
    for array in arrived.values():
        array.flags.writeable = writeable
    checkpoint.save(tmp_path, DIGEST, arrived)
    loaded = checkpoint.load(tmp_path, DIGEST)
    assert loaded.keys() == state.keys()
    for name, array in state.items():
        place = np.zeros_like(array)
        put_back(place, loaded[name])
        np.testing.assert_array_equal(place, array)


def test_a_container_without_content_is_refused(tmp_path):
    data = BytesIO()
    zipfile.ZipFile(data, "w").close()
    (tmp_path / checkpoint.NAME).write_bytes(data.getvalue())
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path, DIGEST)


def test_a_full_disk_keeps_the_old_one(folder, monkeypatch):
    def full(content, file):
        file.write(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file")  # what torch says

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(StorageError, match=r"checkpoint\.pt: the disk is full"):
        save(folder, 3)
    assert rounds_of(folder) == 2
    assert sorted(path.name for path in folder.iterdir()) == [checkpoint.PREVIOUS, checkpoint.NAME]
