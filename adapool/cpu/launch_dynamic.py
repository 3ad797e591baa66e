"""Windows of a size of their own: allocate results, launch the kernels, find the sites."""

from __future__ import annotations

import numpy as np

from adapool import _arguments
from adapool._arguments import Array
from adapool._layout import Pooled, Triple, empty_value
from adapool._windows import size_limits
from adapool.cpu import bands, dynamic, sites
from adapool.cpu.launch import FLAGS, check_finite

# Bands of rows that owners are painted in; each passes over all sites before it.
_PAINT_BANDS = 16


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
    finite, positive = np.ones((2, FLAGS), np.bool_)
    sites.check_strides(params.reshape(-1, params.shape[-1]), finite, positive, work=params.size)
    if not finite.all():
        _arguments.not_finite("param_network")
    if not positive.all():
        _arguments.stride_below_one("param_network")

    bounds = np.array(limits)
    owner = np.full(params.shape[:3], sites.UNCLAIMED, np.int32)
    # Counted first and then written: a scan costs less than arrays of a guessed size would. It is
    # sequential, so that the serial twin is the only one that runs.
    nothing = np.empty((0, len(limits)), np.int64)
    found, kept = sites.find_sites(params, bounds, nothing, nothing, nothing, owner, work=0)
    if found > -2 - sites.UNCLAIMED:
        _arguments.too_many_sites("param_network", found)
    if kept == 0:
        _arguments.no_sites("param_network")
    positions, sizes, strides = (np.empty((kept, len(limits)), np.int64) for _ in range(3))
    sites.find_sites(params, bounds, positions, sizes, strides, owner, work=0)
    sites.paint_owners(positions, strides, _PAINT_BANDS, owner, work=owner.size)
    return positions, sizes, strides, owner


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
