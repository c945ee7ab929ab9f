# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guests' kernels make of a vib, again and again: nothing may add up."""

import time
from ipaddress import IPv6Address

from . import census, cm, ipoib
from .lab_check import GUESTS
from .soak import WARM_UP, Soak, memory

# Rounds between two ends of a guest.
LIFE = 10


class KernelSoakChecks(Soak):
    """IPoIB, groups, connections and the module itself come and go; so does g2."""

    def test_interfaces_groups_connections_and_guests_come_and_go(self) -> None:
        lives = max(2, self.times(10))
        self.end_g2()
        self.bring_up("g1")
        before, warm = self.taken(("g1",)), None
        for life in range(1, lives + 1):
            began = time.monotonic()
            self.new_guest("g2")
            for number in range(LIFE):
                self.round(number)
            self.die_in_mid_transfer()
            now = self.settled(("g1",), before)
            self.host.poll("the groups of g2 are gone",
                           lambda: self.groups() == self.own_groups())
            print(f"{life * LIFE} rounds, {time.monotonic() - began:.0f} s for {LIFE}; "
                  f"{memory(now)}", flush=True)
            self.assertEqual(self.complaints(("g1",)) + self.consoles(), "")
            if life == min(WARM_UP, lives - 1):
                warm = now
        self.assertEqual(census.growth(warm, now, memory=True), [])
        self.new_guest("g2")

    def bring_up(self, guest: str) -> None:
        self.host.port_is(guest, "ACTIVE")
        ipoib.up(self.host, guest)
        self.host.sh(guest, "modprobe -a rdma_ucm ib_umad")

    def round(self, number: int) -> None:
        """All of it; the module of one guest or the other is reloaded first, at times."""
        if number % 5 == 2:
            self.reload(GUESTS[number // 5])
        for guest in GUESTS:
            name = ipoib.interface(self.host, guest)
            self.host.sh(guest, f"ip link set {name} down")
            self.bring_up(guest)
        self.host.until("g2", f"ping -n -c 1 -w 5 {cm.THERE} >/dev/null")
        cm.multicast(self.host)
        cm.both(self.host, "ucmatose -c 10", f"ucmatose -c 10 -s {cm.THERE}", cm.listens(7471))

    def reload(self, guest: str) -> None:
        """With the interface up, and all that has come by itself."""
        self.host.sh(guest, "timeout 60 rmmod ibfront && modprobe ibfront")

    def die_in_mid_transfer(self) -> None:
        server = self.host.start("g1", f"timeout 120 iperf3 -s -1 -B {cm.THERE}", 150)
        self.host.until("g1", "grep -q ':1451 .*:0000 0A' /proc/net/tcp")  # port 5201
        client = self.host.start("g2", f"timeout 60 iperf3 -t 50 -c {cm.THERE}", 90)
        # Two connections are established: one for words, one for data.
        self.host.until("g1", "test $(grep -c ':1451 .* 01 ' /proc/net/tcp) -ge 2")
        self.end_g2()
        client.kill()
        client.communicate()
        self.host.attempt("g1", "pkill -9 iperf3", 20)
        server.communicate()

    def groups(self) -> set[IPv6Address]:
        """What the SA has."""
        return self.gids("saquery -g | sed -n 's/.*MGID\\.*//p'")

    def own_groups(self) -> set[IPv6Address]:
        """What IPoIB of g1 has joined."""
        name = ipoib.interface(self.host, "g1")
        return self.gids(f"sed -n 's/^GID: //p' /sys/kernel/debug/ipoib/{name}_mcg")

    def gids(self, command: str) -> set[IPv6Address]:
        return {IPv6Address(word) for word in self.host.sh("g1", command).split()}
