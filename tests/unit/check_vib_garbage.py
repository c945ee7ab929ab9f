#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Garbage in every key of a vib's text: `vibctl check` refuses it, by the parser that
vibd and ibback have, and says which key, which value and what is allowed. TAP."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lab"))

from checks.garbage import BAD_TEXTS, Bad, bad_values  # noqa: E402

VIBCTL = ROOT / "build" / "bin" / "vibctl"


def problem(bad: Bad) -> str:
    """What is wrong with the refusal of a text; empty if nothing is."""
    done = subprocess.run([VIBCTL, "check", "--text", bad.text], capture_output=True,
                          text=True, timeout=60)
    missing = [part for part in bad.said if part not in done.stdout]
    if done.returncode == 1 and not missing:
        return ""
    return f"status {done.returncode}, not said: {missing}; said: {done.stdout}{done.stderr}"


def main() -> int:
    failed = 0
    for number, bad in enumerate(all_bad := bad_values() + BAD_TEXTS, 1):
        said = problem(bad)
        failed += bool(said)
        print(f"{'not ok' if said else 'ok'} {number} - {ascii(bad.text[:60])}")
        for line in said.splitlines():
            print(f"# {line}")
    print(f"1..{len(all_bad)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
