"""`mamo run-mamo --continual` on the command line."""

import json

from tests.cli.invoke import MAMO, mamo


def test_what_walked_is_shown_and_told_as_json(folder):
    (folder / "walk.toml").write_text("[walk]\nwindow = 96\nupdates = 2\n[drift]\ntolerance = [[1, 0.9]]\n")
    asked = (*MAMO, "--continual", "--config", "walk.toml", "--name", "walk", "--seeds", "1")
    shown = mamo(*asked)
    assert shown.code == 0
    head = next(line for line in shown.out.splitlines() if line.startswith("seed"))
    words = ["seed", "learning", "rejection", "frozen", "rejection", "erlang", "rejection", "recovers", "bound"]
    assert head.split() == words
    again = mamo(*asked, "--json")  # complete: only told
    (member,) = json.loads(again.out)["members"]
    cells = next(line for line in shown.out.splitlines() if line.strip().startswith("0 ")).split()
    told = [member[name] for name in ("learning_cost", "frozen_cost", "walk_bound_cost")]
    assert [float(cells[place]) for place in (1, 3, 8)] == [float(f"{number:.4g}") for number in told]
    assert cells[7] == member["learning_steps_to_recover"] == "96"


def test_a_walk_without_continual_and_one_that_grows_are_refused(folder):
    (folder / "walk.toml").write_text("[walk]\nwindow = 96\n")
    refused = mamo(*MAMO, "--config", "walk.toml")
    assert (refused.code, "needs continual = true" in refused.err) == (2, True)
    assert not (folder / "results").exists()
