"""Maxima over boxes of powers of two, and the windows that are looked up in them.

A table holds, for each cell of a tile, the maximum over the box of 2^z x 2^y x 2^x cells that
begins there. A window is the union of overlapping boxes: two along each axis if the table is the
largest that fits, more if that table is not worth its passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu.dynamic.lookups import look_up, look_up_channels, look_up_places
from adapool.cpu.dynamic.queries import CLASSES, HIGH, LOW, ORDER

# Cost of looking up a box, in passes over one byte of a cell: of 24 to 144 the best, by 8 % for
# 48 in a volume with random windows.
LOOK_UP = 96

# Levels of an axis: boxes of 1, 2, 4, .. 128 cells.
LEVELS = 8

# Sets of levels are masks of bits. For each set, its highest level, its size, and for each level
# the highest one of the set that is not above.
_TOP = np.array([max(mask.bit_length() - 1, 0) for mask in range(256)])
_SIZE = np.array([mask.bit_count() for mask in range(256)])
_BEST = np.array([[_TOP[mask & ((2 << i) - 1)] for i in range(8)] for mask in range(256)])


@device
def double(keys: Any, places: Any, to: int, source: int, offset: int, count: int) -> None:
    """Give `count` cells of table `to` the maximum of table `source` there and at an offset.

    One contiguous loop, whichever axis the offset is along: what wraps round at the end of a row
    or plane lands in cells that no window of that size begins at.
    """
    # In place by chunks, so that the compiler sees loops that do not depend on themselves.
    chunk = offset if to == source else count
    for begin in range(0, count, chunk):
        end = min(begin + chunk, count)
        low, high = keys[source, begin:end], keys[source, begin + offset : end + offset]
        if places is None:
            if to == source:
                for j in range(low.size):
                    low[j] = max(low[j], high[j])
            else:
                target = keys[to, begin:end]
                for j in range(low.size):
                    target[j] = max(low[j], high[j])
        else:
            target = keys[to, begin:end]
            place, other = places[source, begin:end], places[source, begin + offset : end + offset]
            winner = places[to, begin:end]
            for j in range(low.size):
                # All are loaded, and no condition waits for another: so the loop is vectorised.
                here, there = low[j], high[j]
                first, second = place[j], other[j]
                better = (there > here) | ((there == here) & (second < first))
                target[j] = there if better else here
                winner[j] = second if better else first


@device
def choose_levels(counts: Any, cells: float, queries: float, shares: Any) -> None:
    """Choose the levels along plane, row and column that tables are made for, as masks.

    Starts from all levels that windows have, then drops levels, or takes them back, one by one
    where that makes the estimated cost smaller: windows of a level without a table are looked up
    in a lower one.

    Parameters
    ----------
    counts : (2, classes)
    cells, queries
        Cost of a pass over all cells, and of looking up one box for every query.
    shares : (4, levels)
        Scratch; the last row gets the three masks.
    """
    kept = shares[3]
    for axis in range(4):
        for level in range(LEVELS):
            shares[axis, level] = 0
    total = 0
    for c in range(CLASSES):
        n = counts[0, c]
        if n > 0:
            total += n
            for axis in range(3):
                level = c >> (6 - 3 * axis) & 7
                shares[axis, level] += n
                kept[axis] |= 1 << level
    best = np.inf
    for trial in range(3 * 3 * LEVELS):
        axis, level = trial // LEVELS % 3, trial % LEVELS
        before = kept[axis]
        if level > 0:  # the first trial, of level 0, is the estimate for the sets as they are
            if shares[axis, level] == 0 and before >> level & 1 == 0:
                continue
            kept[axis] ^= 1 << level
            if before & ((1 << level) - 1) == 0:
                kept[axis] |= 1 << (level - 1)
        passes = _TOP[kept[0]] + _SIZE[kept[0]] * (_TOP[kept[2]] + _SIZE[kept[2]] * _TOP[kept[1]])
        cost = queries
        for a in range(3):
            boxes = shares[a, 0]
            for i in range(1, LEVELS):
                boxes += shares[a, i] * (2 << (i - _BEST[kept[a], i]))
            cost *= boxes / total
        cost += cells * passes
        if cost < best:
            best = cost
        else:
            kept[axis] = before


@device
def answer(
    keys: Any, places: Any, state: Any, queries: Any, counts: Any, shares: Any, group: int
) -> None:
    """Make the tables that :func:`choose_levels` has chosen, and look up all queries in them.

    Parameters
    ----------
    keys, places : (4, cells * group)
        The tile in the first row; room for two more tables; results in the last. `places`, of
        the winners in the tile, may be None.
    """
    row = state[HIGH, 2] - state[LOW, 2]
    plane = (state[HIGH, 1] - state[LOW, 1]) * row
    cells = (state[HIGH, 0] - state[LOW, 0]) * plane
    kept_z, kept_y, kept_x = shares[3, 0], shares[3, 1], shares[3, 2]
    # Not literals: each of those would be compiled on its own.
    tile, first, second = np.int64(0), np.int64(1), np.int64(2)
    for z in range(_TOP[kept_z] + 1):
        # Cells from the first to the last one that a box of the level fits at.
        cells_z = cells - ((1 << z) - 1) * plane
        if z > 0:
            double(keys, places, tile, tile, (plane << z >> 1) * group, cells_z * group)
        if not kept_z >> z & 1:
            continue
        # The first table is not needed any more once the deepest one is being widened.
        spare = tile if z == _TOP[kept_z] else second
        source, work = tile, first
        for x in range(_TOP[kept_x] + 1):
            cells_x = cells_z - ((1 << x) - 1)
            if x > 0:
                double(keys, places, work, source, (1 << x >> 1) * group, cells_x * group)
                source, work = work, spare if source == tile else source
            if not kept_x >> x & 1:
                continue
            # The highest table of this width that any class wants.
            top = -1
            for c in range(CLASSES):
                if counts[0, c] > 0 and _BEST[kept_z, c >> 6] == z and _BEST[kept_x, c & 7] == x:
                    top = max(top, _BEST[kept_y, c >> 3 & 7])
            at = source
            for y in range(top + 1):
                if y > 0:
                    cells_y = cells_x - ((1 << y) - 1) * row
                    double(keys, places, work, at, (row << y >> 1) * group, cells_y * group)
                    at = work
                if not kept_y >> y & 1:
                    continue
                for c in range(CLASSES):
                    if (
                        counts[0, c] > 0
                        and _BEST[kept_z, c >> 6] == z
                        and _BEST[kept_y, c >> 3 & 7] == y
                        and _BEST[kept_x, c & 7] == x
                    ):
                        order = queries[ORDER, counts[1, c] - counts[0, c] : counts[1, c]]
                        level = z, y, x
                        if places is None and group == 1:
                            look_up(keys[at], keys[3], queries, order, c, level, plane, row)
                        elif places is not None and group == 1:
                            look_up_places(
                                keys[at], places[at], keys[3], places[3], queries, order, c,
                                level, plane, row,
                            )  # fmt: skip
                        else:
                            look_up_channels(
                                keys, places, at, queries, order, c, level, plane, row, group
                            )
