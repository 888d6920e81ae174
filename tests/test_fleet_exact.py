"""The page of fleets tells the numbers of the benchmark of exact answers."""

import csv
from pathlib import Path

from benchmarks import fleet_exact
from tests.manual import PAGES


def test_the_page_tells_the_numbers_of_the_table():
    with Path(fleet_exact.CSV).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == fleet_exact.COLUMNS
    page = PAGES["docs/results/fleets.md"].read_text("utf-8")
    told = [row for row in rows if row["cost_per_node"]]
    assert {row["topology"] for row in rows if row not in told} == {"star"}
    for row in told:
        gap = "0" if float(row["gap"]) < 1e-9 else f"{100 * float(row['gap']):.3f} %"
        cost, seconds = f"{float(row['cost_per_node']):.4f}", f"{float(row['cpu_seconds']):.1f}"
        if row["question"] == "total of a period":
            line = f"| {row['topology']} | {row['nodes']} | {cost} | {gap} | {row['programs']} | {seconds} |"
        else:
            share = {"1.0": "every period", "0.0": "no period"}[row["within_limits"]]
            within = share if row["question"] == "plan, step" else "all means"
            who = f"{row['topology']}, {row['nodes']} nodes | {row['question']} | {row['solver']}"
            line = f"| {who} | {cost} | {gap} | {within} | {seconds} |"
        assert line in page
