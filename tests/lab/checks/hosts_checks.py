# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of two Xen hosts, each host's HCA the rxe0 of its Dom0: `lab up --hosts 2`."""

import json

from . import ipoib, wired
from .wire_checks import listens, run_both
from .wire_pair import WirePairChecks
from .wired import VIB

LAB = ("--hosts", "2")
NEAR, BESIDE, FAR = "g1", "g2", "g201"
ALL = (NEAR, BESIDE, FAR)
MODES = {"datagram": 0, "connected": 65520}
PORT = 18515
KILLS = 20


class HostsChecks(WirePairChecks):
    """g1 and g2 on one host, g201 on the other; all have vibs on the wire's fabric."""

    pair = (NEAR, FAR)

    def setUp(self) -> None:
        super().setUp()
        for guest in ALL:
            wired.join(self.host, guest)

    @classmethod
    def tearDownClass(cls) -> None:
        wired.leave(cls.host, *ALL)

    def ipoib_up(self, mode: str = "datagram") -> str:
        for guest in ALL:
            self.addCleanup(ipoib.down, self.host, guest, VIB)
        names = {ipoib.up(self.host, guest, mode, MODES[mode], VIB) for guest in ALL}
        self.assertEqual(len(names), 1, names)
        return names.pop()

    def pings(self, guest: str, target: str, options: str = "", count: int = 5) -> None:
        self.host.sh(guest, f"ping -n -i 0.2 -c {count} -w 30 {options} {target}")

    def complain(self) -> str:
        return self.complaints((*ALL, "dom0b"))

    # ---- IPoIB, and connections by its addresses ---------------------------------

    def test_ping_in_both_modes(self) -> None:
        for mode in MODES:
            with self.subTest(mode):
                self.ipoib_up(mode)
                for guest, other in ((NEAR, FAR), (FAR, NEAR), (NEAR, BESIDE), (FAR, BESIDE)):
                    self.pings(guest, ipoib.address(other))
                    self.pings(guest, ipoib.address6(other))
                    self.pings(guest, ipoib.address(other), "-s 8000", count=3)

    def test_iperf3_in_both_modes(self) -> None:
        for mode in MODES:
            with self.subTest(mode):
                self.ipoib_up(mode)
                for options in ("-t 3", "-t 3 -R"):
                    said = json.loads(run_both(
                        self.host, NEAR, "iperf3 -s -1", FAR,
                        f"iperf3 -J -c {ipoib.address(NEAR)} {options}", listens(5201)))
                    self.assertGreater(said["end"]["sum_received"]["bytes"], 100000, options)

    def test_multicast(self) -> None:
        """One sends, and who joined hears it on either host."""
        name = self.ipoib_up()
        group = "239.7.7.7"
        for guest in ALL:
            self.host.sh(guest, f"ip route replace 239.0.0.0/8 dev {name}")
        listeners = {guest: self.host.start(guest, f"timeout 40 iperf -s -u -B {group} -t 15 -i 1", 60)
                     for guest in (BESIDE, FAR)}
        for guest in listeners:
            self.host.until(guest, "grep -q 070707EF /proc/net/igmp")
        self.host.sh(NEAR, f"iperf -c {group} -u -b 1M -t 5 -T 4", 60)
        for guest, listener in listeners.items():
            with self.subTest(guest):
                self.assertRegex(listener.communicate()[0],
                                 r"[1-9]\d* datagrams received|[1-9]\d*(?:\.\d+)? KBytes")

    def test_rping(self) -> None:
        self.ipoib_up()
        for guest in (NEAR, FAR):
            self.host.sh(guest, "modprobe rdma_ucm")
        for server, client in (self.pair, self.pair[::-1]):
            with self.subTest(server=server):
                run_both(self.host, server, "rping -s -C 20 -v", client,
                         f"rping -c -C 20 -v -V -a {ipoib.address(server)}",
                         "rdma resource show cm_id | grep -q 'state LISTEN.*:7174'")

    def test_three_guests_at_once(self) -> None:
        """Each with each, by verbs: one pair is local, two are not."""
        pairs = ((NEAR, BESIDE), (NEAR, FAR), (BESIDE, FAR))
        words = f"ibv_rc_pingpong -d {VIB} -g 0 -c -s 8192 -n 300"
        servers = []
        for number, (server, _) in enumerate(pairs):
            servers.append(self.host.start(server, f"timeout 120 {words} -p {PORT + number} 2>&1", 150))
            self.host.until(server, listens(PORT + number), 30)
        clients = [self.host.start(client, f"timeout 120 {words} -p {PORT + number} "
                                   f"{self.address(server)} 2>&1", 150)
                   for number, (server, client) in enumerate(pairs)]
        for pair, program in zip((*pairs, *pairs), (*servers, *clients)):
            said = program.communicate()[0]
            self.assertEqual(program.returncode, 0, (pair, said))
            self.assertIn(f"{2 * 8192 * 300} bytes in", said, pair)
            self.assertNotIn("invalid data", said, pair)

    # ---- trouble -------------------------------------------------------------------

    def test_link_down_for_30_s_under_load(self) -> None:
        self.ipoib_up("connected")
        self.addCleanup(self.host.lab, "link", "up")
        load = self.host.start(FAR, f"ping -n -f -w 200 {ipoib.address(NEAR)}", 260)
        self.addCleanup(load.communicate)
        self.addCleanup(self.host.attempt, FAR, "pkill -x ping")
        self.host.lab("link", "down")
        for guest in (NEAR, FAR):
            self.host.port_is(guest, "DOWN", VIB)
        self.pings(NEAR, self.address(BESIDE))
        self.host.sh("dom0", "sleep 30")  # that long, as a switch that reboots
        self.host.lab("link", "up")
        for guest in ALL:
            self.host.port_is(guest, "ACTIVE", VIB)
        self.host.until(FAR, f"ping -n -c 3 -w 5 {ipoib.address(NEAR)}")
        self.pingpong("rc", 4096)
        self.assertEqual(self.complain(), "")

    def test_ibback_killed_under_load(self) -> None:
        """Verbs from host to host and IPoIB everywhere: all of it is back by itself. On a wire
        the HCA gives QPs their numbers, so that the interface is plugged anew."""
        self.ipoib_up("connected")
        for guest in (NEAR, BESIDE):
            ipoib.hotplugged(self.host, guest, "connected", MODES["connected"], VIB)
            self.addCleanup(self.host.sh, guest, "rm /run/udev/rules.d/90-ib-up.rules")
        booted = {guest: self.host.sh(guest, "cat /proc/sys/kernel/random/boot_id") for guest in ALL}
        for guest in (FAR, BESIDE):
            load = self.host.start(guest, f"while :; do timeout 60 ping -n -f -w 60 "
                                   f"{ipoib.address(NEAR)} >/dev/null; done", 1800)
            self.addCleanup(load.communicate)
            self.addCleanup(self.host.attempt, guest, "pkill -f 'while :; do timeout'; pkill -x ping")
        loop = f"ibv_rc_pingpong -d {VIB} -g 0 -s 65536 -n 100000 -p {PORT}"
        for number in range(max(3, KILLS * self.rounds // 10)):
            with self.subTest(number):
                server = self.host.start(NEAR, f"timeout 100 {loop}", 130)
                self.host.until(NEAR, listens(PORT), 30)
                client = self.host.start(FAR, f"timeout 100 {loop} {self.address(NEAR)}", 130)
                self.host.until(NEAR, f"! {listens(PORT)}", 30)
                self.host.daemon("kill9", "ibback")
                self.host.port_is(NEAR, "DOWN", VIB)
                self.host.daemon("start", "ibback")
                for guest in (NEAR, BESIDE):
                    self.host.port_is(guest, "ACTIVE", VIB)
                for guest in (FAR, BESIDE):
                    self.host.until(guest, f"ping -n -c 3 -w 5 {ipoib.address(NEAR)}")
                for guest in (NEAR, FAR):
                    self.host.attempt(guest, "pkill -x ibv_rc_pingpong")
                for half in (server, client):
                    half.communicate()
                    self.assertNotEqual(half.returncode, 0)
        self.pingpong("rc", 4096)
        self.assertEqual({guest: self.host.sh(guest, "cat /proc/sys/kernel/random/boot_id")
                          for guest in ALL}, booted)
        self.assertEqual(self.complain(), "")

    def test_no_kernel_complains(self) -> None:
        self.assertEqual(self.complain(), "")
