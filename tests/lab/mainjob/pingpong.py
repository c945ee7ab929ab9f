# SPDX-License-Identifier: GPL-2.0-or-later
"""libibverbs' pingpongs, with their data checked.

With -c the client writes into each page what the server then expects there;
a page that differs is said on stdout and nowhere else: the exit status is 0.
"""

import re
from dataclasses import dataclass
from typing import Optional

from checks.host import Host

from . import pair
from .device import Device

TYPES = ("rc", "uc", "ud", "srq")


@dataclass(frozen=True)
class Pingpong:
    """One run: `grh` addresses by GID, `events` sleeps instead of polling."""

    type: str
    size: int = 4096
    iterations: int = 100
    grh: bool = False
    events: bool = False

    def __str__(self) -> str:
        return (f"ibv_{self.type}_pingpong{' -g' if self.grh else ''}"
                f"{' -e' if self.events else ''}, {self.size} bytes")

    def words(self, device: Device) -> list[str]:
        """The command line of either half, without port and address."""
        words = [f"ibv_{self.type}_pingpong", "-d", device.name, "-c",
                 "-s", str(self.size), "-n", str(self.iterations)]
        index = device.gid(self.grh)
        if index is not None:
            words += ["-g", str(index)]
        if self.events:
            words.append("-e")
        return words


def problems(test: Pingpong, outcome: pair.Outcome) -> list[str]:
    """What is wrong with a run, in words; empty when all went well."""
    found = outcome.problems()
    for who, half in (("server", outcome.server), ("client", outcome.client)):
        wrong = re.findall(r"invalid data in page \d+", half.output)
        if wrong:
            found.append(f"{who}: {len(wrong)} pages with wrong data, first: {wrong[0]}")
        if half.status == 0 and latency(half.output) is None:
            found.append(f"{who}: no result: {half.output.strip()[-600:]}")
        # There and back; SRQ counts the iterations of all QPs together.
        moved = re.search(r"^(\d+) bytes in ", half.output, re.M)
        if moved and int(moved[1]) != 2 * test.size * test.iterations:
            found.append(f"{who}: {moved[1]} bytes moved, "
                         f"not {2 * test.size * test.iterations}")
    return found


def latency(output: str) -> Optional[float]:
    """Microseconds an iteration; None if the program did not get that far."""
    found = re.search(r"^\d+ iters in [\d.]+ seconds = ([\d.]+) usec/iter", output, re.M)
    return float(found[1]) if found else None


def run(host: Host, device: Device, test: Pingpong, timeout: float = 60) -> pair.Outcome:
    """Run it between the two guests."""
    words = test.words(device)
    return pair.run(host, words, words, timeout)
