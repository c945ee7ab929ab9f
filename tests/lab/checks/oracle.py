# SPDX-License-Identifier: GPL-2.0-or-later
"""The leak oracle: what a dead domain must not leave behind."""

import re

from .host import Host


class Oracle:
    """Compares a host with what it was before the guests came."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._before = self._count()

    def _count(self) -> dict[str, int]:
        """ibback's own: file descriptors and grant mappings."""
        pid = self._host.sh("dom0", "pgrep -x ibback")
        return {
            "descriptors of ibback": int(self._host.sh("dom0", f"ls /proc/{pid}/fd | wc -l")),
            "grant mappings of ibback": int(self._host.sh(
                "dom0", f"grep -c gntdev /proc/{pid}/maps || true")),
        }

    def leftovers(self, domid: int) -> list[str]:
        """What is left of a dead domain, in words; empty when all is well."""
        left = self.undead(domid)
        for line in self._host.sh("dom0", "xenstore-ls -f /").splitlines():
            if re.search(rf"(/vib/{domid}/)|(^/local/domain/{domid}/)|(^/libxl/{domid}/)", line):
                left.append(f"xenstore: {line}")
        said = self._host.xen_says("ge")
        if re.search(rf"\bd{domid}\b", said):
            left.append(f"grants: Xen still has a grant table of d{domid}")
        if re.search(rf"\bd={domid}\b", said):
            left.append(f"event channels: still bound to d{domid}")
        return left

    def undead(self, domid: int) -> list[str]:
        """It is a zombie for as long as somebody maps its memory."""
        host = self._host

        def gone() -> bool:
            return host.attempt("dom0", f"xl list {domid} >/dev/null 2>&1").returncode != 0

        try:
            host.poll(f"domain {domid} is gone", gone)
            host.until("dom0", f"! xenstore-exists /local/domain/0/backend/vib/{domid}")
        except AssertionError as error:
            return [str(error)]
        return []

    def growth(self) -> list[str]:
        """What ibback has more of than before, with the same number of guests."""
        now = self._count()
        return [f"{what}: {self._before[what]} before, {now[what]} now"
                for what in now if now[what] > self._before[what]]
