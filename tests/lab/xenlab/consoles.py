# SPDX-License-Identifier: GPL-2.0-or-later
"""The guests' consoles, copied to the host as they are written.

Dom0's xenconsoled keeps each guest's console. While the lab waits for a guest
it follows that file over ssh: nothing polls in Dom0, where every process
costs emulated time, and a report can show the console even when Dom0 itself
no longer answers.
"""

import subprocess
from pathlib import Path
from typing import Optional

from .ssh import Place

LOG = "/var/log/xen/console/guest-{}.log"

_followers: set[subprocess.Popen] = set()


def stop_following() -> None:
    """End all followers, for a lab command that is interrupted."""
    for follower in list(_followers):
        follower.kill()


class Console:
    """One guest's console, as far as it is known on the host."""

    def __init__(self, directory: Path, dom0: Place, guest: str) -> None:
        self._log = LOG.format(guest)
        self._copy = directory / f"console-{guest}.log"
        self._mark = directory / f"console-{guest}.start"
        self._dom0 = dom0
        self._follower: Optional[subprocess.Popen] = None

    def refresh(self) -> None:
        """Fetch what is new, once."""
        done = self._dom0.attempt(f"tail -c +{self.size() + 1} {self._log} 2>/dev/null", timeout=20)
        if done.returncode == 0:
            with open(self._copy, "ab") as copy:
                copy.write(done.stdout)

    def begin(self) -> None:
        """Mark that a new domain starts: what is there now is another's."""
        self.refresh()
        self._mark.write_text(str(self.size()))

    def text(self) -> str:
        """All that is known of the console."""
        return self._copy.read_text(errors="replace") if self._copy.exists() else ""

    def since_begin(self) -> str:
        """The console of the newest domain of this name."""
        start = int(self._mark.read_text()) if self._mark.exists() else 0
        return self._copy.read_bytes()[start:].decode(errors="replace") if self._copy.exists() else ""

    def size(self) -> int:
        return self._copy.stat().st_size if self._copy.exists() else 0

    def __enter__(self) -> "Console":
        """Follow the console until __exit__."""
        self._dom0.connect()
        with open(self._copy, "ab") as copy:
            self._follower = subprocess.Popen(
                self._dom0.argv(["-n"], f"tail -s 0.2 -F -c +{self.size() + 1} {self._log} 2>/dev/null"),
                stdin=subprocess.DEVNULL, stdout=copy, stderr=subprocess.DEVNULL)
        _followers.add(self._follower)
        return self

    def __exit__(self, *_: object) -> None:
        if self._follower:
            self._follower.kill()
            self._follower.wait()
            _followers.discard(self._follower)
            self._follower = None
