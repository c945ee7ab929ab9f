# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the same with and without the project, side by side."""

import argparse
import sys
from types import ModuleType
from typing import Sequence

from checks import wired
from checks.host import Host
from checks.lab_check import GUESTS
from checks.wire_checks import LAB

from . import disks, table, tcp, verbs


def measure(what: ModuleType, host: Host, rounds: int, seconds: int) -> list[table.Row]:
    """Each way in turn, and that again, so that what slows the machine slows all."""
    rows = [table.Row(program, what.WAYS[0]) for program in what.PROGRAMS]
    for _ in range(rounds):
        for row in rows:
            for way in what.WAYS:
                row.add(way, what.figure(host, row.program, way, seconds))
    return rows


def bench(whats: Sequence[ModuleType], host: Host, rounds: int, seconds: int) -> bool:
    """In a lab that is up: the tables, and whether the promises are kept."""
    kept = True
    for what in whats:
        what.prepare(host)
        for row in measure(what, host, rounds, seconds):
            line, met = table.verdict(row)
            print("\n".join([*table.lines(row, what.WAYS), line]), flush=True)
            kept = kept and met
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/lab/bench", description=__doc__)
    parser.add_argument("--type", choices=("pv", "pvh"), help="only these guests (default: both)")
    parser.add_argument("--kernel", choices=("6.1", "6.12"), default="6.1", help="the guests'")
    parser.add_argument("--dom0-kernel", choices=("6.1", "6.12"), default="6.1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    what_of = parser.add_mutually_exclusive_group()
    what_of.add_argument("--wire", action="store_true",
                         help="verbs to a plain machine, from a guest and from Dom0")
    what_of.add_argument("--disks", action="store_true",
                         help="a guest's disk, by SRP and by xen-blkfront; without either this and "
                         "TCP between guests, over IPoIB and over netfront")
    parser.add_argument("--name", help="measure in this lab, which is up")
    options = parser.parse_args()

    whats: tuple[ModuleType, ...] = (tcp, disks)
    if options.wire or options.disks:
        whats = (verbs,) if options.wire else (disks,)
    guests, peer = (1, LAB) if options.wire else (len(GUESTS), ())
    if options.name:
        return 0 if bench(whats, Host(options.name), options.rounds, options.seconds) else 1
    kept = True
    for kind in (options.type,) if options.type else ("pv", "pvh"):
        host = Host(f"bench-{kind}-{whats[0].__name__.rpartition('.')[2]}")
        try:
            host.up("--guests", str(guests), "--type", kind, "--kernel", options.kernel,
                    "--dom0-kernel", options.dom0_kernel, *peer)
            if options.wire:
                wired.join(host)
            print(f"== {guests} {kind} guest(s) {options.kernel}, Dom0 {options.dom0_kernel}; "
                  "emulated: look at the ratios", flush=True)
            kept = bench(whats, host, options.rounds, options.seconds) and kept
        finally:
            host.down()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
