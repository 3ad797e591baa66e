"""A block of a deformable convolution: what its kernel is given, and how large its tiles are."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adapool._backends import Array, Triple, plain
from adapool._jit import PARALLEL_FROM, workers_for
from adapool._windows import Windows
from adapool.cpu.convolution.blas import single_threaded_blas
from adapool.cpu.convolution.matrices import routines
from adapool.cpu.convolution.places import CHUNK, COLUMNS, LINEAR, NEAREST, PLACES, TRUNCATE
from adapool.cpu.convolution.sampling import WIDE
from adapool.cpu.convolution.tiles import convolve

# Pixels of a tile: enough for a matrix product to reach its speed, few enough for the columns to
# stay in cache. Up to a million products, BLAS has kernels that multiply matrices as they are,
# where larger ones are copied first: (16, 16) channels took 9 ms in tiles of 256 and 14 in 512.
_PIXELS = 384
_MOST_PIXELS = 1024
_FEWEST_PIXELS = 16
_SMALL_PRODUCT = 900_000
_TILE_VALUES = 1 << 20

# Columns of a tile that are held at a time, if there are as few taps: in 384 pixels as many bytes
# as the products, which stay in L2. All 2304 of 256 channels (3.5 MB for each thread) took 4 %
# longer in a last-level cache of 32 MiB, and went to memory in one of 8.
_COLUMNS = 256

# Bytes that an image of few channels may take converted to the dtype of the result. There are no
# gathers of bytes or half words: uint8 took 49 ms where float32 took 34.
CONVERTED_BYTES = 32 << 20

# Positions are kept in 32 bits: nothing may be this far from the first pixel.
FARTHEST = 1 << 29

RULES = {"linear": LINEAR, "nearest": NEAREST, "truncate": TRUNCATE}


def deform_conv(
    image: Array,
    offsets: Array,
    mask: Array | None,
    weights: Array,
    bias: Array | None,
    windows: Windows,
    first: Triple,
    groups: int,
    offset_groups: int,
    interpolation: str,
    max_offset: Sequence[float],
    out: Array,
) -> tuple[bool, bool]:
    """Convolve a block of the output grid.

    Parameters
    ----------
    image : (B, D, H, W, C) array
        C-contiguous, as all arrays here.
    offsets : (B or 1, OD, OH, OW, M) array
        Over the whole grid. M is offset_groups * K * d, or d.
    mask : (B or 1, OD, OH, OW, offset_groups * K) array or None
    weights : (kd, kh, kw, C // groups, F) array of the dtype of `out`
    bias : (F,) array or None
    windows : Windows
        Over the whole grid.
    first : triple
        First output of the block.
    groups, offset_groups : int
    interpolation : {"linear", "nearest", "truncate"}
    max_offset : triple of float
    out : (B, bd, bh, bw, F) array of float32 or float64

    Returns
    -------
    finite : pair of bool
        Whether all offsets of the block are finite, and all of its mask. Where one is not, `out`
        holds nothing of use. A pass of its own would read both from memory once more.
    """
    taps, channels, filters = windows.taps, image.shape[-1], out.shape[-1]
    samples, width = offset_groups * taps, offsets.shape[-1]
    ndim = 3 if width in (3, 3 * samples) else 2
    pixels = math.prod(out.shape[:-1])
    depth = channels // offset_groups
    if image.dtype != out.dtype and depth < WIDE:
        few = image.size * 4 <= pixels * taps * channels
        if few and image.size * out.itemsize <= CONVERTED_BYTES:
            image = plain(image.astype(out.dtype))
    start = tuple(o * s + p for o, s, p in zip(first, windows.stride, windows.origin, strict=True))
    check_extents(image.shape, windows, start, out.shape)
    depthwise = channels == filters == groups and (channels > 1 or taps == 1)
    parts = 1 if depthwise else choose_parts(taps, channels, depth)
    table = tap_table(
        windows.kernel,
        windows.dilation,
        windows.stride[2],
        (offset_groups, depth),
        (0 if width == ndim else ndim, width),
        max(1, min(CHUNK * parts // samples, out.shape[3])),
        parts,
    )
    grid = offsets.shape[:4]
    point = (first[0] * grid[2] + first[1]) * grid[3] + first[2]
    # Displacements are clipped in their own type, and to what fits 32 bits in any case.
    precision = np.float32 if offsets.dtype == np.float32 else np.float64
    limit = clipped_limit(tuple(max_offset), precision)

    places = column_places(taps // parts, channels, groups, offset_groups)
    rows = taps * channels // groups
    grouped = None
    if not depthwise:
        grouped = weights.reshape(1, rows, filters)
        if groups > 1:
            grouped = weights.reshape(rows, groups, filters // groups).transpose(1, 0, 2)
        if offset_groups > 1 and groups == 1:
            # Rows in the order of the columns, so that a tile is multiplied as it is.
            each = np.arange(parts)[:, np.newaxis] * (rows // parts)
            grouped = grouped[:, (each + np.argsort(places[0])).ravel()]
        grouped = plain(grouped)
    columns = taps // parts * channels
    tile = choose_tile(pixels, columns, rows * filters // groups)
    tiles = -(-pixels // tile)
    operations = pixels * taps * channels * (filters // groups + 8)
    shares = workers_for(operations, tiles)
    index = np.int32 if math.prod(image.shape[1:]) < 1 << 31 else np.int64
    at = np.zeros((shares, PLACES), index)
    # Columns, and those of one group.
    numbers = COLUMNS + tile * (columns + (0 if groups == 1 else rows // parts))
    work = np.empty((shares, numbers), out.dtype)
    # Without displacements along planes there is one plane, which always counts.
    work[:, :PLACES] = 1
    finite = np.ones((shares, 2), np.bool_)
    # What stands in for an absent or converted input is read-only as inputs are, and of the dtype
    # that a mask has beside such offsets: every other kind of array is compiled on its own, which
    # made eight kernels of one.
    arguments = (
        image.reshape(-1),
        offsets.reshape(-1),
        constant(1, CHUNK, offsets.dtype) if mask is None else mask.reshape(-1),
        None if grouped is None else grouped.reshape(-1),
        (*((0, 0, 0) if grouped is None else grouped.shape), parts),
        weights.reshape(-1) if depthwise else None,
        constant(0, filters, out.dtype) if bias is None else bias,
        tuple(map(np.int32, image.shape[1:])),
        (*grid, width, samples, point, int(mask is not None)),
        out.shape[:4],
        start,
        windows.stride,
        (RULES[interpolation], ndim),
        limit,
        depth,
        True if depth >= WIDE else None,
        True if depth < WIDE else None,
        table,
        places,
        tile,
        finite,
        at,
        work,
        out.reshape(-1),
        routines(out.dtype),
    )
    if depthwise or operations < PARALLEL_FROM:
        # Products this small are no work for a BLAS of many threads; holding it takes 25 us.
        convolve(*arguments, tasks=shares, work=operations)
    else:
        with single_threaded_blas():
            convolve(*arguments, tasks=shares, work=operations)
    if finite.all():
        return True, True
    return bool(finite[:, 0].all()), bool(finite[:, 1].all())


def check_extents(
    size: tuple[int, ...], windows: Windows, start: tuple[int, ...], block: tuple[int, ...]
) -> None:
    """Raise ValueError where positions would not fit 32 bits."""
    for axis in range(3):
        last = start[axis] + block[axis + 1] * windows.stride[axis] + windows.span[axis]
        if max(size[axis + 1], last) >= FARTHEST:
            raise ValueError(
                f"feature_map must have axes of less than {FARTHEST} pixels, got {size[1:4]}"
            )


@functools.lru_cache(maxsize=16)
def choose_parts(taps: int, channels: int, depth: int) -> int:
    """Choose how many parts, of as many taps each, columns come in.

    A constant of the code and no cache's measure: the order of sums depends on it.
    """
    if depth < WIDE:  # whose masks are read as they lie
        return 1
    fitting = (n for n in range(1, taps + 1) if taps % n == 0 and taps // n * channels <= _COLUMNS)
    return next(fitting, taps)


def choose_tile(pixels: int, columns: int, products: int) -> int:
    """Choose the pixels of a tile. Threads have no say: results would depend on their number."""
    small = _SMALL_PRODUCT // products
    tile = min(small, _MOST_PIXELS) if small >= _PIXELS // 4 else _PIXELS
    tile = max(min(tile, _TILE_VALUES // columns), _FEWEST_PIXELS)
    # A few tiles are made to share out evenly.
    tiles = -(-pixels // tile)
    if tiles < 32:
        tiles += -tiles % 4
    return min(-(-pixels // (16 * tiles)) * 16, pixels)


@functools.lru_cache(maxsize=16)
def clipped_limit(most: tuple[float, ...], number: type[Any]) -> Array:
    """Return what displacements are clipped to, in their own type."""
    return plain(np.minimum(most, 2.0 * FARTHEST).astype(number))


@functools.lru_cache(maxsize=16)
def constant(value: int, size: int, dtype: np.dtype[Any]) -> Array:
    """Return what a call without a mask or bias is given."""
    return plain(np.full(size, value, dtype))


@functools.lru_cache(maxsize=16)
def tap_table(
    kernel: Triple,
    dilation: Triple,
    step: int,
    groups: tuple[int, int],
    source: tuple[int, int],
    pixels: int,
    parts: int = 1,
) -> Array:
    """Return the tables of the samples of consecutive pixels of a row, relative to the first.

    `groups` is (number of offset groups, channels of each), `source` the distances in the offsets
    between samples and between pixels. They come in `parts`, of as many taps each.
    """
    count, depth = groups
    taps = math.prod(kernel)
    shape = parts, pixels, count, taps // parts
    pixel, group = np.arange(pixels).reshape(1, -1, 1, 1), np.arange(count).reshape(1, 1, -1, 1)
    tap = np.arange(taps).reshape(parts, 1, 1, -1)
    plane, row, column = np.unravel_index(tap, kernel)
    tables = (
        pixel * source[1] + (group * taps + tap) * source[0],
        plane * dilation[0],
        row * dilation[1],
        pixel * step + column * dilation[2],
        0,
        0,
        group * depth,
        (pixel * count + group) * taps + tap,
    )
    table = np.concatenate([np.broadcast_to(each, shape).ravel() for each in tables])
    return table.astype(np.int32)


@functools.lru_cache(maxsize=16)
def column_places(taps: int, channels: int, groups: int, offset_groups: int) -> Array:
    """Return for each group where its rows of weights (tap, channel) are among the columns.

    Columns come as (offset group, tap, channel of the offset group).
    """
    columns = np.arange(taps * channels).reshape(offset_groups, taps, -1)
    by_channel = columns.transpose(0, 2, 1).reshape(groups, -1, taps)
    return np.ascontiguousarray(by_channel.transpose(0, 2, 1)).reshape(groups, -1)
