"""Windows of one size: maxima, of values or of products with weights.

Two kernels. One visits the window of each output, for windows that do not overlap, for indices
and for weights per window. The other holds a tile of the image in shared memory, and pools it
along rows and then along columns: an image value is loaded about once, however large the windows.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import cuda, from_dtype

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool._windows import Windows

_add_stray = cuda_device(_formulas.add_stray)
_exceeds = cuda_device(_formulas.exceeds)
_inside = cuda_device(_formulas.inside)


@cuda_device
def window_maximum(
    image: Any, weights: Any, line: int, step: int, place: Any, window: Any, one: Any
) -> Any:
    """Return the maximum over one window, and its pixel in the volume; -1 if there is none.

    Parameters
    ----------
    image : (batch, plane, row, column, channel)
    weights : None, or (rows, 1 or channel)
    line, step : int
        Row of weights of the volume's first pixel and 1, or of the first tap and 0: then rows
        belong to taps. Rows are used again from the start where there are fewer.
    place : (batch, plane, row, column, channel) of the output
    window : (kernel, stride, dilation, origin), triples
    one : scalar
        1 in the dtype that products are taken in.
    """
    batch, plane, row, column, c = place
    (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    _, depth, height, width, _ = image.shape
    number = type(one)
    best = number(0)
    winner = -1
    tap = -1
    for a in range(kd):
        z = plane * sd + od + a * dd
        for b in range(kh):
            y = row * sh + oh + b * dh
            for d in range(kw):
                x = column * sw + ow + d * dw
                tap += 1
                if _inside(z, depth) and _inside(y, height) and _inside(x, width):
                    pixel = (z * height + y) * width + x
                    value = number(image[batch, z, y, x, c])
                    if weights is not None:
                        k = (line + (pixel if step == 1 else tap)) % weights.shape[0]
                        value *= number(weights[k, c % weights.shape[1]])
                    # In raster order the first of equals, or the first NaN, stands.
                    if winner < 0 or (_exceeds(value, best) and best == best):
                        best = value
                        winner = pixel
    return best, winner


@cuda_kernel
def max_windows(
    image: Any,
    weights: Any,
    per_window: bool,
    first: int,
    count: int,
    window: Any,
    one: Any,
    fill: Any,
    out: Any,
    indices: Any,
) -> None:
    """Take the maximum over `count` windows from `first` on, in raster order.

    A thread takes one channel of one window; neighbours take neighbouring channels, then columns.
    The arguments are those of :func:`window_maximum`; `out` and `indices`, which may be None, are
    (batch, plane, row, column, channel), `fill` the value of a window without a position.
    """
    _, planes, rows, columns, channels = out.shape
    _, depth, height, width, _ = image.shape
    (kd, kh, kw), _, _, _ = window
    number = out.dtype.type
    for i in range(cuda.grid(1), count * channels, cuda.gridsize(1)):
        task, c = divmod(i, channels)
        rest, column = divmod(first + task, columns)
        rest, row = divmod(rest, rows)
        batch, plane = divmod(rest, planes)
        line = task * kd * kh * kw if per_window else batch * depth * height * width
        place = (batch, plane, row, column, c)
        step = 0 if per_window else 1
        best, winner = window_maximum(image, weights, line, step, place, window, one)
        out[batch, plane, row, column, c] = fill if winner < 0 else number(best)
        if indices is not None:
            indices[batch, plane, row, column, c] = winner


@cuda_kernel
def max_rows(image: Any, window: Any, one: Any, fill: Any, out: Any) -> None:
    """Take the maximum over all windows; blocks are laid along rows, which saves divisions."""
    batches, planes, rows, columns, channels = out.shape
    for item in range(cuda.blockIdx.z, batches * planes, cuda.gridDim.z):
        batch, plane = divmod(item, planes)
        for row in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
            begin = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
            for i in range(begin, columns * channels, cuda.gridDim.x * cuda.blockDim.x):
                column, c = divmod(i, channels)
                place = (batch, plane, row, column, c)
                best, winner = window_maximum(image, None, 0, 0, place, window, one)
                out[batch, plane, row, column, c] = fill if winner < 0 else best


def tile_elements(geometry: Windows, rows: int, columns: int, channels: int) -> int:
    """Count the elements of shared memory that a tile of outputs takes."""
    in_rows, in_columns = (
        (n - 1) * geometry.stride[axis] + geometry.span[axis]
        for axis, n in ((1, rows), (2, columns))
    )
    return (in_rows * (in_columns + columns) + rows * columns) * channels


@functools.cache
def max_tiles(dtype: np.dtype[Any], weighted: bool) -> Any:
    """Return the kernel that pools tiles in shared memory, computing in `dtype`.

    Its arguments: the image as (batch, plane, row, column * channel); weights, (batch or 1,
    plane, row, column * (1 or channel)), or None; `channels`, those of a pixel, and `shared`,
    how many of them a weight serves; (kernel, stride, dilation, origin); `lowest`, the identity;
    the outputs of a tile, (rows, columns * channels); `out` like the image; and `flags`, which is
    set where a weight is not finite. Every window must have a position inside the volume.
    """
    kind = from_dtype(dtype)
    number = dtype.type

    @cuda_kernel
    def pool_tiles(
        image: Any,
        weights: Any,
        channels: int,
        shared: int,
        window: Any,
        lowest: Any,
        tile: Any,
        out: Any,
        flags: Any,
    ) -> None:
        (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
        _, depth, height, line = image.shape
        batches, planes, rows, length = out.shape
        tile_rows, tile_line = tile
        threads = cuda.blockDim.x * cuda.blockDim.y
        thread = cuda.threadIdx.y * cuda.blockDim.x + cuda.threadIdx.x
        in_rows = (tile_rows - 1) * sh + (kh - 1) * dh + 1
        in_line = ((tile_line // channels - 1) * sw + (kw - 1) * dw + 1) * channels
        # Pixels with their halo, maxima along rows, and the maxima of the tile.
        space = cuda.shared.array(0, kind)
        pooled = in_rows * in_line
        result = pooled + in_rows * tile_line
        strays = np.int32(0)
        left = cuda.blockIdx.x * tile_line
        for item in range(cuda.blockIdx.z, batches * planes, cuda.gridDim.z):
            batch, plane = divmod(item, planes)
            for band in range(cuda.blockIdx.y, (rows + tile_rows - 1) // tile_rows, cuda.gridDim.y):
                top = band * tile_rows
                for i in range(thread, tile_rows * tile_line, threads):
                    space[result + i] = lowest
                for a in range(kd):
                    z = plane * sd + od + a * dd
                    if not _inside(z, depth):
                        continue  # for all threads of the block alike
                    for i in range(thread, in_rows * in_line, threads):
                        j, k = divmod(i, in_line)
                        y = top * sh + oh + j
                        x = (left // channels * sw + ow) * channels + k
                        value = lowest
                        if _inside(y, height) and _inside(x, line):
                            value = number(image[batch, z, y, x])
                            if weighted:
                                weight = weights[batch % weights.shape[0], z, y, x // shared]
                                strays = _add_stray(strays, weight)
                                value *= number(weight)
                        space[i] = value
                    cuda.syncthreads()
                    for i in range(thread, in_rows * tile_line, threads):
                        j, k = divmod(i, tile_line)
                        column, c = divmod(k, channels)
                        begin = j * in_line + column * sw * channels + c
                        best = space[begin]
                        for d in range(1, kw):
                            value = space[begin + d * dw * channels]
                            if _exceeds(value, best):
                                best = value
                        space[pooled + i] = best
                    cuda.syncthreads()
                    for i in range(thread, tile_rows * tile_line, threads):
                        j, k = divmod(i, tile_line)
                        best = space[result + i]
                        for b in range(kh):
                            value = space[pooled + (j * sh + b * dh) * tile_line + k]
                            if _exceeds(value, best):
                                best = value
                        space[result + i] = best
                    # The next plane is loaded over what this one's rows no longer need; its rows
                    # are pooled after another barrier.
                for i in range(thread, tile_rows * tile_line, threads):
                    j, k = divmod(i, tile_line)
                    if top + j < rows and left + k < length:
                        out[batch, plane, top + j, left + k] = space[result + i]
                cuda.syncthreads()
        if strays != 0:
            flags[0] = 1

    return pool_tiles
