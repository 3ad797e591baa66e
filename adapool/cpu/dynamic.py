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

from adapool import _formulas
from adapool._jit import device, kernel
from adapool.cpu._keys import KeyOrder, from_key, key_dtype, key_order, to_key
from adapool.cpu._pyramid import Pyramid, new_stack, search
from adapool.cpu._queries import (
    ALL_CLASSES,
    BEGIN,
    BLOCK,
    CAPS,
    COLUMNS,
    EMPTY,
    END,
    HIGH,
    LARGE,
    LIMITS,
    LINE_ROWS,
    LOW,
    ORDER,
    REACH,
    STRIDE,
    VOLUME,
    collect,
    enter_tile,
    find_row,
    sort_queries,
)
from adapool.cpu._tables import LEVELS, LOOK_UP, answer, choose_levels

_to_size = device(_formulas.to_size)
_window_start = device(_formulas.window_start)

# Windows longer than this along any axis are not looked up in tables. (At most 256: queries keep
# extents in eight bits and positions in ten.)
_LONGEST = 128

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
    windows = (columns, limits, centered, stride)
    _pool(image, params, None, windows, fill, out, indices, work)


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
    _pool(image, sizes, positions, windows, fill, out, None, work)


def _pool(
    image: Any,
    params: Any,
    positions: Any,
    windows: Any,
    fill: Any,
    out: Any,
    indices: Any,
    work: int,
) -> None:
    """Run the kernels: the second only where the first has left something to do."""
    columns, limits, centered, stride = windows
    bits = key_dtype(image.dtype)
    order = key_order(image.dtype, signed_zeros=indices is None)
    tile = _tile_shape(image)
    volume = image.shape[1:4]
    tiles = len(image) * math.prod(-(-n // t) for n, t in zip(volume, tile, strict=True))
    left = np.zeros((tiles, 3), np.int64)
    keys = image.view(bits)
    arguments = (
        keys,
        params.reshape(-1, params.shape[-1]),
        positions,
        np.array([columns, limits, stride, volume, tile]),
        centered,
        order,
        left,
        out.view(bits).reshape(-1),
        None if indices is None else indices.reshape(-1),
    )
    raw_fill = np.asarray(fill, image.dtype).view(bits)[()]
    # Every thread has a workspace of its own, of a size that does not depend on the image.
    workers = min(numba.config.NUMBA_NUM_THREADS, tiles)
    room = _table_room(image, tile, limits)
    pixels = math.prod(tile)
    _look_up_tiles(
        *arguments,
        raw_fill,
        np.empty((workers, 4, room), bits),
        None if indices is None else np.empty((workers, 4, room), np.int32),
        np.empty((workers, 4, pixels + BLOCK), np.int32),
        np.empty((workers, LINE_ROWS, tile[2] * params.shape[-1]), np.int32),
        np.empty((workers, tile[0] * tile[1], 2), np.int64),
        np.empty((workers, 2, ALL_CLASSES), np.int64),
        np.empty((workers, 4, LEVELS), np.int64),
        np.empty((workers, 6, 3), np.int64),
        work=work,
    )
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
    rows, columns = (128, 256) if planes == 1 else (24, 128)
    while planes > 1 and planes * rows * columns < 1 << 14:
        rows, columns = 2 * rows, 2 * columns
    if image.shape[4] >= 4:
        rows, columns = rows // 2, columns // 2
    return planes, min(rows, image.shape[2]), min(columns, image.shape[3])


def _table_room(image: Any, tile: Triple, limits: Triple) -> int:
    """Return the elements that one table needs at most."""
    cells = math.prod(
        min(n, t + 2 * min(limit, _LONGEST))
        for n, t, limit in zip(image.shape[1:4], tile, limits, strict=True)
    )
    most = max(min(cells, _MOST_TABLE_BYTES // image.itemsize), math.prod(tile))
    return max(most, min(cells * image.shape[4], _TABLE_BYTES // image.itemsize))


@device
def _load(
    keys: Any,
    places: Any,
    image: Any,
    order: KeyOrder,
    batch: int,
    state: Any,
    channel: int,
    group: int,
) -> None:
    """Copy `group` channels of a tile with its halo to the first table."""
    at = 0
    for z in range(state[LOW, 0], state[HIGH, 0]):
        for y in range(state[LOW, 1], state[HIGH, 1]):
            row = image[batch, z, y, state[LOW, 2] : state[HIGH, 2]]
            size = row.shape[0] * group
            target = keys[0, at : at + size]
            if group == row.shape[1]:
                source = row.reshape(-1)
                for j in range(source.size):
                    target[j] = to_key(source[j], order)
            else:
                for x in range(row.shape[0]):
                    for c in range(group):
                        target[x * group + c] = to_key(row[x, channel + c], order)
            if places is not None:
                for j in range(at, at + size):
                    places[0, j] = j // group
            at += size


@device
def _store(
    out: Any,
    indices: Any,
    keys: Any,
    places: Any,
    rows: Any,
    empty: Any,
    fill: Any,
    order: KeyOrder,
    total: int,
    channels: int,
    channel: int,
    group: int,
    geometry: Any,
    state: Any,
) -> None:
    """Write the results of a tile's queries to their slots; `empty` ones get `fill`."""
    for q in empty:
        for c in range(q * group, (q + 1) * group):
            keys[3, c] = to_key(fill, order)
            if places is not None:
                places[3, c] = -1
    begin = 0
    r = 0
    while begin < total * group:
        n, slot = rows[r, 0] * group, rows[r, 1] * channels + channel
        result = keys[3, begin : begin + n]
        if group == channels:
            target = out[slot : slot + n]
            for j in range(n):
                target[j] = from_key(result[j], order)
        else:
            for j in range(n):
                out[slot + j // group * channels + j % group] = from_key(result[j], order)
        if indices is not None:
            for j in range(n):
                place = np.int64(places[3, begin + j])
                if place >= 0:
                    y, x = divmod(place, state[HIGH, 2] - state[LOW, 2])
                    z, y = divmod(y, state[HIGH, 1] - state[LOW, 1])
                    place = (state[LOW, 0] + z) * geometry[VOLUME, 1] + state[LOW, 1] + y
                    place = place * geometry[VOLUME, 2] + state[LOW, 2] + x
                indices[slot + j // group * channels + j % group] = place
        begin += n
        r += 1


@device
def _look_up_tile(
    image: Any,
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    order: KeyOrder,
    left: Any,
    out: Any,
    indices: Any,
    fill: Any,
    keys: Any,
    places: Any,
    queries: Any,
    line: Any,
    rows: Any,
    counts: Any,
    shares: Any,
    state: Any,
    task: int,
) -> None:
    """Answer the queries of one tile that tables serve."""
    batch = enter_tile(task, geometry, state)
    longest = _LONGEST
    while True:
        for axis in range(3):
            state[CAPS, axis] = longest
        total = collect(params, positions, geometry, centered, batch, state, line, rows, queries)
        row = max(state[HIGH, 2] - state[LOW, 2], 1)
        plane = max(state[HIGH, 1] - state[LOW, 1], 1) * row
        cells = max(max(state[HIGH, 0] - state[LOW, 0], 1) * plane, total)
        if cells <= keys.shape[1]:
            break
        longest //= 2  # a tile with its halo is too large: look up smaller windows only
    base = (state[LOW, 0] - state[REACH, 0]) * plane + (state[LOW, 1] - state[REACH, 1]) * row
    sort_queries(queries, total, counts, plane, row, base + state[LOW, 2] - state[REACH, 2])
    if counts[0, LARGE] > 0:
        left[task] = longest
    served = total - counts[0, EMPTY] - counts[0, LARGE]
    channels = image.shape[4]
    group = max(1, min(channels, _TABLE_BYTES // (cells * image.itemsize)))
    if served > 0:
        size = cells * group * image.itemsize
        choose_levels(counts, float(size), float(LOOK_UP * group * served), shares)
    for channel in range(0, channels, group):
        group = min(group, channels - channel)
        if served > 0:
            _load(keys, places, image, order, batch, state, channel, group)
            answer(keys, places, state, queries, counts, shares, group)
        _store(
            out,
            indices,
            keys,
            places,
            rows,
            queries[ORDER, served:total],
            fill,
            order,
            total,
            channels,
            channel,
            group,
            geometry,
            state,
        )


@device
def _part(array: Any, i: int) -> Any:
    """Return a thread's part of an array that may be None."""
    if array is None:
        return None
    return array[i]


@kernel
def _look_up_tiles(
    image: Any,
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    order: KeyOrder,
    left: Any,
    out: Any,
    indices: Any,
    fill: Any,
    keys: Any,
    places: Any,
    queries: Any,
    line: Any,
    rows: Any,
    counts: Any,
    shares: Any,
    state: Any,
) -> None:
    """Answer the queries that tables serve.

    `left` gets, for each tile with larger windows, how long those that were served can be.
    """
    for worker in prange(keys.shape[0]):
        for task in range(worker, left.shape[0], keys.shape[0]):
            _look_up_tile(
                image,
                params,
                positions,
                geometry,
                centered,
                order,
                left,
                out,
                indices,
                fill,
                keys[worker],
                _part(places, worker),
                queries[worker],
                line[worker],
                rows[worker],
                counts[worker],
                shares[worker],
                state[worker],
                np.int64(task),
            )


@kernel
def _search_tiles(
    image: Any,
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    order: KeyOrder,
    left: Any,
    out: Any,
    indices: Any,
    keys: Any,
    winners: Any,
    shapes: Any,
    offsets: Any,
) -> None:
    """Answer the queries that :func:`_look_up_tiles` has left."""
    for task in prange(left.shape[0]):
        if left[task, 0] > 0:
            _search_tile(
                image,
                params,
                positions,
                geometry,
                centered,
                order,
                np.int64(task),
                left[task, 0],
                out,
                indices,
                keys,
                winners,
                shapes,
                offsets,
            )


@device
def _search_tile(
    image: Any,
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    order: KeyOrder,
    task: int,
    served: int,
    out: Any,
    indices: Any,
    keys: Any,
    winners: Any,
    shapes: Any,
    offsets: Any,
) -> None:
    """Search for the maxima of one tile's windows longer than `served`."""
    stack = new_stack(offsets.size)
    state = np.empty((6, 3), np.int64)
    box = np.empty((2, 3), np.int64)
    site = np.empty(3, np.int64)
    channels = image.shape[4]
    batch = enter_tile(task, geometry, state)
    stride_z, stride_y = geometry[STRIDE, 0], geometry[STRIDE, 1]
    for z in range(state[BEGIN, 0] + -state[BEGIN, 0] % stride_z, state[END, 0], stride_z):
        for y in range(state[BEGIN, 1] + -state[BEGIN, 1] % stride_y, state[END, 1], stride_y):
            n, slot, row, step = find_row(params, positions, geometry, state, batch, z, y)
            for i in range(n):
                site[0], site[1] = z, y
                site[2] = state[BEGIN, 2] + -state[BEGIN, 2] % step + i * step
                if positions is not None:
                    site[2] = positions[slot + i, geometry[COLUMNS, 2]]
                empty = large = False
                for axis in range(3):
                    size = 1
                    if geometry[COLUMNS, axis] >= 0:
                        value = params[row + i * step, geometry[COLUMNS, axis]]
                        size = _to_size(value, geometry[LIMITS, axis])
                    first = _window_start(site[axis], size, centered)
                    box[0, axis] = max(first, 0)
                    box[1, axis] = min(first + size, geometry[VOLUME, axis])
                    empty |= size < 1
                    large |= box[1, axis] - box[0, axis] > served
                if large and not empty:
                    for c in range(channels):
                        key, place = search(
                            image, order, keys, winners, shapes, offsets, batch, c, box, stack
                        )
                        target = (slot + i) * channels + c
                        out[target] = from_key(key, order)
                        if indices is not None:
                            indices[target] = place
