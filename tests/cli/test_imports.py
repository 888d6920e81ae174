"""torch, the largest of all that is imported by far, is imported by the commands that train or look for devices."""

import pytest

from tests.cli.invoke import TRAIN, patched

TELLING = "import atexit, sys\natexit.register(lambda: print('torch' in sys.modules, file=sys.stderr))"
WITHOUT = [
    ("generate", "sinusoidal"),
    ("import", "counts.csv", "--values", "rate", "--step-seconds", "300"),
    ("solve-offline", "--name", "other"),
    ("validate-model", "--rates", "1", "--max-replicas", "1"),
    ("plot", "plan"),
    ("report", "plan"),
    ("runs", "list"),
    ("runs", "show", "te"),
    ("runs", "compare", "te", "wa"),
    ("watch", "wa"),
]


@pytest.mark.parametrize(("command", "imported"), [*((one, "False") for one in WITHOUT), (TRAIN, "True")], ids=str)
def test_torch_is_imported_only_where_it_is_used(finished, command, imported):
    (finished.parent / "counts.csv").write_text("f\n1\n2\n")
    done = patched(TELLING, *command, "-q")
    assert (done.code, done.err) == (0, f"{imported}\n")
