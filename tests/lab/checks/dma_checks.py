# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guests' kernels lend for their I/O: a small pool, none, all their memory."""

from . import ipoib
from .lab_check import GUESTS, LabCheck

COUNTERS = "/sys/class/infiniband/vib0/ports/1/hw_counters"
MODE = ("connected", 65520)  # maps 16 MiB of receives at once
FILE_MB = 16

# For `lab up`: all memory of a guest of 384 MiB, and Dom0's mappings of it.
ALL_FRAMES = 320
ALL = ("--xen", f"gnttab_max_frames={ALL_FRAMES} gnttab_max_maptrack_frames=2048")


class Dma(LabCheck):
    """IPoIB in connected mode between g1 and g2, whose vibs are made anew."""

    def new_vib(self, guest: str, words: str) -> None:
        self.host.sh(guest, "modprobe -r ib_ipoib || true")
        self.host.sh("dom0", f"vibctl detach {guest} 0")
        self.host.until(guest, "! test -e /sys/class/infiniband/vib0")
        self.host.sh("dom0", f"vibctl attach {guest} {words}")
        self.host.port_is(guest, "ACTIVE")

    def counted(self, guest: str, counter: str) -> int:
        return int(self.host.sh(guest, f"cat {COUNTERS}/{counter}"))

    def file_both_ways(self) -> None:
        for there, here in (GUESTS, GUESTS[::-1]):
            sent = self.host.sh(there, f"dd if=/dev/urandom of=/tmp/file bs=1M count={FILE_MB} "
                                f"2>/dev/null; sha256sum </tmp/file; "
                                f"busybox httpd -p {ipoib.address(there)}:7000 -h /tmp")
            got = self.host.sh(here, f"busybox wget -q -O - http://{ipoib.address(there)}:7000/file "
                               "| sha256sum")
            self.host.sh(there, "pkill busybox; rm /tmp/file")
            self.assertEqual(got, sent)

    def restart_under_traffic(self) -> None:
        """ibback is killed with all that mapped, and what flowed flows again."""
        server = self.host.start("g1", f"timeout 100 iperf3 -s -1 -B {ipoib.address('g1')}", 120)
        self.host.until("g1", "grep -q ':1451 .*:0000 0A' /proc/net/tcp")
        client = self.host.start("g2", f"timeout 90 iperf3 -t 10 -c {ipoib.address('g1')}", 120)
        self.host.until("g1", "test $(grep -c ':1451 .* 01 ' /proc/net/tcp) -ge 2")
        self.kill_ibback()
        self.host.until("g2", f"ping -n -c 3 -w 5 {ipoib.address('g1')}")
        for one in (client, server):
            one.communicate()


class DmaChecks(Dma):
    def setUp(self) -> None:
        super().setUp()
        for guest in GUESTS:
            self.addCleanup(self.new_vib, guest, "")

    def test_grants_help_a_small_pool(self) -> None:
        for guest in GUESTS:
            self.new_vib(guest, "prereg=12M")
            ipoib.up(self.host, guest, *MODE)
        self.file_both_ways()
        for guest in GUESTS:
            self.assertGreater(self.counted(guest, "dma_granted"), 0)
        self.restart_under_traffic()
        self.file_both_ways()
        print({f"{guest} {counter}": self.counted(guest, counter) for guest in GUESTS
               for counter in ("dma_pool_full", "dma_granted", "dma_failed")}, end=" ", flush=True)
        for guest in GUESTS:
            ipoib.down(self.host, guest)
        self.assertEqual(self.complaints(), "")

    def test_no_pool_no_users_of_the_kernel(self) -> None:
        """Programs have the device all the same."""
        for guest in GUESTS:
            self.new_vib(guest, "prereg=0")
            self.host.sh(guest, "modprobe ib_ipoib; ! test -d /sys/class/infiniband/vib0/device/net")
        server = self.host.start("g1", "timeout 60 ibv_rc_pingpong -d vib0 -e -c", 90)
        self.host.until("g1", "grep -q ':4853 .*:0000 0A' /proc/net/tcp /proc/net/tcp6")
        self.host.sh("g2", "timeout 60 ibv_rc_pingpong -d vib0 -e -c 10.77.0.1")
        self.assertEqual(server.wait(60), 0)
        server.communicate()


class AllMemoryChecks(Dma):
    """PVH guests that lend all they have (`prereg=all`)."""

    def host_config(self, guest: str) -> str:
        return "\n".join([super().host_config(guest), f"max_grant_frames = {ALL_FRAMES}", ""])

    def test_all_memory(self) -> None:
        for guest in GUESTS:
            self.new_vib(guest, "prereg=all max_mem=2048")
            self.host.sh(guest, "dmesg | grep -q \"all of this domain's memory\"")
            ipoib.up(self.host, guest, *MODE)
        self.file_both_ways()
        for guest in GUESTS:
            self.assertEqual(self.counted(guest, "dma_granted"), 0)
            self.assertEqual(self.counted(guest, "dma_failed"), 0)
        self.restart_under_traffic()
        self.file_both_ways()
        for guest in GUESTS:
            ipoib.down(self.host, guest)
            self.new_vib(guest, "")
        self.assertEqual(self.complaints(), "")
