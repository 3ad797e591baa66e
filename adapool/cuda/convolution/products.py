"""Columns times weights: through the caller's library, which has cuBLAS, or a tiled kernel here."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool._jit import cuda_kernel
from adapool.cuda import grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.memory import in_order
from adapool.cuda.target import cuda, from_dtype

# Columns of both factors that a block holds at a time.
DEPTH = 16

# Threads of a block along rows and columns of the result.
SIDE = 16


@functools.cache
def product_kernel(dtype: np.dtype[Any], tall: int, wide: int, biased: bool) -> Any:
    """Return the kernel for ``out = left @ right``, a tile of the result for each block.

    A thread sums `tall` x `wide` elements in registers, `SIDE` apart, so that of each value that
    it loads from shared memory it makes several products. If `biased`, ``bias`` is added.
    """
    kind = from_dtype(dtype)
    number = dtype.type
    rows, columns = SIDE * tall, SIDE * wide
    padded = DEPTH + 1  # so that no two rows begin in the same bank

    @cuda_kernel(registers=80 if dtype == np.float32 else 128)
    def multiply(left: Any, right: Any, bias: Any, out: Any) -> None:
        lefts = cuda.shared.array((rows, padded), kind)
        rights = cuda.shared.array((DEPTH, columns), kind)
        total = cuda.local.array((tall, wide), kind)
        height, depth = left.shape
        width = right.shape[1]
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        thread = y * SIDE + x
        bands = (height + rows - 1) // rows
        for band in range(cuda.blockIdx.y, bands, cuda.gridDim.y):
            top, first = band * rows, cuda.blockIdx.x * columns
            for j in range(tall):
                for k in range(wide):
                    total[j, k] = number(0)
            for begin in range(0, depth, DEPTH):
                for j in range(tall):
                    i = thread // DEPTH + j * SIDE
                    k = thread % DEPTH
                    there = top + i < height and begin + k < depth
                    lefts[i, k] = left[top + i, begin + k] if there else number(0)
                for j in range(wide):
                    k = x + j * SIDE
                    there = begin + y < depth and first + k < width
                    rights[y, k] = right[begin + y, first + k] if there else number(0)
                cuda.syncthreads()
                for k in range(DEPTH):
                    for j in range(tall):
                        value = lefts[y + j * SIDE, k]
                        for i in range(wide):
                            total[j, i] += value * rights[k, x + i * SIDE]
                cuda.syncthreads()
            for j in range(tall):
                for i in range(wide):
                    row, column = top + y + j * SIDE, first + x + i * SIDE
                    if row < height and column < width:
                        value = total[j, i]
                        if biased:
                            value += bias[column]
                        out[row, column] = value

    return multiply


def multiply(
    left: DeviceArray, right: DeviceArray, bias: DeviceArray | None, out: DeviceArray
) -> None:
    """Write ``left @ right + bias`` to `out`; rows of `right` and `out` may be apart."""
    with in_order(left, right, bias):
        if left.library.multiply(left, right, bias, out):
            return
    tall, wide = 4, 4 if right.shape[1] > SIDE else 1
    tiles = (-(-out.shape[1] // (SIDE * wide)), -(-out.shape[0] // (SIDE * tall)), 1)
    kernel = product_kernel(left.dtype, tall, wide, bias is not None)
    grids.over_tiles(kernel, tiles, (SIDE, SIDE), left, left, right, bias, out)
