"""Keeps one processor from going to sleep, at the lowest priority there is: for measurements.

A virtual processor that has nothing to do is given back to the host, and is woken by an interrupt that
takes as long as a query. Who runs on which processor then decides what is measured.

Its argument: which of the processors that we may use. It ends with the process that started it.
"""

import os
import sys
import time

CHECKED_EVERY = 0.05


def main(which):
    # Any other process gets the processor immediately.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    usable = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {usable[which % len(usable)]})
    parent = os.getppid()
    while os.getppid() == parent:
        checked = time.monotonic()
        while time.monotonic() < checked + CHECKED_EVERY:
            pass


main(int(sys.argv[1]))
