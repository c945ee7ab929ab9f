# SPDX-License-Identifier: GPL-2.0-or-later
"""A copy of the guests' consoles on the host.

Dom0 keeps each guest's console; what is read there while waiting is also kept
here, so that a report can show it even when Dom0 no longer answers.
"""

from pathlib import Path

from .ssh import Place


class Consoles:
    """The consoles of one lab's guests."""

    def __init__(self, directory: Path, dom0: Place) -> None:
        self._directory = directory
        self._dom0 = dom0

    def probe(self, name: str) -> bool:
        """Fetch what is new on the console; True if the guest's sshd is there."""
        from .guests import NETWORK, number_of
        path = self._path(name)
        known = path.stat().st_size if path.exists() else 0
        done = self._dom0.attempt(
            f"lab-probe {name} {NETWORK}.{number_of(name)} {known}", timeout=30)
        if done.returncode:
            return False
        first, _, new = done.stdout.partition(b"\n")
        if new:
            with open(path, "ab") as copy:
                copy.write(new)
        return first == b"answers"

    def text(self, name: str) -> str:
        """All that is known of a guest's console."""
        path = self._path(name)
        return path.read_text(errors="replace") if path.exists() else ""

    def size(self, name: str) -> int:
        path = self._path(name)
        return path.stat().st_size if path.exists() else 0

    def forget(self, name: str) -> None:
        """Mark that a new domain of this name begins."""
        self.probe(name)
        self._mark(name).write_text(str(self.size(name)))

    def since_created(self, name: str) -> str:
        """The console of the newest domain of this name only."""
        mark = self._mark(name)
        start = int(mark.read_text()) if mark.exists() else 0
        path = self._path(name)
        return path.read_bytes()[start:].decode(errors="replace") if path.exists() else ""

    def _path(self, name: str) -> Path:
        return self._directory / f"console-{name}.log"

    def _mark(self, name: str) -> Path:
        return self._directory / f"console-{name}.start"
