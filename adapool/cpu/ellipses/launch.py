"""Ellipses with sizes of their own: allocate results, and launch the kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Array, Pooled, Triple, empty_value
from adapool._jit import workers_for
from adapool.cpu.dynamic.keys import key_dtype, key_order
from adapool.cpu.dynamic.pyramid import Pyramid
from adapool.cpu.dynamic.queries import ALL_CLASSES, BLOCK
from adapool.cpu.dynamic.tables import LEVELS
from adapool.cpu.dynamic.tiles import LONGEST, TABLE_BYTES
from adapool.cpu.ellipses import pooling
from adapool.cpu.ellipses.formulas import SOME, turn
from adapool.cpu.ellipses.queries import LINE_ROWS, WIDEST
from adapool.cpu.ellipses.settle import disc_rows
from adapool.cpu.fixed.launch import check_finite

# Bytes that one table may take for a tile of large windows.
_MOST_TABLE_BYTES = 1 << 22


def ellipse_pooling(
    image: Array,
    sizes: Array,
    columns: Triple,
    most: Triple,
    turned: bool,
    stride: Triple,
    with_indices: bool,
) -> Pooled:
    """Pool ellipses whose sizes are `sizes` (batch or 1, plane, row, column, P).

    Parameters
    ----------
    columns : triple
        Which of the P belong to plane, row and column; -1 for an axis of one position without.
    most : triple
        What sizes are clipped to.
    turned : bool
        Whether the P are, instead, the lengths of the two axes and the angle of the first.
    """
    check_finite("param_network", sizes)
    batch, *volume, channels = image.shape
    grid = [-(-n // s) for n, s in zip(volume, stride, strict=True)]
    out = np.empty((batch, *grid, channels), image.dtype)
    indices = np.empty(out.shape, np.int64) if with_indices else None
    params = sizes.reshape(-1, sizes.shape[-1])
    if turned:
        params = _turned(params, np.float64(min(most[1:])))
        columns = -1, 0, 3
    bits = key_dtype(image.dtype)
    order = key_order(image.dtype, signed_zeros=indices is None)
    tile = _tile_shape(image)
    tiles = batch * math.prod(-(-n // t) for n, t in zip(volume, tile, strict=True))
    left = np.zeros(tiles, np.int64)
    keys = image.view(bits)
    limits = np.array([np.inf if turned else float(m) for m in most])
    arguments = (
        keys,
        params,
        np.array([columns, (0, 0, 0), stride, volume, tile]),
        limits,
        turned,
        order,
        left,
        out.view(bits).reshape(-1),
        None if indices is None else indices.reshape(-1),
    )
    raw_fill = np.asarray(empty_value(image.dtype), image.dtype).view(bits)[()]
    # Every thread has a workspace of its own, of a size that does not depend on the image.
    workers = workers_for(out.size, tiles)
    room = _table_room(image, tile, most)
    apart = bits.itemsize == 8
    # Of what is round in images, one channel at a time, whose places nobody wants.
    round_ones = sizes.shape[-1] == 1 and image.shape[1] == 1 and not (apart or with_indices)
    discs = disc_rows() if round_ones else disc_rows()[:0]
    pooling.look_up_tiles(
        *arguments,
        raw_fill,
        np.empty((workers, 4, room), np.int64),
        np.empty((workers, 4, room), np.int32) if apart else None,
        np.empty((workers, LEVELS, room), np.int64 if with_indices else bits),
        np.empty((workers, LEVELS, room), np.int32) if apart and with_indices else None,
        np.empty((workers, 4, math.prod(tile) + BLOCK), np.int32),
        np.empty((workers, LINE_ROWS, tile[2]), np.int32),
        np.empty((workers, 3, WIDEST // 2 + 1), np.int32),
        discs,
        np.empty((workers, tile[2] * channels), np.int32),
        np.empty((workers, tile[0] * tile[1], 2), np.int64),
        np.empty((workers, 2, ALL_CLASSES), np.int64),
        np.empty((workers, 4, LEVELS), np.int64),
        np.empty((workers, 6, 3), np.int64),
        tasks=workers,
        work=out.size,
    )
    if left.any():
        pyramid = Pyramid(keys, order, indices is not None)
        pooling.search_tiles(
            *arguments,
            pyramid.keys,
            pyramid.winners,
            pyramid.shapes,
            pyramid.offsets,
            np.empty((workers, pyramid.room, 4), np.int64),
            np.empty((workers, 8, 3), np.int64),
            tasks=workers,
            work=out.size,
        )
    return out, indices


def ellipse_axes(params: Array, columns: Triple, turned: bool) -> tuple[Array, Array]:
    """Return depth, height, width and shear of ellipses (n, 4), and the boxes around them (n, 3).

    `params` (n, P), `columns` and `turned` as for :func:`ellipse_pooling`; the boxes in pixels, 0
    where an ellipse is empty.
    """
    axes = np.zeros((len(params), 4))
    axes[:, :3] = 1
    around = np.ones((len(params), 3))
    if turned:
        chords = _turned(np.ascontiguousarray(params), np.float64(np.inf))
        axes[:, 1:] = chords[:, :3]
        around[:, 1:] = chords[:, [0, 3]]
    else:
        for axis, column in enumerate(columns):
            if column >= 0:
                axes[:, axis] = around[:, axis] = params[:, column]
    empty = (around <= 0).any(axis=1)
    # Beyond what an image may have, and within an int64.
    boxes = 2 * np.minimum(around / 2, float(1 << 40)).astype(np.int64) + 1
    boxes[empty] = 0
    return axes, boxes


def _turned(params: Any, most: np.float64) -> Any:
    chords = np.empty((len(params), 4))
    turn(params, most, chords, tasks=-(-len(params) // SOME), work=chords.size * 8)
    return chords


def _tile_shape(image: Any) -> Triple:
    """Choose the pixels of a tile: its tables and those of its rows are to fit into L2."""
    planes = min(image.shape[1], 16)
    rows, columns = (64, 128) if planes == 1 else (16, 64)
    while planes > 1 and planes * rows * columns < 1 << 13:
        rows, columns = 2 * rows, 2 * columns
    return planes, min(rows, image.shape[2]), min(columns, image.shape[3])


def _table_room(image: Any, tile: Triple, most: Triple) -> int:
    """Return the elements that one table needs at most."""
    cells = math.prod(
        min(n, t + 2 * min(limit, LONGEST))
        for n, t, limit in zip(image.shape[1:4], tile, most, strict=True)
    )
    most_cells = max(min(cells, _MOST_TABLE_BYTES // 8), math.prod(tile))
    return max(most_cells, min(cells * image.shape[4], TABLE_BYTES // 8))
