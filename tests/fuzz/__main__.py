"""Coverage-guided fuzzing of one target for a bounded number of runs: `python -m tests.fuzz TARGET RUNS`.

It ends with exit code 0 where nothing but a `MamoError` ever left the target, and no input took 10 s.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mamo_cli", "tomllib"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import taken

LIMITS = ("-timeout=10", "-rss_limit_mb=4096", "-max_len=20000", "-print_final_stats=1", "-verbosity=0", "-seed=1")


def main() -> None:
    """Fuzz in a folder of its own; an input that breaks the target is left there, and shown."""
    warnings.simplefilter("ignore")  # torch has one for every pickle that it did not write
    target, runs = sys.argv[1], int(sys.argv[2])
    base = Path(tempfile.mkdtemp(prefix=f"fuzz-{target}-"))
    corpus, work = base / "corpus", base / "work"
    corpus.mkdir()
    work.mkdir()
    for number, seed in enumerate(SEEDS[target]):
        (corpus / f"seed{number}").write_bytes(seed)
    counts = {True: 0, False: 0}

    def one_input(data: bytes) -> None:
        counts[taken(target, work, data)] += 1
        if sum(counts.values()) == runs:
            print(f"{target}: {runs} inputs, {counts[True]} taken, {counts[False]} refused", flush=True)

    atheris.Setup([sys.argv[0], f"-runs={runs}", f"-artifact_prefix={base}/", *LIMITS, str(corpus)], one_input)
    atheris.Fuzz()


main()
