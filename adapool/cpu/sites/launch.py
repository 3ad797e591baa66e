"""Sites: find them, and paint the partition of the image among them."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from adapool._backends import Array
from adapool._checks import predictions
from adapool.cpu.fixed.launch import FLAGS
from adapool.cpu.sites import bands, scan

# Bands of rows that owners are painted in: more than there are threads, so that they are shared.
_PAINT_BANDS = 64

# Pixels whose parameters are checked at a time.
_CHECKED_PIXELS = 32


class BandSites(NamedTuple):
    """All sites of a band, whether they have a window or not, and the owners of its pixels."""

    positions: Array
    sizes: Array
    strides: Array
    kept: Array
    numbers: Array
    owner: Array


def find_sites(params: Array, limits: tuple[int, ...]) -> tuple[Array, Array, Array, Array]:
    """Find the sites of (1, plane, row, column, 2d) parameters.

    Returns their positions, sizes and strides, (n, d) each, and the owners (plane, row, column).
    """
    found = find_sites_of_band(params, limits)
    positions, sizes, strides, kept, _, owner = found
    count = np.count_nonzero(kept)
    if count == 0:
        predictions.no_sites("param_network")
    if count == len(kept):
        return positions, sizes, strides, owner
    return positions[kept], sizes[kept], strides[kept], owner


def find_sites_of_band(
    params: Array,
    limits: tuple[int, ...],
    claimed: tuple[Array, Array, Array] | None = None,
    count: int = 0,
) -> BandSites:
    """Find the sites of a band of an image; positions are relative to the band.

    `claimed` are the positions, strides (n, 3) and numbers of sites of earlier bands that reach
    into this one, the oldest first; `count` is how many sites with a window there are in those.
    """
    params = params[0]
    _check_params(params)
    depth, height, width, _ = params.shape
    # Memory that the scan does not write to is never taken.
    columns = np.empty(params[..., 0].size, np.int32)
    starts = np.empty(depth * height + 1, np.int64)
    rows_until, jump = np.zeros((2, width), np.int64)
    by_plane = depth > 1 or (claimed is not None and len(limits) == 3)
    planes_until = np.zeros((height, width) if by_plane else (0, 0), np.int32)
    if claimed is not None:
        jump[:] = np.arange(1, width + 1)
        until = planes_until if by_plane else rows_until[np.newaxis]
        bands.carry_claims(*claimed[:2], 3 - len(limits), until, work=0)
    scan.find_sites(params, columns, starts, rows_until, jump, planes_until, work=0)
    found, most = int(starts[-1]), np.iinfo(np.int32).max
    if found > most:
        predictions.too_many_sites("param_network", found)
    positions, sizes, strides = (np.empty((found, len(limits)), np.int64) for _ in range(3))
    kept = np.empty(found, np.bool_)
    rows = starts.size - 1
    bounds = np.array(limits)
    fields = positions, sizes, strides, kept
    scan.read_sites(params, columns, starts, bounds, *fields, tasks=rows, work=params.size)

    # Numbers go to sites that have a window, in their order.
    windows = int(np.count_nonzero(kept))
    if count + windows > most:
        predictions.too_many_sites("param_network", count + windows)
    if windows == found:
        numbers = np.arange(count, count + found, dtype=np.int32)
    else:
        ranks = np.cumsum(kept, dtype=np.int32) + np.int32(count - 1)
        numbers = np.where(kept, ranks, np.int32(-1))
    owner = np.empty(params.shape[:3], np.int32)
    _paint(starts, positions, strides, numbers, owner)
    if claimed is not None:
        _paint(None, *claimed, owner)
    return BandSites(*fields, numbers, owner)


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
    starts: Array | None, positions: Array, strides: Array, numbers: Array, owner: Array
) -> None:
    """Paint the owners (plane, row, column) over what is there.

    `starts` has the first site of each row; None for sites that any row may have.
    """
    if len(positions) == 0:
        return
    depth, height, _ = owner.shape
    count = min(_PAINT_BANDS, depth * height)
    bands = np.arange(count + 1) * (depth * height) // count
    if starts is None:
        first, end = np.zeros(count, np.int64), np.full(count, len(positions))
    else:
        # No box reaches further down than the largest one.
        planes = min(strides[:, 0].max(), depth) if strides.shape[1] == 3 else 1
        reach = (planes - 1) * height + min(strides[:, -2].max(), height)
        first = starts[np.maximum(bands[:-1] - reach + 1, 0)]
        end = starts[bands[1:]]
    scan.paint_owners(
        positions, strides, numbers, bands, first, end, owner, tasks=count, work=owner.size
    )
