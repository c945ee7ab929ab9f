# SPDX-License-Identifier: GPL-2.0-or-later
"""Verbs between a guest and a plain machine on the wire, and between Dom0 and that machine."""

from typing import Callable, Optional

from checks import wired
from checks.host import Host
from checks.wire_checks import DEVICE, THERE, gid_index
from xenlab import lab, network, shares

from .programs import Path, Program, run

DOM0 = "Dom0, its rxe0"
GUEST = f"{wired.GUEST}, its {wired.VIB}"
WAYS = [DOM0, GUEST]


def column(size: int, number: int) -> Callable[[str], Optional[float]]:
    """What perftest has there in the line of a size; from the end if it is below 0."""
    def read(said: str) -> Optional[float]:
        rows = [words for line in said.splitlines()
                if (words := line.split())[:1] == [str(size)] and len(words) > 4]
        try:
            value = float(rows[-1][number])
        except (IndexError, ValueError):
            return None
        return value if 0 < value < float("inf") else None
    return read


def perftest(name: str, measures: str, unit: str, size: int, iterations: int, number: int,
             promised: float, lower_is_better: bool = False) -> Program:
    words = (f"{name} -d {{device}} -x {{index}} -m 4096 -F -p {{port}} -s {size} "
             f"-n {iterations}")
    return Program(name, measures, unit, 18515, words, f"{words} {{address}}",
                   column(size, number), promised, lower_is_better)


PROGRAMS = (
    perftest("ib_write_lat", "8 bytes, half a round trip", "us", 8, 1000, 4, 1 / 1.25, True),
    perftest("ib_write_bw", "64 KiB", "MiB/s", 65536, 300, 3, 0.95),
    perftest("ib_write_bw", "messages of 8 bytes", "Mmsg/s", 8, 5000, -1, 0.9),
)


def prepare(host: Host) -> None:
    """All emulated processors have the same part of this machine's."""
    shares.give(lab.opened(host.name))


def figure(host: Host, program: Program, way: str, _seconds: int) -> Optional[float]:
    peer = {"device": DEVICE, "index": str(gid_index(host, THERE))}
    client = "dom0" if way == DOM0 else wired.GUEST
    own = ({"device": DEVICE, "index": str(gid_index(host, "dom0"))} if way == DOM0
           else {"device": wired.VIB, "index": "0"})
    return run(host, program, Path(THERE, client, peer, {**own, "address": network.on_wire(THERE)}),
               20)
