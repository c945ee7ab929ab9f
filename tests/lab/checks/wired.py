# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests' vibs on a fabric whose wire is Dom0's rxe0: `lab up --peer`, `--hosts 2`."""

from xenlab import network

from .host import Host
from .wire_checks import DEVICE

FABRIC = "roce0"
GUEST = "g1"
VIB = "vib1"  # vib0 is of the fabric "local"
CONF = "/etc/xen-ib/ibback.conf"


def guid(guest: str) -> int:
    """Of the vport's port, which its GID ends with."""
    return 0x02163EFFFE000100 + network.guest_number(guest)


def gid(guest: str) -> str:
    """As sysfs writes it."""
    words = f"fe80000000000000{guid(guest):016x}"
    return ":".join(words[at:at + 4] for at in range(0, 32, 4))


def configure(host: Host, dom0: str, command: str) -> None:
    """Restart ibback there with its own configuration, changed by a command."""
    host.sh(dom0, f"test -e {CONF}.own || {{ mkdir -p /etc/xen-ib; touch {CONF}; "
            f"cp {CONF} {CONF}.own; }}; cp {CONF}.own {CONF}; {command}")
    host.daemon("restart", "ibback", dom0)


def join(host: Host, guest: str = GUEST, fast_registration: str = "auto") -> None:
    """The fabric, and the guest's vib on it, active, if they are not there yet.

    With rxe storage in guests' kernels wants fast_registration = yes, which the hostile guest
    must not have there (ibback(8))."""
    dom0 = network.dom0_of(guest)
    if host.attempt(dom0, f"vibctl fabric show {FABRIC}").returncode:
        host.sh(dom0, "modprobe -a ib_uverbs ib_umad")
        configure(host, dom0, f"printf '[fabric {FABRIC}]\\ndevice = {DEVICE}\\n"
                              f"fast_registration = {fast_registration}\\n' >>{CONF}")
    if host.attempt(dom0, "xenstore-exists /local/domain/0/backend/vib/"
                          f"$(xl domid {guest})/1").returncode:
        host.sh(dom0, f"vibctl attach {guest} fabric={FABRIC} port_guid={guid(guest):#018x}")
    host.port_is(guest, "ACTIVE", VIB)


def leave(host: Host, *guests: str) -> None:
    for guest in guests:
        host.sh(network.dom0_of(guest), f"vibctl detach {guest} 1")
        host.until(guest, f"! test -e /sys/class/infiniband/{VIB}")
    for dom0 in sorted({network.dom0_of(guest) for guest in guests}):
        configure(host, dom0, "true")
