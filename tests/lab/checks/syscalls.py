# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting a program's system calls by strace -c."""


# Asking for the time is a call where the guest has no vDSO clock (PV); perftest
# does so until the cycle counter and the clock agree, however long that takes.
CLOCK = ("gettimeofday", "clock_gettime")


def counted(summary: str) -> dict[str, int]:
    """Calls by name, from the table that `strace -c` writes; without the clock's."""
    calls = {}
    for line in summary.splitlines():
        words = line.split()
        # % time, seconds, usecs/call, calls, [errors,] syscall
        if len(words) in (5, 6) and words[3].isdigit() and words[-1] not in ("total", *CLOCK):
            calls[words[-1]] = int(words[3])
    return calls


def grown(few: dict[str, int], many: dict[str, int]) -> dict[str, int]:
    """What the second run called more often than the first, and by how much."""
    return {name: many[name] - few.get(name, 0) for name in many
            if many[name] > few.get(name, 0)}
