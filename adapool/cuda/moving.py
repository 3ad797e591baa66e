"""Kernels that copy arrays of any strides to C order, converting their elements."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool._jit import cuda_kernel
from adapool.cuda.target import cuda, from_dtype

# Side of a tile, and threads along its columns.
SIDE, DOWN = 32, 8

# The longest last axis whose elements a thread writes one after the other.
SHORT = 8


@cuda_kernel()
def convert(source: Any, out: Any) -> None:
    """Copy a flat array."""
    number = out.dtype.type
    i, step = np.int64(cuda.grid(1)), np.int64(cuda.gridsize(1))
    while i < out.size:
        out[np.uint64(i)] = number(source[np.uint64(i)])
        i += step


@functools.cache
def copy_elements(index: Any) -> Any:
    """Return the kernel that copies an array (a, b, c, d) of any strides to a flat one."""
    place = np.uint32 if index is np.int32 else np.uint64

    @cuda_kernel()
    def copy(source: Any, out: Any) -> None:
        number = out.dtype.type
        _, second, third, fourth = source.shape
        i, step = index(cuda.grid(1)), index(cuda.gridsize(1))
        while i < out.size:
            rest = index(place(i) // place(fourth))
            d = index(i - rest * fourth)
            above = index(place(rest) // place(third))
            c = index(rest - above * third)
            a = index(place(above) // place(second))
            b = index(above - a * second)
            value = source[np.uint64(a), np.uint64(b), np.uint64(c), np.uint64(d)]
            out[place(i)] = number(value)
            i = index(i + step)

    return copy


@functools.cache
def transpose(dtype: np.dtype[Any], short: bool) -> Any:
    """Return the kernel that copies arrays whose last axis is not the one that is dense in memory.

    A tile of both goes through shared memory, so that reads and writes are of neighbours; where the
    last axis is `short`, a thread writes its elements. Its arguments: the source, flat, from its
    first element on; `shape`, lengths of two axes, of that which is dense and of the last one;
    `far` and `away`, elements from one to the next in the source and in `out`, of the same axes;
    `tiles` along the last axis.
    """
    kind = from_dtype(dtype)
    wide = SIDE + 1  # so that no two rows begin in the same bank

    @cuda_kernel()
    def move_tiles(source: Any, shape: Any, far: Any, away: Any, tiles: int, out: Any) -> None:
        number = out.dtype.type
        tile = cuda.shared.array((SIDE, wide), kind)
        x, y = np.int64(cuda.threadIdx.x), np.int64(cuda.threadIdx.y)
        block = np.int64(cuda.blockIdx.x)
        dense, last = block // tiles * SIDE, block % tiles * SIDE
        a = np.int64(cuda.blockIdx.z)
        while a < shape[0]:
            b = np.int64(cuda.blockIdx.y)
            while b < shape[1]:
                come, go = a * far[0] + b * far[1], a * away[0] + b * away[1]
                cuda.syncthreads()
                for r in range(0, SIDE, DOWN):
                    if dense + x < shape[2] and last + y + r < shape[3]:
                        at = come + dense + x + (last + y + r) * far[3]
                        tile[y + r, x] = source[np.uint64(at)]
                cuda.syncthreads()
                for r in range(0, SIDE, DOWN):
                    if dense + y + r < shape[2] and last + x < shape[3]:
                        at = go + (dense + y + r) * away[2] + last + x
                        out[np.uint64(at)] = number(tile[x, y + r])
                b += cuda.gridDim.y
            a += cuda.gridDim.z

    @cuda_kernel()
    def interleave(source: Any, shape: Any, far: Any, away: Any, tiles: int, out: Any) -> None:
        number = out.dtype.type
        dense = np.int64(cuda.blockIdx.x) * cuda.blockDim.x + cuda.threadIdx.x
        a = np.int64(cuda.blockIdx.z)
        while a < shape[0] and dense < shape[2]:
            b = np.int64(cuda.blockIdx.y)
            while b < shape[1]:
                come = a * far[0] + b * far[1] + dense
                go = a * away[0] + b * away[1] + dense * away[2]
                for n in range(shape[3]):
                    out[np.uint64(go + n)] = number(source[np.uint64(come + n * far[3])])
                b += cuda.gridDim.y
            a += cuda.gridDim.z

    return interleave if short else move_tiles
