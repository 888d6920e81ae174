"""Synthetic traces against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.core.errors import DataError, UsageError
from mamo_cli.workload.generators import noisy, perturb, sinusoidal
from mamo_cli.workload.trace import Trace


def test_the_reference_sinusoid_at_known_angles():
    # 24, 72, 144 and 216 of 288 steps are 30, 90, 180 and 270 degrees: sines 1/2, 1, 0 and -1.
    rate = sinusoidal().actual_rate_rps
    assert rate.shape == (288, 1)
    np.testing.assert_allclose(rate[[0, 24, 72, 144, 216], 0], [50.0, 70.0, 90.0, 50.0, 10.0], rtol=1e-14)


def test_the_phase_runs_ahead():
    ahead = sinusoidal(phase=72.0).actual_rate_rps[0, 0]
    assert ahead == pytest.approx(90.0)


def test_the_trough_is_clipped_at_zero():
    # mean 10, amplitude 40: at 270 degrees 10 - 40 = -30 becomes 0; at 90 degrees 50.
    rate = sinusoidal(mean=10.0, period=4, steps=4).actual_rate_rps[:, 0]
    np.testing.assert_allclose(rate, [10.0, 50.0, 10.0, 0.0])


def test_every_wave_is_the_first_bit_for_bit():
    trace = sinusoidal(period=7, steps=70, phase=2.3)
    waves = trace.actual_rate_rps.reshape(10, 7)
    assert np.array_equal(waves, np.broadcast_to(waves[0], (10, 7)))
    assert trace.period_steps == 7


def test_a_broken_wave_does_not_count_as_periodic():
    assert sinusoidal(period=288, steps=300).period_steps is None
    assert sinusoidal().period_steps == 288
    assert not sinusoidal().carries_deviations


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("mean", -1.0),
        ("mean", math.nan),
        ("amplitude", math.inf),
        ("amplitude", -1.0),
        ("mean", 1.7e308),
        ("period", 0),
        ("steps", 0),
        ("steps", 10**12),
        ("phase", math.nan),
        ("step_seconds", 0.0),
        ("function", "=f"),
    ],
)
def test_a_parameter_out_of_range_is_named(option, value):
    amplitude = {} if option == "amplitude" else {"amplitude": 1.7e308 if value == 1.7e308 else 40.0}
    typed = option if option == "function" else f"--{option.replace('_', '-')}"
    with pytest.raises(UsageError, match=f"^{typed}"):
        sinusoidal(**{**amplitude, option: value})


class HalfOfTheRange:
    """Stands in for a generator: always draws three quarters of the way from low to high."""

    def uniform(self, low, high, size):
        return np.full(size, low + 0.75 * (high - low))


def test_perturb_multiplies_by_one_plus_the_draw():
    # Three quarters of the way from -0.2 to 0.2 is 0.1: every rate grows by a tenth.
    rate = np.array([[0.0, 10.0], [20.0, 40.0]])
    np.testing.assert_allclose(perturb(rate, 0.2, HalfOfTheRange()), [[0.0, 11.0], [22.0, 44.0]])


def test_noise_is_uniform_and_independent_over_steps():
    # u ~ U(-d, d): mean 0, variance d^2 / 3; over n = 40,000 draws the mean has the deviation d / sqrt(3 n) = 5.8e-4.
    rate = np.ones((20_000, 2))
    u = perturb(rate, 0.2, np.random.default_rng(1)) - 1.0
    assert abs(u.mean()) < 4 * 5.8e-4
    assert u.var() == pytest.approx(0.04 / 3, rel=0.03)
    assert abs(np.corrcoef(u[:-1, 0], u[1:, 0])[0, 1]) < 0.03


@given(noise=st.floats(0, 1), seed=st.integers(0, 2**63))
def test_noise_stays_within_its_band_and_what_is_expected_stays(noise, seed):
    clean = sinusoidal(steps=16, period=16)
    trace = noisy(clean, noise, seed)
    ratio = trace.actual_rate_rps / clean.actual_rate_rps
    assert np.all(np.abs(ratio - 1) <= noise + 1e-15)
    assert np.array_equal(trace.expected_rate_rps, clean.expected_rate_rps)
    assert trace.period_steps is None


def test_the_seed_names_the_deviations():
    first, again, other = (noisy(sinusoidal(), seed=seed) for seed in (3, 3, 4))
    assert first.digest() == again.digest()
    assert first.digest() != other.digest()
    assert first.carries_deviations


def test_noise_on_noise_is_recorded_twice():
    trace = noisy(noisy(sinusoidal(), 0.2, 0), 0.1, 5)
    assert trace.notes["noise"] == "0.2 seed 0, 0.1 seed 5"


@pytest.mark.parametrize(("noise", "seed"), [(-0.1, 0), (1.5, 0), (math.nan, 0), (0.2, -1)])
def test_noise_out_of_range_is_refused(noise, seed):
    with pytest.raises(UsageError, match="must be"):
        noisy(sinusoidal(), noise, seed)


def test_noise_that_leaves_the_numbers_is_refused():
    rates = np.full((50, 1), 1.7e308)
    with pytest.raises(DataError, match="finite"):
        noisy(Trace(("f",), rates, rates))


def test_the_nodes_memory_falls_where_the_rate_rises():
    trace = sinusoidal(mean=50, amplitude=40, period=4, steps=4, node_memory_mb=1000, node_memory_amplitude_mb=100)
    assert trace.actual_rate_rps[:, 0].tolist() == pytest.approx([50, 90, 50, 10])
    assert trace.node_memory_mb[[0, 1, 3]].tolist() == [1000, 900, 1100]
    assert sinusoidal().node_memory_mb is None
    for memory, amplitude in ((None, 1), (0, 0), (100, 100), (100, -1)):
        with pytest.raises(UsageError, match="--node-memory"):
            sinusoidal(node_memory_mb=memory, node_memory_amplitude_mb=amplitude)
