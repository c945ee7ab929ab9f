# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the main job in a lab that is up, and says whether it was done."""

import argparse
import sys
import time
from typing import Optional

from checks.host import Host

from . import perftest, pingpong, table
from .device import VIB, Device, active, named, soft_roce
from .pair import ACTIVE, PASSIVE
from .pingpong import Pingpong

GUESTS = (PASSIVE, ACTIVE)
SOFT_ROCE_TRIES = 3


def say(text: str) -> None:
    print(text, flush=True)


def headline(text: str) -> None:
    say(f"\n\033[1m{text}\033[0m")


def pingpongs(host: Host, device: Device) -> int:
    """All four types, addressed by LID and by GID; how many failed."""
    failed = 0
    for kind in pingpong.TYPES:
        for grh in (False, True):
            # Events, or the host's scheduler is what gets measured.
            test = Pingpong(kind, size=device.ud_size if kind == "ud" else 4096,
                            iterations=30, grh=grh, events=True)
            try:
                outcome = pingpong.run(host, device, test)
                wrong = pingpong.problems(test, outcome)
            except AssertionError as error:
                wrong = [str(error)]
            failed += bool(wrong)
            result = "FAILED" if wrong else \
                f"data right, {pingpong.latency(outcome.client.output):9.1f} us an iteration"
            say(f"{test!s:40} {test.iterations} iterations: {result}")
            for words in wrong:
                say(f"    {words}")
    return failed


def measured(host: Host, device: Device, test: perftest.Perftest,
             iterations: int) -> Optional[float]:
    """The figure of one program on one device; None, and why, if there is none.

    On a busy emulator Soft-RoCE now and then loses a connection: it may try
    again, our device may not.
    """
    for _ in range(1 if device is VIB else SOFT_ROCE_TRIES):
        value = attempted(host, device, test, iterations)
        if value is not None:
            return value
    return None


def attempted(host: Host, device: Device, test: perftest.Perftest,
              iterations: int) -> Optional[float]:
    """As measured(), once."""
    try:
        outcome = perftest.run(host, device, test, iterations)
    except AssertionError as error:
        say(f"{test.program} on {device.name}: {error}")
        return None
    value = perftest.figure(test, outcome)
    if value is None:
        say(f"{test.program} on {device.name} gave no figure:")
        for words in outcome.problems() or [outcome.client.output]:
            say(f"    {words}")
    return value


def figures(host: Host, device: Device) -> list[table.Row]:
    """Both devices, one program after the other, printed as they come."""
    slow = soft_roce(host, GUESTS)
    rows = []
    say(table.heading(f"through {device.name}", slow.medium))
    for test in perftest.TABLE:
        iterations = test.fast if device is VIB else test.slow
        rows.append(table.Row(test, measured(host, device, test, iterations),
                              measured(host, slow, test, test.slow)))
        say(table.line(rows[-1]))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/lab/main-job", description=__doc__)
    parser.add_argument("--name", default="lab", help="which lab (default: lab)")
    parser.add_argument("--device", default=VIB.name, choices=(VIB.name, "rxe0"),
                        help="rxe0: Soft-RoCE, to try the tools without a vib")
    options = parser.parse_args()
    host = Host(options.name)
    began = time.monotonic()

    device = named(host, options.device, GUESTS)
    for guest in GUESTS:
        active(host, guest, device.name)

    headline(f"Pingpongs between {PASSIVE} and {ACTIVE} over {device.name}, data checked:")
    failed = pingpongs(host, device)

    headline("perftest in the same two guests, one after the other "
             "(typical latency, average bandwidth; emulated: look at the ratio):")
    rows = figures(host, device)
    missing = sum(row.ratio is None for row in rows)
    lines, kept = table.verdict(rows)
    say("")
    for text in lines:
        say(text)

    say(f"the main job took {time.monotonic() - began:.0f} s")
    if failed or missing or not kept:
        headline(f"FAILED: {failed} pingpongs failed, {missing} figures are missing, the promise is "
                 f"{'kept' if kept else 'NOT MET'}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
