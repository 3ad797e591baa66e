"""Maxima over boxes whose size is given for each pixel, densely or at an irregular set of sites.

The image is cut into tiles. The windows of a tile are sorted by the powers of two that fit into
them, the maxima over such powers are made by doubling, and each window is looked up in them
(:mod:`adapool.cpu._tables`). Windows too large for that are left to a second step, which searches
a pyramid of block maxima (:mod:`adapool.cpu._pyramid`).
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba import prange

from adapool._jit import device, kernel
from adapool.cpu._keys import KeyOrder, from_key, key_dtype, key_order, to_key
from adapool.cpu._pyramid import Pyramid, new_stack, search
from adapool.cpu._queries import (
    EMPTY,
    LARGE,
    LONGEST,
    Line,
    Queries,
    bounds,
    classify,
    cut_windows,
    new_line,
    new_queries,
    read_sizes,
    sort_queries,
)
from adapool.cpu._tables import look_up_all

# Bytes of one table: what is aimed at, and what a tile of large windows may take.
_TABLE_BYTES = 1 << 19
_MOST_TABLE_BYTES = 1 << 22

Triple = tuple[int, int, int]


def dynamic_max(
    image: Any,
    params: Any,
    columns: Triple,
    limits: Triple,
    centered: bool,
    stride: Triple,
    fill: Any,
    out: Any,
    indices: Any,
    *,
    work: int,
) -> None:
    """Take the maximum over a window of its own at every `stride`-th pixel.

    Parameters
    ----------
    image : (batch, plane, row, column, channel)
    params : (batch or 1, plane, row, column, P)
        Finite sizes; `columns` says which of P belong to plane, row and column (-1: size 1).
    limits : triple
        What sizes are clipped to.
    centered : bool
        Whether windows are centred on their pixel, or begin there.
    fill : scalar
        Value of an empty window.
    out, indices : (batch, plane, row, column, channel)
        Maxima, and flat indices of the winners (-1 for an empty window); `indices` may be None.
    """
    _pool(image, params, None, (columns, limits, centered, stride), fill, out, indices, work=work)


def site_max(
    image: Any,
    positions: Any,
    sizes: Any,
    columns: Triple,
    limits: Triple,
    centered: bool,
    fill: Any,
    out: Any,
    *,
    work: int,
) -> None:
    """Take the maximum over a window of its own at each of a set of sites.

    Parameters
    ----------
    image : (1, plane, row, column, channel)
    positions, sizes : (n, d)
        Sites in raster order; `columns` says which of d is plane, row and column (-1: none).
    out : (n, channel)

    The others are those of :func:`dynamic_max`.
    """
    windows = (columns, limits, centered, (1, 1, 1))
    params = sizes.reshape(1, 1, 1, *sizes.shape)
    _pool(image, params, positions, windows, fill, out, None, work=work)


def _pool(
    image: Any,
    params: Any,
    positions: Any,
    windows: Any,
    fill: Any,
    out: Any,
    indices: Any,
    *,
    work: int,
) -> None:
    """Run the kernels: the second only where the first has left something to do."""
    bits = key_dtype(image.dtype)
    order = key_order(image.dtype, signed_zeros=indices is None)
    tile = _tile_shape(image)
    grid = [-(-n // t) for n, t in zip(image.shape[1:4], tile, strict=True)]
    tiles = image.shape[0] * math.prod(grid)
    left = np.zeros((tiles, 3), np.int64)
    keys = image.view(bits)
    flat = None if indices is None else indices.reshape(-1)
    arguments = (
        keys,
        params,
        positions,
        *windows,
        order,
        np.asarray(fill, image.dtype).view(bits)[()],
        tile,
        left,
        min(numba.config.NUMBA_NUM_THREADS, tiles),
        out.view(bits).reshape(-1),
        flat,
    )
    _look_up_tiles(*arguments, work=work)
    if left.any():
        pyramid = Pyramid(keys, order, indices is not None)
        _search_tiles(
            *arguments,
            pyramid.keys,
            pyramid.winners,
            pyramid.shapes,
            pyramid.offsets,
            work=work,
        )


def _tile_shape(image: Any) -> Triple:
    """Choose the pixels of a tile: with few planes or channels, large in rows and columns."""
    planes = min(image.shape[1], 16)
    rows, columns = (128, 256) if planes == 1 else (32, 64)
    if planes > 1:
        while planes * rows * columns < 1 << 14:
            rows, columns = 2 * rows, 2 * columns
    if image.shape[4] >= 4:
        rows, columns = rows // 2, columns // 2
    return planes, rows, columns


@device
def _tile_box(task: int, shape: Any, tile: Any) -> Any:
    """Return the batch item, first position and end of the task-th tile."""
    grid_y, grid_x = -(-shape[2] // tile[1]), -(-shape[3] // tile[2])
    task, x = divmod(task, grid_x)
    task, y = divmod(task, grid_y)
    batch, z = divmod(task, -(-shape[1] // tile[0]))
    z, y, x = z * tile[0], y * tile[1], x * tile[2]
    end = min(z + tile[0], shape[1]), min(y + tile[1], shape[2]), min(x + tile[2], shape[3])
    return batch, (z, y, x), end


@device
def _first_site(positions: Any, columns: Any, site: Any, begin: int, end: int) -> int:
    """Return the first site from `begin` on that is not before a position, in raster order."""
    while begin < end:
        middle = (begin + end) // 2
        order = 0
        for axis in range(3):
            if columns[axis] >= 0 and order == 0:
                order = positions[middle, columns[axis]] - site[axis]
        if order < 0:
            begin = middle + 1
        else:
            end = middle
    return begin


@device
def _read_row(
    line: Line,
    params: Any,
    positions: Any,
    windows: Any,
    shape: Any,
    row: Any,
    right: int,
) -> Any:
    """Read the queries of one row of a tile into `line`, cut to the image.

    `row` is (batch, plane, row, first column) and `right` where the tile ends. Returns the number
    of queries, and the slot of the first one in the result.
    """
    columns, limits, centered, stride = windows
    batch, z, y, left = row
    if positions is None:
        step = stride[2]
        first = -(-left // step)
        n = -(-right // step) - first
        slot = (
            (batch * -(-shape[1] // stride[0]) + z // stride[0]) * -(-shape[2] // stride[1])
            + y // stride[1]
        ) * -(-shape[3] // step) + first
        if n <= 0:
            return 0, slot
        values = params[batch % params.shape[0], z, y].reshape(-1)
        width = params.shape[4]
        values = values[first * step * width : ((first + n - 1) * step + 1) * width]
        read_sizes(line, values, step * width, columns, limits, n)
        for i in range(n):
            line.places[0, i] = z
            line.places[1, i] = y
            line.places[2, i] = (first + i) * step
    else:
        slot = _first_site(positions, columns, (z, y, left), 0, positions.shape[0])
        n = (
            _first_site(
                positions,
                columns,
                (z, y, right),
                slot,
                min(slot + right - left, positions.shape[0]),
            )
            - slot
        )
        if n == 0:
            return 0, slot
        values = params[0, 0, 0, slot : slot + n].reshape(-1)
        read_sizes(line, values, params.shape[4], columns, limits, n)
        for axis in range(3):
            if columns[axis] >= 0:
                for i in range(n):
                    line.places[axis, i] = positions[slot + i, columns[axis]]
    cut_windows(line, shape[1:4], columns, centered, n)
    return n, slot


@device
def _collect(
    queries: Queries,
    line: Line,
    rows: Any,
    params: Any,
    positions: Any,
    windows: Any,
    shape: Any,
    box: Any,
    caps: Any,
) -> Any:
    """Collect the queries of a tile; return their number and the number of rows they are in.

    `rows` gets, for each row, its queries' number and the slot of the first one.
    """
    batch, begin, end = box
    stride = windows[3]
    reach = begin[0] - caps[0], begin[1] - caps[1], begin[2] - caps[2]
    total = 0
    used = 0
    for z in range(-(-begin[0] // stride[0]) * stride[0], end[0], stride[0]):
        for y in range(-(-begin[1] // stride[1]) * stride[1], end[1], stride[1]):
            n, slot = _read_row(
                line, params, positions, windows, shape, (batch, z, y, begin[2]), end[2]
            )
            if n > 0:
                classify(line, queries, total, n, reach, caps)
                rows[used, 0] = n
                rows[used, 1] = slot
                used += 1
                total += n
    return total, used


@device
def _load(
    keys: Any,
    places: Any,
    image: Any,
    order: KeyOrder,
    batch: int,
    origin: Any,
    size: Any,
    channel: int,
    group: int,
) -> None:
    """Copy `group` channels of a box of the image to `keys`."""
    at = 0
    for z in range(origin[0], origin[0] + size[0]):
        for y in range(origin[1], origin[1] + size[1]):
            row = image[batch, z, y, origin[2] : origin[2] + size[2]]
            target = keys[at : at + size[2] * group]
            if group == row.shape[1]:
                source = row.reshape(-1)
                for j in range(source.size):
                    target[j] = to_key(source[j], order)
            else:
                for x in range(row.shape[0]):
                    for c in range(group):
                        target[x * group + c] = to_key(row[x, channel + c], order)
            if places is not None:
                place = places[at : at + size[2] * group]
                for j in range(place.size):
                    place[j] = (at + j) // group
            at += size[2] * group


@device
def _store(
    out: Any,
    indices: Any,
    queries: Queries,
    rows: Any,
    order: KeyOrder,
    fill: Any,
    channels: int,
    channel: int,
    group: int,
    shape: Any,
    origin: Any,
    size: Any,
    result: Any,
    winners: Any,
) -> None:
    """Write the results of a tile's queries to their slots."""
    q = 0
    for r in range(rows.shape[0]):
        for slot in range(rows[r, 1], rows[r, 1] + rows[r, 0]):
            empty = queries.classes[q] == EMPTY
            for c in range(group):
                key = fill if empty else from_key(result[q * group + c], order)
                out[slot * channels + channel + c] = key
                if indices is not None:
                    place = np.int64(winners[q * group + c])
                    y, x = divmod(place, size[2])
                    z, y = divmod(y, size[1])
                    place = ((origin[0] + z) * shape[2] + origin[1] + y) * shape[3]
                    place += origin[2] + x
                    indices[slot * channels + channel + c] = -1 if empty else place
            q += 1


@device
def _elements(shape: Any, tile: Any, limits: Any, itemsize: int) -> int:
    """Return the room that one table needs at most."""
    cells = 1
    for axis in range(3):
        halo = 2 * min(limits[axis], LONGEST)
        cells *= min(shape[1 + axis], tile[axis] + halo)
    tile_cells = min(cells, _MOST_TABLE_BYTES // itemsize)
    return max(tile_cells, min(cells * shape[4], _TABLE_BYTES // itemsize))


@device
def _places_like(indices: Any, shape: Any) -> Any:
    """Allocate places in a tile, where winners are wanted."""
    if indices is None:
        return None
    return np.zeros(shape, np.uint32)


@device
def _row(places: Any, i: int) -> Any:
    if places is None:
        return None
    return places[i]


@device
def _look_up_share(
    worker: int,
    workers: int,
    image: Any,
    params: Any,
    positions: Any,
    windows: Any,
    order: KeyOrder,
    fill: Any,
    tile: Any,
    left: Any,
    out: Any,
    indices: Any,
) -> None:
    """Answer the queries of every `workers`-th tile."""
    shape = image.shape
    columns, limits, centered, stride = windows
    room = _elements(shape, tile, limits, image.itemsize)
    pixels = tile[0] * tile[1] * tile[2]
    queries = new_queries(pixels)
    line = new_line(tile[2], tile[2] * params.shape[4])
    rows = np.empty((tile[0] * tile[1], 2), np.int64)
    keys = np.empty((3, room), image.dtype)
    places = _places_like(indices, (3, room))
    result = np.empty(room, image.dtype)
    winners = _places_like(indices, room)
    for task in range(worker, left.shape[0], workers):
        box = _tile_box(task, shape, tile)
        cap_z = cap_y = cap_x = LONGEST
        while True:
            caps = cap_z, cap_y, cap_x
            total, used = _collect(
                queries, line, rows, params, positions, windows, shape, box, caps
            )
            first, last = bounds(queries, total)
            size = last[0] - first[0] + 1, last[1] - first[1] + 1, last[2] - first[2] + 1
            cells = max(size[0] * size[1] * size[2], total)
            if cells <= room or cap_z + cap_y + cap_x <= 3:
                break
            if cap_z >= max(cap_y, cap_x):
                cap_z //= 2
            elif cap_y >= cap_x:
                cap_y //= 2
            else:
                cap_x //= 2
        if total == 0:
            continue
        sort_queries(queries, total)
        if queries.counts[LARGE] > 0:
            left[task, 0], left[task, 1], left[task, 2] = caps
        tabled = total - queries.counts[LARGE] - queries.counts[EMPTY]
        batch, begin, _ = box
        origin = (
            begin[0] - cap_z + first[0],
            begin[1] - cap_y + first[1],
            begin[2] - cap_x + first[2],
        )
        group = max(1, min(shape[4], _TABLE_BYTES // (cells * image.itemsize)))
        for channel in range(0, shape[4], group):
            group = min(group, shape[4] - channel)
            if tabled > 0:
                _load(keys[0], _row(places, 0), image, order, batch, origin, size, channel, group)
                look_up_all(keys, places, size, first, group, queries, total, result, winners)
            _store(
                out,
                indices,
                queries,
                rows[:used],
                order,
                fill,
                shape[4],
                channel,
                group,
                shape,
                origin,
                size,
                result,
                winners,
            )


@kernel
def _look_up_tiles(
    image: Any,
    params: Any,
    positions: Any,
    columns: Any,
    limits: Any,
    centered: bool,
    stride: Any,
    order: KeyOrder,
    fill: Any,
    tile: Any,
    left: Any,
    workers: int,
    out: Any,
    indices: Any,
) -> None:
    """Answer the queries that tables serve; `left` gets the caps of tiles with larger windows."""
    for worker in prange(workers):
        _look_up_share(
            np.int64(worker),
            workers,
            image,
            params,
            positions,
            (columns, limits, centered, stride),
            order,
            fill,
            tile,
            left,
            out,
            indices,
        )


@kernel
def _search_tiles(
    image: Any,
    params: Any,
    positions: Any,
    columns: Any,
    limits: Any,
    centered: bool,
    stride: Any,
    order: KeyOrder,
    fill: Any,
    tile: Any,
    left: Any,
    workers: int,
    out: Any,
    indices: Any,
    keys: Any,
    winners: Any,
    shapes: Any,
    offsets: Any,
) -> None:
    """Answer the queries that :func:`_look_up_tiles` has left."""
    for task in prange(left.shape[0]):
        if left[task, 1] > 0:
            _search_tile(
                np.int64(task),
                image,
                params,
                positions,
                (columns, limits, centered, stride),
                order,
                tile,
                left[task],
                out,
                indices,
                keys,
                winners,
                (shapes, offsets),
            )


@device
def _search_tile(
    task: int,
    image: Any,
    params: Any,
    positions: Any,
    windows: Any,
    order: KeyOrder,
    tile: Any,
    caps: Any,
    out: Any,
    indices: Any,
    keys: Any,
    winners: Any,
    levels: Any,
) -> None:
    """Search for the maxima of one tile's windows above `caps`."""
    shape = image.shape
    stride = windows[3]
    line = new_line(tile[2], tile[2] * params.shape[4])
    stack = new_stack(levels[1].size)
    batch, begin, end = _tile_box(task, shape, tile)
    for z in range(-(-begin[0] // stride[0]) * stride[0], end[0], stride[0]):
        for y in range(-(-begin[1] // stride[1]) * stride[1], end[1], stride[1]):
            n, slot = _read_row(
                line, params, positions, windows, shape, (batch, z, y, begin[2]), end[2]
            )
            for i in range(n):
                depth, height, width = line.spans[0, i], line.spans[1, i], line.spans[2, i]
                if min(depth, height, width) <= 0:
                    continue
                if depth <= caps[0] and height <= caps[1] and width <= caps[2]:
                    continue
                first = line.firsts[0, i], line.firsts[1, i], line.firsts[2, i]
                last = first[0] + depth, first[1] + height, first[2] + width
                for c in range(shape[4]):
                    key, place = search(
                        image, order, keys, winners, levels, batch, c, first, last, stack
                    )
                    at = (slot + i) * shape[4] + c
                    out[at] = from_key(key, order)
                    if indices is not None:
                        indices[at] = place
