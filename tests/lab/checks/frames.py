# SPDX-License-Identifier: GPL-2.0-or-later
"""What tshark finds of RoCEv2 in a capture of the wire (`lab capture`)."""

import ipaddress
import subprocess
from collections import Counter
from pathlib import Path

# Of an extended transport header there is none in some packets.
FIELDS = ("ipv6.src", "ipv6.dst", "infiniband.bth.destqp", "infiniband.bth.p_key")
COMMAND = ("tshark", "-n", "-Y", "ipv6 && infiniband.bth", "-T", "fields",
           *(word for field in FIELDS for word in ("-e", field)))

Pair = tuple[str, str]


def decoded(capture: Path) -> list[str]:
    """A line for each packet of RoCEv2: its FIELDS, with tabs between."""
    done = subprocess.run([*COMMAND, "-r", str(capture)], text=True, capture_output=True)
    if done.returncode:
        raise AssertionError(f"tshark exited {done.returncode}: {done.stderr}")
    return done.stdout.splitlines()


def pairs(lines: list[str]) -> Counter[Pair]:
    """How many packets went from which GID to which, as sysfs writes them."""
    return Counter((gid(words[0]), gid(words[1])) for line in lines
                   if len(words := line.split("\t")) == len(FIELDS))


def gid(address: str) -> str:
    return ipaddress.IPv6Address(address).exploded
