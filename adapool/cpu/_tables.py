"""Maxima over boxes of powers of two, and the windows that are looked up in them.

A table holds, for each cell of a tile, the maximum over the box of 2^c x 2^a x 2^b cells that
begins there. A window is the union of overlapping boxes: two along each axis if the table is the
largest that fits, more if that table is not worth its passes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu._queries import CLASSES, Queries

# Cost of a look-up, in passes over one cell of one byte.
_LOOK_UP = 48

# Levels of an axis: 1, 2, 4, .. 128 cells.
_LEVELS = 8


@device
def double(keys: Any, places: Any, to: int, source: int, offset: int, count: int) -> None:
    """Give `count` cells of table `to` the maximum of table `source` there and at an offset.

    One contiguous loop, whichever axis the offset is along: what wraps round at the end of a row
    or plane lands in cells that no window of that size begins at.
    """
    if to == source:
        # In place by chunks, so that the compiler sees loops that do not depend on themselves.
        for begin in range(0, count, offset):
            end = min(begin + offset, count)
            low, high = keys[to, begin:end], keys[to, begin + offset : end + offset]
            if places is None:
                for j in range(low.size):
                    low[j] = max(low[j], high[j])
            else:
                place, other = places[to, begin:end], places[to, begin + offset : end + offset]
                for j in range(low.size):
                    better = high[j] > low[j] or (high[j] == low[j] and other[j] < place[j])
                    low[j] = high[j] if better else low[j]
                    place[j] = other[j] if better else place[j]
    else:
        low, high = keys[source, :count], keys[source, offset : offset + count]
        target = keys[to, :count]
        if places is None:
            for j in range(count):
                target[j] = max(low[j], high[j])
        else:
            place, other = places[source, :count], places[source, offset : offset + count]
            winner = places[to, :count]
            for j in range(count):
                better = high[j] > low[j] or (high[j] == low[j] and other[j] < place[j])
                target[j] = high[j] if better else low[j]
                winner[j] = other[j] if better else place[j]


@device
def _top(mask: int) -> int:
    """Return the highest level of a set, a mask of bits."""
    level = 0
    while mask >> (level + 1):
        level += 1
    return level


@device
def _table_for(mask: int, level: int) -> int:
    """Return the highest level of a set that is not above `level`."""
    return _top(mask & ((2 << level) - 1))


@device
def _size_of(mask: int) -> int:
    size = 0
    while mask:
        size += mask & 1
        mask >>= 1
    return size


@device
def _look_ups(level: int, table: int) -> int:
    """Count the boxes of a table along one axis that cover any window of a level."""
    return 1 if level == 0 else 2 << (level - table)


@device
def _cost(masks: Any, shares: Any, cells: float, queries: float) -> float:
    """Estimate what passes over `cells` and look-ups of `queries` cost with these tables."""
    passes = _top(masks[0]) + _size_of(masks[0]) * (
        _top(masks[2]) + _size_of(masks[2]) * _top(masks[1])
    )
    boxes = 1.0
    for axis in range(3):
        mean = 0.0
        for level in range(_LEVELS):
            if shares[axis, level] > 0:
                mean += shares[axis, level] * _look_ups(level, _table_for(masks[axis], level))
        boxes *= mean
    return cells * passes + queries * boxes


@device
def choose_levels(counts: Any, cells: float, queries: float) -> Any:
    """Choose the levels along plane, row and column that tables are made for, as masks.

    Starts from all levels that windows have and gives up one after the other as long as that
    makes the estimate smaller: windows of a level without a table are looked up in a lower one.
    """
    shares = np.zeros((3, _LEVELS))
    total = 0
    for c in range(CLASSES):
        if counts[c] > 0:
            total += counts[c]
            shares[0, c >> 6] += counts[c]
            shares[1, c >> 3 & 7] += counts[c]
            shares[2, c & 7] += counts[c]
    shares /= max(total, 1)
    masks = np.zeros(3, np.int64)
    for axis in range(3):
        for level in range(_LEVELS):
            if shares[axis, level] > 0:
                masks[axis] |= 1 << level
    best = _cost(masks, shares, cells, queries)
    improved = True
    while improved:
        improved = False
        for axis in range(3):
            for level in range(1, _LEVELS):
                before = masks[axis]
                if before >> level & 1:
                    masks[axis] ^= 1 << level
                    if before & ((1 << level) - 1) == 0:
                        masks[axis] |= 1 << (level - 1)
                    cost = _cost(masks, shares, cells, queries)
                    if cost < best:
                        best = cost
                        improved = True
                    else:
                        masks[axis] = before
    return masks[0], masks[1], masks[2]


@device
def look_up_all(
    keys: Any,
    places: Any,
    shape: Any,
    origin: Any,
    group: int,
    queries: Queries,
    total: int,
    result: Any,
    winners: Any,
) -> None:
    """Answer all queries that tables serve.

    Parameters
    ----------
    keys, places : (3, cells * group)
        The tile in table 0, and room for two more; `places` may be None.
    shape, origin : triples
        Of the tile with its halo; the origin counts from the queries' reach.
    total : int
        Number of queries.
    result, winners : (total * group,)
        Keys and, if not None, places in the tile.
    """
    planes, rows, columns = shape
    plane, row = rows * columns, columns
    cells = planes * plane * group * keys.itemsize
    depths, heights, widths = choose_levels(
        queries.counts, float(cells), float(_LOOK_UP * total * group)
    )
    deepest, widest = _top(depths), _top(widths)
    highest = np.empty((_LEVELS, _LEVELS), np.int64)
    highest[:] = -1
    for c in range(CLASSES):
        if queries.counts[c] > 0:
            z, x = _table_for(depths, c >> 6), _table_for(widths, c & 7)
            highest[z, x] = max(highest[z, x], _table_for(heights, c >> 3 & 7))
    for z in range(deepest + 1):
        last_plane = (planes - (1 << z)) * plane
        if z > 0:
            count = last_plane + (rows - 1) * row + columns
            double(keys, places, 0, 0, (plane << z >> 1) * group, count * group)
        if not depths >> z & 1:
            continue
        # The first table is not needed any more once the deepest one is being widened.
        third = 0 if z == deepest else 2
        source, work = 0, 1
        for x in range(widest + 1):
            if x > 0:
                count = last_plane + (rows - 1) * row + columns - (1 << x) + 1
                double(keys, places, work, source, (1 << x >> 1) * group, count * group)
                source, work = work, third if source == 0 else source
            at = source
            for y in range(highest[z, x] + 1):
                if y > 0:
                    count = last_plane + (rows - (1 << y)) * row + columns - (1 << x) + 1
                    double(keys, places, work, at, (row << y >> 1) * group, count * group)
                    at = work
                if heights >> y & 1:
                    for c in range(CLASSES):
                        if (
                            queries.counts[c] > 0
                            and _table_for(depths, c >> 6) == z
                            and _table_for(heights, c >> 3 & 7) == y
                            and _table_for(widths, c & 7) == x
                        ):
                            _look_up_class(
                                keys[at],
                                None if places is None else places[at],
                                (plane, row),
                                origin,
                                group,
                                queries,
                                c,
                                (z, y, x),
                                result,
                                winners,
                            )


@device
def _look_up_class(
    keys: Any,
    places: Any,
    strides: Any,
    origin: Any,
    group: int,
    queries: Queries,
    c: int,
    table: Any,
    result: Any,
    winners: Any,
) -> None:
    """Answer the queries of one class from one table, four boxes at a time."""
    order = queries.order[queries.ends[c] - queries.counts[c] : queries.ends[c]]
    many_z = _look_ups(c >> 6, table[0])
    many_y = _look_ups(c >> 3 & 7, table[1])
    many_x = _look_ups(c & 7, table[2])
    base = origin[0] * strides[0] + origin[1] * strides[1] + origin[2]
    step = 1 << table[0], 1 << table[1], 1 << table[2]
    for i in range(many_z):
        for j in range(0, many_y, 2):
            for k in range(0, many_x, 2):
                first = i + j + k == 0
                for n in range(order.size):
                    q = order[n]
                    start = np.int64(queries.starts[q])
                    extent = np.int64(queries.extents[q])
                    last_z = (extent >> 16) + 1 - step[0]
                    last_y = (extent >> 8 & 255) + 1 - step[1]
                    last_x = (extent & 255) + 1 - step[2]
                    at = (start >> 20) * strides[0] + (start >> 10 & 1023) * strides[1]
                    at += (start & 1023) - base
                    at += min(i * step[0], last_z) * strides[0]
                    y0 = min(j * step[1], last_y) * strides[1]
                    y1 = min((j + 1) * step[1], last_y) * strides[1]
                    x0 = min(k * step[2], last_x)
                    x1 = min((k + 1) * step[2], last_x)
                    if group == 1 and winners is None:
                        best = max(
                            max(keys[np.uint64(at + y0 + x0)], keys[np.uint64(at + y0 + x1)]),
                            max(keys[np.uint64(at + y1 + x0)], keys[np.uint64(at + y1 + x1)]),
                        )
                        result[q] = best if first else max(best, result[q])
                        continue
                    for corner in range(4):
                        cell = at + (y1 if corner & 2 else y0) + (x1 if corner & 1 else x0)
                        for channel in range(group):
                            slot = np.uint64(q * group + channel)
                            key = keys[np.uint64(cell * group + channel)]
                            if winners is None:
                                if (first and corner == 0) or key > result[slot]:
                                    result[slot] = key
                            else:
                                place = places[np.uint64(cell * group + channel)]
                                if (
                                    (first and corner == 0)
                                    or key > result[slot]
                                    or (key == result[slot] and place < winners[slot])
                                ):
                                    result[slot] = key
                                    winners[slot] = place
