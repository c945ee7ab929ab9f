# SPDX-License-Identifier: GPL-2.0-or-later
"""What all checks share: the lab, and the state each begins with."""

import subprocess
import unittest
from typing import ClassVar, Sequence

from . import complaints
from .host import LAB, Host
from .traffic import Summary

GUESTS = ("g1", "g2")


class LabCheck(unittest.TestCase):
    """In the order they stand; each leaves g1 and g2 with an active port."""

    # Set by the runner, on this class.
    host: ClassVar[Host]
    type: ClassVar[str]         # of the guests: pv, pvh
    shape: ClassVar[list[str]]  # --type and --kernel of the guests
    rounds: ClassVar[int]
    device: ClassVar[str] = "vib0"  # rxe0 to try what needs no vib

    def setUp(self) -> None:
        # What a check that failed may have left stopped or destroyed.
        gone = self.host.sh("dom0", f"""set -e
        for daemon in ibback vibd; do
            lab-daemon status $daemon >&2 || lab-daemon start $daemon >&2
        done
        for guest in {' '.join(GUESTS)}; do
            xl domid $guest >/dev/null 2>&1 || echo $guest
        done""")
        for guest in gone.split():
            self.new_guest(guest)
        for guest in GUESTS:
            self.host.port_is(guest, "ACTIVE")

    def host_config(self, guest: str) -> str:
        return subprocess.run([LAB, "guest", "config", guest, *self.shape], text=True,
                              capture_output=True, check=True).stdout

    def new_guest(self, guest: str) -> None:
        """Create a guest that is not there, and wait until it answers."""
        self.host.lab("guest", "create", "-", stdin=self.host_config(guest))
        self.host.lab("guest", "wait", guest)

    def kill_ibback(self) -> None:
        """And start it again."""
        self.host.daemon("kill9", "ibback")
        for guest in GUESTS:
            self.host.port_is(guest, "DOWN")
        self.host.daemon("start", "ibback")
        for guest in GUESTS:
            self.host.port_is(guest, "ACTIVE")

    def complaints(self, guests: Sequence[str] = GUESTS) -> str:
        """What the kernels have complained about since they booted."""
        return "".join(f"{where}: {said}\n" for where in (*guests, "dom0")
                       if (said := complaints.judged(where, self.host.sh(
                           where, f"dmesg | grep -E '{complaints.LINES}' || true"))))

    # ---- what a half of traffic sees ---------------------------------------------

    def retries_exceeded(self, summary: Summary) -> None:
        """Its peer went away under it."""
        self.ended_by(summary, "retry_exceeded")

    def lost_its_backend(self, summary: Summary) -> None:
        self.ended_by(summary, "flush")
        self.assertGreaterEqual(summary.events.get("QP_FATAL", 0), 1, summary.output)

    def lost_its_device(self, summary: Summary) -> None:
        self.ended_by(summary, "flush")
        self.assertGreaterEqual(summary.events.get("DEVICE_FATAL", 0), 1, summary.output)

    def ended_by(self, summary: Summary, status: str) -> None:
        """Every request completed, at least one so, and no byte was wrong."""
        self.assertEqual((summary.status, summary.corrupt, summary.lost), (1, 0, 0),
                         summary.output)
        self.assertGreaterEqual(summary.completions.get(status, 0), 1, summary.output)
