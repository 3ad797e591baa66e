"""Ellipses whose box has its maximum outside of them: the maximum over their rows.

Tables hold, at each cell, the maximum over 1, 2, 4, .. cells of its row from there on; a row of an
ellipse is the union of two of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu._roots import square_root
from adapool.cpu.dynamic.queries import (
    BEGIN,
    CLASS,
    CLASSES,
    COLUMNS,
    END,
    HIGH,
    LOW,
    STRIDE,
    find_row,
)
from adapool.cpu.dynamic.tables import double
from adapool.cpu.ellipses.formulas import covers, share, sheared, size_of
from adapool.cpu.ellipses.queries import WIDEST
from adapool.cpu.ellipses.tiles import cell_of, packed, place_in

# Rows of the array that holds, for each row of an ellipse at or below its centre, where it begins
# and ends, counted from the centre; and whether that is too near to a pixel to be sure.
FIRST, LAST, _UNSURE = range(3)

# Products of squares, compared in place of sums of quotients, are off by less than this share.
_NEAR = 1e-12

# How near to a pixel an estimated end of a row may be, and how near to the end of the ellipse its
# square root, for the estimate to be trusted: of sizes up to `WIDEST` its error is below 5e-8 then.
_CLOSE, _TIP = 1e-7, 1e-10


@device
def surely(z: int, y: int, x: int, depth: Any, height: Any, width: Any, shear: Any) -> bool:
    """Whether a pixel is in an ellipse: without a division, where it is not at the border."""
    a, b, c = 2.0 * z, 2.0 * y, 2.0 * sheared(x, y, shear)
    first, second, third = depth * depth, height * height, width * width
    sides = first * second
    left = a * a * second * third + first * (b * b * third + c * c * second)
    right = sides * third
    if left < right * (1 - _NEAR):
        return True
    if left > right * (1 + _NEAR):
        return False
    return covers(z, y, x, depth, height, width, shear)


@device
def measure_rows(z: int, depth: Any, height: Any, width: Any, shear: Any, ends: Any) -> int:
    """Find where the rows of an ellipse begin and end, in its plane `z`; return how many there are.

    Those from the centre's on; the others are their mirror images.
    """
    count = np.int64(0.5 * height) + 1
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
        end, begin = np.int32(high), np.int32(low)
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
    while 1 << level <= longest:
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
def settle(
    params: Any,
    geometry: Any,
    most: Any,
    turned: bool,
    batch: int,
    state: Any,
    queries: Any,
    keys: Any,
    places: Any,
    spans: Any,
    span_places: Any,
    ends: Any,
    group: int,
    ordered: bool,
) -> None:
    """Replace the maxima over boxes whose places are outside of their ellipses.

    `keys` and `places` hold what was found in the boxes in their last row.
    """
    line = state[HIGH, 2] - state[LOW, 2]
    lines = state[HIGH, 1] - state[LOW, 1]
    widened = False
    total = 0
    stride_z, stride_y = geometry[STRIDE, 0], geometry[STRIDE, 1]
    of_width = 1 if turned else geometry[COLUMNS, 2]
    for z in range(state[BEGIN, 0] + -state[BEGIN, 0] % stride_z, state[END, 0], stride_z):
        for y in range(state[BEGIN, 1] + -state[BEGIN, 1] % stride_y, state[END, 1], stride_y):
            n, _, row, step = find_row(params, None, geometry, state, batch, z, y)
            if n <= 0:
                continue
            left = state[BEGIN, 2] + -state[BEGIN, 2] % step - state[LOW, 2]
            plane, high = z - state[LOW, 0], y - state[LOW, 1]
            for i in range(n):
                q = total + i
                if queries[CLASS, q] >= CLASSES:
                    continue
                at = row + i * step
                column = left + i * step
                depth = size_of(params, at, geometry[COLUMNS, 0], most[0])
                height = size_of(params, at, geometry[COLUMNS, 1], most[1])
                width = size_of(params, at, of_width, most[2])
                shear = float(params[at, 2]) if turned else 0.0
                for c in range(q * group, (q + 1) * group):
                    place = place_in(keys[3, c]) if places is None else np.int64(places[3, c])
                    a, b, d = cell_of(place, ordered)
                    if surely(
                        a - plane, b - high, d - column, depth, height, width, shear
                    ):
                        continue
                    if not widened:
                        widened = True
                        cells = (state[HIGH, 0] - state[LOW, 0]) * lines * line
                        widen_rows(spans, span_places, cells, group, line)
                    search_rows(
                        keys, places, spans, span_places, ends, c, group, ordered,
                        (plane, high, column), (lines, line),
                        (state[HIGH, 0] - state[LOW, 0]), depth, height, width, shear,
                    )  # fmt: skip
            total += n


@device
def search_rows(
    keys: Any,
    places: Any,
    spans: Any,
    span_places: Any,
    ends: Any,
    c: int,
    group: int,
    ordered: bool,
    centre: Any,
    shape: Any,
    planes: int,
    depth: Any,
    height: Any,
    width: Any,
    shear: Any,
) -> None:
    """Write the maximum over the rows of one ellipse to its place, `c`."""
    plane, row, column = centre
    lines, line = shape
    channel = c % group
    # The centre is in it.
    at = ((plane * lines + row) * line + column) * group + channel
    best = spans[0, np.uint64(at)]
    place = np.int32(0) if span_places is None else span_places[0, np.uint64(at)]
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
                    spans, span_places, start, last - first + 1, group, channel, best, place
                )
    if places is None:
        keys[3, c] = best if ordered else packed(best, 0)
    else:
        keys[3, c] = best
        if span_places is not None:
            places[3, c] = place
