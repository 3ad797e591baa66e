"""The boxes around the ellipses of one tile, as queries sorted by the powers of two in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device
from adapool.cpu._memory import flat
from adapool.cpu.dynamic.queries import (
    BEGIN,
    CLASS,
    COLUMNS,
    END,
    EXTENT,
    LOW,
    START,
    STRIDE,
    VOLUME,
    add_axis,
    begin_row,
    begin_tile,
    end_row,
    find_row,
)

# Rows of the array of scratch for one row of queries.
_FIRSTS, _SPANS, _HALVES = range(3)
LINE_ROWS = 3

# Ellipses of larger sizes are never looked up in tables, however small the image.
WIDEST = 1 << 12

# What takes the place of sizes beyond the widest.
_TOO_WIDE = 4 * WIDEST


@device
def collect(
    params: Any,
    geometry: Any,
    most: Any,
    batch: int,
    state: Any,
    line: Any,
    rows: Any,
    queries: Any,
) -> int:
    """Collect the boxes around the ellipses of the tile in `state`; return their number.

    As :func:`adapool.cpu.dynamic.queries.collect` does for boxes.

    Parameters
    ----------
    params : (n, P)
        Extents in the columns that `geometry` names: real numbers.
    most : (3,) float64
        What they are clipped to.
    line : (3, tile columns)
        Scratch for one row of queries.
    """
    zero, one = np.int32(0), np.int32(1)
    firsts, spans, halves = line[_FIRSTS], line[_SPANS], line[_HALVES]
    width = params.shape[1]
    begin_tile(geometry, state)
    if geometry[COLUMNS, 0] < 0:
        state[LOW, 0] = 0
    total = 0
    used = 0
    stride_z, stride_y = geometry[STRIDE, 0], geometry[STRIDE, 1]
    for z in range(state[BEGIN, 0] + -state[BEGIN, 0] % stride_z, state[END, 0], stride_z):
        for y in range(state[BEGIN, 1] + -state[BEGIN, 1] % stride_y, state[END, 1], stride_y):
            n, slot, row, step = find_row(params, None, geometry, state, batch, z, y)
            if n <= 0:
                continue
            x = state[BEGIN, 2] + -state[BEGIN, 2] % step
            values = flat(params)[row * width : (row + (n - 1) * step + 1) * width]
            starts = queries[START, total : total + n]
            extents = queries[EXTENT, total : total + n]
            classes = queries[CLASS, total : total + n]
            begin_row(starts, extents, classes)
            for axis in range(3):
                column = geometry[COLUMNS, axis]
                if column < 0:
                    continue
                end = np.int32(geometry[VOLUME, axis])
                bound = min(most[axis], float(_TOO_WIDE))
                for i in range(n):
                    size = float(values[i * step * width + column])
                    half = np.int32(min(size, bound) * 0.5)
                    halves[i] = half if size > 0 else np.int32(-1)
                spread = np.int32(step if axis == 2 else 0)
                origin = np.int32(x if axis == 2 else y if axis == 1 else z)
                for i in range(n):
                    at = np.int32(origin + np.int32(i) * spread)
                    first = max(np.int32(at - halves[i]), zero)
                    last = min(np.int32(at + halves[i] + one), end)
                    firsts[i] = first
                    spans[i] = last - first if halves[i] >= zero else zero
                    spans[i] = (
                        spans[i] if halves[i] <= np.int32(WIDEST // 2) else np.int32(_TOO_WIDE)
                    )
                add_axis(starts, extents, classes, firsts, spans, geometry, state, axis)
            end_row(classes)
            rows[used, 0] = n
            rows[used, 1] = slot
            used += 1
            total += n
    return total
