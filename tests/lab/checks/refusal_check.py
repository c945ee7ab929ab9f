# SPDX-License-Identifier: GPL-2.0-or-later
"""What checks of refusals share."""

import json

from .lab_check import LabCheck


class RefusalCheck(LabCheck):
    """What is refused says why where the administrator looks."""

    def listed(self, guest: str) -> dict[int, dict]:
        """The guest's vibs, by index."""
        rows = json.loads(self.host.sh("dom0", "vibctl list --json"))
        return {row["index"]: row for row in rows if row["name"] == guest}

    def says(self, text: str, said: list[str], about: str) -> None:
        for part in said:
            self.assertIn(part, text, about)

    def script(self, where: str, lines: list[str], timeout: float = 240) -> str:
        """Run a shell script somewhere in one go: each connection costs."""
        return self.host.sh(where, "\n".join(lines), timeout)
