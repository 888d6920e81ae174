"""`mamo doctor` says which build of torch there is, and where a far smaller one would do."""

import pytest
import torch

from tests.cli.invoke import mamo


@pytest.mark.parametrize(
    ("cuda", "hip", "usable", "said"),
    [
        (None, None, False, "for processors alone\n"),
        ("13.0", None, True, "for cards, with 13.0\n"),
        (
            "13.0",
            None,
            False,
            "for cards, with 13.0, and none is found: but for `mamo train --device cuda` the far smaller",
        ),
        (None, "7.1", False, "for cards, with 7.1, and none is found"),
    ],
)
def test_the_build_of_torch_is_told(cuda, hip, usable, said, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    done = mamo("doctor")
    assert done.code == 0
    assert f"torch is built     {said}" in done.out
