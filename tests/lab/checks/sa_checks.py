# SPDX-License-Identifier: GPL-2.0-or-later
"""The subnet's services, as infiniband-diags and iproute2 see them from a guest."""

import re

from . import ipoib
from .lab_check import GUESTS, LabCheck


class SaChecks(LabCheck):
    """Stock tools in g1 and g2."""

    def setUp(self) -> None:
        super().setUp()
        for guest in GUESTS:
            self.host.sh(guest, "modprobe -a ib_umad")
        self.lid = {guest: int(self.host.sh(guest, "cat /sys/class/infiniband/vib0/ports/1/lid"), 16)
                    for guest in GUESTS}
        self.gid = {guest: self.host.sh(guest, "cat /sys/class/infiniband/vib0/ports/1/gids/0")
                    for guest in GUESTS}

    def test_the_port_says_what_it_is(self) -> None:
        said = self.host.sh("g1", "ibstat vib0")
        for part in ("State: Active", "Link layer: InfiniBand", f"Base lid: {self.lid['g1']}",
                     "SM lid: 1"):
            self.assertIn(part, said)
        self.assertIn(f"LID start 0x{self.lid['g1']:x}", self.host.sh("g1", "ibaddr"))

    def test_saquery(self) -> None:
        """Nodes, paths, groups, services: what both are in, and nothing else."""
        nodes = self.host.sh("g1", "saquery")
        for guest in GUESTS:
            self.assertIn(f"{self.lid[guest]}", nodes)
        path = self.host.sh("g1", f"saquery -p --src-to-dst {self.lid['g1']}:{self.lid['g2']}")
        self.assertRegex(path, rf"dlid\.+(?:0x{self.lid['g2']:X}|{self.lid['g2']})\b")
        ipoib.up(self.host, "g1")
        self.addCleanup(ipoib.down, self.host, "g1")
        self.assertIn("ff12:401b:ffff::ffff:ffff", self.host.sh("g1", "saquery -g").lower())
        self.host.sh("g1", "saquery -S; saquery -I; saquery PIR; saquery CPI")

    def test_every_query_has_an_answer(self) -> None:
        """What saquery can ask for; of links, switches and VLs there is nothing."""
        for what in ("NR", "PIR", "GIR", "PKTR", "SMIR", "PR", "MCMR", "SR", "IIR"):
            self.host.sh("g1", f"saquery {what}")
        for what in ("LR", "SWIR", "LFTR", "MFTR", "SL2VL", "VLAR"):
            self.assertEqual(self.host.sh("g1", f"saquery {what}").strip(), "", what)

    def test_manager_is_seen(self) -> None:
        """By sminfo at its LID; and it is no node, so that discovery ends at the port."""
        self.assertRegex(self.host.sh("g1", "sminfo"), r"sm lid 1 .*SMINFO_MASTER")
        self.assertNotEqual(self.host.attempt("g1", "smpquery -t 200 nodeinfo 1").returncode, 0)
        self.assertIn("Ca", self.host.sh("g1", "ibnetdiscover -t 100 2>/dev/null"))

    def test_counters_count(self) -> None:
        """perfquery of one's own port and of the peer's; sysfs and iproute2 alike."""
        before = self.xmitted("g1")
        ipoib.up(self.host, "g1")
        ipoib.up(self.host, "g2")
        for guest in GUESTS:
            self.addCleanup(ipoib.down, self.host, guest)
        self.host.sh("g1", f"ping -n -i 0.1 -c 20 -w 20 {ipoib.address('g2')}")
        self.assertGreater(self.xmitted("g1"), before)
        self.assertRegex(self.host.sh("g1", f"perfquery {self.lid['g2']} 1"), r"PortRcvData:\.+[1-9]")
        self.host.sh("g1", "test $(cat /sys/class/infiniband/vib0/ports/1/counters/port_xmit_data) -gt 0")
        self.assertIn("xmit_packets", self.host.sh("g1", "rdma statistic show link vib0/1"))
        self.host.sh("g1", "rdma resource show | grep vib0")

    def xmitted(self, guest: str) -> int:
        said = self.host.sh(guest, "perfquery -x")
        found = re.search(r"PortXmitPkts:\.+(\d+)", said)
        self.assertIsNotNone(found, said)
        return int(found[1]) if found else 0

    def test_subnet_management_of_the_own_port(self) -> None:
        said = self.host.sh("g1", f"smpquery nodeinfo {self.lid['g1']}; smpquery -D portinfo 0; "
                            f"smpquery pkeys {self.lid['g1']}")
        self.assertIn("Channel Adapter", said)
        self.assertIn("Active", said)

    def test_ibping(self) -> None:
        server = self.host.start("g1", "timeout 60 ibping -S", 90)
        self.addCleanup(server.communicate)
        self.addCleanup(self.host.attempt, "g1", "pkill ibping")
        self.host.until("g2", f"ibping -c 3 {self.lid['g1']} | grep -q ' 0% packet loss'")
