"""Adds up the faults of all tests, wherever they ran."""

from collections import Counter

from tests.cli.conftest import folder

__all__ = ["folder"]


def pytest_terminal_summary(terminalreporter):
    reports = terminalreporter.getreports("passed")
    found = [value for report in reports for name, value in report.user_properties if name == "faults"]
    if found:
        faults = sum((Counter(places) for places in found), Counter())
        hit = ", ".join(f"{count} in {place}" for place, count in faults.most_common())
        terminalreporter.write_line(f"{faults.total()} SIGKILLs hit a live run: {hit}")
