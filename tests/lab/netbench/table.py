# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of one run side by side, and whether they are what was promised."""

from dataclasses import dataclass, field
from statistics import median
from typing import Optional

from .programs import Program


@dataclass
class Row:
    """One program over each way, by name, as often as it was run."""

    program: Program
    base: str  # the way that the others are compared with
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, way: str, figure: Optional[float]) -> None:
        if figure is not None:
            self.figures.setdefault(way, []).append(figure)

    def median(self, way: str) -> Optional[float]:
        return median(self.figures[way]) if self.figures.get(way) else None

    def ratio(self, way: str) -> Optional[float]:
        """How many times as good as the base."""
        ours, theirs = self.median(way), self.median(self.base)
        return None if ours is None or theirs is None else self.program.better(ours, theirs)

    def best(self) -> Optional[float]:
        """The ratio of the better way."""
        ratios = [ratio for way in self.figures if way != self.base
                  and (ratio := self.ratio(way)) is not None]
        return max(ratios, default=None)


def lines(row: Row, ways: list[str]) -> list[str]:
    """One for each way: the median, its ratio, all figures."""
    said = [f"{row.program.name}: {row.program.measures}, {row.program.unit}"]
    for way in ways:
        middle, ratio = row.median(way), row.ratio(way)
        said.append(f"  {way:18} {'missing' if middle is None else f'{middle:.1f}':>10} "
                    f"{'' if ratio is None or way == row.base else f'{ratio:.2f} x':>8}   "
                    f"of {', '.join(f'{figure:.1f}' for figure in row.figures.get(way, []))}")
    return said


def verdict(row: Row) -> tuple[str, bool]:
    """Whether the better way is as good as promised, in a line."""
    wanted, best = row.program.promised, row.best()
    reached = "no figure" if best is None else f"{best:.2f} x"
    said = f"{row.program.name}: {reached} as good as {row.base}, "
    if wanted is None:
        return f"{said}nothing is promised", best is not None
    met = best is not None and best >= wanted
    return f"{said}at least {wanted:.2f} x wanted: {'met' if met else 'NOT MET'}", met
