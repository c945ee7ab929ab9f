# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections: the stock programs of librdmacm between guests, over IPoIB's addresses."""

from . import cm, ipoib
from .cm import CLIENT, SERVER, THERE
from .lab_check import GUESTS, LabCheck

PRELOAD = "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/rsocket/librspreload.so"


class CmChecks(LabCheck):
    """g1 listens, g2 connects."""

    def setUp(self) -> None:
        super().setUp()
        for guest in GUESTS:
            self.addCleanup(ipoib.down, self.host, guest)
            ipoib.up(self.host, guest)
            self.host.sh(guest, "modprobe -a rdma_ucm ib_umad")

    def test_rping(self) -> None:
        cm.both(self.host, "rping -s -C 20 -v", f"rping -c -C 20 -v -V -a {THERE}", cm.listens(7174))

    def test_ucmatose(self) -> None:
        said = cm.both(self.host, "ucmatose -c 10", f"ucmatose -c 10 -s {THERE}", cm.listens(7471))
        self.assertIn("data transfers complete", said)

    def test_ucmatose_by_gid(self) -> None:
        """AF_IB: no IP address is looked at."""
        gid = {guest: self.host.sh(guest, "cat /sys/class/infiniband/vib0/ports/1/gids/0")
               for guest in GUESTS}
        said = cm.both(self.host, f"ucmatose -f gid -c 4 -b {gid[SERVER]}",
                       f"ucmatose -f gid -c 4 -s {gid[SERVER]} -b {gid[CLIENT]}",
                       # iproute2 shows no such identifiers.
                       "grep -q ucma_get_event /proc/$(pidof ucmatose)/stack")
        self.assertIn("data transfers complete", said)

    def test_udaddy(self) -> None:
        cm.both(self.host, "udaddy -c 4", f"udaddy -c 4 -s {THERE}", cm.listens(7174))

    def test_mckey(self) -> None:
        """One sends to a group that the other joins."""
        cm.multicast(self.host)

    def test_cmtime_of_1000_connections(self) -> None:
        said = cm.both(self.host, "cmtime -c 1000", f"cmtime -c 1000 -s {THERE}", cm.listens(7471),
                       900, ends=False)
        self.assertIn("connect", said)

    def test_rstream(self) -> None:
        cm.both(self.host, "rstream -C 20", f"rstream -C 20 -s {THERE}", cm.listens(7471))

    def test_a_tcp_program_over_rsockets(self) -> None:
        """iperf, which knows of TCP alone: its bytes are no packets of ib0."""
        packets = "cat /sys/class/net/ib0/statistics/tx_bytes"
        before = int(self.host.sh(CLIENT, packets))
        said = cm.both(self.host, f"env {PRELOAD} iperf -s", f"env {PRELOAD} iperf -c {THERE} -n 8M",
                       cm.listens(5001), ends=False)
        self.assertIn("8.00 MBytes", said)
        self.assertLess(int(self.host.sh(CLIENT, packets)) - before, 1 << 20)

    def test_perftest_connects_by_the_cm(self) -> None:
        cm.both(self.host, "ib_write_bw -R -d vib0 -n 200", f"ib_write_bw -R -d vib0 -n 200 {THERE}",
                  "ss -tln | grep -q 18515 || " + cm.listens(18515))

    def test_a_server_that_is_not_there_refuses(self) -> None:
        """REJ, and at once."""
        done = self.host.attempt(CLIENT, f"timeout 60 ucmatose -s {THERE}")
        self.assertNotIn(done.returncode, (0, 124), done.stdout)
        self.assertIn("REJECTED", done.stdout + done.stderr)

    def test_a_peer_destroyed_under_connections(self) -> None:
        """The survivor's writes fail, and new connections work."""
        writes = "timeout 100 ib_write_bw -R -d vib0 -D 60"
        server = self.host.start(CLIENT, writes, 120)
        self.host.until(CLIENT, cm.listens(18515))
        client = self.host.start(SERVER, f"stdbuf -oL {writes} {ipoib.address(CLIENT)} "
                                 ">/tmp/survivor 2>&1", 120)
        self.addCleanup(client.communicate)
        self.addCleanup(self.host.attempt, SERVER, "pkill ib_write_bw")
        self.host.until(SERVER, "grep -q '#bytes' /tmp/survivor")  # it writes
        self.host.sh("dom0", f"xl destroy {CLIENT}")
        server.kill()
        server.communicate()
        # Retries exceeded. It then waits for the answer to its DREQ, which is a minute.
        self.host.until(SERVER, "grep -q 'Failed status 12' /tmp/survivor")
        self.new_guest(CLIENT)
        self.host.port_is(CLIENT, "ACTIVE")
        ipoib.up(self.host, CLIENT)
        self.host.sh(CLIENT, "modprobe rdma_ucm")
        cm.both(self.host, "rping -s -C 10", f"rping -c -C 10 -a {THERE}", cm.listens(7174))
