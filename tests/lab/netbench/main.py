# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures TCP between two guests over IPoIB and over netfront, side by side."""

import argparse
import sys
from typing import Optional

from checks import ipoib
from checks.host import Host
from checks.lab_check import GUESTS

from . import programs, table

# The largest of connected mode (RFC 4755); datagram mode has what the group says.
MODES = {"IPoIB, datagram": ("datagram", 0), "IPoIB, connected": ("connected", 65520)}
WAYS = [table.NETFRONT, *MODES]
NETFRONT_ADDRESS = "10.77.0.1"


def figure(host: Host, program: programs.Program, way: str, seconds: int) -> Optional[float]:
    if way == table.NETFRONT:
        return programs.run(host, program, NETFRONT_ADDRESS, seconds)
    for guest in GUESTS:
        ipoib.up(host, guest, *MODES[way])
    host.until(programs.CLIENT, f"ping -n -c 1 -w 5 {ipoib.address(programs.SERVER)} >/dev/null")
    return programs.run(host, program, ipoib.address(programs.SERVER), seconds)


def measure(host: Host, rounds: int, seconds: int) -> list[table.Row]:
    """Each way in turn, and that again, so that what slows the machine slows all."""
    rows = [table.Row(program) for program in programs.PROGRAMS]
    for _ in range(rounds):
        for row in rows:
            for way in WAYS:
                row.add(way, figure(host, row.program, way, seconds))
    return rows


def bench(host: Host, rounds: int, seconds: int) -> bool:
    """In a lab that is up: the table, and whether the promise is kept."""
    kept = True
    for row in measure(host, rounds, seconds):
        line, met = table.verdict(row)
        print("\n".join([*table.lines(row, WAYS), line]), flush=True)
        kept = kept and met
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/lab/bench", description=__doc__)
    parser.add_argument("--type", choices=("pv", "pvh"), help="only these guests (default: both)")
    parser.add_argument("--kernel", choices=("6.1", "6.12"), default="6.1", help="the guests'")
    parser.add_argument("--dom0-kernel", choices=("6.1", "6.12"), default="6.1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--name", help="measure in this lab, which is up")
    options = parser.parse_args()

    if options.name:
        return 0 if bench(Host(options.name), options.rounds, options.seconds) else 1
    kept = True
    for kind in (options.type,) if options.type else ("pv", "pvh"):
        host = Host(f"bench-{kind}")
        try:
            host.up("--guests", "2", "--type", kind, "--kernel", options.kernel,
                    "--dom0-kernel", options.dom0_kernel)
            print(f"== two {kind} guests {options.kernel}, Dom0 {options.dom0_kernel}; emulated: "
                  "look at the ratios", flush=True)
            kept = bench(host, options.rounds, options.seconds) and kept
        finally:
            host.down()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
