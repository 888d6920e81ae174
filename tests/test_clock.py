"""Own time: what a program computes and sleeps counts, what a busy machine makes it wait does not."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext

import pytest

from tests.clock import ended_within, own_clock, spends_less_than

# A child of nobody, so that its waiting is not taken for ours; it ends by itself should nobody end it.
BUSY = """
import os, time
child = os.fork()
if child:
    print(child, flush=True)
    os._exit(0)
end = time.monotonic() + 300
while time.monotonic() < end: pass
"""
COMPUTE = "import time\nwhile time.process_time() < {0}: pass"
SLEEP = "import time\ntime.sleep({0})"
A_CHILD = "import subprocess, sys\nsubprocess.run([sys.executable, '-S', '-c', {0!r}])"
A_THREAD = "import threading, time\nthread = threading.Thread(target=time.sleep, args=({0},))\nthread.start()"
A_CHILD_COMPUTES, A_CHILD_SLEEPS = (A_CHILD.format(program.format(0.5)) for program in (COMPUTE, SLEEP))
PROGRAMS = {
    "computes": COMPUTE.format(0.5),
    "sleeps": SLEEP.format(0.5),
    "waits for a child that computes": A_CHILD_COMPUTES,
    "waits for a child that sleeps": A_CHILD_SLEEPS,
    "waits for a thread": A_THREAD.format(0.5),
}


def begun(program, **options):
    # -S: a program that is up in no time.
    return subprocess.Popen([sys.executable, "-S", "-c", program], **options)


@contextmanager
def busy_machine():
    """Three busy processes a core beside us."""
    busy = []
    try:
        for _ in range(3 * len(os.sched_getaffinity(0))):
            with begun(BUSY, stdout=subprocess.PIPE) as process:
                busy.append(int(process.stdout.readline()))
        yield
    finally:
        for child in busy:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("load", [nullcontext, busy_machine])
def test_half_a_second_is_half_a_second_whatever_the_load(program, load):
    with load():
        with begun(program) as process:
            assert 0.45 < ended_within(process, 30.0) < 1.2
        with begun(program) as process, pytest.raises(AssertionError, match=r"0\.3 s are promised"):
            ended_within(process, 0.3)


def computing(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize("work", [computing, time.sleep])
def test_a_block_and_a_thread_are_measured_alike(work):
    with busy_machine():
        with spends_less_than(1.0):
            start = own_clock()
            work(0.4)
        assert 0.39 < own_clock() - start < 1.0
        with pytest.raises(AssertionError, match=r"0\.3 s are promised"), spends_less_than(0.3):
            work(0.4)


def test_any_other_clock_says_more_on_a_busy_machine():
    # Else the tests above would hold of any: with three loops a core, half a second of computing takes about two.
    with busy_machine(), begun(PROGRAMS["computes"]) as process:
        start = time.monotonic()
        assert ended_within(process, 30.0) + 0.5 < time.monotonic() - start
