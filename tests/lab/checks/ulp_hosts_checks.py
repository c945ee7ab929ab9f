# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage between guests of two hosts: what goes on by itself when the wire or a daemon did not."""

import subprocess

from xenlab import network

from . import initiator, ipoib, target, wired
from .hosts_checks import FAR, NEAR
from .ulp_checks import KEPT, Ulp
from .wired import VIB


class UlpHostsChecks(Ulp):
    """g1 serves, g201 has it."""

    pair = (NEAR, FAR)
    vib = VIB
    loops = 2  # rxe does one of SRP's writes at a time: ibback.8, fast_registration

    def setUp(self) -> None:
        for guest in self.pair:
            wired.join(self.host, guest, fast_registration="yes")
        super().setUp()

    @classmethod
    def tearDownClass(cls) -> None:
        wired.leave(cls.host, *cls.pair)

    def new_guest(self, guest: str) -> None:
        super().new_guest(guest)
        if guest in self.pair:
            wired.join(self.host, guest, fast_registration="yes")

    def link_lost(self, work: subprocess.Popen) -> None:
        """In the middle of @work, which is there still."""
        self.addCleanup(self.host.lab, "link", "up")
        self.host.lab("link", "down")
        for guest in self.pair:
            self.host.port_is(guest, "DOWN", VIB)
        self.host.sh("dom0", "sleep 30")  # that long, as a switch that reboots
        self.assertIsNone(work.poll())
        self.host.lab("link", "up")
        for guest in self.pair:
            self.host.port_is(guest, "ACTIVE", VIB)

    def ibback_dies(self, guest: str, work: subprocess.Popen) -> None:
        """On a wire the HCA gives QPs their numbers, so that the guest's device is plugged anew."""
        dom0 = network.dom0_of(guest)
        self.host.daemon("kill9", "ibback", dom0)
        self.host.port_is(guest, "DOWN", VIB)
        self.assertIsNone(work.poll())
        self.host.daemon("start", "ibback", dom0)
        self.host.port_is(guest, "ACTIVE", VIB)

    def complain(self) -> str:
        return self.complaints((*self.pair, "dom0b"))

    def test_srp_over_a_lost_link(self) -> None:
        disk = self.log_in()
        initiator.patient(self.host, self.initiator)
        writes = self.writing(disk)
        self.link_lost(writes)
        self.all_written(writes)
        self.assertEqual(self.complain(), "")

    def test_srp_over_the_death_of_the_targets_ibback(self) -> None:
        """LIO has a target for a port as long as the port is there: it is configured anew, as
        the target's own service would."""
        self.keep()
        disk = self.log_in()
        initiator.patient(self.host, self.initiator)
        writes = self.writing(disk)
        self.ibback_dies(self.target, writes)
        target.end(self.host, self.target)
        ipoib.up(self.host, self.target, device=VIB)
        self.serve_srp()
        self.all_written(writes)
        self.assertEqual(self.complain(), "")

    def test_srp_over_the_death_of_the_initiators_ibback(self) -> None:
        """The disk goes with its device; multipathd keeps what is written until it is back."""
        self.addCleanup(initiator.multipath_end, self.host, self.initiator)
        initiator.multipath(self.host, self.initiator)
        self.addCleanup(initiator.logs_in_no_more, self.host, self.initiator)
        initiator.logs_in_again(self.host, self.initiator, self.serve_srp(), VIB)
        disk = initiator.scsi(self.host, self.initiator)[0]
        session = initiator.sessions(self.host, self.initiator)
        writes = self.writing(initiator.mapped(self.host, self.initiator, disk))
        self.ibback_dies(self.initiator, writes)
        self.all_written(writes)
        self.assertNotIn(session, ("", initiator.sessions(self.host, self.initiator)))
        self.assertEqual(self.complain(), "")

    def copying(self) -> subprocess.Popen:
        """A tree to the server and back."""
        target.nfs(self.host, self.target, KEPT[0], fresh=True)
        initiator.nfs(self.host, self.initiator, self.target)
        self.tree("/run/tree")
        self.addCleanup(self.host.attempt, self.initiator, "rm -rf /run/back")
        copies = self.host.start(
            self.initiator, f"cd {initiator.MOUNT} && for n in 1 2 3 4; do cp -r /run/tree $n && "
            "sync -f . || exit; done; echo 3 >/proc/sys/vm/drop_caches; cp -r 4 /run/back", 900)
        self.host.until(self.target, f"test -e {target.SHARE}/1/d2")
        return copies

    def all_copied(self, copies: subprocess.Popen) -> None:
        said, wrong = copies.communicate()
        self.assertEqual(copies.returncode, 0, said + wrong)
        here = self.sums(self.initiator, "/run/tree")
        self.assertEqual(self.sums(self.initiator, "/run/back"), here)
        for number in (1, 2, 3, 4):
            self.assertEqual(self.sums(self.target, f"{target.SHARE}/{number}"), here)

    def test_nfs_over_a_lost_link(self) -> None:
        self.keep()
        copies = self.copying()
        self.link_lost(copies)
        self.all_copied(copies)
        self.assertEqual(self.complain(), "")

    def nfs_while_ibback_dies(self, guest: str) -> None:
        self.keep()
        ipoib.hotplugged(self.host, guest, "datagram", 0, VIB)
        copies = self.copying()
        self.ibback_dies(guest, copies)
        self.all_copied(copies)
        self.assertEqual(self.complain(), "")

    def test_nfs_over_the_death_of_the_servers_ibback(self) -> None:
        self.nfs_while_ibback_dies(self.target)

    def test_nfs_over_the_death_of_the_clients_ibback(self) -> None:
        self.nfs_while_ibback_dies(self.initiator)
