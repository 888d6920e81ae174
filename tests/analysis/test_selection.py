import numpy as np
import pandas as pd

from mamo_cli.analysis.selection import evenly, fitting


def cells(agents, alphas=(0.5,)):
    """Agent number n rejects n per mille, at every alpha."""
    rows = [(f"f{n}", alpha, n / 1000) for n in range(agents) for alpha in alphas]
    return pd.DataFrame(rows, columns=["agent", "alpha", "rejection"])


def test_what_fits_stays_as_it_is():
    rows = cells(12)
    assert fitting(rows, "rejection", panels=2) == (rows, {})


def test_of_too_many_agents_the_worst_the_best_and_those_evenly_between_are_taken():
    # 24 panels hold 12 agents of two. 31 agents stand at 0 to 30, so 12 places are 30 / 11 = 2.73 apart.
    shown, totals = fitting(cells(31).sample(frac=1.0, random_state=0), "rejection", panels=2)
    assert sorted(int(name[1:]) for name in shown["agent"]) == [0, 3, 5, 8, 11, 14, 16, 19, 22, 25, 27, 30]
    assert totals == {"agents_total": 31}


def test_alphas_and_agents_share_the_room():
    shown, totals = fitting(cells(31, np.linspace(0, 1, 30)), "rejection", panels=2, by_alpha=True)
    assert (shown["agent"].nunique(), shown["alpha"].nunique()) == (3, 4)
    assert totals == {"agents_total": 31, "alphas_total": 30}
    shown, totals = fitting(cells(1, np.linspace(0, 1, 30)), "rejection", panels=2, by_alpha=True)
    assert (shown["alpha"].nunique(), totals) == (12, {"alphas_total": 30})
    shown, totals = fitting(cells(31, [0.1, 0.9]), "rejection", panels=2, by_alpha=True)
    assert (shown["agent"].nunique(), shown["alpha"].nunique(), totals) == (6, 2, {"agents_total": 31})


def test_one_place_is_the_first():
    assert list(evenly(np.arange(5), 1)) == [0]
