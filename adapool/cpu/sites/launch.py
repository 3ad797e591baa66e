"""Sites: find them, and paint the partition of the image among them."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._checks import predictions
from adapool.cpu.fixed.launch import FLAGS
from adapool.cpu.sites import bands, scan

# Bands of rows that owners are painted in: more than there are threads, so that they are shared.
_PAINT_BANDS = 64

# Pixels whose parameters are checked at a time.
_CHECKED_PIXELS = 32


def find_sites(params: Array, limits: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
    """Find the sites of (1, plane, row, column, 2d) parameters.

    Returns their positions, sizes and strides, (n, d) each, and the owners (plane, row, column).
    """
    params = params[0]
    _check_params(params)
    # Memory that the scan does not write to is never taken.
    columns = np.empty(params[..., 0].size, np.int32)
    starts = np.empty(math.prod(params.shape[:2]) + 1, np.int64)
    rows_until, jump = np.empty((2, params.shape[2]), np.int64)
    planes_until = np.zeros(params.shape[1:3] if params.shape[0] > 1 else (0, 0), np.int32)
    scan.find_sites(params, columns, starts, rows_until, jump, planes_until, work=0)
    found = int(starts[-1])
    if found > np.iinfo(np.int32).max:
        predictions.too_many_sites("param_network", found)
    fields = tuple(np.empty((found, len(limits)), np.int64) for _ in range(3))
    kept = np.empty(found, np.bool_)
    rows = starts.size - 1
    bounds = np.array(limits)
    scan.read_sites(params, columns, starts, bounds, *fields, kept, tasks=rows, work=params.size)
    count = np.count_nonzero(kept)
    if count == 0:
        predictions.no_sites("param_network")

    # Numbers go to sites that have a window, in their order.
    numbers = np.arange(found, dtype=np.int32)
    if count < found:
        numbers = np.where(kept, np.cumsum(kept, dtype=np.int32) - np.int32(1), np.int32(-1))
    positions, sizes, strides = fields
    owner = _paint(starts, positions, strides, numbers, params.shape[:3])
    if count == found:
        return positions, sizes, strides, owner
    return positions[kept], sizes[kept], strides[kept], owner


def _check_params(params: Array) -> None:
    """Raise ValueError unless all parameters are finite and all strides at least 1."""
    finite, enough = flags = np.ones((2, FLAGS), np.bool_)
    least = _least(params.dtype, params.shape[-1])
    flat = params.reshape(-1)
    scan.check_params(flat, least, finite, enough, tasks=FLAGS, work=params.size)
    if flags.all():
        return
    if not finite.all():
        predictions.not_finite("param_network")
    predictions.stride_below_one("param_network")


@functools.cache
def _least(dtype: np.dtype[Any], columns: int) -> Array:
    """Return the least that parameters of some pixels may be: sizes anything, strides 1."""
    lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
    return np.tile(np.repeat([lowest, 1], columns // 2).astype(dtype), _CHECKED_PIXELS)


def _paint(
    starts: Array, positions: Array, strides: Array, numbers: Array, shape: tuple[int, ...]
) -> Array:
    """Paint the owners: an image of `shape`, (plane, row, column)."""
    depth, height, _ = shape
    owner = np.empty(shape, np.int32)
    count = min(_PAINT_BANDS, depth * height)
    bands = np.arange(count + 1) * (depth * height) // count
    # No box reaches further down than the largest one.
    planes = min(strides[:, 0].max(), depth) if strides.shape[1] == 3 else 1
    reach = (planes - 1) * height + min(strides[:, -2].max(), height)
    first = starts[np.maximum(bands[:-1] - reach + 1, 0)]
    end = starts[bands[1:]]
    scan.paint_owners(
        positions, strides, numbers, bands, first, end, owner, tasks=count, work=owner.size
    )
    return owner


def carry_claims(
    positions: Array, strides: Array, numbers: Array, axis: int, volume: tuple[int, ...]
) -> tuple[Array, Array]:
    """Claim the pixels of a band of a volume for the sites of bands before it.

    Returns how deep the band is claimed, of length 1 along `axis`, and the owners.
    """
    claims = np.zeros([1 if i == axis else n for i, n in enumerate(volume)], np.int64)
    owner = np.full(volume, bands.FREE, np.int32)
    bands.carry_claims(positions, strides, numbers, axis, claims, owner, work=0)
    return claims, owner
