"""Where the chain's rates leave the range of floats."""

import numpy as np

from mamo_cli.domains.faas.rejection.serverless import serverless_rejection


def test_where_replicas_neither_come_nor_go_nothing_is_divided_by_nothing():
    # A cold start or an expiry takes 1.7e308 s: both rates underflow where a replica serves next to nothing.
    rates = np.array([0.0, 5e-324, 1e-310, 1e-300, 1e-150, 1.0, 1e10])
    found = serverless_rejection(rates, 30, 1e300, 1.7e308, 1.7e308)
    assert ((found >= 0.0) & (found <= 1.0)).all()
