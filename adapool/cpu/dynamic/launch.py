"""Windows of a size of their own: allocate results, and launch the kernels."""

from __future__ import annotations

import numpy as np

from adapool._backends import Array, Pooled, Triple, empty_value
from adapool._windows import size_limits
from adapool.cpu.dynamic import pooling
from adapool.cpu.fixed.launch import check_finite


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
    pooling.dynamic_max(
        image, sizes, columns, limits, centered, stride, fill, out, indices, work=out.size
    )
    return out, indices


def pool_sites(
    image: Array, positions: Array, sizes: Array, columns: Triple, centered: bool
) -> Array:
    """Pool a canonical image (1, plane, row, column, channel) at sites: (n, channel)."""
    out = np.empty((len(positions), image.shape[-1]), image.dtype)
    limits = size_limits(image.shape[1:4], None)
    pooling.site_max(
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
