# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections: the stock programs of librdmacm between guests, over IPoIB's addresses."""

import shlex

from . import ipoib
from .lab_check import GUESTS, LabCheck

SERVER, CLIENT = GUESTS
PRELOAD = "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/rsocket/librspreload.so"


class CmChecks(LabCheck):
    """g1 listens, g2 connects."""

    def setUp(self) -> None:
        super().setUp()
        for guest in GUESTS:
            self.addCleanup(ipoib.down, self.host, guest)
            ipoib.up(self.host, guest)
            self.host.sh(guest, "modprobe -a rdma_ucm ib_umad")
        self.there = ipoib.address(SERVER)

    def both(self, server: str, client: str, listens: str, timeout: float = 90) -> str:
        """A program's halves; the client starts once the server's condition holds."""
        said = "/tmp/cm-server"
        begun = self.host.start(SERVER, f"exec timeout {timeout:.0f} {server} >{said} 2>&1",
                                timeout + 30)
        try:
            self.host.until(SERVER, listens)
            output = self.host.sh(CLIENT, f"timeout {timeout:.0f} {client} 2>&1", timeout + 30)
            begun.wait(timeout)
            self.assertEqual(begun.returncode, 0, self.host.sh(SERVER, f"cat {said}"))
            return output
        finally:
            self.host.attempt(SERVER, f"pkill -f {shlex.quote(server.split()[0])}", 20)
            begun.communicate()

    def cm_id(self, port: int) -> str:
        """That somebody listens for connections of the CM there."""
        return f"rdma resource show cm_id | grep -q 'state LISTEN.*:{port}'"

    def test_rping(self) -> None:
        self.both("rping -s -C 20 -v", f"rping -c -C 20 -v -V -a {self.there}", self.cm_id(7174))

    def test_ucmatose(self) -> None:
        said = self.both("ucmatose -c 10", f"ucmatose -c 10 -s {self.there}", self.cm_id(7471))
        self.assertIn("data transfers complete", said)

    def test_udaddy(self) -> None:
        self.both("udaddy -c 4", f"udaddy -c 4 -s {self.there}", self.cm_id(7174))

    def test_mckey(self) -> None:
        """One sends to a group that the other joins."""
        group = "239.9.9.9"
        server = self.host.start(SERVER, f"timeout 60 mckey -m {group} -b {self.there} -C 10", 90)
        self.host.until(SERVER, "saquery -m 2>/dev/null | grep -qi 'ff12:401b:ffff::f09:909'")
        self.host.sh(CLIENT, f"timeout 60 mckey -m {group} -b {ipoib.address(CLIENT)} -s -C 10", 90)
        said = server.communicate()[0]
        self.assertEqual(server.returncode, 0, said)

    def test_cmtime_of_1000_connections(self) -> None:
        said = self.both("cmtime -c 1000", f"cmtime -c 1000 -s {self.there}", self.cm_id(7471), 300)
        self.assertIn("connect", said)

    def test_rstream(self) -> None:
        self.both("rstream -C 20", f"rstream -C 20 -s {self.there}", self.cm_id(7471))

    def test_a_tcp_program_over_rsockets(self) -> None:
        """iperf3, which knows of TCP alone."""
        said = self.both(f"env {PRELOAD} iperf3 -s -1", f"env {PRELOAD} iperf3 -c {self.there} -n 4M",
                         self.cm_id(5201))
        self.assertIn("receiver", said)

    def test_perftest_connects_by_the_cm(self) -> None:
        self.both("ib_write_bw -R -d vib0 -n 200", f"ib_write_bw -R -d vib0 -n 200 {self.there}",
                  "ss -tln | grep -q 18515 || " + self.cm_id(18515))

    def test_a_server_that_is_not_there_refuses(self) -> None:
        """REJ, and at once."""
        done = self.host.attempt(CLIENT, f"timeout 60 ucmatose -s {self.there}")
        self.assertNotIn(done.returncode, (0, 124), done.stdout)
        self.assertIn("REJECTED", done.stdout + done.stderr)

    def test_a_peer_destroyed_under_connections(self) -> None:
        """The survivor's rping ends with an error, and new connections work."""
        server = self.host.start(SERVER, "timeout 200 rping -s -P", 240)
        self.addCleanup(server.communicate)
        self.addCleanup(self.host.attempt, SERVER, "pkill rping")
        self.host.until(SERVER, self.cm_id(7174))
        client = self.host.start(CLIENT, f"timeout 60 rping -c -C 100000 -a {self.there}", 90)
        self.host.until(SERVER, "rdma resource show qp | grep -q 'type RC state RTS'")
        self.host.sh("dom0", f"xl destroy {CLIENT}")
        client.kill()
        client.communicate()
        self.host.until(SERVER, "! rdma resource show qp | grep -q 'type RC state RTS'", 180)
        self.new_guest(CLIENT)
        self.host.port_is(CLIENT, "ACTIVE")
        ipoib.up(self.host, CLIENT)
        self.host.sh(CLIENT, f"modprobe rdma_ucm; timeout 60 rping -c -C 10 -a {self.there}", 90)
