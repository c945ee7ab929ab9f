# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of figures, and whether they meet what was promised."""

from dataclasses import dataclass
from typing import Optional

from .perftest import Perftest

# Program, size, and by how much the vib must be better.
PROMISED = (("ib_read_lat", 8, 50.0), ("ib_write_bw", 65536, 50.0))


@dataclass(frozen=True)
class Row:
    """One program's figures; None is a figure that is missing."""

    test: Perftest
    ours: Optional[float]
    theirs: Optional[float]

    @property
    def ratio(self) -> Optional[float]:
        """How many times better ours is, whichever way is better."""
        if self.ours is None or self.theirs is None:
            return None
        return self.theirs / self.ours if self.test.is_latency else self.ours / self.theirs


def _size(count: int) -> str:
    return f"{count // 1024} KiB" if count >= 1024 else f"{count} B"


def _figure(value: Optional[float], unit: str) -> str:
    if value is None:
        return "missing"
    return f"{value:.1f} {unit}" if value < 1000 else f"{value:.0f} {unit}"


def heading(ours: str, theirs: str) -> str:
    return f"{'':14} {'size':>7} {ours:>14} {theirs:>28} {'ratio':>8}"


def line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.1f} x"
    return (f"{row.test.program:14} {_size(row.test.size):>7} "
            f"{_figure(row.ours, row.test.unit):>14} {_figure(row.theirs, row.test.unit):>28} "
            f"{ratio:>8}")


def verdict(rows: list[Row]) -> tuple[list[str], bool]:
    """A line for each promise, and whether all of them are kept."""
    lines, kept = [], True
    for program, size, factor in PROMISED:
        ratio = next((row.ratio for row in rows
                      if (row.test.program, row.test.size) == (program, size)), None)
        met = ratio is not None and ratio >= factor
        kept = kept and met
        reached = "no figure" if ratio is None else f"{ratio:.1f} x"
        lines.append(f"{program}, {_size(size)}: {reached}, at least {factor:.0f} x wanted: "
                     f"{'met' if met else 'NOT MET'}")
    return lines, kept
