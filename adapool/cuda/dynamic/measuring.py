"""How large the windows of an image are at most: what its tables are planned for."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda, int64

_add_stray = cuda_device(_formulas.add_stray)
_to_size = cuda_device(_formulas.to_size)


@cuda_kernel()
def measure_sizes(params: Any, columns: Any, limits: Any, largest: Any) -> None:
    """Find the largest size along each axis, and whether a value is not finite.

    Parameters
    ----------
    params : (n, P)
        Sizes; `columns` says which of P belong to plane, row and column (-1: an axis of one
        position without a size).
    limits : triple
        What sizes are clipped to.
    largest : (4,) int64
        Zeros; gets the largest sizes, and then 1 where a value of `params` is not finite.
    """
    found = cuda.shared.array(3, int64)
    if cuda.threadIdx.x == 0:
        found[0] = found[1] = found[2] = 0
    cuda.syncthreads()
    stray = np.int32(0)
    plane = row = column = 0
    for i in range(cuda.grid(1), params.shape[0], cuda.gridsize(1)):
        here = np.int32(0)
        for j in range(params.shape[1]):
            here = _add_stray(here, params[i, j])
        stray |= here
        if here == 0:
            if columns[0] >= 0:
                plane = max(plane, _to_size(params[i, columns[0]], limits[0]))
            row = max(row, _to_size(params[i, columns[1]], limits[1]))
            column = max(column, _to_size(params[i, columns[2]], limits[2]))
    if stray != 0:
        largest[3] = 1
    cuda.atomic.max(found, 0, plane)
    cuda.atomic.max(found, 1, row)
    cuda.atomic.max(found, 2, column)
    cuda.syncthreads()
    if cuda.threadIdx.x < 3:
        cuda.atomic.max(largest, cuda.threadIdx.x, found[cuda.threadIdx.x])


@cuda_kernel()
def measure_ellipses(
    given: Any, params: Any, columns: Any, most: Any, limits: Any, largest: Any
) -> None:
    """Find the largest box around an ellipse along each axis, and whether a value is not finite.

    Parameters
    ----------
    given : (n, P)
        What was given, which may be not finite.
    params : (n, Q)
        Extents, in the columns that `columns` names: the same, or what was made of it.
    most : triple of float64
        What sizes are clipped to.
    limits : triple
        The longest boxes that make a difference.
    largest : (4,) int64
        As in :func:`measure_sizes`.
    """
    found = cuda.shared.array(3, int64)
    if cuda.threadIdx.x == 0:
        found[0] = found[1] = found[2] = 0
    cuda.syncthreads()
    stray = np.int32(0)
    plane = row = column = 0
    for i in range(cuda.grid(1), params.shape[0], cuda.gridsize(1)):
        here = np.int32(0)
        for j in range(given.shape[1]):
            here = _add_stray(here, given[i, j])
        stray |= here
        if here == 0:
            if columns[0] >= 0:
                plane = max(plane, box_around(params[i, columns[0]], most[0], limits[0]))
            row = max(row, box_around(params[i, columns[1]], most[1], limits[1]))
            column = max(column, box_around(params[i, columns[2]], most[2], limits[2]))
    if stray != 0:
        largest[3] = 1
    cuda.atomic.max(found, 0, plane)
    cuda.atomic.max(found, 1, row)
    cuda.atomic.max(found, 2, column)
    cuda.syncthreads()
    if cuda.threadIdx.x < 3:
        cuda.atomic.max(largest, cuda.threadIdx.x, found[cuda.threadIdx.x])


@cuda_device
def box_around(size: Any, most: Any, limit: int) -> Any:
    """Return how long the box around an ellipse is along an axis, up to `limit`."""
    if not size > 0:
        return 0
    half = min(0.5 * min(float(size), most), float(limit))
    return min(2 * int(half) + 1, limit)
