"""Which tables of block maxima serve windows of up to some size: a plan, and what it loads.

Table `l` of an axis holds, at each position, the maximum over ``radix ** l`` positions from there
on. A window is covered by a few overlapping blocks of the largest table that fits. Windows that
are squares share one level among their axes: 7 tables of squares serve sizes up to 65. Others need
a table for every combination of levels; of radix 4 there are 16, where radix 2 would make 49.
Windows of few pixels are read from the image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from adapool._backends import Triple

# Pixels of the largest window that is read from the image. (On an H100, 4096 x 4096, squares to 5:
# 0.62 ms so, 0.43 with tables; to 9: 1.05 and 0.54.)
_FEW = 9


@dataclass(frozen=True)
class Pass:
    """Tables along `axes`: of each of `sources` tables that there are, `levels` with itself."""

    axes: tuple[int, ...]
    sources: int
    levels: int


@dataclass(frozen=True)
class Plan:
    """Tables for windows of up to `extents` along plane, row and column.

    Attributes
    ----------
    levels : triple
        Number of levels of each axis.
    weights : triple
        What a level of each axis adds to the number of a table.
    tied : triple of bool
        The axes that share one level.
    shift : int
        Binary logarithm of the radix.
    """

    levels: Triple
    weights: Triple
    tied: tuple[bool, bool, bool]
    shift: int

    @property
    def count(self) -> int:
        """Number of tables."""
        return math.prod(each.levels for each in self.passes())

    def passes(self) -> Iterator[Pass]:
        """Yield what makes all tables from the first, axis by axis, tied axes last."""
        done = 1
        for axis in range(3):
            if not self.tied[axis] and self.levels[axis] > 1:
                yield Pass((axis,), done, self.levels[axis])
                done *= self.levels[axis]
        if any(self.tied):
            axes = tuple(axis for axis in range(3) if self.tied[axis])
            yield Pass(axes, done, self.levels[axes[0]])

    def look_ups(self, extent: Triple) -> int:
        """Count the blocks that cover a window."""
        levels = [
            min(self.levels[axis] - 1, (extent[axis].bit_length() - 1) // self.shift)
            for axis in range(3)
        ]
        shared = min((levels[axis] for axis in range(3) if self.tied[axis]), default=0)
        lengths = [
            1 << self.shift * (shared if self.tied[axis] else levels[axis]) for axis in range(3)
        ]
        return math.prod(-(-n // length) for n, length in zip(extent, lengths, strict=True))

    def loads(self, extent: Triple) -> int:
        """Count what is loaded from memory for a pixel: tables that others are made of, a window.

        Along one axis a table is read once for all its levels.
        """
        total = self.look_ups(extent)
        for each in self.passes():
            blocks = each.sources * (each.levels - 1) << len(each.axes)
            total += each.sources if len(each.axes) == 1 else blocks
        return total


def plan_tables(extents: Triple, same: bool) -> Plan:
    """Plan the tables of windows of up to `extents`; `same` where one size serves all axes."""
    if math.prod(extents) <= _FEW:
        return Plan((1, 1, 1), (0, 0, 0), (False, False, False), 2)
    # Where the image is thinner than its windows, they are no squares either.
    tied = [same and n > 1 and extents.count(n) > 1 for n in extents]
    if tied.count(True) == 2 and not (tied[1] and tied[2]) and extents[0] > 1:
        tied = [False, False, False]
    shift = 1 if any(tied) else 2
    levels = [(n.bit_length() - 1) // shift + 1 for n in extents]
    weights = [0, 0, 0]
    step = 1
    for axis in range(3):
        if not tied[axis]:
            weights[axis] = step
            step *= levels[axis]
    if any(tied):
        weights[tied.index(True)] = step
    (a, b, c), (d, e, f), (g, h, i) = levels, weights, tied
    return Plan((a, b, c), (d, e, f), (g, h, i), shift)
