"""Maxima over boxes whose size is given for each pixel, densely or at an irregular set of sites.

The image is cut into tiles. The windows of a tile are sorted by the powers of two that fit into
them (`queries`), the maxima over such powers are made by doubling, and each
window is looked up in them (`tables`). Windows too large for that are left to a
second step, which searches a pyramid of block maxima (`pyramid`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._jit import kernel, workers_for
from adapool.cpu.dynamic.keys import KeyOrder, key_dtype, key_order
from adapool.cpu.dynamic.pyramid import Pyramid, search_tile
from adapool.cpu.dynamic.queries import (
    ALL_CLASSES,
    BLOCK,
    CAPS,
    EMPTY,
    HIGH,
    LARGE,
    LINE_ROWS,
    LOW,
    ORDER,
    REACH,
    STRIDE,
    collect,
    enter_tile,
    place_regularly,
    sort_queries,
)
from adapool.cpu.dynamic.tables import LEVELS, LOOK_UP, answer, choose_levels
from adapool.cpu.dynamic.tiles import (
    LONGEST,
    TABLE_BYTES,
    are_few,
    load_tile,
    part,
    store_tile,
)

# Bytes that one table may take for a tile of large windows.
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
        Finite sizes; `columns` says which of P belong to plane, row and column (-1: an axis of
        one position without a size).
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
    workers = workers_for(work, tiles)
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
        tasks=workers,
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
            np.empty((workers, pyramid.room, 4), np.int64),
            np.empty((workers, 9, 3), np.int64),
            tasks=workers,
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
        min(n, t + 2 * min(limit, LONGEST))
        for n, t, limit in zip(image.shape[1:4], tile, limits, strict=True)
    )
    most = max(min(cells, _MOST_TABLE_BYTES // image.itemsize), math.prod(tile))
    return max(most, min(cells * image.shape[4], TABLE_BYTES // image.itemsize))


@kernel(calls_kept=True)
def _look_up_tiles(
    worker: int,
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
    table, place = keys[worker], part(places, worker)
    query, count, share = queries[worker], counts[worker], shares[worker]
    run, here = rows[worker], state[worker]
    place_regularly(line[worker], geometry[STRIDE, 2])
    for task in range(worker, left.shape[0], keys.shape[0]):
        batch = enter_tile(task, geometry, here)
        longest = LONGEST
        while True:
            for axis in range(3):
                here[CAPS, axis] = longest
            total = collect(
                params, positions, geometry, centered, batch, here, line[worker], run, query
            )
            row = max(here[HIGH, 2] - here[LOW, 2], 1)
            plane = max(here[HIGH, 1] - here[LOW, 1], 1) * row
            cells = max(max(here[HIGH, 0] - here[LOW, 0], 1) * plane, total)
            if cells <= table.shape[1] and (
                cells <= 2 * total or not are_few(query, total, (longest + 1) // 2)
            ):
                break
            longest //= 2
        base = (here[LOW, 0] - here[REACH, 0]) * plane + (here[LOW, 1] - here[REACH, 1]) * row
        sort_queries(query, total, count, plane, row, base + here[LOW, 2] - here[REACH, 2])
        if count[0, LARGE] > 0:
            left[task] = longest
        served = total - count[0, EMPTY] - count[0, LARGE]
        channels = image.shape[4]
        group = max(1, min(channels, TABLE_BYTES // (cells * image.itemsize)))
        if served > 0:
            size = cells * group * image.itemsize
            choose_levels(count, float(size), float(LOOK_UP * group * served), share)
        for channel in range(0, channels, group):
            some = min(group, channels - channel)
            if served > 0:
                load_tile(table, place, image, order, batch, here, channel, some)
                answer(table, place, here, query, count, share, some)
            empty = query[ORDER, served:total]
            store_tile(
                out, indices, table, place, run, empty, fill, order, total, channels,
                channel, some, geometry, here,
            )  # fmt: skip


@kernel
def _search_tiles(
    worker: int,
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
    stacks: Any,
    states: Any,
) -> None:
    """Answer the queries that :func:`_look_up_tiles` has left."""
    for task in range(worker, left.shape[0], stacks.shape[0]):
        if left[task, 0] > 0:
            search_tile(
                image,
                params,
                positions,
                geometry,
                centered,
                order,
                task,
                left[task, 0],
                out,
                indices,
                keys,
                winners,
                shapes,
                offsets,
                stacks[worker],
                states[worker],
            )
