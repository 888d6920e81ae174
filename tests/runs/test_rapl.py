"""The reader of RAPL counters, against a tree of files as the kernel has it."""

import time
from pathlib import Path

import pytest

from mamo_cli.runs.rapl import MOST_WATTS, Rapl

SPAN = 262_143_328_850  # uJ, of a package; what many have


class Tree:
    """A machine of two packages with what is in them, memory beside them, and a platform of which all is part."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for zone, name in (
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:0:1", "dram"),
            ("intel-rapl:1", "package-1"),
            ("intel-rapl:2", "psys"),
            ("intel-rapl-mmio:0", "package-0"),
        ):
            (root / zone).mkdir(parents=True)
            (root / zone / "name").write_text(f"{name}\n")
            (root / zone / "max_energy_range_uj").write_text(f"{SPAN}\n")
            self.count(zone, 0)

    def count(self, zone: str, microjoules: int) -> None:
        (self.root / zone / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_packages_and_memory_count_and_nothing_that_is_in_them_or_made_of_them(tree):
    rapl = Rapl(tree.root)
    for zone, joules in (("0", 10), ("0:0", 7), ("0:1", 2), ("1", 30), ("2", 500)):
        tree.count(f"intel-rapl:{zone}", joules * 1_000_000)
    tree.count("intel-rapl-mmio:0", 10_000_000)
    assert rapl.joules() == pytest.approx(42.0, rel=1e-12)  # 10 + 2 + 30
    assert rapl.missing == ""


def test_only_what_comes_after_it_was_made_counts_and_readings_add_up(tree):
    tree.count("intel-rapl:0", 5_000_000)
    rapl = Rapl(tree.root)
    tree.count("intel-rapl:0", 6_500_000)
    assert rapl.joules() == pytest.approx(1.5)
    assert rapl.joules() == pytest.approx(1.5)
    tree.count("intel-rapl:0", 7_500_000)
    assert rapl.joules() == pytest.approx(2.5)


def test_a_counter_that_has_gone_round_goes_on(tree):
    tree.count("intel-rapl:1", SPAN - 1_000_000)
    rapl = Rapl(tree.root)
    tree.count("intel-rapl:1", 250_000)
    assert rapl.joules() == pytest.approx(1.25)  # 1 J to its end, and .25 J from its beginning


def test_one_that_may_have_gone_round_twice_is_not_believed(tree, monkeypatch):
    rapl, begun = Rapl(tree.root), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun + 0.99 * SPAN / 1e6 / MOST_WATTS)
    assert rapl.joules() == 0.0
    monkeypatch.setattr(time, "monotonic", lambda: begun + 3.0 * SPAN / 1e6 / MOST_WATTS)
    assert rapl.joules() is None
    assert "may have gone round twice in 527 s" in rapl.missing  # 2.01 x 262.14 s
    assert rapl.joules() is None  # of a sum that lacks a part, nothing more is told


def test_without_counters_it_is_said(tmp_path):
    for root in (tmp_path, tmp_path / "nowhere"):
        rapl = Rapl(root)
        assert (rapl.joules(), rapl.missing) == (None, "this machine shows no RAPL counters")


def test_what_may_not_be_read_is_said(tree, monkeypatch):
    def refused(path: Path) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read(path)

    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", refused)
    rapl = Rapl(tree.root)
    assert (rapl.joules(), rapl.missing) == (None, "this user may not read the machine's RAPL counters")


@pytest.mark.parametrize("name", ["energy_uj", "max_energy_range_uj"])
def test_what_cannot_be_read_is_said(tree, name):
    (tree.root / "intel-rapl:1" / name).write_text("much")
    rapl = Rapl(tree.root)
    assert (rapl.joules(), rapl.missing) == (None, "the machine's RAPL counters cannot be read")


def test_one_that_goes_away_is_said(tree):
    rapl = Rapl(tree.root)
    (tree.root / "intel-rapl:0" / "energy_uj").unlink()
    assert (rapl.joules(), rapl.missing) == (None, "the machine's RAPL counters cannot be read")
