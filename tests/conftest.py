"""Settings of Hypothesis for all tests: no example is too slow by the clock, which a busy machine makes run on."""

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
