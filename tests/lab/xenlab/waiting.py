# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting that ends: with success, with a death noticed, or with a report.

Under emulation on a busy machine nothing has a known duration, so a wait is
given up when nothing has moved for a while (`stall`), and at the latest after
`cap`. XENLAB_PATIENCE multiplies both.
"""

import os
import time
from typing import Callable, Optional, TypeVar

from .errors import Expired

PATIENCE = float(os.environ.get("XENLAB_PATIENCE", "1"))
STALL = 60.0
CAP = 600.0

Result = TypeVar("Result")


def tail(text: str, lines: int = 30) -> str:
    """The last lines of a log, indented, for a report."""
    kept = [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(f"    {line}" for line in kept) or "    (nothing)"


def until(what: str, probe: Callable[[], Optional[Result]],
          progress: Callable[[], object] = lambda: None,
          failed: Callable[[], Optional[str]] = lambda: None,
          report: Callable[[], str] = lambda: "",
          stall: float = STALL, cap: float = CAP, interval: float = 0.2) -> Result:
    """Poll `probe` until it returns something other than None.

    `progress` returns a value whose change shows that things still move;
    `failed` a reason why waiting is in vain; `report` the consoles' tails for
    the error. Raises Expired.
    """
    started = moved = time.monotonic()
    seen = progress()
    while True:
        # Asked first: what died after answering has still answered.
        result = probe()
        if result is not None:
            return result
        reason = failed()
        now = time.monotonic()
        latest = progress()
        if latest != seen:
            seen, moved = latest, now
        if not reason and now - moved > stall * PATIENCE:
            reason = f"nothing has moved for {now - moved:.0f} s"
        if not reason and now - started > cap * PATIENCE:
            reason = f"not there after {now - started:.0f} s"
        if reason:
            raise Expired(f"waiting for {what} failed after {now - started:.0f} s: {reason}\n{report()}".rstrip())
        time.sleep(interval)
