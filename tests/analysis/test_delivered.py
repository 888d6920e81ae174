"""What a run's tables say was delivered, and what becomes of it: by hand on pumps, see test_bounds."""

import numpy as np
import pytest

from mamo_cli.analysis.bounds import bounds_of
from mamo_cli.analysis.decomposition import FIRST, TERMS, shared_stages
from mamo_cli.analysis.delivered import decomposition_columns, decomposition_rows, stages_of
from mamo_cli.runs.tables import write_table
from mamo_cli.training.records import columns_of
from tests.analysis.test_summaries import blank_rows, evaluation_rows
from tests.analysis.tiny_domain import WORDS, Pumps


def by_name(stages):
    return {stage.name: stage for stage in stages}


def test_a_mixture_is_taken_in_its_shares_and_who_diverged_has_no_stages(tmp_path):
    domain, columns = Pumps(), columns_of(Pumps().spec, ())
    write_table(tmp_path / "evaluation.csv", columns["evaluation"],
                [*evaluation_rows(3, 0.65, [2, 2], [0.0, 0.1]), *blank_rows(4, 0.5)])  # fmt: skip
    rows = [[3, 7, 0.6, 0.75, 0.5, 0.15], [3, 9, 0.8, 0.25, 0.7, 0.05], [4, 2, 0.5, None, None, None]]
    write_table(tmp_path / "delivered.csv", columns["delivered"], rows)
    shared = shared_stages(domain, bounds_of(domain), None, mix=True)
    found = stages_of(tmp_path, domain, shared)
    assert list(found) == [3]
    stages = by_name(found[3])
    # Perfect: .75 x (.5, .15) + .25 x (.75, .05); learnt: 4 litres twice, 1 of the dearest cost, drought .05.
    np.testing.assert_allclose(stages["strategy"].objectives, [[0.5625, 0.125]], rtol=1e-12)
    np.testing.assert_allclose(stages["te"].objectives, [[1.0, 0.05]], rtol=1e-12)
    assert (stages["strategy"].bought, stages["te"].bought) == (True, False)
    assert stages["te"].term == pytest.approx((1.0 - 0.5625) / 0.625, rel=1e-9)
    assert decomposition_columns(WORDS) == ("seed", "stage", "term", "mean_cost", "mean_drought", "holds", "bought")
    rows = decomposition_rows(domain, found)
    assert [row[1] for row in rows] == [FIRST, *TERMS]
    assert rows[5] == [3, "strategy", pytest.approx(-0.1, rel=1e-9), 0.5625, pytest.approx(0.125), 0, 1]


def test_agents_mix_each_for_itself(tmp_path):
    domain = Pumps(agents=2)
    columns = columns_of(domain.spec, ())
    left, right = evaluation_rows(0, 0.7, [2, 2], [0, 0]), evaluation_rows(0, 0.7, [0, 0], [0.3, 0.15], "right")
    evaluation = [row for pair in zip(left, right, strict=True) for row in pair]
    write_table(tmp_path / "evaluation.csv", columns["evaluation"], evaluation)
    rows = [[0, 7, 0.6, 0.5, 0, 0, "left"], [0, 9, 0.8, 0.5, 0, 0, "left"], [0, 9, 0.8, 1.0, 0, 0, "right"]]
    write_table(tmp_path / "delivered.csv", columns["delivered"], rows)
    shared = shared_stages(domain, bounds_of(domain), None, mix=True)
    stages = by_name(stages_of(tmp_path, domain, shared)[0])
    np.testing.assert_allclose(stages["strategy"].objectives, [[0.625, 0.1], [0.5, 0.075]], rtol=1e-12)
    np.testing.assert_allclose(stages["te"].objectives, [[1.0, 0.0], [0.25, 0.225]], rtol=1e-12)


def test_where_nothing_says_what_was_delivered_it_is_the_policy_that_was_evaluated(tmp_path):
    domain, columns = Pumps(), columns_of(Pumps().spec, ())
    write_table(tmp_path / "evaluation.csv", columns["evaluation"], evaluation_rows(3, 0.8, [2, 1], [0.0, 0.1]))
    shared = shared_stages(domain, bounds_of(domain), None, mix=False)
    stages = by_name(stages_of(tmp_path, domain, shared)[3])
    np.testing.assert_allclose(stages["strategy"].objectives, [[0.75, 0.05]], rtol=1e-12)
