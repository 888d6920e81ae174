"""Which policy a member begins with, by hand; and the file of it: the same bytes, and nothing that was changed."""

from dataclasses import replace

import numpy as np
import pytest

from mamo_cli.core.errors import CheckpointError
from mamo_cli.policies.archive import packed
from mamo_cli.policies.file import digest_of
from mamo_cli.policies.start import Kind, Origin, Start, read_start

KIND = Kind(
    domain="faas",
    te="dqn",
    network="perceptron",
    hidden=(16, 8),
    agents=2,
    observation=4,
    choices=(10, 5),
    violations=1,
)
ORIGIN = Origin(run="reference", command="train", config_digest="0123abcd", kind=KIND)


def start(seeds, alphas, origin=ORIGIN):
    """Whose policy number j is ten numbers j."""
    policies = np.repeat(np.arange(len(seeds), dtype=np.float32)[:, None], 10, 1)
    return Start(origin, np.array(seeds), np.array(alphas, dtype=float), policies)


def taken(source, seeds, alphas):
    return source.of(seeds, np.array(alphas, dtype=float))[:, 0].tolist()


def test_a_member_begins_with_its_own_seed_and_others_take_turns_by_their_seeds_number():
    source = start([4, 5, 9], [0.7, 0.7, 0.7])
    # 4, 5 and 9 are there; 0, 1, 2 mod 3 are the first, second and third of them, 100 = 33 * 3 + 1 the second.
    assert taken(source, [9, 4, 5, 0, 1, 2, 100, 101, 102], [0.5] * 9) == [2, 0, 1, 0, 1, 2, 1, 2, 0]


def test_of_several_alphas_it_is_the_nearest_and_of_two_as_near_the_lower():
    source = start([0, 0, 0, 3, 3, 3], [0.0, 0.5, 1.0] * 2)
    assert taken(source, [0, 0, 0, 0, 3, 7], [0.1, 0.3, 0.9, 0.25, 0.75, 0.9]) == [0, 1, 2, 0, 4, 5]


def test_who_is_beside_a_member_changes_nothing():
    source = start([4, 4, 5, 9], [0.1, 0.9, 0.7, 0.7])
    seeds, alphas = list(range(20)), np.linspace(0.0, 1.0, 20)
    alone = [taken(source, [seed], [alpha])[0] for seed, alpha in zip(seeds, alphas, strict=True)]
    assert taken(source, seeds, alphas) == alone


def test_its_digest_is_of_the_numbers_alone():
    source, same = start([0, 1], [0.5, 0.5]), start([0, 1], [0.5, 0.5], ORIGIN.model_copy(update={"run": "copy"}))
    assert source.digest == same.digest
    changed = [start([0, 2], [0.5, 0.5]), start([0, 1], [0.5, 0.6]), start([0, 1], [0.5, 0.5])]
    changed[2].policies[1, 9] = np.nextafter(np.float32(1.0), np.float32(2.0))
    assert len({source.digest, *(one.digest for one in changed)}) == 4


def test_the_file_holds_it_and_the_same_start_gives_the_same_bytes(tmp_path):
    source, path = start([0, 1], [0.25, 0.5]), tmp_path / "start.npz"
    path.write_bytes(source.to_bytes())
    read = read_start(path)
    assert (read.about, read.digest, read.to_bytes()) == (ORIGIN, source.digest, source.to_bytes())
    np.testing.assert_array_equal(read.policies, source.policies)
    assert read.policies.dtype == np.float32


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7])
def test_a_file_that_was_changed_is_refused(tmp_path, place):
    content = bytearray(start([0, 1], [0.25, 0.5]).to_bytes())
    content[int(place * len(content))] ^= 1
    (tmp_path / "start.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"start.npz is not a sound start.npz, as a run keeps it"):
        read_start(tmp_path / "start.npz")


def test_arrays_that_do_not_fit_together_are_refused(tmp_path):
    source = start([0, 1], [0.25, 0.5])
    (tmp_path / "start.npz").write_bytes(replace(source, alphas=source.alphas[:1]).to_bytes())
    with pytest.raises(CheckpointError, match="not of as many policies as seeds and alphas"):
        read_start(tmp_path / "start.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": np.array(3)}, "not arrays as a run keeps them"),
        ({"policies": np.zeros(10, dtype=np.float32)}, "not arrays as a run keeps them"),
        ({"alphas": np.array([1, 2])}, "not arrays as a run keeps them"),
        ({"alphas": b"none"}, "not arrays as a run keeps them"),
        ({"about.json": np.zeros(3)}, "1 validation error for Origin"),
        ({"more": np.zeros(3)}, "its content is not what its digest says"),
        ({"seeds": np.array([0, -1])}, "a seed below 0"),
        ({"policies": np.full((2, 10), np.nan, dtype=np.float32)}, "what is not finite"),
        (dict.fromkeys(("seeds", "alphas", "policies"), np.zeros((0, 2))), "has not the size that it says"),
    ],
)
def test_odd_arrays_under_a_digest_that_is_theirs_are_refused(tmp_path, change, message):
    about = {"about.json": ORIGIN.model_dump_json().encode()}
    source = start([0, 1], [0.25, 0.5])
    members = {**about, "seeds": source.seeds, "alphas": source.alphas, "policies": source.policies, **change}
    path = tmp_path / "start.npz"
    path.write_bytes(packed({**members, "digest": digest_of(members).encode()}))
    with pytest.raises(CheckpointError, match=message):
        read_start(path)


def test_what_is_no_such_file_is_refused(tmp_path):
    (tmp_path / "trace.csv").write_text("step,function\n")
    with pytest.raises(CheckpointError, match="no whole zip file"):
        read_start(tmp_path / "trace.csv")


def test_kinds_that_differ_say_in_what():
    other = KIND.model_copy(update={"hidden": (16,), "choices": (12, 5), "te": "conditioned"})
    assert KIND.differences(other) == [
        "te dqn, not conditioned", "hidden 16 8, not 16", "choices 10 5, not 12 5",
    ]  # fmt: skip
    assert KIND.differences(KIND) == []
