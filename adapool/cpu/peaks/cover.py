"""Of peaks of equal value, those that no window of an earlier one holds."""

from __future__ import annotations

from typing import Any

from adapool._jit import kernel
from adapool.cpu.ellipses.formulas import covers


@kernel
def drop_covered(points: Any, low: Any, high: Any, groups: Any, covered: Any, keep: Any) -> None:
    """Go through peaks in order, keep those that are not covered, and let them cover.

    `groups` numbers the values, never falling, from 1 on. `covered` starts as zeros, and holds at
    each position the last group that covered it: groups follow each other, so that one mark is
    enough. Peaks of similar window size that are kept are half a window apart, since each wins
    its own: so what they paint in all is a few times the image for each doubling of the size.
    """
    for p in range(len(points)):
        z, y, x = points[p, 0], points[p, 1], points[p, 2]
        keep[p] = covered[z, y, x] != groups[p]
        if not keep[p]:
            continue
        if p + 1 == len(points) or groups[p + 1] != groups[p]:
            continue  # nobody of equal value comes after it
        for i in range(low[p, 0], high[p, 0]):
            for j in range(low[p, 1], high[p, 1]):
                row = covered[i, j]
                for k in range(low[p, 2], high[p, 2]):
                    row[k] = groups[p]


@kernel
def drop_covered_by_ellipses(
    points: Any, low: Any, high: Any, axes: Any, groups: Any, covered: Any, keep: Any
) -> None:
    """Do the same for ellipses in their boxes; `axes` are depth, height, width and shear."""
    for p in range(len(points)):
        z, y, x = points[p, 0], points[p, 1], points[p, 2]
        keep[p] = covered[z, y, x] != groups[p]
        if not keep[p]:
            continue
        if p + 1 == len(points) or groups[p + 1] != groups[p]:
            continue  # nobody of equal value comes after it
        depth, height, width, shear = axes[p, 0], axes[p, 1], axes[p, 2], axes[p, 3]
        for i in range(low[p, 0], high[p, 0]):
            for j in range(low[p, 1], high[p, 1]):
                row = covered[i, j]
                for k in range(low[p, 2], high[p, 2]):
                    if covers(i - z, j - y, k - x, depth, height, width, shear):
                        row[k] = groups[p]
