"""Windows of a size of their own: allocate results, and launch the kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Array, Pooled, Triple, empty_value
from adapool._checks import predictions
from adapool._jit import workers_for
from adapool._windows import size_limits
from adapool.cpu.dynamic import pooling
from adapool.cpu.dynamic.keys import key_dtype, key_order
from adapool.cpu.dynamic.pyramid import Pyramid
from adapool.cpu.dynamic.queries import ALL_CLASSES, BLOCK, LINE_ROWS, STRAYS
from adapool.cpu.dynamic.tables import LEVELS
from adapool.cpu.dynamic.tiles import LONGEST, TABLE_BYTES
from adapool.cpu.fixed.launch import check_finite

# Bytes that one table may take for a tile of large windows.
_MOST_TABLE_BYTES = 1 << 22


def dynamic_pooling(
    image: Array,
    sizes: Array,
    columns: Triple,
    limits: Triple,
    centered: bool,
    stride: Triple,
    with_indices: bool,
) -> Pooled:
    """Pool windows of the size that `sizes` (batch or 1, plane, row, column, P) gives."""
    if max(stride) > 1:  # of which the kernel reads some
        check_finite("param_network", sizes)
    batch, *volume, channels = image.shape
    grid = [-(-n // s) for n, s in zip(volume, stride, strict=True)]
    out = np.empty((batch, *grid, channels), image.dtype)
    indices = np.empty(out.shape, np.int64) if with_indices else None
    fill = empty_value(image.dtype)
    windows = (columns, limits, centered, stride)
    _pool(image, sizes, None, windows, fill, out, indices, out.size)
    return out, indices


def pool_sites(
    image: Array,
    positions: Array,
    sizes: Array,
    columns: Triple,
    centered: bool,
    with_indices: bool = False,
) -> Pooled:
    """Pool a canonical image (1, plane, row, column, channel) at sites: (n, channel)."""
    out = np.empty((len(positions), image.shape[-1]), image.dtype)
    indices = np.empty(out.shape, np.int64) if with_indices else None
    limits = size_limits(image.shape[1:4], None)
    # Of those (n, d) that there is a size for, at sites in raster order.
    windows = (columns, limits, centered, (1, 1, 1))
    _pool(image, sizes, positions, windows, empty_value(image.dtype), out, indices, image.size)
    return out, indices


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
    """Run the kernels: the second only where the first has left something to do.

    Parameters
    ----------
    image : (batch, plane, row, column, channel)
    params : (batch or 1, plane, row, column, P) or (n, P)
        Finite sizes, of pixels or of sites at `positions` (n, d).
    windows : tuple
        Which of P belong to plane, row and column (-1: an axis of one position without a size);
        what sizes are clipped to; whether windows are centred; the stride.
    fill : scalar
        Value of an empty window.
    out, indices : (batch, plane, row, column, channel) or (n, channel)
        Maxima, and flat indices of the winners (-1 for an empty window); `indices` may be None.
    """
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
    # Keys of at most 32 bits are looked up together with their places, in 64.
    packed = indices is not None and bits.itemsize <= 4
    table = np.dtype(np.int64) if packed else bits
    raw_fill = np.asarray(fill, image.dtype).view(bits)[()]
    # Every thread has a workspace of its own, of a size that does not depend on the image.
    workers = workers_for(work, tiles)
    # None of them has met a size that is not finite.
    states = np.zeros((workers, 7, 3), np.int64)
    room = _table_room(image, table.itemsize, tile, limits)
    pixels = math.prod(tile)
    pooling.look_up_tiles(
        *arguments,
        raw_fill,
        np.empty((workers, 4, room), table),
        None if indices is None or packed else np.empty((workers, 4, room), np.int32),
        np.empty((workers, 4, pixels + BLOCK), np.int32),
        np.empty((workers, LINE_ROWS, tile[2] * params.shape[-1]), np.int32),
        np.empty((workers, tile[0] * tile[1], 2), np.int64),
        np.empty((workers, 2, ALL_CLASSES), np.int64),
        np.empty((workers, 4, LEVELS), np.int64),
        states,
        True if packed else None,
        tasks=workers,
        work=work,
    )
    if states[:, STRAYS].any():
        predictions.not_finite("param_network")
    if left.any():
        pyramid = Pyramid(keys, order, indices is not None)
        pooling.search_tiles(
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


def _table_room(image: Any, itemsize: int, tile: Triple, limits: Triple) -> int:
    """Return the elements that one table needs at most."""
    cells = math.prod(
        min(n + min(limit, LONGEST), t + 2 * min(limit, LONGEST))
        for n, t, limit in zip(image.shape[1:4], tile, limits, strict=True)
    )
    most = max(min(cells, _MOST_TABLE_BYTES // itemsize), math.prod(tile))
    return max(most, min(cells * image.shape[4], TABLE_BYTES // itemsize))
