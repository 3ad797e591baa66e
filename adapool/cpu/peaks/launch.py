"""Peaks: allocate and launch."""

from __future__ import annotations

import numpy as np

from adapool._backends import Array, Triple
from adapool.cpu.peaks import cover


def uncovered(
    points: Array, low: Array, high: Array, axes: Array | None, groups: Array, volume: Triple
) -> Array:
    """Return which peaks, in order of falling value, no window of an equal one before them holds.

    `points` (n, 3), their windows from `low` up to `high`, and the numbers of their values. With
    `axes` (n, 4) windows are ellipses in these boxes.
    """
    keep = np.ones(len(points), np.bool_)
    if len(points) > 1 and (groups[1:] == groups[:-1]).any():
        covered = np.zeros(volume, np.int32)
        # Sequential by definition: each peak depends on those before it.
        if axes is None:
            cover.drop_covered(points, low, high, groups, covered, keep, work=0)
        else:
            cover.drop_covered_by_ellipses(points, low, high, axes, groups, covered, keep, work=0)
    return keep
