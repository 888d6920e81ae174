"""Ours against its peers, on one problem, in one run: `python -m benchmarks`."""
