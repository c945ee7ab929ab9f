# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest and a plain Linux machine, through the HCA of ibback: `lab up --peer`."""

import json
import re

from xenlab import network

from . import ipoib, wired
from .wire_checks import CM_MODULES, DEVICE, THERE, link_local, listens, run_both
from .wire_pair import WirePairChecks
from .wired import FABRIC, GUEST, VIB

RETRY_EXCEEDED = 12  # enum ibv_wc_status


class GuestWireChecks(WirePairChecks):
    """g1 has a vib of a fabric whose wire is Dom0's rxe0; the peer has stock programs."""

    pair = (GUEST, THERE)

    def setUp(self) -> None:
        super().setUp()
        self.host.port_is(THERE, "ACTIVE", DEVICE)
        wired.join(self.host)

    @classmethod
    def tearDownClass(cls) -> None:
        wired.leave(cls.host, GUEST)

    # ---- fabrics ---------------------------------------------------------------

    def fabric(self) -> dict:
        fabrics = json.loads(self.host.sh("dom0", "vibctl fabric list --json"))
        (roce,) = [f for f in fabrics if f["name"] == FABRIC]
        return roce

    def test_vibctl_shows_the_fabric_up(self) -> None:
        roce = self.fabric()
        self.assertEqual((roce["state"], roce["device"], roce["netdev"], roce["cm"]),
                         ("up", DEVICE, "eth1", True), roce)
        self.assertIn(DEVICE, self.host.sh("dom0", f"vibctl fabric show {FABRIC}"))

    def test_the_vports_gid_is_on_the_network_device(self) -> None:
        self.assertEqual(self.host.sh(GUEST, f"cat /sys/class/infiniband/{VIB}/ports/1/gids/0"),
                         self.gid(GUEST))
        held = "ip -6 addr show dev eth1 | grep -q fe80::216:3eff:fe00:101/64"
        self.host.sh("dom0", held)
        self.host.sh("dom0", f"grep -rq {self.gid(GUEST)} /sys/class/infiniband/{DEVICE}/ports/1/gids")
        self.host.sh(THERE, "ping -c 3 -W 20 fe80::216:3eff:fe00:101%eth1")
        self.host.sh("dom0", f"vibctl set {GUEST}/1 link=down")
        self.host.port_is(GUEST, "DOWN", VIB)
        self.host.sh("dom0", f"vibctl set {GUEST}/1 link=")
        self.host.port_is(GUEST, "ACTIVE", VIB)

    # ---- connections ---------------------------------------------------------------

    def interface(self) -> str:
        """The guest's IPoIB interface, which has the vport's GID for its link-local address."""
        name = ipoib.interface(self.host, GUEST, VIB)
        self.addCleanup(self.host.sh, GUEST, f"ip link set {name} down")
        self.host.sh(GUEST, f"ip link set {name} up")
        self.host.until(GUEST, f"ip -6 addr show dev {name} scope link | grep -v tentative | "
                        "grep -q fe80::216:3eff:fe00:101")
        return name

    def test_the_peer_connects_to_a_guest(self) -> None:
        """rping, and the peer's address is its GID. The guest's rdma_cm looks for an interface
        with the vport's GID as address, which IPoIB's is."""
        self.host.sh(THERE, "modprobe rdma_ucm")
        self.host.sh(GUEST, "modprobe rdma_ucm")
        self.interface()
        run_both(self.host, GUEST, "rping -s -C 20 -a ::", THERE,
                 "rping -c -C 20 -v -V -a fe80::216:3eff:fe00:101%eth1",
                 "rdma resource show cm_id | grep -q 'state LISTEN.*:7174'")

    def connect_to_the_peer(self) -> None:
        """A RoCE port hears nothing of IPoIB's neighbour discovery, and rdma_cm has no AF_IB on
        one: the guest is told of the peer's GID as of a neighbour."""
        for machine in (GUEST, THERE):
            self.host.sh(machine, "modprobe rdma_ucm")
        name, peer = self.interface(), link_local(THERE)
        lladdr = "80:00:00:01:" + ":".join(re.findall("..", network.gid(THERE).replace(":", "")))
        self.host.sh(GUEST, f"ip -6 neigh replace {peer} lladdr {lladdr} dev {name} nud permanent")
        self.addCleanup(self.host.sh, GUEST, f"ip -6 neigh del {peer} dev {name}")
        said = run_both(self.host, THERE, "ucmatose -f ip6 -c 4 -b ::", GUEST,
                        f"ucmatose -f ip6 -c 4 -s {peer}%{name}",
                        "rdma resource show cm_id | grep -q 'state LISTEN.*:7471'")
        self.assertIn("data transfers complete", said)

    def test_a_guest_connects_to_the_peer(self) -> None:
        self.connect_to_the_peer()

    # ---- trouble --------------------------------------------------------------------

    def test_a_gid_that_nobody_has_fails_alone(self) -> None:
        """Who calls it waits for neighbours that never answer, and nobody else does."""
        self.host.sh(GUEST, "modprobe rdma_ucm")
        caller = self.host.start(
            GUEST, "timeout 300 ucmatose -f gid -c 4 "
            f"-b {self.gid(GUEST)} -s fe80:0000:0000:0000:0216:3eff:fe00:dead 2>&1", 330)
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

    def test_the_hca_comes_back_to_a_host_with_ib_cm(self) -> None:
        """The kernel has the CM's class then, until `vibctl fabric reclaim`."""
        self.addCleanup(self.host.attempt, "dom0", f"modprobe -r {CM_MODULES}")
        self.host.sh("dom0", f"rdma link del {DEVICE}")
        self.host.port_is(GUEST, "DOWN", VIB)
        self.host.sh("dom0", "modprobe rdma_ucm")
        self.host.sh("dom0", f"rdma link add {DEVICE} type rxe netdev eth1")
        self.host.port_is(GUEST, "ACTIVE", VIB)
        self.assertFalse(self.fabric()["cm"])
        self.assertIn("vibctl fabric reclaim",
                      self.host.sh("dom0", "tail -n 20 /var/log/xen-ib/ibback.log"))
        self.pingpong("rc", 4096)
        self.host.sh("dom0", f"vibctl fabric reclaim {FABRIC}")
        self.assertTrue(self.fabric()["cm"])
        self.host.sh("dom0", "test -d /sys/module/ib_cm")
        self.connect_to_the_peer()

    def test_the_peer_reboots(self) -> None:
        """Under the guest's writes, which fail when they were tried as often as they may be."""
        writes = "-d {} -x {} -m 1024 -F -D 200"
        server = self.host.start(THERE, "ib_write_bw " + writes.format(DEVICE, self.index(THERE)), 300)
        self.addCleanup(server.communicate)
        self.host.until(THERE, listens(18515))
        said = "/tmp/survivor"
        client = self.host.start(GUEST, "stdbuf -oL timeout 250 ib_write_bw " + writes.format(VIB, 0)
                                 + f" {self.address(THERE)} >{said} 2>&1", 300)
        self.addCleanup(client.communicate)
        self.host.until(GUEST, f"grep -q '#bytes' {said}")  # it writes
        self.host.lab("peer", "reboot")
        self.host.port_is(THERE, "ACTIVE", DEVICE)
        self.pingpong("uc", 4096)
        self.host.until(GUEST, "! pgrep -x ib_write_bw")
        self.assertIn(f"Failed status {RETRY_EXCEEDED}:", self.host.sh(GUEST, f"cat {said}"))
        self.pingpong("rc", 4096)
        self.connect_to_the_peer()

    def test_the_link_goes_down_and_comes_back(self) -> None:
        self.addCleanup(self.host.lab, "link", "up")
        self.host.lab("link", "down")
        self.host.port_is(GUEST, "DOWN", VIB)
        self.host.lab("link", "up")
        self.host.port_is(GUEST, "ACTIVE", VIB)
        self.pingpong("rc", 4096)

    def test_no_kernel_complains(self) -> None:
        self.assertEqual(self.complaints(), "")
