# SPDX-License-Identifier: GPL-2.0-or-later
"""ibback built with sanitizers, in the place of the usual one for a while."""

import os
import re
import subprocess
from pathlib import Path

from .host import Host

TOP = Path(__file__).resolve().parents[3]
SANITIZERS = "address,undefined"
PROGRAM = TOP / "build/san/bin/ibback"

USUAL, ASIDE = "/usr/sbin/ibback", "/usr/sbin/ibback.usual"
LOG = "/var/log/xen-ib/ibback.log"
ENVIRONMENT = "/etc/xen-ib/lab.env"
REPORT = r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer|AddressSanitizer:"


def make(*words: str) -> None:
    """Run make in the project's tree, from within another make or not."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", "-C", str(TOP), "--no-print-directory", *words], env=env,
                          text=True, capture_output=True, timeout=900)
    if done.returncode:
        raise AssertionError(f"make {' '.join(words)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


class Sanitized:
    """Dom0's ibback with sanitizers, until put_back()."""

    def __init__(self, host: Host) -> None:
        self._host = host
        make(f"SANITIZE={SANITIZERS}", str(PROGRAM.relative_to(TOP)))
        host.lab("cp", str(PROGRAM), "dom0:/tmp/ibback.san")
        host.daemon("stop", "ibback")
        self._logged = int(host.sh("dom0", f"wc -l <{LOG}"))
        # Core files of a process with shadow memory would fill the disk.
        host.sh("dom0", f"cp -a {USUAL} {ASIDE}; install -m755 /tmp/ibback.san {USUAL}; "
                f"touch {ENVIRONMENT}; cp -a {ENVIRONMENT} {ENVIRONMENT}.usual; "
                f"echo ASAN_OPTIONS=disable_coredump=1:detect_leaks=1 >>{ENVIRONMENT}")
        host.daemon("start", "ibback")
        self.pid = host.sh("dom0", "pgrep -x ibback")

    def said(self) -> str:
        """Its log since it began."""
        return self._host.sh("dom0", f"tail -n +{self._logged + 1} {LOG}")

    def complaints(self) -> str:
        """What the sanitizers said since; empty when nothing."""
        lines = self.said().splitlines()
        first = next((i for i, line in enumerate(lines) if re.search(REPORT, line)), None)
        return "" if first is None else "\n".join(lines[first:first + 80])

    def put_back(self) -> None:
        """End it, which looks for leaks, and start the usual one."""
        self._host.daemon("stop", "ibback")
        self._host.sh("dom0", f"if test -e {ASIDE}; then mv {ASIDE} {USUAL}; "
                      f"mv {ENVIRONMENT}.usual {ENVIRONMENT}; fi")
        self._host.daemon("start", "ibback")
