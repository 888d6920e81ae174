"""What is fuzzed: each reader takes any bytes, and ends in a value or a `MamoError`, writing nothing.

A target returns whether the bytes were taken. It raises whatever else happens: that is what the fuzzer looks for.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mamo_cli.core.errors import DataError, MamoError
from mamo_cli.core.settings import digest, read_toml, to_toml
from mamo_cli.domains.faas.rejection.measured import fit
from mamo_cli.domains.tabular import own
from mamo_cli.experiments.configs import EvaluateConfig, MamoConfig, SolveOfflineConfig, TrainConfig, configured
from mamo_cli.policies.archive import packed, unpacked
from mamo_cli.policies.decide import Decider
from mamo_cli.policies.file import digest_of, policy_of, read_policy
from mamo_cli.runs import checkpoint
from mamo_cli.serving.decisions import Service
from mamo_cli.serving.log import DecisionLog, check
from mamo_cli.workload.arrays_npz import read_all_arrays, write_arrays
from mamo_cli.workload.importers import import_trace
from mamo_cli.workload.measurements_csv import read_measurements, write_measurements
from mamo_cli.workload.options import FORECASTS, Options
from mamo_cli.workload.profiles.registry import FORMATS
from mamo_cli.workload.trace_csv import read_trace, write_trace
from tests.policies import small

DIGEST = "0123abcd"
KINDS = (SolveOfflineConfig, TrainConfig, MamoConfig, EvaluateConfig)
CONTAINER = io.BytesIO()
POLICY = small.policy().to_bytes()
NOW = 1_700_000_000.0
SERVED = small.served(), small.served_together()
torch.save({"format": checkpoint.FORMAT, "digest": DIGEST, "state": {"rounds": 1, "x": torch.ones(3)}}, CONTAINER)


def trace(folder: Path, data: bytes) -> None:
    """A trace file; one that is taken is written and read back as the same."""
    taken = read_trace(_file(folder, "in.csv", data))
    write_trace(taken, folder / "again.csv")
    assert read_trace(folder / "again.csv").digest() == taken.digest()
    (folder / "again.csv").unlink()


def measurements(folder: Path, data: bytes) -> None:
    """A table of measurements; one that is taken is written and read back as the same, and fitted within its laws."""
    taken = read_measurements(_file(folder, "in.csv", data))
    write_measurements(taken, folder / "again.csv")
    assert read_measurements(folder / "again.csv").digest() == taken.digest()
    (folder / "again.csv").unlink()
    values = fit(taken).values
    assert (np.diff(values, axis=0) <= 0).all()
    assert (np.diff(values, axis=1) >= 0).all()


def process(folder: Path, data: bytes) -> None:
    """A file of arrays; one that is of a process is written and read back as the same, and has a best plan."""
    config = own.OwnConfig(process=str(_file(folder, "in.npz", data)), evaluation_steps=1)
    source = own.load(config)
    assert source.arrays is not None
    write_arrays(source.arrays, folder / "again.npz")
    assert read_all_arrays(folder / "again.npz").digest() == source.arrays.digest()
    (folder / "again.npz").unlink()
    domain = own.build(config, source)
    assert np.isfinite(domain.answer(np.array([[0.5, 0.5]])).objectives).all()


def importer(folder: Path, data: bytes) -> None:
    """A workload in the format and with the options that the first two bytes pick."""
    pick, more, data = (data + b"\0")[0], (data + b"\0\0")[1], data[2:]
    options = Options(
        format=FORMATS[pick % len(FORMATS)],
        forecast=FORECASTS[pick // len(FORMATS) % 2],
        step_seconds=(None, 60.0, 5.0, 0.1)[more % 4],
        scale_to_peak=50.0 if more // 4 % 2 else None,
        values=(None, "rate", "count", "counter")[more // 8 % 4],
        fill=("refuse", "zero", "hold")[more // 32 % 3],
        timezone="Europe/Rome" if more // 96 % 2 else None,
    )
    trace, preview = import_trace(_file(folder, "in.csv", data), options)
    assert (trace.actual_rate_rps >= 0).all()
    assert all(line.isprintable() for line in preview.lines())


def config(folder: Path, data: bytes) -> None:
    """A configuration for each command; one that is taken is written and read back as the same."""
    values = read_toml(_file(folder, "in.toml", data))
    refusals = []
    for kind in KINDS:
        try:
            taken = configured(kind, values)
        except MamoError as refusal:
            refusals.append(refusal)
            continue
        _file(folder, "in.toml", to_toml(taken).encode())
        assert digest(configured(kind, read_toml(folder / "in.toml"))) == digest(taken)
    if len(refusals) == len(KINDS):
        raise refusals[0]


def checkpoint_file(folder: Path, data: bytes) -> None:
    """A checkpoint's bytes; after an odd first byte, the pickle within a container that is sound."""
    pick, data = (data or b"\0")[0], data[1:]
    path = _file(folder, checkpoint.NAME, _contained(data) if pick % 2 else data)
    state = checkpoint.load(folder, DIGEST)
    assert state is not None
    assert path.exists()


def policy_file(folder: Path, data: bytes) -> None:
    """A policy file; after an odd first byte, the about.json of one that is sound. One that is taken decides."""
    pick, data = (data or b"\0")[0], data[1:]
    taken = read_policy(_file(folder, "policy.npz", _described(data) if pick % 2 else data))
    about = taken.about
    observed = np.zeros((len(about.agents), about.observation), dtype=np.float32)
    allowed = np.arange(max(about.choices)) < np.array(about.choices)[:, None]
    with np.errstate(all="ignore"):
        chosen = Decider(taken).decide(observed, allowed, 7, 0.5)
    assert (chosen < np.array(about.choices)).all()
    assert policy_of(taken.to_bytes()).digest == taken.digest


def reading(folder: Path, data: bytes) -> None:
    """What is told to a server of one policy or another, as the first byte picks; one that is taken is decided on."""
    pick, data = (data or b"\0")[0], data[1:]
    path = folder / "decisions.jsonl"
    with DecisionLog(path) as log:
        service = Service(SERVED[pick % len(SERVED)], log)
        told = _json(data)
        for number in (1, 2):  # the second knows of the first
            try:
                decision = service.decide(told, NOW)
            finally:
                assert check(path).count == log.count
            assert decision.number == log.count == (1 if log.last["asked"] else number)
            assert all(1 <= count <= 3 for count in decision.agents.values())


TARGETS: dict[str, Callable[[Path, bytes], None]] = {
    "trace": trace,
    "measurements": measurements,
    "process": process,
    "importer": importer,
    "config": config,
    "checkpoint": checkpoint_file,
    "policy": policy_file,
    "reading": reading,
}


def taken(target: str, folder: Path, data: bytes) -> bool:
    """Feed bytes to a target; whether they were taken.

    Raises:
        Exception: any but the errors that a user is to see.
        AssertionError: something was written beside the input.
    """
    try:
        TARGETS[target](folder, data)
    except MamoError as error:
        assert 0 < len(str(error)) < 100_000, "a message that nobody reads"  # noqa: PT017
        return False
    else:
        return True
    finally:
        left = os.listdir(folder)
        for name in left:
            (folder / name).unlink()
        assert len(left) <= 1, left


def _file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _json(data: bytes) -> Any:
    """As a server has it."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise DataError("no JSON") from None


def _contained(pickled: bytes) -> bytes:
    """A container as torch writes it, checksums and all, around another pickle."""
    data = io.BytesIO()
    with zipfile.ZipFile(CONTAINER) as sound, zipfile.ZipFile(data, "w") as archive:
        for entry in sound.infolist():
            content = pickled if entry.filename.endswith("data.pkl") else sound.read(entry)
            archive.writestr(entry.filename, content)
    return data.getvalue()


def _described(about: bytes) -> bytes:
    """A policy file that is sound but for its about.json."""
    members = {**unpacked(POLICY), "about.json": about}
    del members["digest"]
    return packed({**members, "digest": digest_of(members).encode()})
