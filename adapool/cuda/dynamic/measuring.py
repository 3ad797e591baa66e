"""How large the windows of an image are at most: what its tables are planned for."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._backends import Triple
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda, from_dtype, int64

_add_stray = cuda_device(_formulas.add_stray)
_to_size = cuda_device(_formulas.to_size)
_to_short_size = cuda_device(_formulas.to_short_size)

# Pixels of a thread whose parameters are under way at the same time.
_AT_ONCE = 4


@functools.cache
def measure_sizes(columns: Triple, width: int, index: Any) -> Any:
    """Return the kernel that finds the largest size along each axis, and what is not finite.

    `columns` says which of the `width` parameters of a pixel belong to plane, row and column (-1:
    an axis of one position without a size); `index` is the type that sizes are compared in. The
    kernel takes the parameters, flat; how many pixels there are; what sizes are clipped to; and
    `largest`, (4,) zeros of `index`, which gets the largest sizes, and then 1 where a value is not
    finite.
    """
    in_z, in_y, in_x = columns
    to_size = _to_short_size if index is np.int32 else _to_size
    kind = from_dtype(np.dtype(index))

    @cuda_kernel()
    def measure(params: Any, pixels: int, limits: Any, largest: Any) -> None:
        found = cuda.shared.array(3, kind)
        if cuda.threadIdx.x < 3:
            found[cuda.threadIdx.x] = 0
        cuda.syncthreads()
        stray = np.int32(0)
        plane = row = column = index(0)
        deep, tall, wide = index(limits[0]), index(limits[1]), index(limits[2])
        i, step = np.int64(cuda.grid(1)), np.int64(cuda.gridsize(1))
        while i < pixels:
            for u in range(_AT_ONCE):
                at = np.uint64(min(i + u * step, np.int64(pixels - 1)) * width)
                here = np.int32(0)
                for j in range(width):
                    here = _add_stray(here, params[np.uint64(at + np.uint64(j))])
                stray |= here
                if here == 0:
                    if in_z >= 0:
                        size = to_size(params[np.uint64(at + np.uint64(in_z))], deep)
                        plane = index(max(plane, size))
                    row = index(max(row, to_size(params[np.uint64(at + np.uint64(in_y))], tall)))
                    size = to_size(params[np.uint64(at + np.uint64(in_x))], wide)
                    column = index(max(column, size))
            i += _AT_ONCE * step
        if stray != 0:
            largest[3] = 1
        cuda.atomic.max(found, 0, plane)
        cuda.atomic.max(found, 1, row)
        cuda.atomic.max(found, 2, column)
        cuda.syncthreads()
        if cuda.threadIdx.x < 3:
            cuda.atomic.max(largest, cuda.threadIdx.x, found[cuda.threadIdx.x])

    return measure


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
