# SPDX-License-Identifier: GPL-2.0-or-later
"""A pair that uses the subnet, IPoIB and the CM beside a guest that forges and floods MADs."""

import os
import re
import time
from collections import Counter

from . import ipoib
from .hostile_guest import HostileGuest, Victim
from .lab_check import GUESTS, LabCheck
from .oracle import Oracle
from .sanitized import Sanitized

# Seconds of attack: as a check of many, and by itself; and how much longer it may take
# until every kind of attack was made.
SHORT, LONG = 90, 600
AT_MOST = 6
ONLY = "gsi_"
# Of tools that ask: a machine with much to do is no failure.
PATIENT = "-t 20000"


class HostileGsiChecks(LabCheck):
    """g1 and g2 are the pair, g3 is hostile; ibback has sanitizers."""

    def setUp(self) -> None:
        super().setUp()
        self.oracle = Oracle(self.host)
        self.ibback = Sanitized(self.host)
        self.addCleanup(self.ibback.put_back)
        for guest in GUESTS:
            self.addCleanup(ipoib.down, self.host, guest)
            ipoib.up(self.host, guest)
            self.host.sh(guest, "modprobe -a rdma_ucm ib_umad")
        self.lid = {guest: int(self.host.sh(guest, "cat /sys/class/infiniband/vib0/ports/1/lid"), 16)
                    for guest in GUESTS}

    def subnet_answers(self) -> None:
        """Queries of both, and each other's counters."""
        for guest, peer in (("g1", "g2"), ("g2", "g1")):
            self.assertIn(str(self.lid[peer]), self.host.sh(guest, f"saquery {PATIENT}"))
            self.assertIn("dlid", self.host.sh(
                guest, f"saquery {PATIENT} -p --src-to-dst {self.lid[guest]}:{self.lid[peer]}"))
            self.host.sh(guest, f"sminfo {PATIENT}; perfquery {PATIENT} {self.lid[peer]} 1")

    def packets_pass(self) -> None:
        """By unicast and by the broadcast group, over IPoIB."""
        self.host.sh("g2", f"ping -n -i 0.1 -c 20 -w 60 {ipoib.address('g1')}")
        self.host.sh("g2", f"ping -6 -n -i 0.1 -c 20 -w 60 {ipoib.address6('g1')}")
        # Nobody has to answer these: g3 is to have something to hear.
        self.host.attempt("g1", f"ping -n -b -I {ipoib.interface(self.host, 'g1')} -i 0.1 -c 20 "
                          "-w 10 255.255.255.255")

    def connections_work(self) -> None:
        """rping, from REQ to DREP."""
        server = self.host.start("g1", "timeout 200 rping -s -C 10 -v", 240)
        try:
            self.host.until("g1", "rdma resource show cm_id | grep -q 'state LISTEN.*:7174'")
            self.host.sh("g2", f"timeout 150 rping -c -C 10 -v -a {ipoib.address('g1')}", 180)
        finally:
            self.host.attempt("g1", "pkill rping", 20)
            server.communicate()

    def pair_works(self) -> None:
        self.subnet_answers()
        self.packets_pass()
        self.connections_work()

    def groups_of_g3(self) -> list[str]:
        """Those that it makes have a number and nothing else in their MGID."""
        said = self.host.sh("g1", f"saquery {PATIENT} -g")
        return re.findall(r"ff12::[0-9a-f]{1,4}\b", said)

    def said_too_much(self) -> list[str]:
        """Causes of drops that were logged more often than vibs were connected."""
        said = self.ibback.said()
        causes = Counter(re.findall(r"goes no further: (.*); no more is said", said))
        return [cause for cause, count in causes.items() if count > said.count(" connected, ")]

    def test_subnet_beside_hostile_mads(self) -> None:
        seconds = LONG if self.rounds >= 10 else SHORT
        seed = int(os.environ.get("HOSTILE_SEED", time.time()))
        print(f"\nseed {seed} (HOSTILE_SEED={seed} repeats it)", flush=True)
        self.pair_works()
        guest = HostileGuest(self.host, self.host_config("g3"))
        self.addCleanup(guest.end)
        guest.begin()
        guest.attack(seed, Victim.of_ports(self.host, GUESTS), ONLY)
        began, works = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds or (
                guest.idle(ONLY) and passed < seconds * AT_MOST):
            self.pair_works()
            works += 1
            guest.look()
        guest.stop()
        made = guest.made
        print(f"the pair worked {works} times beside {made['rounds']} attacks in "
              f"{made['lives']} connections; g3 died {guest.deaths} times\n"
              + ", ".join(f"{name} {count}" for name, count in made.items()
                          if name.startswith(ONLY)), flush=True)
        guest.end()
        self.assertEqual(self.ibback.complaints(), "")
        self.assertEqual(self.host.sh("dom0", "pgrep -x ibback"), self.ibback.pid, "ibback restarted")
        self.assertEqual(self.oracle.leftovers(guest.domid), [])
        self.assertEqual(guest.idle(ONLY), [], "attacks that were not made")
        self.assertEqual(made["kept"], 0, "pages mapped after backend_alive was 0")
        self.assertEqual(made["heard"], 0, "packets of a group that g3 was no member of")
        self.assertEqual(self.said_too_much(), [])
        # Nothing that it had at the SA is left.
        self.assertEqual(self.groups_of_g3(), [])
        self.pair_works()
        self.ibback.put_back()
        self.assertEqual(self.ibback.complaints(), "")
        for name in GUESTS:
            self.host.port_is(name, "ACTIVE")
        self.assertEqual(self.complaints(), "")
