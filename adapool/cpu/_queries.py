"""The windows of one tile, as queries sorted by the powers of two that fit into them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from adapool import _formulas
from adapool._jit import device

_to_size = device(_formulas.to_size)
_window_start = device(_formulas.window_start)

# Windows longer than this along any axis are not looked up in tables.
LONGEST = 128

# A class is three binary logarithms of extents, three bits each: plane, row, column. Two more
# hold the windows that need no table, because they are empty, or cannot use one: too large.
CLASSES = 512
EMPTY = CLASSES
LARGE = CLASSES + 1


class Queries(NamedTuple):
    """Windows of the pixels of one tile, in raster order; all but `counts` have room for more."""

    starts: Any  # first position: three fields of ten bits, counted from the tile's `reach`
    extents: Any  # plane, row and column extent less one: three fields of eight bits
    classes: Any
    counts: Any  # queries of each class
    ends: Any  # where each class ends in `order`
    order: Any  # queries sorted by class


class Line(NamedTuple):
    """Queries of one image row: scratch, and what tells a tile's rows apart."""

    clipped: Any  # parameters of the row, truncated
    places: Any  # (3, n) positions: plane, row, column
    sizes: Any  # (3, n)
    firsts: Any  # (3, n) where windows begin inside the image
    spans: Any  # (3, n) how far they reach inside it


@device
def new_queries(n: int) -> Queries:
    """Allocate room for `n` queries."""
    return Queries(
        np.empty(n, np.uint32),
        np.empty(n, np.uint32),
        np.empty(n, np.uint16),
        np.empty(CLASSES + 2, np.int64),
        np.empty(CLASSES + 2, np.int64),
        np.empty(n, np.uint32),
    )


@device
def new_line(n: int, parameters: int) -> Line:
    """Allocate room for `n` queries with `parameters` values in all."""
    shape = (3, n)
    return Line(
        np.empty(parameters, np.int32),
        np.zeros(shape, np.int32),
        np.ones(shape, np.int32),
        np.zeros(shape, np.int32),
        np.ones(shape, np.int32),
    )


@device
def read_sizes(line: Line, values: Any, step: int, columns: Any, limits: Any, n: int) -> None:
    """Read the sizes of `n` queries out of a row of parameters, `step` values apart."""
    # The whole row first: a contiguous loop, unlike one over every second or third value.
    clipped = line.clipped[: values.size]
    limit = max(limits[0], limits[1], limits[2])
    for j in range(values.size):
        clipped[j] = _to_size(values[j], limit)
    for axis in range(3):
        if columns[axis] >= 0:
            column, bound = columns[axis], np.int32(limits[axis])
            sizes = line.sizes[axis]
            for i in range(n):
                sizes[i] = min(clipped[i * step + column], bound)


@device
def cut_windows(line: Line, shape: Any, columns: Any, centered: bool, n: int) -> None:
    """Cut the windows of `n` queries to an image of `shape` (plane, row, column)."""
    for axis in range(3):
        if columns[axis] < 0 and shape[axis] == 1:
            continue  # `firsts` and `spans` are 0 and 1 already
        places, sizes = line.places[axis, :n], line.sizes[axis, :n]
        firsts, spans = line.firsts[axis, :n], line.spans[axis, :n]
        bound = np.int32(shape[axis])
        for i in range(n):
            first = np.int32(_window_start(places[i], sizes[i], centered))
            last = np.int32(min(np.int32(first + sizes[i]), bound))
            first = max(first, np.int32(0))
            firsts[i] = first
            spans[i] = last - first


@device
def classify(line: Line, queries: Queries, begin: int, n: int, reach: Any, caps: Any) -> None:
    """Turn `n` cut windows into queries from `begin` on.

    `reach` is the first position that a window of the tile within `caps` can begin at.
    """
    starts = queries.starts[begin : begin + n]
    extents = queries.extents[begin : begin + n]
    classes = queries.classes[begin : begin + n]
    z0, y0, x0 = reach
    cap_z, cap_y, cap_x = caps
    z, y, x = line.firsts[0], line.firsts[1], line.firsts[2]
    depth, height, width = line.spans[0], line.spans[1], line.spans[2]
    for i in range(n):
        starts[i] = (z[i] - z0) << 20 | (y[i] - y0) << 10 | (x[i] - x0)
        extents[i] = (depth[i] - 1) << 16 | (height[i] - 1) << 8 | (width[i] - 1)
        if depth[i] <= 0 or height[i] <= 0 or width[i] <= 0:
            classes[i] = EMPTY
        elif depth[i] > cap_z or height[i] > cap_y or width[i] > cap_x:
            classes[i] = LARGE
        else:
            classes[i] = _log2(depth[i]) << 6 | _log2(height[i]) << 3 | _log2(width[i])


@device
def _log2(n: int) -> int:
    """Return the binary logarithm of 1 .. 255, rounded down."""
    level = 0
    for power in (2, 4, 8, 16, 32, 64, 128):
        level += n >= power
    return level


@device
def bounds(queries: Queries, n: int) -> Any:
    """Return the first and last positions of all windows that tables serve, from the reach on."""
    z0 = y0 = x0 = 1 << 10
    z1 = y1 = x1 = 0
    for i in range(n):
        if queries.classes[i] < CLASSES:
            start, extent = np.int64(queries.starts[i]), np.int64(queries.extents[i])
            z, y, x = start >> 20, start >> 10 & 1023, start & 1023
            z0, y0, x0 = min(z0, z), min(y0, y), min(x0, x)
            z1 = max(z1, z + (extent >> 16))
            y1 = max(y1, y + (extent >> 8 & 255))
            x1 = max(x1, x + (extent & 255))
    return (z0, y0, x0), (z1, y1, x1)


@device
def sort_queries(queries: Queries, n: int) -> None:
    """Sort `n` queries by class, raster order within each: a counting sort."""
    counts, ends, order = queries.counts, queries.ends, queries.order
    counts[:] = 0
    for i in range(n):
        counts[queries.classes[i]] += 1
    end = 0
    for c in range(counts.size):
        ends[c] = end
        end += counts[c]
    for i in range(n):
        c = queries.classes[i]
        order[ends[c]] = i
        ends[c] += 1
