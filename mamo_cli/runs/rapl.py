"""What the machine itself says it took: RAPL, the energy counters of its processors, where they can be read.

They are the whole machine's, whoever works on it, and of packages and memory alone: no disk, fan or power supply.

Source: Linux kernel documentation, "Power Capping Framework" (energy_uj, max_energy_range_uj). Since Linux 5.10 the
counters are root's alone unless the administrator opens them, as others' secrets show in them (CVE-2020-8694).
"""

import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/class/powercap")
MOST_WATTS = 1000.0
"""Of a package, at most. Between readings in which so much would fill its counter, it may have gone round twice."""


class Rapl:
    """J taken since this was made, as far as every reading succeeds.

    Attributes:
        missing: why it is not known; empty where it is.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.missing = ""
        self._joules, self._at = 0.0, time.monotonic()  # of the last reading
        self._zones = list(_zones(root))
        if not self._zones:
            self.missing = "this machine shows no RAPL counters"
        self._last = self._counters("energy_uj")
        self._ranges = self._counters("max_energy_range_uj")

    def joules(self) -> float | None:
        """So far, J; None where it is not known."""
        now, apart = self._counters("energy_uj"), time.monotonic() - self._at
        if not self.missing and apart * MOST_WATTS * 1e6 > min(self._ranges):
            self.missing = f"its RAPL counters may have gone round twice in {apart:.0f} s"
        if self.missing:
            return None
        for before, after, span in zip(self._last, now, self._ranges, strict=True):
            self._joules += ((after - before) if after >= before else (after - before + span)) / 1e6
        self._last, self._at = now, self._at + apart
        return self._joules

    def _counters(self, name: str) -> list[int]:
        """A number of each zone; nothing, with the reason kept, where one cannot be read."""
        if self.missing:
            return []
        try:
            return [int((zone / name).read_text()) for zone in self._zones]
        except PermissionError:
            self.missing = "this user may not read the machine's RAPL counters"
        except (OSError, ValueError):
            self.missing = "the machine's RAPL counters cannot be read"
        return []


def _zones(root: Path) -> Iterator[Path]:
    """Packages, and memory beside them; not what is part of a package, nor the platform, of which packages are part."""
    for zone in sorted(root.glob("intel-rapl:*")):
        try:
            name = (zone / "name").read_text().strip()
        except OSError:
            continue
        if name.startswith("package") or name == "dram":
            yield zone
