# SPDX-License-Identifier: GPL-2.0-or-later
"""What kernels complain of in their logs, apart from what the emulator does to them."""

import re

COMPLAINT = r"WARNING:|BUG:|Oops|Call Trace|Bad page|grant still in use"
# What `grep -E` has to let through for complaints() to know a warning's lines.
LINES = rf"{COMPLAINT}|cut here|end trace"

# A debug exception with DR6.BS that no one asked for: QEMU's TCG leaks one into a
# guest of Xen now and then, at any place. Nothing of this project steps code singly.
EMULATOR = re.compile(r"WARNING: .* exc_debug_kernel\+")
OF_A_WARNING = re.compile(r"cut here|Call Trace")


def complaints(log: str) -> tuple[str, str]:
    """Of a log's LINES: what the kernel complains of, and what it has of the emulator."""
    said: list[str] = []
    emulator: list[str] = []
    warning: list[str] = []  # since "cut here"
    for line in log.splitlines():
        if "cut here" in line:
            said += warning
            warning = [line]
        elif "end trace" in line:
            what = [one for one in warning if not OF_A_WARNING.search(one)]
            named = len(what) == 1 and EMULATOR.search(what[0])
            (emulator if named else said).extend(warning)
            warning = []
        elif warning:
            warning.append(line)
        else:
            said.append(line)
    said += warning
    return tuple("\n".join(one for one in lines if "cut here" not in one)
                 for lines in (said, emulator))  # type: ignore[return-value]


def judged(where: str, log: str) -> str:
    """What the kernel there complains of; the emulator's part is printed only."""
    said, emulator = complaints(log)
    if emulator:
        print(f"NOT JUDGED, of the emulator: {where}: {emulator}", flush=True)
    return said
