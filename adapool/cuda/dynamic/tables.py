"""Which tables of block maxima serve windows of up to some size: a plan, and what it loads.

Table `l` of an axis holds, at each position, the maximum over `radix ** l` positions from there
on. A window is covered by a few overlapping blocks of the largest table that fits. Windows that
are squares share one level among their axes: 7 tables of squares serve sizes up to 65. Others need
a table for every combination of levels; of radix 4 there are 16, where radix 2 would make 49.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from adapool._backends import Triple


@dataclass(frozen=True)
class Step:
    """One pass: table `target` is the maximum over `parts` of table `source`, `steps` apart."""

    source: int
    target: int
    parts: Triple
    steps: Triple


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
        return 1 + sum(w * (n - 1) for w, n in zip(self.weights, self.levels, strict=True))

    def steps(self) -> Iterator[Step]:
        """Yield the passes that make all tables from the first, each after its source."""
        radix = 1 << self.shift
        groups: list[tuple[int, ...]] = [(axis,) for axis in range(3) if not self.tied[axis]]
        groups += [tuple(axis for axis in range(3) if self.tied[axis])]
        groups = [group for group in groups if group and self.levels[group[0]] > 1]
        counts = [self.levels[group[0]] for group in groups]
        for place in itertools.product(*map(range, counts)):
            # The last group that is not at level 0 is the one whose level is stepped up.
            grown = [number for number, level in enumerate(place) if level > 0]
            if not grown:
                continue
            group = groups[grown[-1]]
            target = sum(
                level * max(self.weights[axis] for axis in axes)
                for level, axes in zip(place, groups, strict=True)
            )
            length = radix ** (place[grown[-1]] - 1)
            first, second, third = (radix if axis in group else 1 for axis in range(3))
            source = target - max(self.weights[axis] for axis in group)
            yield Step(source, target, (first, second, third), (length, length, length))

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
        """Count what is loaded for a pixel: the image once, the passes, and one window."""
        return 1 + sum(math.prod(s.parts) for s in self.steps()) + self.look_ups(extent)


def plan_tables(extents: Triple, same: bool) -> Plan:
    """Plan the tables of windows of up to `extents`; `same` where one size serves all axes."""
    # Where the image is thinner than its windows, they are no squares either.
    tied = [same and n > 1 and extents.count(n) > 1 for n in extents]
    if tied.count(True) == 2 and not (tied[1] and tied[2]) and extents[0] > 1:
        tied = [False, False, False]
    shift = 1 if any(tied) else 2
    levels = [(n.bit_length() - 1) // shift + 1 for n in extents]
    weights = [0, 0, 0]
    step = 1
    for axis in (2, 1, 0):
        if not tied[axis]:
            weights[axis] = step
            step *= levels[axis]
    if any(tied):
        weights[tied.index(True)] = step
    (a, b, c), (d, e, f), (g, h, i) = levels, weights, tied
    return Plan((a, b, c), (d, e, f), (g, h, i), shift)
