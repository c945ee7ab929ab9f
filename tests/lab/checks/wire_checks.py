# SPDX-License-Identifier: GPL-2.0-or-later
"""RoCE on the wire between a host and a plain Linux machine: `lab up --peer`."""

import contextlib
import ipaddress
import tempfile
from pathlib import Path
from typing import Iterator

from xenlab import network

from . import frames
from .host import Host
from .lab_check import LabCheck

# What the lab needs for it.
LAB = ("--peer",)
DEVICE = "rxe0"
HERE, THERE = "dom0", "peer"
# librdmacm's modules bring ib_cm, which takes the CM's class on each port: in
# Dom0 they are there for a test alone.
CM_MODULES = "rdma_ucm rdma_cm iw_cm ib_cm"


def gid_index(host: Host, machine: str) -> int:
    """Where the GID of a machine on the wire stands in its rxe0's table, for RoCEv2."""
    gids = f"/sys/class/infiniband/{DEVICE}/ports/1"
    return int(host.sh(machine, f"cd {gids}/gids && for i in $(grep -l {network.gid(machine)} *); do "
                       f"grep -q v2 ../gid_attrs/types/$i && echo $i && break; done"))


def listens(port: int) -> str:
    """A condition: somebody listens on this TCP port there."""
    return f"grep -q ':{port:04X} .*:0000 0A' /proc/net/tcp /proc/net/tcp6"


def run_both(host: Host, listening: str, server: str, connecting: str, client: str,
             condition: str, timeout: float = 90) -> str:
    """What the client says; it starts once the condition holds at the server, and both end well."""
    begun = host.start(listening, f"exec timeout {timeout:.0f} {server} 2>&1", timeout + 30)
    try:
        host.until(listening, condition, 30)
        said = host.sh(connecting, f"timeout {timeout:.0f} {client} 2>&1", timeout + 30)
        heard = begun.communicate(timeout=timeout + 30)[0]
        if begun.returncode:
            raise AssertionError(f"{server}: exit status {begun.returncode}: {heard}")
        return said
    finally:
        if begun.poll() is None:
            host.attempt(listening, f"pkill -x {server.split()[0][:15]}", 20)
            begun.communicate()


@contextlib.contextmanager
def captured(host: Host) -> Iterator[list[str]]:
    """What tshark says of the RoCEv2 packets on the wire meanwhile: complete at the end."""
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "wire.pcap"
        host.lab("capture", str(capture))
        try:
            yield lines
        finally:
            host.lab("capture")
            lines += frames.decoded(capture)


def both(host: Host, server: str, client: str, condition: str) -> str:
    """The server in Dom0, the client on the peer."""
    return run_both(host, HERE, server, THERE, client, condition)


class WireChecks(LabCheck):
    """Dom0 listens, the peer connects."""

    def setUp(self) -> None:
        super().setUp()
        for machine in (HERE, THERE):
            self.host.port_is(machine, "ACTIVE", DEVICE)

    def pingpong(self, program: str, size: int) -> None:
        """Data verified at both ends, which -c says on stdout alone."""
        words = [f"{program} -d {DEVICE} -g {gid_index(self.host, machine)} -c -s {size} -n 100"
                 for machine in (HERE, THERE)]
        said = both(self.host, words[0], f"{words[1]} {network.on_wire(HERE)}", listens(18515))
        self.assertIn(f"{2 * size * 100} bytes in", said)
        self.assertNotIn("invalid data", said)

    def test_ports_have_the_largest_mtu(self) -> None:
        for machine in (HERE, THERE):
            self.assertRegex(self.host.sh(machine, f"ibv_devinfo -d {DEVICE}"),
                             r"active_mtu:\s+4096")

    def test_dom0_and_peer_rc(self) -> None:
        self.pingpong("ibv_rc_pingpong", 8192)

    def test_dom0_and_peer_ud(self) -> None:
        self.pingpong("ibv_ud_pingpong", 2048)

    def test_dom0_and_peer_rping(self) -> None:
        """By the kernels' CM, over IPv4 and over the link-local addresses that are the GIDs."""
        self.addCleanup(self.host.sh, HERE, f"modprobe -r {CM_MODULES}")
        for machine in (HERE, THERE):
            self.host.sh(machine, "modprobe rdma_ucm")
        for bind, there in (("", network.on_wire(HERE)), ("-a ::", f"{link_local(HERE)}%eth1")):
            both(self.host, f"rping -s -C 20 {bind}", f"rping -c -C 20 -v -V -a {there}",
                 "rdma resource show cm_id | grep -q 'state LISTEN.*:7174'")

    def test_a_link_that_is_down_and_back(self) -> None:
        self.addCleanup(self.host.lab, "link", "up")
        for state, carrier in (("down", 0), ("up", 1)):
            self.host.lab("link", state)
            for machine in (HERE, THERE):
                self.host.until(machine, f"test $(cat /sys/class/net/eth1/carrier) = {carrier}")
                self.host.port_is(machine, "ACTIVE" if carrier else "DOWN", DEVICE)
        self.pingpong("ibv_rc_pingpong", 4096)

    def test_lost_frames_are_sent_again(self) -> None:
        self.addCleanup(self.host.lab, "link", "loss", "0")
        self.host.lab("link", "loss", "3")
        self.pingpong("ibv_rc_pingpong", 8192)
        for machine in (HERE, THERE):
            self.assertRegex(self.host.sh(machine, "tc -s qdisc show dev eth1"),
                             r"dropped [1-9]")

    def test_frames_on_the_wire_are_between_the_two_gids(self) -> None:
        with captured(self.host) as lines:
            self.pingpong("ibv_rc_pingpong", 4096)
        here, there = (network.gid(machine) for machine in (HERE, THERE))
        found = frames.pairs(lines)
        self.assertEqual(set(found), {(here, there), (there, here)})
        self.assertGreaterEqual(min(found.values()), 100)

    def test_the_peer_reboots(self) -> None:
        self.host.lab("peer", "reboot")
        self.host.port_is(THERE, "ACTIVE", DEVICE)
        self.pingpong("ibv_rc_pingpong", 4096)


def link_local(machine: str) -> str:
    """A machine's GID as the IPv6 address that it is."""
    return str(ipaddress.ip_address(network.gid(machine)))
