"""The windows of one tile, as queries sorted by the powers of two that fit into them."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device
from adapool.cpu._memory import apart, flat

_to_size = device(_formulas.to_short_size)
_load, _store = apart("sizes")
_add_stray = device(_formulas.add_stray)
_window_start = device(_formulas.window_start)

# Geometry is passed as the rows of one array of triples (plane, row, column): parameter columns,
# limits of sizes, strides, the image's shape and that of a tile. Where a thread is, as another:
# the tile, the longest windows that are looked up in tables, the first position at which those
# can begin, the box that the windows found do cover, and whether a size was not finite. Tuples
# took twice as long to compile.
COLUMNS, LIMITS, STRIDE, VOLUME, TILE = range(5)
BEGIN, END, CAPS, REACH, LOW, HIGH, STRAYS = range(7)

# A class is three binary logarithms of extents, three bits each: plane, row, column. Then there
# are windows that need no table, because they are empty, or cannot use one: too large.
CLASSES = 512
EMPTY = CLASSES
LARGE = CLASSES + 1
_PADDING = CLASSES + 2
ALL_CLASSES = CLASSES + 3

# Rows of the array that holds queries: where a window begins (three fields of ten bits, later an
# address), its plane, row and column extent less one (three fields of eight bits), its class, and
# the queries sorted by class.
START, EXTENT, CLASS, ORDER = range(4)

# Rows of the array of scratch for one row of queries.
_VALUES, _SIZES, _FIRSTS, _SPANS, _PLACES, _ZEROS = range(6)
LINE_ROWS = 6

# What takes the place of a logarithm, so that the class of any sum with it is out of range.
_TOO_LARGE, _NOTHING = 1 << 12, -(1 << 20)

# Neighbours of one class are sorted as a block; queries have room for one block more.
BLOCK = 8


@device
def enter_tile(task: int, geometry: Any, state: Any) -> int:
    """Write where the task-th tile begins and ends to `state`; return its batch item."""
    for axis in range(2, -1, -1):
        length, size = geometry[VOLUME, axis], geometry[TILE, axis]
        grid = (length + size - 1) // size
        state[BEGIN, axis] = task % grid * size
        state[END, axis] = min(state[BEGIN, axis] + size, length)
        task //= grid
    return task


@device
def find_site(positions: Any, geometry: Any, z: int, y: int, x: int, begin: int, end: int) -> int:
    """Return the first site from `begin` on that is not before a position, in raster order."""
    while begin < end:
        middle = (begin + end) // 2
        order = 0
        if geometry[COLUMNS, 0] >= 0:
            order = positions[middle, geometry[COLUMNS, 0]] - z
        if order == 0:
            order = positions[middle, geometry[COLUMNS, 1]] - y
        if order == 0:
            order = positions[middle, geometry[COLUMNS, 2]] - x
        if order < 0:
            begin = middle + 1
        else:
            end = middle
    return begin


@device
def find_row(
    params: Any, positions: Any, geometry: Any, state: Any, batch: int, z: int, y: int
) -> Any:
    """Find the queries of one row of a tile.

    Returns their number, the slot of the first one in the result, the row of its parameters, and
    how many rows of parameters it is from one query to the next.
    """
    left, right = state[BEGIN, 2], state[END, 2]
    if positions is None:
        pixel = batch
        slot = batch
        for axis in range(3):
            at = z if axis == 0 else y if axis == 1 else left
            stride = geometry[STRIDE, axis]
            pixel = pixel * geometry[VOLUME, axis] + at
            slot = slot * ((geometry[VOLUME, axis] + stride - 1) // stride)
            slot += (at + stride - 1) // stride
        step = geometry[STRIDE, 2]
        skipped = -left % step
        n = (right - left - skipped + step - 1) // step
        return n, slot, (pixel + skipped) % params.shape[0], step
    slot = find_site(positions, geometry, z, y, left, 0, positions.shape[0])
    end = min(slot + right - left, positions.shape[0])
    return find_site(positions, geometry, z, y, right, slot, end) - slot, slot, slot, 1


@device
def place_regularly(line: Any, stride: int) -> None:
    """Write where the queries of a row are, counted from the first one, to its scratch."""
    for i in range(line.shape[1]):
        line[_PLACES, i] = i * stride
        line[_ZEROS, i] = 0


@device
def begin_tile(geometry: Any, state: Any) -> None:
    """Write how far the windows of a tile may reach, and that none has been found."""
    for axis in range(3):
        state[REACH, axis] = max(state[BEGIN, axis] - state[CAPS, axis], 0)
        # Only an axis of one position has no column of its own; it is not looked at again.
        state[LOW, axis] = geometry[VOLUME, axis] - 1
        state[HIGH, axis] = 1


@device
def begin_row(starts: Any, extents: Any, classes: Any) -> None:
    """Make the queries of a row, of no axis yet."""
    for i in range(starts.size):
        starts[i] = 0
        extents[i] = 0
        classes[i] = 0


@device
def add_axis(
    starts: Any,
    extents: Any,
    classes: Any,
    firsts: Any,
    spans: Any,
    geometry: Any,
    state: Any,
    axis: int,
) -> None:
    """Add where the windows of a row begin along one axis, and how far they go, to its queries.

    Arrays of their own: rows of a slice of `queries` are not contiguous, and take twice as long.
    """
    zero, one = np.int32(0), np.int32(1)
    end, cap = np.int32(geometry[VOLUME, axis]), np.int32(state[CAPS, axis])
    reach = np.int32(state[REACH, axis])
    n = starts.size
    for i in range(n):
        # The exponent of a float is the binary logarithm, in one instruction.
        level = np.int32((np.float32(spans[i]).view(np.int32) >> 23) - 127)
        level = level if spans[i] <= cap else np.int32(_TOO_LARGE)
        level = level if spans[i] >= one else np.int32(_NOTHING)
        starts[i] = starts[i] << 10 | (firsts[i] - reach)
        extents[i] = extents[i] << 8 | (spans[i] - 1)
        classes[i] = (classes[i] << 3) + level
    low, high = end, zero
    for i in range(n):
        fits = one <= spans[i] and spans[i] <= cap
        low = min(low, firsts[i] if fits else end)
        high = max(high, np.int32(firsts[i] + spans[i]) if fits else zero)
    state[LOW, axis] = min(state[LOW, axis], low)
    state[HIGH, axis] = max(state[HIGH, axis], high)


@device
def end_row(classes: Any) -> None:
    """Tell the windows that tables cannot serve from the others."""
    for i in range(classes.size):
        code = classes[i]
        code = code if code < CLASSES else np.int32(LARGE)
        classes[i] = code if code >= 0 else np.int32(EMPTY)


@device
def collect(
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    batch: int,
    state: Any,
    line: Any,
    rows: Any,
    queries: Any,
) -> int:
    """Collect the queries of the tile in `state`; return their number.

    Parameters
    ----------
    params : (n, P)
    line : (6, tile columns * P)
        Scratch for one row of queries; see :func:`place_regularly`.
    rows : (tile rows, 2)
        Gets, for each row, the number of its queries and the slot of the first one.
    """
    zero = np.int32(0)
    clipped, sizes = line[_VALUES], line[_SIZES]
    firsts, spans = line[_FIRSTS], line[_SPANS]
    width = params.shape[1]
    # In 32 bits, half of whose range is more than any axis: a size may be added to a position.
    limit = max(geometry[LIMITS, 0], geometry[LIMITS, 1], geometry[LIMITS, 2])
    limit = np.int32(min(limit, 1 << 30))
    begin_tile(geometry, state)
    total = 0
    used = 0
    stride_z, stride_y = geometry[STRIDE, 0], geometry[STRIDE, 1]
    for z in range(state[BEGIN, 0] + -state[BEGIN, 0] % stride_z, state[END, 0], stride_z):
        for y in range(state[BEGIN, 1] + -state[BEGIN, 1] % stride_y, state[END, 1], stride_y):
            n, slot, row, step = find_row(params, positions, geometry, state, batch, z, y)
            if n <= 0:
                continue
            x = state[BEGIN, 2] + -state[BEGIN, 2] % step
            if positions is not None:
                x = 0
                for i in range(n):
                    line[_PLACES, i] = positions[slot + i, geometry[COLUMNS, 2]]
            # All values of the row first: a contiguous loop, unlike one over every second or
            # third of them.
            values = flat(params)[row * width : (row + (n - 1) * step + 1) * width]
            strays = np.int32(0)
            for j in range(values.size):
                clipped[j] = _to_size(values[j], limit)
                strays = _add_stray(strays, values[j])
            state[STRAYS, 0] |= strays
            starts = queries[START, total : total + n]
            extents = queries[EXTENT, total : total + n]
            classes = queries[CLASS, total : total + n]
            begin_row(starts, extents, classes)
            for axis in range(3):
                column = geometry[COLUMNS, axis]
                if column < 0:
                    continue
                end = np.int32(geometry[VOLUME, axis])
                bound = np.int32(min(geometry[LIMITS, axis], 1 << 30))
                # Short loops are vectorised, and take a quarter of the time of one long one.
                # Distances that are known to the compiler make loops that are vectorised.
                distance = step * width
                if distance == 1:
                    for i in range(n):
                        sizes[i] = clipped[i]
                elif distance == 2:
                    for i in range(n):
                        _store(sizes, 0, i, _load(clipped, column, 2 * i))
                elif distance == 3:
                    for i in range(n):
                        _store(sizes, 0, i, _load(clipped, column, 3 * i))
                else:
                    for i in range(n):
                        sizes[i] = clipped[i * distance + column]
                places = line[_PLACES if axis == 2 else _ZEROS]
                origin = np.int32(x if axis == 2 else y if axis == 1 else z)
                for i in range(n):
                    size = min(sizes[i], bound)
                    first = np.int32(_window_start(np.int32(origin + places[i]), size, centered))
                    firsts[i] = max(first, zero)
                    spans[i] = min(np.int32(first + size), end) - firsts[i]
                add_axis(starts, extents, classes, firsts, spans, geometry, state, axis)
            end_row(classes)
            rows[used, 0] = n
            rows[used, 1] = slot
            used += 1
            total += n
    return total


@device
def sort_queries(queries: Any, n: int, counts: Any, plane: int, row: int, base: int) -> None:
    """Sort `n` queries by class, raster order within each, and turn starts into addresses.

    Parameters
    ----------
    counts : (2, classes)
        Gets how many queries of each class there are, and where they end in the order.
    plane, row, base
        Cells of a plane and of a row of the tile, and how far its first cell is from the reach.
    """
    starts = queries[START, :n]
    for i in range(n):
        start = starts[i]
        starts[i] = (start >> 20) * plane + (start >> 10 & 1023) * row + (start & 1023) - base
    classes, order, number, at = queries[CLASS], queries[ORDER], counts[0], counts[1]
    padded = (n + BLOCK - 1) // BLOCK * BLOCK
    for i in range(n, padded):
        classes[i] = _PADDING
    for c in range(ALL_CLASSES):
        number[c] = 0
    # Where sizes vary slowly, most blocks are of one class, and cost as much as one query does.
    for counting in (True, False):
        for i in range(0, padded, BLOCK):
            first = np.uint32(classes[i])
            differ = np.int32(0)
            for j in range(BLOCK):
                differ |= classes[i + j] ^ classes[i]
            if counting:
                if differ == 0:
                    number[first] += BLOCK
                else:
                    for j in range(BLOCK):
                        number[np.uint32(classes[i + j])] += 1
            elif differ == 0:
                run = order[at[first] : at[first] + BLOCK]
                for j in range(BLOCK):
                    run[j] = i + j
                at[first] += BLOCK
            else:
                for j in range(BLOCK):
                    at_class = np.uint32(classes[i + j])
                    order[np.uint64(at[at_class])] = i + j
                    at[at_class] += 1
        if counting:
            end = 0
            for c in range(ALL_CLASSES):
                at[c] = end
                end += number[c]
