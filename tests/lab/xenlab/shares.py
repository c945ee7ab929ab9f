# SPDX-License-Identifier: GPL-2.0-or-later
"""A share of the real CPUs for each emulated one, whatever the others do.

A lab's machines have more CPUs than the machine they are emulated on. One more that polls then
takes time from all others, in slices of a tick, which no machine does whose CPUs are its own:
what is measured is the scheduler of the developer's machine. With a reservation
(SCHED_DEADLINE) each emulated CPU has the same part of a real one ten times in a millisecond,
whether the others poll or sleep.
"""

import ctypes
import os
from typing import Sequence

from .cache import say
from .lab import Lab

PERIOD_NS = 100_000  # the kernel allows no less
# Of the real CPUs, for all emulated ones; the kernel gives no more than 0.95.
RESERVED = 0.9
SCHED_DEADLINE = 6
SYS_SCHED_SETATTR = 314  # of x86-64, which is what these labs run on


class SchedAttr(ctypes.Structure):
    """struct sched_attr of linux/sched/types.h, its version 0."""

    _fields_ = [("size", ctypes.c_uint32), ("policy", ctypes.c_uint32),
                ("flags", ctypes.c_uint64), ("nice", ctypes.c_int32),
                ("priority", ctypes.c_uint32), ("runtime", ctypes.c_uint64),
                ("deadline", ctypes.c_uint64), ("period", ctypes.c_uint64)]


def emulated_cpus(lab: Lab) -> list[int]:
    """The threads that are the CPUs of its machines."""
    threads = []
    for machine in lab.machines.values():
        monitor = machine.qemu.monitor_connection()
        try:
            threads += [cpu["thread-id"] for cpu in monitor.command("query-cpus-fast")]
        finally:
            monitor.close()
    return threads


def reserve(threads: Sequence[int], real: int) -> float:
    """The same part of a real CPU for each of them, which is returned; OSError if refused."""
    share = RESERVED * min(real / len(threads), 1)
    attr = SchedAttr(size=ctypes.sizeof(SchedAttr), policy=SCHED_DEADLINE,
                     runtime=int(PERIOD_NS * share), deadline=PERIOD_NS, period=PERIOD_NS)
    libc = ctypes.CDLL(None, use_errno=True)
    for thread in threads:
        if libc.syscall(SYS_SCHED_SETATTR, thread, ctypes.byref(attr), 0):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    return share


def give(lab: Lab) -> None:
    """To each emulated CPU of a lab; says what came of it."""
    threads = emulated_cpus(lab)
    try:
        share = reserve(threads, len(os.sched_getaffinity(0)))
    except OSError as error:
        say(f"NO SHARES for the emulated CPUs ({error.strerror}): one that polls takes time from "
            "the others, and ratios show that as well")
    else:
        say(f"{len(threads)} emulated CPUs have {share:.0%} of a real one each")
