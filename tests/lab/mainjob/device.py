# SPDX-License-Identifier: GPL-2.0-or-later
"""The RDMA devices that the two guests have: the vib, and Soft-RoCE to compare with."""

from dataclasses import dataclass
from typing import Optional

from checks.host import Host


@dataclass(frozen=True)
class Device:
    """A device that both guests have under one name."""

    name: str
    gid_index: int            # for runs with a GRH
    grh: bool                 # no other way of addressing: RoCE
    ud_size: int              # the largest datagram of its MTU
    medium: str               # for headings

    def gid(self, wanted: bool) -> Optional[int]:
        """The GID index to name on a command line; none for addressing by LID."""
        return self.gid_index if wanted or self.grh else None


VIB = Device("vib0", 0, False, 2048, "vib")


def active(host: Host, guest: str, device: str) -> None:
    """Wait until the guest's port is active."""
    host.port_is(guest, "ACTIVE", device)


def soft_roce(host: Host, guests: tuple[str, ...]) -> Device:
    """Give each guest rxe0 over its xen-netfront eth0, if it has none yet."""
    for guest in guests:
        host.sh(guest, "test -e /sys/class/infiniband/rxe0 || "
                "{ modprobe rdma_rxe && rdma link add rxe0 type rxe netdev eth0; }")
        active(host, guest, "rxe0")
    # Index 0 is the link-local address; the IPv4 address needs no neighbour
    # discovery, which IPv6 would.
    index = host.sh(guests[0], "cd /sys/class/infiniband/rxe0/ports/1/gids && "
                    "grep -l '^0000:0000:0000:0000:0000:ffff:' [0-9] | head -n 1")
    return Device("rxe0", int(index), True, 1024, "Soft-RoCE over xen-netfront")


def named(host: Host, name: str, guests: tuple[str, ...]) -> Device:
    """The device of this name: vib0, or rxe0 to try the tools without a vib."""
    return VIB if name == VIB.name else soft_roce(host, guests)
