"""Whether two versions of mamo write the same bytes: `python -m tests.compatibility.reference_bytes REVISION`.

Runs the reference commands from the checkout and from a revision of it, each in a fresh folder, and compares every CSV:
the reference instance, a trace of three functions, an imported trace, and a trace whose caps never bind. What differs
is named, and the exit status is 1.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
MAMO = "from mamo_cli.cli.main import main; main()"
TINY = ("--seeds", "3", "--cycles", "12", "--jobs", "2")
TRAIN = ("train", "--seeds", "2", "--iterations", "20")
# Seconds are the only number of a summary that no version can repeat.
UNREPEATABLE = ("seconds", "objective_residual")


def commands() -> list[tuple[str, ...]]:
    """What is run, in order; `--name` makes the folders the same for both versions."""
    rows: list[tuple[str, ...]] = [("import", "requests.csv", "--format", "requests", "--step-seconds", "60",
                                    "--out", "imported.csv")]  # fmt: skip
    rows += [
        ("solve-offline", "--scope", scope, "--name", f"reference-{scope}") for scope in ("step", "average", "alpha")
    ]
    rows += [("train", "--seeds", "2", "--name", "reference-train")]
    rows += [("run-mamo", "--seeds", "3", "--name", "reference-mamo")]
    rows += [
        ("evaluate", f"reference-{kind}", "--noise-seed", "5", "--name", f"{kind}-again") for kind in ("train", "mamo")
    ]
    for trace in ("three", "imported", "capped"):
        given = ("--trace", f"{trace}.csv")
        rows += [
            ("solve-offline", *given, "--scope", scope, "--name", f"{trace}-{scope}")
            for scope in ("step", "average", "alpha")
        ]
        rows += [(*TRAIN, *given, "--name", f"{trace}-train"), ("run-mamo", *TINY, *given, "--name", f"{trace}-mamo")]
        rows += [("evaluate", f"{trace}-mamo", "--name", f"{trace}-again")]
    return rows


def write_traces(folder: Path) -> None:
    """Three functions half a day apart; a day of requests; the reference sinusoid under caps as wide as the default."""
    day = np.arange(288) * 2 * np.pi / 288
    rates = [50 + 40 * np.sin(day + shift) for shift in (0.0, 2.0, 4.0)]
    head = "# step_seconds=300\n# period_steps=288\nstep,function,expected_rate,actual_rate"
    rows = [
        f"{t},f{f},{rate[t]!r},{rate[t]!r}" for t in range(288) for f, rate in enumerate(map(np.ndarray.tolist, rates))
    ]
    (folder / "three.csv").write_text("\n".join([head, *rows, ""]))
    capped = [f"{t},f0,{rate!r},{rate!r},10" for t, rate in enumerate(rates[0].tolist())]
    (folder / "capped.csv").write_text("\n".join([f"{head},max_replicas", *capped, ""]))
    rng = np.random.default_rng(0)
    seconds = np.sort(rng.uniform(0, 7200, 150_000) + 600 * np.sin(rng.uniform(0, 6, 150_000)) + 600)
    (folder / "requests.csv").write_text("timestamp\n" + "\n".join(f"{second:.3f}" for second in seconds) + "\n")


def tables(source: Path) -> dict[str, str]:
    """Digest of every CSV that the commands write when run from a source tree, by its path."""
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_traces(folder)
        for command in commands():
            subprocess.run([sys.executable, "-c", MAMO, "-q", *command], cwd=folder, env=environment, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
        files = [*folder.glob("*.csv"), *folder.glob("results/*/*.csv")]
        return {str(path.relative_to(folder)): digest(path) for path in sorted(files)}


def digest(path: Path) -> str:
    """Of the file's bytes; of a summary, without the columns that nobody can repeat."""
    lines = path.read_text().splitlines()
    if path.name == "summary.csv":
        skip = [place for place, name in enumerate(lines[0].split(",")) if name in UNREPEATABLE]
        lines = [",".join(cell for place, cell in enumerate(line.split(",")) if place not in skip) for line in lines]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def main(revision: str) -> int:
    """Compare the checkout with a revision; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "source"
        subprocess.run(["git", "worktree", "add", "--force", "--detach", str(old), revision], cwd=ROOT, check=True)
        try:
            before, after = tables(old), tables(ROOT)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(old)], cwd=ROOT, check=True)
    different = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    print(f"{len(before)} tables, {len(different)} of them different", *different, sep="\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
