import shutil
from pathlib import Path

import pytest

from tests.cli.invoke import MAMO, TRAIN, mamo


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Every test works in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def _finished(tmp_path_factory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("finished"))
        for command in (("solve-offline", "--name", "plan"), (*TRAIN, "--name", "te"), (*MAMO, "--name", "wa")):
            assert mamo(*command).code == 0
        return Path.cwd()


@pytest.fixture
def finished(_finished, folder) -> Path:
    """A results folder with the runs plan, te and wa."""
    return Path(shutil.copytree(_finished / "results", folder / "results"))
