# SPDX-License-Identifier: GPL-2.0-or-later
"""IPoIB over vibs: what a guest's kernel and stock network programs make of them."""

import json

from . import ipoib
from .lab_check import GUESTS, LabCheck

MODES = ("datagram", "connected")
# The largest of connected mode (RFC 4755); datagram mode has what the group says.
MTU = {"datagram": 0, "connected": 65520}
PKEY = 0x8001
FILE_MB = 32
CSUM_ERRORS = "nstat -asz TcpInCsumErrors UdpInCsumErrors IpInHdrErrors | awk '{ print $1, $2 }'"
# What systemd as init does before systemd-networkd, and its configuration.
NETWORKD = """
test -s /etc/machine-id || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases &&
chown -R systemd-network /run/systemd/netif &&
printf '[Match]\\nName={name}\\n[Network]\\nDHCP=ipv4\\n' >/run/systemd/network/{name}.network
"""


class IpoibChecks(LabCheck):
    """Between g1 and g2."""

    def setUp(self) -> None:
        super().setUp()
        for guest in GUESTS:
            self.addCleanup(ipoib.down, self.host, guest)

    def both_up(self, mode: str = "datagram") -> str:
        names = {ipoib.up(self.host, guest, mode, MTU[mode]) for guest in GUESTS}
        self.assertEqual(len(names), 1, names)
        return names.pop()

    def pings(self, guest: str, target: str, *options: str, count: int = 5) -> None:
        self.host.sh(guest, f"ping -n -i 0.2 -c {count} -w 30 {' '.join(options)} {target}")

    def test_ping_of_both_protocols_in_both_modes(self) -> None:
        for mode in MODES:
            with self.subTest(mode):
                self.both_up(mode)
                for guest, peer in (GUESTS, GUESTS[::-1]):
                    self.pings(guest, ipoib.address(peer))
                    self.pings(guest, ipoib.address6(peer))
                    self.pings(guest, ipoib.address(peer), "-s 8000", count=3)

    def test_iperf3_in_both_modes(self) -> None:
        for mode in MODES:
            with self.subTest(mode):
                self.both_up(mode)
                for options in ("-t 3", "-t 3 -R", "-t 2 -u -b 20M"):
                    said = self.iperf3(options)
                    self.assertNotIn("error", said, options)
                    moved = said["end"].get("sum_received") or said["end"]["sum"]
                    self.assertGreater(moved["bytes"], 100000, (mode, options))

    def iperf3(self, options: str) -> dict:
        """The client's report; g1 has the server."""
        server = self.host.start("g1", f"timeout 60 iperf3 -s -1 -B {ipoib.address('g1')}")
        try:
            self.host.until("g1", "grep -q ':1451 .*:0000 0A' /proc/net/tcp")  # port 5201
            return json.loads(self.host.sh(
                "g2", f"iperf3 -J -c {ipoib.address('g1')} {options} || true", 60))
        finally:
            self.host.attempt("g1", "pkill iperf3", 20)
            server.communicate()

    def test_offloads(self) -> None:
        """What ibback puts into packets is right in the eyes of a kernel that looks."""
        name = self.both_up()
        there = self.host.sh("g2", f"ethtool -k {name}")
        for feature in ("tx-checksum-ipv4", "tx-tcp-segmentation", "rx-checksumming"):
            self.assertRegex(there, rf"\b{feature}: on")
        self.addCleanup(self.host.attempt, "g1", f"ethtool -K {name} rx on")
        self.host.sh("g1", f"ethtool -K {name} rx off")
        self.addCleanup(self.host.attempt, "g2", f"ethtool -K {name} tx on tso on; "
                        f"ethtool -C {name} rx-usecs 0 rx-frames 0")
        before = self.host.sh("g1", CSUM_ERRORS)
        for settings in ("-K {} tx on tso on", "-K {} tso off", "-K {} tx off",
                         "-C {} rx-usecs 500 rx-frames 16"):
            with self.subTest(settings):
                self.host.sh("g2", f"ethtool {settings.format(name)}")
                for options in ("-t 2", "-t 2 -u -b 10M"):
                    self.assertNotIn("error", self.iperf3(options), options)
        self.assertEqual(self.host.sh("g1", CSUM_ERRORS), before)
        self.assertEqual(self.complaints(), "")

    def test_a_large_file_arrives_whole(self) -> None:
        """By HTTP: busybox's httpd and wget."""
        self.addCleanup(self.host.attempt, "g1", "pkill busybox; rm -f /tmp/file")
        for mode in MODES:
            with self.subTest(mode):
                self.both_up(mode)
                self.host.sh("g1", f"busybox httpd -p {ipoib.address('g1')}:7000 -h /tmp")
                there = self.host.sh("g1", f"dd if=/dev/urandom of=/tmp/file bs=1M count={FILE_MB} "
                                     "2>/dev/null; sha256sum </tmp/file")
                here = self.host.sh("g2", f"busybox wget -q -O - http://{ipoib.address('g1')}:7000/file "
                                    "| sha256sum")
                self.host.sh("g1", "pkill busybox")
                self.assertEqual(here, there)

    def test_a_child_interface_reaches_only_its_partition(self) -> None:
        """g1 and g2 both in 0x8001; then g2 is not."""
        base = "/local/domain/0/backend/vib"
        nodes = {guest: f"{base}/{self.host.domid(guest)}/0/pkey" for guest in GUESTS}
        for guest, node in nodes.items():
            self.addCleanup(self.host.attempt, "dom0", f"xenstore-rm {node}")
            self.host.sh("dom0", f"xenstore-write {node} 0xffff/0x{PKEY:x}")
            self.host.until(guest, f"grep -q 0x{PKEY:x} /sys/class/infiniband/vib0/ports/1/pkeys/1")
        name = self.both_up()
        child = f"{name}.{PKEY:x}"
        for guest in GUESTS:
            self.addCleanup(self.host.attempt, guest,
                            f"echo 0x{PKEY:x} >/sys/class/net/{name}/delete_child")
            self.host.sh(guest, f"echo 0x{PKEY:x} >/sys/class/net/{name}/create_child; "
                         f"ip addr add {ipoib.CHILD_NETWORK}.{guest[1:]}/24 dev {child}; "
                         f"ip link set {child} up")
            self.host.until(guest, f"test $(cat /sys/class/net/{child}/carrier) = 1")
        self.pings("g2", f"{ipoib.CHILD_NETWORK}.1")
        self.host.sh("dom0", f"xenstore-write {nodes['g2']} 0xffff")
        self.host.until("g2", "! ping -n -c 1 -w 2 " f"{ipoib.CHILD_NETWORK}.1")
        self.pings("g2", ipoib.address("g1"))

    def test_multicast_reaches_who_joined(self) -> None:
        """iperf's UDP to a group that g1 is in."""
        self.both_up()
        group, name = "239.7.7.7", ipoib.interface(self.host, "g1")
        for guest in GUESTS:
            self.host.sh(guest, f"ip route replace 239.0.0.0/8 dev {name}")
        server = self.host.start("g1", f"timeout 40 iperf -s -u -B {group} -t 15 -i 1", 60)
        self.host.until("g1", "grep -q 070707EF /proc/net/igmp")
        self.host.sh("g2", f"iperf -c {group} -u -b 1M -t 5 -T 4", 60)
        said = server.communicate()[0]
        self.assertRegex(said, r"[1-9]\d* (?:datagrams received|KBytes)|[1-9]\d*(?:\.\d+)? KBytes", said)

    def test_a_client_gets_its_address_by_dhcp(self) -> None:
        """dnsmasq in g1, systemd-networkd in g2 (RFC 4390: no hardware address in it)."""
        name = self.both_up()
        self.host.sh("g2", f"ip addr flush dev {name}")
        server = self.host.start(
            "g1", f"timeout 120 dnsmasq -d -p 0 --dhcp-authoritative -i {name} -z "
            f"--dhcp-range={ipoib.NETWORK}.100,{ipoib.NETWORK}.110,5m -l /tmp/leases", 150)
        self.addCleanup(server.communicate)
        self.addCleanup(self.host.attempt, "g1", "pkill dnsmasq")
        self.host.until("g1", "grep -q ':0043 ' /proc/net/udp")
        self.host.sh("g2", NETWORKD.format(name=name))
        client = self.host.start("g2", "exec timeout 120 /lib/systemd/systemd-networkd", 150)
        self.addCleanup(client.communicate)
        self.addCleanup(self.host.attempt, "g2", "pkill systemd-network; rm /run/systemd/network/*")
        self.host.until("g2", f"ip -4 addr show dev {name} | grep -q '{ipoib.NETWORK}\\.1[01]'")
        self.pings("g2", ipoib.address("g1"))

    def test_ibback_killed_under_ipoib_that_is_down(self) -> None:
        """Its CQ was armed for who comes up later."""
        name = self.both_up()
        for guest in GUESTS:
            self.host.sh(guest, f"ip link set {name} down")
        self.kill_ibback()
        self.both_up()
        self.pings("g2", ipoib.address("g1"))

    def test_ibback_killed_under_ipoib(self) -> None:
        """Its QPs live on: the interface needs nobody's hand."""
        for mode in MODES:
            with self.subTest(mode):
                self.both_up(mode)
                self.pings("g2", ipoib.address("g1"))
                self.kill_ibback()
                self.host.until("g2", f"ping -n -c 3 -w 5 {ipoib.address('g1')}")
        self.assertEqual(self.complaints(), "")

    def test_device_begins_anew_when_a_qp_is_lost(self) -> None:
        """A quota that is short of one takes a child's QP: IPoIB has a device again, and works."""
        name = self.both_up()
        node = f"/local/domain/0/backend/vib/{self.host.domid('g1')}/0/max-qp"
        self.addCleanup(self.host.attempt, "dom0", f"xenstore-rm {node}")
        self.host.sh("g1", f"ip link add {name}.1 link {name} type ipoib")
        self.host.sh("dom0", f"xenstore-write {node} 3")  # QP0, QP1, and of the interface
        self.host.daemon("kill9", "ibback")
        self.host.port_is("g1", "DOWN")
        self.host.daemon("start", "ibback")
        self.host.until("g1", "dmesg | grep -q 'is registered anew'")
        for guest in GUESTS:
            self.host.port_is(guest, "ACTIVE")
        ipoib.up(self.host, "g1")
        self.host.until("g2", f"ping -n -c 3 -w 5 {ipoib.address('g1')}")
        self.assertEqual(self.complaints(), "")
        self.host.sh("dom0", f"xenstore-rm {node}")
        self.host.daemon("kill9", "ibback")
        self.host.daemon("start", "ibback")
        for guest in GUESTS:
            self.host.port_is(guest, "ACTIVE")
