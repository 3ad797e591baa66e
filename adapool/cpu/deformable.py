"""Deformable convolution: samples in columns, times weights, tile by tile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import prange

from adapool._arguments import Array
from adapool._jit import device, kernel
from adapool._layout import Triple
from adapool._windows import Windows
from adapool.cpu import _sampling
from adapool.cpu._blas import single_threaded_blas
from adapool.cpu._sampling import CHUNK, Rule, fill_taps, new_buffers, new_taps, sample_run

# Bytes of the columns of a tile: what the L2 cache of a core holds beside the image rows.
_TILE_BYTES = 1 << 20
_MOST_PIXELS = 1024
_FEWEST_PIXELS = 16

# Products a pixel from which on BLAS is faster than plain loops.
_BLAS_FROM = 128

# Positions are kept in 32 bits. Nothing is computed twice this far from the image.
_FARTHEST = 1 << 29

_RULES = {
    "linear": _sampling.LINEAR,
    "nearest": _sampling.NEAREST,
    "truncate": _sampling.TRUNCATE,
}


class Geometry(NamedTuple):
    """Triples; tap t of output o is at ``o * stride + origin + t * dilation``."""

    kernel: Any
    stride: Any
    dilation: Any
    origin: Any
    first: Any  # output of the block


class Shape(NamedTuple):
    """Extents: of the image, channels last, and of the grid and the block, batch first."""

    image: Any
    grid: Any
    block: Any
    width: Any  # offsets of a pixel
    samples: Any  # samples of a pixel


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
) -> None:
    """Convolve a block of the output grid.

    Parameters
    ----------
    image : (B, D, H, W, C) array
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
    """
    geometry = Geometry(windows.kernel, windows.stride, windows.dilation, windows.origin, first)
    taps = windows.taps
    channels, filters = weights.shape[-2] * groups, out.shape[-1]
    samples = offset_groups * taps
    columns = taps * channels
    width = offsets.shape[-1]
    ndim = 3 if width in (3, 3 * samples) else 2
    shared = width == ndim
    _check_extents(image.shape[1:4], geometry, out.shape[1:4])

    number = np.float32 if offsets.dtype == np.float32 else np.float64
    limit = np.minimum(max_offset, 2.0 * _FARTHEST).astype(number)
    rule = Rule(_RULES[interpolation], ndim, limit)
    index = np.empty(0, np.int32 if math.prod(image.shape[1:]) < 1 << 31 else np.int64)
    by_blas = columns // groups * (filters // groups) >= _BLAS_FROM
    if mask is None:
        mask = np.empty(0, out.dtype)
    if bias is None:
        bias = np.zeros(filters, out.dtype)
    places = _places(taps, channels, groups, offset_groups)
    pixels = math.prod(out.shape[:-1])
    tile = _TILE_BYTES // (columns * out.itemsize) // 16 * 16
    tile = min(max(tile, _FEWEST_PIXELS), _MOST_PIXELS, pixels)
    tiles = -(-pixels // tile)
    grouped = weights.reshape(-1, groups, filters // groups).transpose(1, 0, 2)
    if by_blas and groups == 1:
        # Rows in the order of the columns, so that a tile is multiplied as it is.
        grouped = grouped[:, np.argsort(places[0])]
    arguments = (
        image.reshape(-1),
        offsets.reshape(-1),
        mask.reshape(-1),
        np.ascontiguousarray(grouped),
        bias,
        tuple(map(np.int32, image.shape[1:])),
        (*offsets.shape, *out.shape[:4], samples),
        sum(geometry, ()),
        rule,
        (offset_groups, channels // offset_groups),
        0 if shared else ndim,
        places,
        index,
        by_blas,
        tile,
        min(numba.get_num_threads(), tiles),
        out.reshape(-1, filters),
    )
    work = pixels * columns * (filters // groups + 8)
    if by_blas:
        with single_threaded_blas():
            _convolve(*arguments, work=work)
    else:
        _convolve(*arguments, work=work)


def _check_extents(size: tuple[int, ...], geometry: Geometry, outputs: tuple[int, ...]) -> None:
    """Raise ValueError where positions would not fit 32 bits."""
    for axis in range(3):
        last = (geometry.first[axis] + outputs[axis]) * geometry.stride[axis]
        reach = geometry.kernel[axis] * geometry.dilation[axis] - geometry.origin[axis]
        if max(size[axis], last + reach) >= _FARTHEST:
            raise ValueError(
                f"feature_map must have axes shorter than {_FARTHEST} pixels, got {size}"
            )


def _places(taps: int, channels: int, groups: int, offset_groups: int) -> Array:
    """Return for each group where its rows of weights (tap, channel) are among the columns.

    Columns come as (offset group, tap, channel of the offset group).
    """
    columns = np.arange(taps * channels, dtype=np.int64)
    by_channel = (
        columns.reshape(offset_groups, taps, -1).transpose(0, 2, 1).reshape(groups, -1, taps)
    )
    return np.ascontiguousarray(by_channel.transpose(0, 2, 1)).reshape(groups, -1)


@device
def _multiply(columns: Any, weights: Any, bias: Any, places: Any, by_blas: Any, out: Any) -> None:
    """Multiply the columns of a tile by the weights: (pixel, column) by (group, column, filter)."""
    groups, rows, filters = weights.shape
    pixels, width = out.shape[0], groups * rows
    if by_blas and groups == 1:
        np.dot(columns.reshape(pixels, width), weights[0], out)
        for p in range(pixels):
            for f in range(filters):
                out[p, f] += bias[f]
    elif by_blas:
        packed = np.empty((pixels, rows), columns.dtype)
        product = np.empty((pixels, filters), columns.dtype)
        for group in range(groups):
            for p in range(pixels):
                for r in range(rows):
                    packed[p, r] = columns[p * width + places[group, r]]
            np.dot(packed, weights[group], product)
            for p in range(pixels):
                for f in range(filters):
                    out[p, group * filters + f] = product[p, f] + bias[group * filters + f]
    elif filters < 4:
        for p in range(pixels):
            for group in range(groups):
                for f in range(filters):
                    total = bias[group * filters + f]
                    for r in range(rows):
                        total += columns[p * width + places[group, r]] * weights[group, r, f]
                    out[p, group * filters + f] = total
    else:
        for p in range(pixels):
            for group in range(groups):
                line = out[p, group * filters : (group + 1) * filters]
                for f in range(filters):
                    line[f] = bias[group * filters + f]
                for r in range(rows):
                    value = columns[p * width + places[group, r]]
                    for f in range(filters):
                        line[f] += value * weights[group, r, f]


@device
def _sample_tile(
    image: Any,
    offsets: Any,
    mask: Any,
    shape: Any,
    geometry: Any,
    rule: Any,
    first: int,
    taps: Any,
    buffers: Any,
    depth: int,
    columns: Any,
) -> None:
    """Fill the columns of a tile, which begins at pixel `first` of the block, row by row."""
    size, grid, block, width, samples = shape
    pixels = columns.size // (samples * depth)
    longest = taps.source.size // samples
    volume = size[0] * size[1] * size[2] * size[3]
    done = 0
    while done < pixels:
        rest, x = divmod(first + done, block[3])
        rest, y = divmod(rest, block[2])
        item, z = divmod(rest, block[1])
        run = min(block[3] - x, pixels - done, longest)
        z, y, x = z + geometry.first[0], y + geometry.first[1], x + geometry.first[2]
        start = (
            np.int32(z * geometry.stride[0] + geometry.origin[0]),
            np.int32(y * geometry.stride[1] + geometry.origin[1]),
            np.int32(x * geometry.stride[2] + geometry.origin[2]),
        )
        place = (z * grid[2] + y) * grid[3] + x
        points = grid[1] * grid[2] * grid[3]
        at = place + item % grid[0] * points
        sample_run(
            image[item * volume :],
            size,
            offsets[at * width : (at + run) * width],
            mask[at * samples : (at + run) * samples],
            start,
            taps,
            rule,
            buffers,
            depth,
            columns[done * samples * depth : (done + run) * samples * depth],
        )
        done += run


@kernel
def _convolve(
    image: Any,
    offsets: Any,
    mask: Any,
    weights: Any,
    bias: Any,
    size: Any,
    extents: Any,
    triples: Any,
    rule: Any,
    groups: Any,
    per_sample: int,
    places: Any,
    index: Any,
    by_blas: Any,
    tile: int,
    shares: int,
    out: Any,
) -> None:
    """Convolve all tiles; which ones a thread takes has no influence on the result."""
    pixels = out.shape[0]
    tiles = (pixels + tile - 1) // tile
    samples = extents[9]
    depth = groups[1]
    for share in prange(shares):
        # Tuples of tuples cannot enter a parallel region: they are made inside.
        shape = Shape(size, extents[0:4], extents[5:9], extents[4], samples)
        geometry = Geometry(triples[0:3], triples[3:6], triples[6:9], triples[9:12], triples[12:15])
        buffers = new_buffers(out, index)
        taps = new_taps(max(1, CHUNK // samples) * samples)
        fill_taps(
            taps,
            geometry.kernel,
            geometry.dilation,
            geometry.stride[2],
            groups,
            (per_sample, shape.width),
        )
        columns = np.empty(tile * samples * depth, out.dtype)
        for t in range(share * tiles // shares, (share + 1) * tiles // shares):
            first = t * tile
            last = min(first + tile, pixels)
            part = columns[: (last - first) * samples * depth]
            _sample_tile(
                image, offsets, mask, shape, geometry, rule, first, taps, buffers, depth, part
            )
            _multiply(part, weights, bias, places, by_blas, out[first:last])
