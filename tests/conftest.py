"""Settings for all tests: Hypothesis, and the signals that runs are to hear."""

import signal

from hypothesis import HealthCheck, settings

# No example is too slow by the clock, which a busy machine makes run on.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
# Who is started by nohup ignores a closed terminal, and so do all processes that it starts: runs go on then, as they
# should, and tests of what a closed terminal does would wait for them for ever.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
