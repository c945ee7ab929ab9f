# SPDX-License-Identifier: GPL-2.0-or-later
"""Running programs of the host machine."""

import shutil
import subprocess
from pathlib import Path
from typing import Optional, Sequence

from .errors import LabError
from .paths import LAB_SOURCE


def need(program: str) -> str:
    """The full path of `program`, or a message that names the list of packages."""
    path = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/bin:/usr/local/sbin")
    if not path:
        raise LabError(f"the program {program} is missing on this machine; "
                       f"install the packages listed in {LAB_SOURCE}/packages.txt")
    return path


def run(argv: Sequence[object], cwd: Optional[Path] = None, stdin: Optional[bytes] = None,
        timeout: float = 1200, env: Optional[dict[str, str]] = None) -> str:
    """Run a program to its end and return its stdout; its failure is a LabError."""
    words = [str(a) for a in argv]
    words[0] = need(words[0])
    try:
        done = subprocess.run(words, cwd=cwd, input=stdin, env=env, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=None if stdin is not None else subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise LabError(f"{' '.join(words)}: not done after {timeout:.0f} s") from None
    if done.returncode:
        tail = (done.stderr or done.stdout).decode(errors="replace")[-3000:]
        raise LabError(f"{' '.join(words)}: exit {done.returncode}\n{tail}")
    return done.stdout.decode(errors="replace")
