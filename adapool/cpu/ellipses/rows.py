"""Ellipses whose box has its maximum outside of them: the maximum over their rows.

Tables hold, at each cell, the maximum over 1, 2, 4, .. cells of its row from there on; a row of an
ellipse is the union of two of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu._roots import square_root
from adapool.cpu.dynamic.tables import double
from adapool.cpu.ellipses.formulas import covers, share
from adapool.cpu.ellipses.queries import WIDEST

# Rows of the array that holds, for each row of an ellipse at or below its centre, where it begins
# and ends, counted from the centre; and whether that is too near to a pixel to be sure.
FIRST, LAST, _UNSURE = range(3)

# How near to a pixel an estimated end of a row may be, and how near to the end of the ellipse its
# square root, for the estimate to be trusted: of sizes up to `WIDEST` its error is below 5e-8 then.
_CLOSE, _TIP = 1e-7, 1e-10


@device
def measure_rows(z: int, depth: Any, height: Any, width: Any, shear: Any, ends: Any) -> int:
    """Find where the rows of an ellipse begin and end, in its plane `z`; return how many there are.

    Those from the centre's on; the others are their mirror images.
    """
    count = int(0.5 * height) + 1
    above = 1.0 - share(z, depth)
    half, steep = 0.5 * width, 2.0 / max(height, 1.0)
    first, last, unsure = ends[FIRST], ends[LAST], ends[_UNSURE]
    doubts = np.int32(0)
    for y in range(count):
        t = y * steep
        left = above - t * t
        reach = half * square_root(max(left, 0.0))
        middle = shear * y
        # Truncated, once they are positive.
        high, low = middle + reach + WIDEST, middle - reach + WIDEST
        end: Any = np.int32(high)
        begin: Any = np.int32(low)
        above_end, above_begin = high - end, low - begin
        last[y] = end - np.int32(WIDEST)
        first[y] = begin - np.int32(WIDEST - 1)
        close = (
            (left < _TIP)
            | (above_end < _CLOSE)
            | (above_end > 1 - _CLOSE)
            | (above_begin < _CLOSE)
            | (above_begin > 1 - _CLOSE)
        )
        unsure[y] = close
        doubts += np.int32(close)
    if doubts > 0:
        for y in range(count):
            if unsure[y] != 0:
                reach = half * square_root(max(above - y * steep * (y * steep), 0.0))
                end = np.int64(shear * y + reach + (WIDEST + 0.5)) - WIDEST
                begin = np.int64(shear * y - reach + (WIDEST + 0.5)) - WIDEST
                last[y] = end if covers(z, y, end, depth, height, width, shear) else end - 1
                first[y] = begin if covers(z, y, begin, depth, height, width, shear) else begin + 1
    return count


@device
def widen_rows(spans: Any, places: Any, cells: int, group: int, longest: int) -> None:
    """Make the tables of rows of up to `longest` cells from the first."""
    level = 1
    while level < spans.shape[0] and 1 << level <= longest:
        count = (cells - (1 << level) + 1) * group
        double(spans, places, level, level - 1, (1 << level >> 1) * group, count)
        level += 1


@device
def row_maximum(
    spans: Any, places: Any, at: int, n: int, group: int, channel: int, best: Any, place: Any
) -> Any:
    """Return the larger of `best` and the maximum over `n` cells from `at` on; and its place."""
    level = np.int64((np.float32(n).view(np.int32) >> 23) - 127)
    one = np.uint64(at * group + channel)
    two = np.uint64((at + n - (1 << level)) * group + channel)
    if places is None:
        return max(best, max(spans[level, one], spans[level, two])), place
    for cell in (one, two):
        key, other = spans[level, cell], places[level, cell]
        if key > best or (key == best and other < place):
            best, place = key, other
    return best, place


@device
def search_rows(
    spans: Any,
    places: Any,
    ends: Any,
    group: int,
    channel: int,
    centre: Any,
    shape: Any,
    depth: Any,
    height: Any,
    width: Any,
    shear: Any,
) -> Any:
    """Return the maximum over the rows of one ellipse in a tile of `shape`, and its place."""
    plane, row, column = centre
    planes, lines, line = shape
    # The centre is in it.
    at = np.uint64(((plane * lines + row) * line + column) * group + channel)
    best = spans[0, at]
    place = np.int32(0) if places is None else places[0, at]
    deepest = min(np.int64(0.5 * depth), planes)
    for a in range(max(-deepest, -plane), min(deepest, planes - 1 - plane) + 1):
        count = measure_rows(abs(a), depth, height, width, shear, ends)
        base = (plane + a) * lines
        for b in range(max(1 - count, -row), min(count - 1, lines - 1 - row) + 1):
            if b < 0:
                first, last = column - ends[LAST, -b], column - ends[FIRST, -b]
            else:
                first, last = column + ends[FIRST, b], column + ends[LAST, b]
            first, last = max(first, 0), min(last, line - 1)
            if first <= last:
                start = (base + row + b) * line + first
                best, place = row_maximum(
                    spans, places, start, last - first + 1, group, channel, best, place
                )
    return best, place


@device
def search_disc(spans: Any, halves: Any, radius: int, at: int, line: int) -> Any:
    """Return the maximum over the rows of a disc that lies in its tile, of one channel.

    `halves` holds how far its rows go from their middles, `radius` how many there are.
    """
    half = np.int64(halves[0])
    level = np.int64((np.float32(2 * half + 1).view(np.int32) >> 23) - 127)
    best = max(spans[level, at - half], spans[level, at + half + 1 - (1 << level)])
    for b in range(1, radius + 1):
        half = np.int64(halves[b])
        level = np.int64((np.float32(2 * half + 1).view(np.int32) >> 23) - 127)
        row = spans[level]
        left, right = np.uint64(at - half), np.uint64(at + half + 1 - (1 << level))
        below = np.uint64(b * line)
        best = max(best, max(row[left - below], row[right - below]))
        best = max(best, max(row[left + below], row[right + below]))
    return best
