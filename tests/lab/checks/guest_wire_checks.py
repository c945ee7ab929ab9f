# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest and a plain Linux machine, through the HCA of ibback: `lab up --peer`."""

import json
import tempfile
from pathlib import Path
from typing import ClassVar

from xenlab import network

from .frames import roce_pairs
from .lab_check import LabCheck
from .wire_checks import DEVICE, THERE, gid_index, listens, run_both

FABRIC = "roce0"
GUEST = "g1"
VIB = "vib1"  # vib0 is of the fabric "local"
CONF = "/etc/xen-ib/ibback.conf"
# rdma_ucm's identifiers of AF_IB are not shown by iproute2.
WAITS = "grep -q ucma_get_event /proc/$(pidof ucmatose)/stack"


class GuestWireChecks(LabCheck):
    """g1 has a vib of a fabric whose wire is Dom0's rxe0; the peer has stock programs."""

    guid: ClassVar[str] = "0x02163efffe000101"
    gid: ClassVar[str] = "fe80:0000:0000:0000:0216:3eff:fe00:0101"

    def setUp(self) -> None:
        super().setUp()
        self.host.port_is(THERE, "ACTIVE", DEVICE)
        self.host.sh("dom0", "modprobe -a ib_uverbs ib_umad")
        self.addCleanup(self.configure, "true")
        self.configure(f"printf '[fabric {FABRIC}]\\ndevice = {DEVICE}\\n' >>{CONF}")
        self.addCleanup(self.detach)
        self.host.sh("dom0", f"vibctl attach {GUEST} fabric={FABRIC} port_guid={self.guid}")
        self.host.port_is(GUEST, "ACTIVE", VIB)

    def configure(self, command: str) -> None:
        """Restart ibback with its own configuration, changed by a command."""
        self.host.sh("dom0", f"test -e {CONF}.own || {{ mkdir -p /etc/xen-ib; touch {CONF}; "
                     f"cp {CONF} {CONF}.own; }}; cp {CONF}.own {CONF}; {command}")
        self.host.daemon("restart", "ibback")

    def detach(self) -> None:
        self.host.sh("dom0", f"vibctl detach {GUEST} 1")
        self.host.until(GUEST, f"! test -e /sys/class/infiniband/{VIB}")

    # ---- who is where --------------------------------------------------------

    def device(self, machine: str) -> str:
        return VIB if machine == GUEST else DEVICE

    def index(self, machine: str) -> int:
        """Of its GID: the vport's own is the first of its table."""
        return 0 if machine == GUEST else gid_index(self.host, machine)

    def address(self, machine: str) -> str:
        """For the TCP connection of the programs that have one."""
        return network.of_guest(1) if machine == GUEST else network.on_wire(machine)

    def both_ways(self, words, port: int, **given) -> list[str]:
        """What the clients say: that of the peer, then that of the guest. @words(machine) are
        those of either side."""
        said = []
        for server, client in ((GUEST, THERE), (THERE, GUEST)):
            with self.subTest(server=server):
                said.append(run_both(self.host, server, words(server), client,
                                     f"{words(client)} {self.address(server)}",
                                     listens(port), **given))
        return said

    # ---- fabrics ---------------------------------------------------------------

    def test_vibctl_shows_the_fabric_up(self) -> None:
        fabrics = json.loads(self.host.sh("dom0", "vibctl fabric list --json"))
        (roce,) = [f for f in fabrics if f["name"] == FABRIC]
        self.assertEqual((roce["state"], roce["device"], roce["netdev"], roce["cm"]),
                         ("up", DEVICE, "eth1", True), roce)
        self.assertIn(DEVICE, self.host.sh("dom0", f"vibctl fabric show {FABRIC}"))

    def test_the_vports_gid_is_on_the_network_device(self) -> None:
        self.assertEqual(self.host.sh(GUEST, f"cat /sys/class/infiniband/{VIB}/ports/1/gids/0"),
                         self.gid)
        held = "ip -6 addr show dev eth1 | grep -q fe80::216:3eff:fe00:101/64"
        self.host.sh("dom0", held)
        self.host.sh("dom0", f"grep -rq {self.gid} /sys/class/infiniband/{DEVICE}/ports/1/gids")
        self.host.sh(THERE, "ping -c 3 -W 20 fe80::216:3eff:fe00:101%eth1")
        self.host.sh("dom0", f"vibctl set {GUEST}/1 link=down")
        self.host.port_is(GUEST, "DOWN", VIB)
        self.host.sh("dom0", f"vibctl set {GUEST}/1 link=")
        self.host.port_is(GUEST, "ACTIVE", VIB)

    # ---- data --------------------------------------------------------------------

    def pingpong(self, kind: str, size: int) -> None:
        """Data verified at both ends, which -c says on stdout alone."""
        for said in self.both_ways(
                lambda m: f"ibv_{kind}_pingpong -d {self.device(m)} -g {self.index(m)} -c "
                          f"-s {size} -n 100", 18515):
            self.assertIn(f"{2 * size * 100} bytes in", said)
            self.assertNotIn("invalid data", said)

    def test_rc_pingpong(self) -> None:
        self.pingpong("rc", 8192)

    def test_uc_pingpong(self) -> None:
        self.pingpong("uc", 4096)

    def test_ud_pingpong(self) -> None:
        self.pingpong("ud", 2048)

    def perftest(self, program: str, size: int, options: str = "") -> None:
        for said in self.both_ways(
                lambda m: f"{program} -d {self.device(m)} -x {self.index(m)} -m 1024 -F "
                          f"-s {size} -n 50 {options}", 18515):
            self.assertRegex(said, rf"(?m)^ *{size} +50 ")

    def test_write_bw(self) -> None:
        self.perftest("ib_write_bw", 65536)

    def test_send_bw(self) -> None:
        self.perftest("ib_send_bw", 65536, "-e")

    def test_send_bw_of_ud(self) -> None:
        self.perftest("ib_send_bw", 1024, "-c UD -e")

    def test_read_lat(self) -> None:
        self.perftest("ib_read_lat", 8)

    def test_frames_are_between_the_vports_gid_and_the_peers(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            frames = Path(folder) / "wire.pcap"
            self.host.lab("capture", str(frames))
            try:
                self.pingpong("rc", 4096)
            finally:
                self.host.lab("capture")
            pairs = roce_pairs(frames.read_bytes())
        ours, theirs = (bytes.fromhex(gid.replace(":", ""))
                        for gid in (self.gid, network.gid(THERE)))
        self.assertEqual(set(pairs), {(ours, theirs), (theirs, ours)})
        self.assertGreaterEqual(min(pairs.values()), 100)

    # ---- connections ---------------------------------------------------------------

    def test_the_peer_connects_to_a_guest(self) -> None:
        """rping, and the peer's address is its GID. The guest's rdma_cm looks for an interface
        with the vport's GID as address, which IPoIB's is."""
        self.host.sh(THERE, "modprobe rdma_ucm")
        self.host.sh(GUEST, "modprobe -a rdma_ucm ib_ipoib")
        place = f"/sys/class/infiniband/{VIB}/device/net"
        self.host.until(GUEST, f"test -d {place}")
        name = self.host.sh(GUEST, f"ls {place} | grep -v '\\.' | head -n 1")
        self.host.sh(GUEST, f"ip link set {name} up")
        self.host.until(GUEST, f"ip -6 addr show dev {name} scope link | grep -v tentative | "
                        "grep -q fe80::216:3eff:fe00:101")
        run_both(self.host, GUEST, "rping -s -C 20 -a ::", THERE,
                 "rping -c -C 20 -v -V -a fe80::216:3eff:fe00:101%eth1",
                 "rdma resource show cm_id | grep -q 'state LISTEN.*:7174'")

    def test_a_guest_connects_to_the_peer(self) -> None:
        """By AF_IB: of the peer nothing is known in the guest but its GID."""
        for machine in (GUEST, THERE):
            self.host.sh(machine, "modprobe rdma_ucm")
        said = run_both(self.host, THERE, "ucmatose -f gid -c 4 -b ::", GUEST,
                        f"ucmatose -f gid -c 4 -b {self.gid} -s {network.gid(THERE)}", WAITS)
        self.assertIn("data transfers complete", said)

    # ---- trouble --------------------------------------------------------------------

    def test_a_gid_that_nobody_has_fails_alone(self) -> None:
        """Who calls it waits for neighbours that never answer, and nobody else does."""
        self.host.sh(GUEST, "modprobe rdma_ucm")
        caller = self.host.start(
            GUEST, "timeout 300 ucmatose -f gid -c 4 "
            f"-b {self.gid} -s fe80:0000:0000:0000:0216:3eff:fe00:dead 2>&1", 330)
        try:
            self.host.until(GUEST, "pgrep -x ucmatose")
            self.pingpong("rc", 4096)
        finally:
            self.host.attempt(GUEST, "pkill -x ucmatose", 20)
            said = caller.communicate()[0]
        self.assertNotIn("data transfers complete", said)

    def test_ibback_killed(self) -> None:
        self.host.daemon("kill9", "ibback")
        self.host.port_is(GUEST, "DOWN", VIB)
        self.host.daemon("start", "ibback")
        self.host.port_is(GUEST, "ACTIVE", VIB)
        self.pingpong("rc", 4096)
        self.assertEqual(self.complaints(), "")
        self.assertEqual(self.host.sh("dom0", "pgrep -c -x ibback-keeper || true"), "1")

    def test_the_hca_goes_and_comes_back(self) -> None:
        self.host.sh("dom0", f"rdma link del {DEVICE}")
        self.host.port_is(GUEST, "DOWN", VIB)
        self.host.sh("dom0", f"rdma link add {DEVICE} type rxe netdev eth1")
        self.host.port_is(GUEST, "ACTIVE", VIB)
        self.pingpong("rc", 4096)

    def test_the_link_goes_down_and_comes_back(self) -> None:
        self.addCleanup(self.host.lab, "link", "up")
        self.host.lab("link", "down")
        self.host.port_is(GUEST, "DOWN", VIB)
        self.host.lab("link", "up")
        self.host.port_is(GUEST, "ACTIVE", VIB)
        self.pingpong("rc", 4096)

    def test_no_kernel_complains(self) -> None:
        self.assertEqual(self.complaints(), "")
