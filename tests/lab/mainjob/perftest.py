# SPDX-License-Identifier: GPL-2.0-or-later
"""perftest's programs, and the figure each of them gives.

perftest 4.5 has --out_json, but what it writes is no JSON (no quotes, commas
before braces): the table on stdout is read instead, by its headings.
"""

import re
from dataclasses import dataclass
from typing import Optional

from checks.host import Host

from . import pair
from .device import Device

LATENCY = "t_typical[usec]"
BANDWIDTH = "BW average[MB/sec]"  # perftest's MB are 2^20 bytes
SIZE = "#bytes"
CLOCK_TRIES = 4


@dataclass(frozen=True)
class Perftest:
    """A program at one size; iterations for a fast and for a slow device."""

    program: str
    size: int
    fast: int
    slow: int
    options: tuple[str, ...] = ()

    @property
    def is_latency(self) -> bool:
        return self.program.endswith("_lat")

    @property
    def unit(self) -> str:
        return "us" if self.is_latency else "MiB/s"

    @property
    def column(self) -> str:
        return LATENCY if self.is_latency else BANDWIDTH

    def words(self, device: Device, iterations: int) -> list[str]:
        """The command line of either half, without port and address."""
        # -F: say nothing of the CPU's frequency, which an emulator does not have
        words = [self.program, "-d", device.name, "-F", "-n", str(iterations), *self.options]
        if "atomic" not in self.program:  # which knows no other size than 8
            words += ["-s", str(self.size)]
        index = device.gid(False)
        if index is not None:
            words += ["-x", str(index)]
        return words


# The lab has fewer real CPUs than spinning vCPUs would like: the passive
# guest of a read, a write or an atomic sleeps, send's sleep for events (-e).
# Only ib_write_lat has both guests spinning: it reads its buffer, not a CQ.
TABLE = (
    Perftest("ib_write_lat", 8, 50, 20),
    Perftest("ib_read_lat", 8, 1000, 20),
    Perftest("ib_send_lat", 8, 100, 20, ("-e",)),
    Perftest("ib_atomic_lat", 8, 1000, 20),
    Perftest("ib_write_bw", 65536, 1000, 20),
    Perftest("ib_read_bw", 65536, 1000, 20),
    Perftest("ib_send_bw", 65536, 1000, 20, ("-e",)),
)


def columns(output: str) -> dict[str, str]:
    """The last row of figures under its headings; empty if there is none."""
    lines = output.splitlines()
    for at in range(len(lines) - 1, 0, -1):
        if not lines[at - 1].lstrip().startswith(SIZE):
            continue
        # "99% percentile[usec]", "BW average[MB/sec]": blanks inside a heading
        headings = re.findall(r"#\w+|[\w.%]+(?: \w+)*\[[^]]*\]", lines[at - 1])
        values = lines[at].split()
        return dict(zip(headings, values)) if len(headings) == len(values) else {}
    return {}


def figure(test: Perftest, outcome: pair.Outcome) -> Optional[float]:
    """The typical latency or the average bandwidth; None if it is missing or
    one of the halves failed."""
    if outcome.problems():
        return None
    found = columns(outcome.client.output)
    try:
        value = float(found[test.column])
        right = int(found[SIZE]) == test.size
    except (KeyError, ValueError):
        return None
    return value if right and 0 < value < float("inf") else None


def clock_lost(output: str) -> bool:
    """Could perftest not tell the CPU's speed, as happens on a busy emulator?

    It compares the cycle counter with the clock for a moment, and gives up,
    with figures of inf, if they do not agree well enough.
    """
    return "Correlation coefficient" in output


def run(host: Host, device: Device, test: Perftest, iterations: int,
        timeout: float = 90) -> pair.Outcome:
    """Run it between the two guests, again if its clock was lost."""
    words = test.words(device, iterations)
    for _ in range(CLOCK_TRIES):
        outcome = pair.run(host, words, words, timeout)
        if not clock_lost(outcome.client.output):
            break
    return outcome
