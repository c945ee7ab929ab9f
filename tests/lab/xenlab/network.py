# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and addresses: the guests' bridges, and the wire that joins machines.

image/root/usr/lib/xenlab/wire has the same numbers.
"""

import re

from .errors import UsageError

# Each host's bridge has the same network; .254 is Dom0.
DOM0 = "10.77.0.254"
# Host a's guests are in 10.77.0.0/25, host b's in 10.77.0.192/27, so that a
# route can tell them apart.
GUESTS_A = range(1, 65)
GUESTS_B = range(201, 224)
GUESTS = (*GUESTS_A, *GUESTS_B)

# A machine's number on the wire.
WIRE = {"dom0": 1, "dom0b": 2, "peer": 3}


def guest_number(name: str) -> int:
    """N of "gN": it gives the guest its address; refuses any other name."""
    found = re.fullmatch(r"g([1-9]\d*)", name)
    if not found or int(found.group(1)) not in GUESTS:
        raise UsageError(f"no guest {name!r}: the lab's guests are called g1 to g{GUESTS_A[-1]}, "
                         f"those of a second host g{GUESTS_B[0]} to g{GUESTS_B[-1]}")
    return int(found.group(1))


def dom0_of(guest: str) -> str:
    """The Dom0 of the host on which a guest of this name runs."""
    return "dom0" if guest_number(guest) in GUESTS_A else "dom0b"


def of_guest(number: int) -> str:
    """The IPv4 address of guest gN."""
    return f"10.77.0.{number}"


def on_wire(machine: str) -> str:
    """A machine's IPv4 address on the wire."""
    return f"10.77.1.{WIRE[machine]}"


def gid(machine: str) -> str:
    """The GID of a machine's rxe0, as sysfs writes it."""
    return f"fe80:0000:0000:0000:0202:c9ff:fe00:{WIRE[machine]:04x}"
