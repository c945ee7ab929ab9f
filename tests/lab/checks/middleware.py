# SPDX-License-Identifier: GPL-2.0-or-later
"""UCX, libfabric and MPI in guests: what they say, and what vib0 has moved for them."""

import re
from dataclasses import dataclass
from typing import Sequence

from .host import Host

COUNTERS = "/sys/class/infiniband/vib0/ports/1/hw_counters"


@dataclass(frozen=True)
class Moved:
    """What the vibs of some guests have sent since they came: each byte counts at its sender."""

    bytes: int
    packets: int

    def since(self, before: "Moved") -> "Moved":
        return Moved(self.bytes - before.bytes, self.packets - before.packets)


def sent(host: Host, guests: Sequence[str]) -> Moved:
    said = [host.sh(guest, f"cat {COUNTERS}/xmit_bytes {COUNTERS}/xmit_packets").split()
            for guest in guests]
    return Moved(*(sum(int(words[n]) for words in said) for n in range(2)))


def transports(said: str) -> set[str]:
    """Of UCX's endpoints, TRANSPORT/DEVICE, from its log of level info:

        UCX  INFO    ep_cfg[2]: tag(rc_verbs/vib0:1)
    """
    return {pair for line in re.findall(r"ep_cfg\[\d+\]: (.*)", said)
            for pair in re.findall(r"\w+/[\w:.-]+", line)}


def iterations(said: str) -> list[int]:
    """Of the lines of ucx_perftest's table: with -f there is only the last one."""
    return [int(found) for found in re.findall(r"^ +(\d+) +[\d.]+ +[\d.]+ +[\d.]+ ", said, re.M)]


def answered(said: str, rounds: int) -> list[str]:
    """The sizes for which fi_pingpong had an answer to each of its messages."""
    return [size for size, went, came in
            re.findall(r"^(\d[\d.]*[kmg]?) +(\d+) +=(\d+) ", said, re.M)
            if went == came == str(rounds)]


@dataclass(frozen=True)
class Checked:
    """A line of mpi_check's: all of what it names was right."""

    name: str
    ranks: int
    machines: int
    bytes: int  # of all ranks, those on one machine included


def checked(said: str) -> list[Checked]:
    return [Checked(name, int(ranks), int(machines), int(count))
            for name, ranks, machines, count in re.findall(
                r"(\w+): (\d+) ranks on (\d+) machines, \d+ messages, (\d+) bytes: right", said)]
