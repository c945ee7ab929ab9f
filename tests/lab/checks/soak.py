# SPDX-License-Identifier: GPL-2.0-or-later
"""What all soaks share: how many rounds, and what each must leave as it was."""

import time

from . import census
from .complaints import LINES, judged
from .host import BUSY, PATIENCE
from .lab_check import LabCheck
from .oracle import Oracle

# The first rounds fill the allocators' caches.
WARM_UP = 3


class Soak(LabCheck):
    """Each round must leave the host as it was; a long run has many."""

    def times(self, full: int) -> int:
        """All of them in a run of ten rounds, three in one of one."""
        return max(3, full * self.rounds // 10)

    def end_g2(self) -> None:
        oracle, domid = Oracle(self.host), self.host.attempt("dom0", "xl domid g2")
        if domid.returncode == 0:
            self.host.sh("dom0", "xl destroy g2 || ! xl domid g2")
            self.assertEqual(oracle.undead(int(domid.stdout)), [])

    def taken(self, guests: tuple[str, ...]) -> census.Census:
        return census.take(self.host, guests)

    def settled(self, guests: tuple[str, ...], before: census.Census) -> census.Census:
        """The counts are what they were, once what was under way has ended."""
        end = time.monotonic() + PATIENCE * BUSY
        while grown := census.growth(before, now := self.taken(guests)):
            if time.monotonic() > end:
                self.fail("\n".join(grown))
        return now

    def consoles(self) -> str:
        """What the kernels of guests that are gone said."""
        return judged("consoles", self.host.sh(
            "dom0", f"grep -HE '{LINES}|Kernel panic' /var/log/xen/console/guest-*.log || true"))


def memory(found: census.Census) -> str:
    """The figures that may only grow within bounds."""
    return ", ".join(f"{name} {value}" for name, value in found.items()
                     if name.split()[-1] in census.MEMORY)
