"""A policy file: the same bytes of the same policy, and what is refused, by name."""

import io
import re
import zipfile

import numpy as np
import pytest

from mamo_cli.core.errors import CheckpointError
from mamo_cli.policies.archive import packed, unpacked
from mamo_cli.policies.file import policy_of, read_policy
from tests.policies.small import about, policy


def changed(data, change):
    """The file's bytes with its members changed, checksums of the zip and all, but for the digest."""
    members = unpacked(data)
    change(members)
    return packed(members)


def test_what_is_written_is_read_back_and_the_same_policy_gives_the_same_bytes():
    data = policy().to_bytes()
    read = policy_of(data)
    assert read.to_bytes() == data == policy().to_bytes()
    assert read.about == about()
    assert read.digest == policy().digest != policy(widths=np.array([8, 5, 6]), texts={}).digest
    for name, array in policy().arrays().items():
        np.testing.assert_array_equal(read.arrays()[name], array)
        assert read.arrays()[name].dtype == array.dtype


def test_numpy_reads_it_without_pickle():
    with np.load(io.BytesIO(policy().to_bytes()), allow_pickle=False) as file:
        np.testing.assert_array_equal(file["parameters"], policy().parameters)
        assert file["scale_rate_rps"] == 90.0
        assert file["digest"] == policy().digest.encode()


def test_a_torn_file_is_refused_wherever_it_ends(tmp_path):
    data = policy().to_bytes()
    for size in range(0, len(data), 97):
        (tmp_path / "p.npz").write_bytes(data[:size])
        with pytest.raises(
            CheckpointError, match=r"p\.npz is not a sound policy file: .*: make it anew with mamo export"
        ):
            read_policy(tmp_path / "p.npz")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"p\.npz cannot be read: No such file"):
        read_policy(tmp_path / "p.npz")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["parameters", "shares", "weights", "scale_rate_rps"])
def test_a_number_that_is_not_finite_is_refused_by_the_name_of_its_array(name, bad):
    def spoil(members):
        array = members[name] = members[name].copy()
        array[(0,) * array.ndim] = bad

    with pytest.raises(ValueError, match="digest"):
        policy_of(changed(policy().to_bytes(), spoil))
    parts = {**policy().arrays(), "told": None}
    spoil(parts)
    scale = parts.pop("scale_rate_rps")
    with pytest.raises(ValueError, match=f"{name} holds a number that is not finite"):
        policy(**parts, scales={"rate_rps": scale})


def test_another_version_is_refused_before_anything_else():
    def later(members):
        members["about.json"] = b'{"format": "mamo policy", "version": 2, "new": NaN}'
        del members["parameters"]

    with pytest.raises(ValueError, match="it is of format 'mamo policy', version 2; this version reads 1"):
        policy_of(changed(policy().to_bytes(), later))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("parameters", np.zeros((2, 81), dtype=np.float32)),
        ("trace.csv", b"step,function\n\n"),
        ("about.json", policy().to_bytes()),
        ("more", np.zeros(1)),
    ],
)
def test_what_was_changed_is_refused(name, content):
    with pytest.raises(ValueError, match=r"changed|no JSON"):
        policy_of(changed(policy().to_bytes(), lambda members: members.update({name: content})))


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"parameters": np.zeros((2, 80), dtype=np.float32)}, "parameters is float32 (2, 80), not float32 (2, 81)"),
        ({"widths": np.array([8, 5, 7])}, "parameters is float32 (2, 81), not float32 (2, 87)"),
        ({"widths": np.array([[8, 5, 6]])}, "parameters is float32 (2, 81), not float32 (2, 0)"),
        ({"shares": np.full((2, 2), 0.4)}, "shares of the policies do not sum to 1"),
        ({"shares": np.array([[1.5, 1.0], [-0.5, 0.0]])}, "shares of the policies do not sum to 1"),
        ({"use": np.full((2, 3), -1)}, "units of the budget are not within 0 to 1000000"),
        ({"use": np.full((2, 3), 2**62)}, "units of the budget are not within 0 to 1000000"),
        ({"told": np.zeros((2, 2, 1), dtype=np.float32)}, "do not lead from 2 x 5 to 2 x 3"),
        ({"about": about(observation=5)}, "layers of [8, 5, 6] numbers do not lead from 2 x 5 to 2 x 3"),
        (
            {"about": about(coupled=True), "use": np.ones((2, 3), dtype=np.int64)},
            "its about.json does not fit its arrays",
        ),
        ({"about": about(limits=[[0.05]])}, "its about.json does not fit its arrays"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(others, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        policy(**others)


def test_no_room_is_made_for_what_a_header_only_claims():
    npy = io.BytesIO()
    np.lib.format.write_array_header_1_0(npy, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 4)})
    with pytest.raises(ValueError, match=r"'parameters\.npy' has not the size that it says"):
        unpacked(packed({"parameters.npy": npy.getvalue()}))


def test_pickled_compressed_and_doubled_members_are_refused():
    pickled = io.BytesIO()
    np.lib.format.write_array(pickled, np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="no array of ours"):
        unpacked(packed({"parameters.npy": pickled.getvalue()}))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", b" " * 10_000_000)
    with pytest.raises(ValueError, match="longer than the file"):
        unpacked(bomb.getvalue())
    squeezed = io.BytesIO()
    with zipfile.ZipFile(squeezed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("about.json", b"ab")
    with pytest.raises(ValueError, match="not stored as it is"):
        unpacked(squeezed.getvalue())
    double = packed({"x": b"1", "y": b"2"})
    with pytest.raises(ValueError, match="two of one name"):
        unpacked(double.replace(b"y", b"x"))
