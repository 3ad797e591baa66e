"""Maxima over boxes of powers of two, and the windows that are looked up in them.

A table holds, for each cell of a tile, the maximum over the box of 2^z x 2^y x 2^x cells that
begins there. A window is the union of overlapping boxes: two along each axis if the table is the
largest that fits, more if that table is not worth its passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu.dynamic.queries import CLASSES, EXTENT, HIGH, LOW, ORDER, START

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
                better = high[j] > low[j] or (high[j] == low[j] and other[j] < place[j])
                target[j] = high[j] if better else low[j]
                winner[j] = other[j] if better else place[j]


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
def _boxes(level: int, table: int) -> int:
    """Count the boxes of a table that cover any window of a level, along one axis."""
    return 2 << (level - table) if level > 0 else 1


@device
def _place(i: int, n: int) -> int:
    """Return where the i-th of `n` boxes is: a share, in 1/65536, of the way to the last one.

    Spread evenly, boxes leave no gap; ``min(i * step, last)`` would do as well, but is compiled
    to branches, and where boxes are many those take 12 ns for each query in place of 3.
    """
    return ((i << 16) + n - 2) // (n - 1) if n > 1 else 0


@device
def _look_up(
    table: Any, result: Any, queries: Any, order: Any, c: int, level: Any, plane: int, row: int
) -> None:
    """Answer the queries of class `c`, listed in `order`, from a table of one channel.

    `level` is the table's (plane, row, column); `plane` and `row` are in cells.
    """
    starts, extents = queries[START], queries[EXTENT]
    step_z, step_y, step_x = 1 << level[0], 1 << level[1], 1 << level[2]
    boxes_z = _boxes(c >> 6, level[0])
    boxes_y = _boxes(c >> 3 & 7, level[1])
    boxes_x = _boxes(c & 7, level[2])
    # The first boxes along rows and columns are nearly all there is to do, so they have their
    # own loops: 2.0 ns for four boxes in place of 3.0, and 4 for eight in place of 6.
    first_y, first_x = _place(1, boxes_y), _place(1, boxes_x)
    if boxes_z == 1 and boxes_y == 2 and boxes_x == 2:
        # Most are of this kind: the second box ends where the window does.
        for n in range(order.size):
            q = np.uint32(order[n])
            extent = extents[q]
            above = starts[q]
            below = above + ((extent >> 8 & 255) + 1 - step_y) * row
            right = (extent & 255) + 1 - step_x
            result[q] = max(
                max(table[np.uint64(above)], table[np.uint64(above + right)]),
                max(table[np.uint64(below)], table[np.uint64(below + right)]),
            )
    elif boxes_z == 2 and boxes_y == 2 and boxes_x == 2:
        for n in range(order.size):
            q = np.uint32(order[n])
            extent = extents[q]
            front = starts[q]
            below = ((extent >> 8 & 255) + 1 - step_y) * row
            right = (extent & 255) + 1 - step_x
            behind = front + ((extent >> 16) + 1 - step_z) * plane
            best = max(
                max(table[np.uint64(front)], table[np.uint64(front + right)]),
                max(table[np.uint64(behind)], table[np.uint64(behind + right)]),
            )
            front += below
            behind += below
            other = max(
                max(table[np.uint64(front)], table[np.uint64(front + right)]),
                max(table[np.uint64(behind)], table[np.uint64(behind + right)]),
            )
            result[q] = max(best, other)
    elif boxes_z == 1:
        for n in range(order.size):
            q = np.uint32(order[n])
            extent = extents[q]
            above = starts[q]
            below = above + (((extent >> 8 & 255) + 1 - step_y) * first_y >> 16) * row
            right = ((extent & 255) + 1 - step_x) * first_x >> 16
            result[q] = max(
                max(table[np.uint64(above)], table[np.uint64(above + right)]),
                max(table[np.uint64(below)], table[np.uint64(below + right)]),
            )
    else:
        for i in range(0, boxes_z, 2):
            this_z, next_z = _place(i, boxes_z), _place(i + 1, boxes_z)
            for n in range(order.size):
                q = np.uint32(order[n])
                extent = extents[q]
                last = (extent >> 16) + 1 - step_z
                front = starts[q] + (last * this_z >> 16) * plane
                behind = starts[q] + (last * next_z >> 16) * plane
                right = ((extent & 255) + 1 - step_x) * first_x >> 16
                best = max(
                    max(table[np.uint64(front)], table[np.uint64(front + right)]),
                    max(table[np.uint64(behind)], table[np.uint64(behind + right)]),
                )
                below = (((extent >> 8 & 255) + 1 - step_y) * first_y >> 16) * row
                front += below
                behind += below
                other = max(
                    max(table[np.uint64(front)], table[np.uint64(front + right)]),
                    max(table[np.uint64(behind)], table[np.uint64(behind + right)]),
                )
                if i > 0:
                    best = max(best, result[q])
                result[q] = max(best, other)
    for i in range(boxes_z):
        this_z = _place(i, boxes_z)
        for j in range(0, boxes_y, 2):
            this_y, next_y = _place(j, boxes_y), _place(j + 1, boxes_y)
            for k in range(2 if j == 0 else 0, boxes_x, 2):
                this_x, next_x = _place(k, boxes_x), _place(k + 1, boxes_x)
                for n in range(order.size):
                    q = np.uint32(order[n])
                    extent = extents[q]
                    cell = starts[q] + (((extent >> 16) + 1 - step_z) * this_z >> 16) * plane
                    last = (extent >> 8 & 255) + 1 - step_y
                    above = cell + (last * this_y >> 16) * row
                    below = cell + (last * next_y >> 16) * row
                    last = (extent & 255) + 1 - step_x
                    left, right = last * this_x >> 16, last * next_x >> 16
                    best = max(result[q], table[np.uint64(above + left)])
                    best = max(best, table[np.uint64(above + right)])
                    other = max(table[np.uint64(below + left)], table[np.uint64(below + right)])
                    result[q] = max(best, other)


@device
def _look_up_channels(
    keys: Any,
    places: Any,
    at: int,
    queries: Any,
    order: Any,
    c: int,
    level: Any,
    plane: int,
    row: int,
    group: int,
) -> None:
    """Do what :func:`_look_up` does, from table `at`, for any number of channels and `places`."""
    starts, extents = queries[START], queries[EXTENT]
    step_z, step_y, step_x = 1 << level[0], 1 << level[1], 1 << level[2]
    boxes_z = _boxes(c >> 6, level[0])
    boxes_y = _boxes(c >> 3 & 7, level[1])
    boxes_x = _boxes(c & 7, level[2])
    for n in range(order.size):
        q = np.int64(order[n])
        extent = extents[q]
        fresh = True
        for i in range(boxes_z):
            plane_at = starts[q] + min(i * step_z, (extent >> 16) + 1 - step_z) * plane
            for j in range(boxes_y):
                row_at = plane_at + min(j * step_y, (extent >> 8 & 255) + 1 - step_y) * row
                for k in range(boxes_x):
                    cell = (row_at + min(k * step_x, (extent & 255) + 1 - step_x)) * group
                    for channel in range(group):
                        source, target = np.uint64(cell + channel), np.uint64(q * group + channel)
                        key, best = keys[at, source], keys[3, target]
                        if places is None:
                            keys[3, target] = key if fresh else max(key, best)
                        else:
                            place, winner = places[at, source], places[3, target]
                            if fresh or key > best or (key == best and place < winner):
                                keys[3, target] = key
                                places[3, target] = place
                    fresh = False


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
                            _look_up(keys[at], keys[3], queries, order, c, level, plane, row)
                        else:
                            _look_up_channels(
                                keys, places, at, queries, order, c, level, plane, row, group
                            )
