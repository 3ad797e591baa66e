"""Windows of a size of their own: allocate results, launch the kernels, find the sites."""

from __future__ import annotations

import math

import numpy as np

from adapool import _arguments
from adapool._arguments import Array
from adapool._layout import Pooled, Triple, empty_value
from adapool._windows import size_limits
from adapool.cpu import dynamic, sites
from adapool.cpu.launch import FLAGS, check_finite

# Bands of rows that owners are painted in: more than there are threads, so that they are shared.
_PAINT_BANDS = 64

# Pixels whose parameters are checked at a time.
_CHECKED_PIXELS = 32


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
    check_finite("param_network", sizes)
    batch, *volume, channels = image.shape
    grid = [-(-n // s) for n, s in zip(volume, stride, strict=True)]
    out = np.empty((batch, *grid, channels), image.dtype)
    indices = np.empty(out.shape, np.int64) if with_indices else None
    fill = empty_value(image.dtype)
    dynamic.dynamic_max(
        image, sizes, columns, limits, centered, stride, fill, out, indices, work=out.size
    )
    return out, indices


def find_sites(params: Array, limits: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
    """Find the sites of (1, plane, row, column, 2d) parameters.

    Returns their positions, sizes and strides, (n, d) each, and the owners (plane, row, column).
    """
    params = params[0]
    _check_params(params)
    # Memory that the scan does not write to is never taken. It is sequential, so that the serial
    # twin is the only one that runs.
    columns = np.empty(params[..., 0].size, np.int32)
    starts = np.empty(math.prod(params.shape[:2]) + 1, np.int64)
    found = sites.find_sites(params, columns, starts, work=0)
    if found > np.iinfo(np.int32).max:
        _arguments.too_many_sites("param_network", found)
    fields = tuple(np.empty((found, len(limits)), np.int64) for _ in range(3))
    kept = np.empty(found, np.bool_)
    sites.read_sites(params, columns, starts, np.array(limits), *fields, kept, work=params.size)
    if not kept.any():
        _arguments.no_sites("param_network")

    positions, sizes, strides = fields
    numbers = np.arange(found, dtype=np.int32)
    if kept.all():
        return *fields, _paint(starts, positions, strides, numbers, params.shape[:3])
    numbers[kept] = np.arange(np.count_nonzero(kept))
    numbers[~kept] = -1
    owner = _paint(starts, positions, strides, numbers, params.shape[:3])
    return positions[kept], sizes[kept], strides[kept], owner


def _check_params(params: Array) -> None:
    """Raise ValueError unless all parameters are finite and all strides at least 1."""
    columns = params.shape[-1]
    dtype = params.dtype
    lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
    least = np.repeat([lowest, 1], columns // 2).astype(dtype)
    finite, enough = np.ones((2, FLAGS), np.bool_)
    pixels = np.tile(least, _CHECKED_PIXELS)
    sites.check_params(params.reshape(-1), pixels, finite, enough, work=params.size)
    if not finite.all():
        _arguments.not_finite("param_network")
    if not enough.all():
        _arguments.stride_below_one("param_network")


def _paint(
    starts: Array, positions: Array, strides: Array, numbers: Array, shape: tuple[int, ...]
) -> Array:
    """Paint the owners: an image of `shape`, (plane, row, column)."""
    depth, height, _ = shape
    owner = np.empty(shape, np.int32)
    bands = np.linspace(0, depth * height, min(_PAINT_BANDS, depth * height) + 1).astype(np.int64)
    # No box reaches further down than the largest one.
    planes = min(strides[:, 0].max(), depth) if len(strides[0]) == 3 else 1
    reach = (planes - 1) * height + min(strides[:, -2].max(), height)
    spans = np.stack([starts[np.maximum(bands[:-1] - reach + 1, 0)], starts[bands[1:]]], axis=-1)
    sites.paint_owners(positions, strides, numbers, bands, spans, owner, work=owner.size)
    return owner


def pool_sites(
    image: Array, positions: Array, sizes: Array, columns: Triple, centered: bool
) -> Array:
    """Pool a canonical image (1, plane, row, column, channel) at sites: (n, channel)."""
    out = np.empty((len(positions), image.shape[-1]), image.dtype)
    limits = size_limits(image.shape[1:4], None)
    dynamic.site_max(
        image,
        positions,
        sizes,
        columns,
        limits,
        centered,
        empty_value(image.dtype),
        out,
        work=image.size,
    )
    return out
