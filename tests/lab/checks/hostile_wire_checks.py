# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest and a plain machine on the wire beside a guest that does all the evil it can there."""

import os
import re
import time

from . import frames, wired
from .hostile_guest import HostileGuest, Victim
from .oracle import Oracle
from .sanitized import Sanitized
from .wire_checks import DEVICE, THERE, captured
from .wire_pair import WirePair
from .wired import FABRIC, GUEST, VIB

# Seconds of attack: as a check of many, and by itself.
SHORT, LONG = 60, 600
AT_MOST = 6


class HostileWireChecks(WirePair):
    """g1 and the peer are the pair, g3 is hostile; ibback has sanitizers."""

    pair = (GUEST, THERE)

    def setUp(self) -> None:
        super().setUp()
        self.host.port_is(THERE, "ACTIVE", DEVICE)
        wired.join(self.host)
        self.oracle = Oracle(self.host)
        self.ibback = Sanitized(self.host)
        self.addCleanup(self.ibback.put_back)
        self.host.port_is(GUEST, "ACTIVE", VIB)

    @classmethod
    def tearDownClass(cls) -> None:
        wired.leave(cls.host, GUEST)

    def pair_works(self) -> None:
        self.pingpong("rc", 8192)
        self.pingpong("ud", 2048)

    def pair_works_beside(self) -> None:
        """Reliable: a datagram may be lost on a wire that another guest fills."""
        self.pingpong("rc", 8192)

    def gids_of_g3(self) -> set[str]:
        guids = re.findall(rf"g3 connected, fabric {FABRIC}, .*GUID 0x(\w+)", self.ibback.said())
        self.assertTrue(guids)
        return {frames.gid(f"fe80::{':'.join(re.findall('....', guid))}") for guid in guids}

    def test_pair_beside_hostile_guest(self) -> None:
        seconds = LONG if self.rounds >= 10 else SHORT
        seed = int(os.environ.get("HOSTILE_SEED", time.time()))
        print(f"\nseed {seed} (HOSTILE_SEED={seed} repeats it)", flush=True)
        self.pair_works()
        guest = HostileGuest(self.host, self.host_config("g3"), f"fabric={FABRIC}")
        self.addCleanup(guest.end)
        guest.begin()
        with captured(self.host) as lines:
            guest.attack(seed, Victim.of_ports(self.host, (GUEST,), VIB))
            began, works = time.monotonic(), 0
            while (passed := time.monotonic() - began) < seconds or (
                    guest.idle() and passed < seconds * AT_MOST):
                self.pair_works_beside()
                works += 1
                guest.look()
            guest.stop()
        made, sent = guest.made, frames.pairs(lines)
        own, theirs = self.gids_of_g3(), {self.gid(machine) for machine in self.pair}
        print(f"the pair worked {works} times beside {made['rounds']} attacks in "
              f"{made['lives']} connections; g3 died {guest.deaths} times; of "
              f"{sent.total()} packets on the wire "
              f"{sum(count for (source, _), count in sent.items() if source in own)} were g3's\n"
              + ", ".join(f"{name} {count}" for name, count in made.items()), flush=True)
        guest.end()
        self.assertEqual(self.ibback.complaints(), "")
        self.assertEqual(self.host.sh("dom0", "pgrep -x ibback"), self.ibback.pid, "ibback restarted")
        self.assertEqual(self.oracle.leftovers(guest.domid), [])
        self.assertEqual(guest.idle(), [], "attacks that were not made")
        self.assertEqual(made["kept"], 0, "pages mapped after backend_alive was 0")
        self.assertEqual(made["wrong"], 0, guest.wrong)
        self.assertEqual({source for source, _ in sent} - own - theirs, set(),
                         "GIDs that are nobody's")
        self.assertEqual({pair for pair in sent if pair[0] in theirs and pair[1] not in theirs | own},
                         set(), "the pair's GIDs, used by another")
        self.pair_works()
        self.ibback.put_back()
        self.assertEqual(self.ibback.complaints(), "")
        self.host.port_is(GUEST, "ACTIVE", VIB)
        self.assertEqual(self.complaints(), "")
