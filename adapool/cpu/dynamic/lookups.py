"""Windows looked up in a table of maxima over boxes of powers of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu.dynamic.queries import EXTENT, START


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
def look_up(
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
def look_up_places(
    table: Any, places: Any, result: Any, winners: Any, queries: Any, order: Any, c: int,
    level: Any, plane: int, row: int,
) -> None:  # fmt: skip
    """Do what :func:`look_up` does, for keys of 64 bits, which have their places beside them."""
    starts, extents = queries[START], queries[EXTENT]
    step_z, step_y, step_x = 1 << level[0], 1 << level[1], 1 << level[2]
    boxes_z = _boxes(c >> 6, level[0])
    boxes_y = _boxes(c >> 3 & 7, level[1])
    boxes_x = _boxes(c & 7, level[2])
    for n in range(order.size):
        q = np.uint32(order[n])
        extent, start = extents[q], starts[q]
        last_z, last_y = (extent >> 16) + 1 - step_z, (extent >> 8 & 255) + 1 - step_y
        last_x = (extent & 255) + 1 - step_x
        best, winner = table[np.uint64(start)], places[np.uint64(start)]
        for i in range(boxes_z):
            for j in range(boxes_y):
                first = start + min(i * step_z, last_z) * plane + min(j * step_y, last_y) * row
                for k in range(boxes_x):
                    cell = np.uint64(first + min(k * step_x, last_x))
                    key, place = table[cell], places[cell]
                    better = (key > best) | ((key == best) & (place < winner))
                    best = key if better else best
                    winner = place if better else winner
        result[q] = best
        winners[q] = winner


@device
def look_up_channels(
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
    """Do what :func:`look_up` does, from table `at`, for any number of channels and `places`."""
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
