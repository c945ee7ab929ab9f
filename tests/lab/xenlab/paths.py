# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the lab keeps things: sources, cache, and a directory per running lab."""

import hashlib
import os
from pathlib import Path

LAB_SOURCE = Path(__file__).resolve().parent.parent
TOP = LAB_SOURCE.parent.parent
IMAGE_SOURCE = LAB_SOURCE / "image"

CACHE = Path(os.environ.get("XENLAB_CACHE") or TOP / "build" / "lab").resolve()
RUN = CACHE / "run"

# sockaddr_un holds 108 bytes, and ssh appends 17 to a control socket's name
# while it makes it.
LONGEST_SOCKET_DIR = 70


def run_dir(lab: str) -> Path:
    """The state directory of the lab called `lab`."""
    return RUN / lab


def socket_dir(lab: str) -> Path:
    """A directory for the lab's unix sockets whose path is short enough."""
    wanted = run_dir(lab)
    if len(str(wanted)) <= LONGEST_SOCKET_DIR:
        return wanted
    tag = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    return Path("/tmp") / f"xenlab-{os.getuid()}-{tag}"
