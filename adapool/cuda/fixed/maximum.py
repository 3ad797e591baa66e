"""Windows of one size: maxima, of values or of products with weights.

Two kernels. One visits the window of each output, for windows that do not overlap, for indices
and for weights per window. The other holds a tile of the image in shared memory, and pools it
along rows and then along columns: an image value is loaded about once, however large the windows.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool._windows import Windows
from adapool.cuda.target import cuda, from_dtype

_add_stray = cuda_device(_formulas.add_stray)
_exceeds = cuda_device(_formulas.exceeds)
_inside = cuda_device(_formulas.inside)


@cuda_device
def window_maximum(
    image: Any, size: Any, weights: Any, line: int, share: Any, place: Any, window: Any, one: Any
) -> Any:
    """Return the maximum over one window, and its pixel in the volume; -1 if there is none.

    Parameters
    ----------
    image : flat (batch, plane, row, column, channel)
    size : (plane, row, column, channel), lengths
    weights : None, or flat (row, 1 or channel)
    line : int
        Row of weights of the volume's first pixel, or of the first tap.
    share : (bool, int)
        Whether rows of weights belong to taps, and how many weights a row has.
    place : (batch, plane, row, column, channel) of the output
    window : (kernel, stride, dilation, origin), triples
    one : scalar
        1 in the dtype that products are taken in.
    """
    batch, plane, row, column, c = place
    (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    depth, height, width, channels = size
    by_tap, width_of_row = share
    volume = batch * depth * height * width
    number = type(one)
    best = number(0)
    winner = -1
    for a in range(kd):
        z = plane * sd + od + a * dd
        for b in range(kh):
            y = row * sh + oh + b * dh
            if _inside(z, depth) and _inside(y, height):
                begin = (z * height + y) * width
                for d in range(kw):
                    x = column * sw + ow + d * dw
                    if _inside(x, width):
                        # An index without a sign: one with a sign is tested for being negative.
                        value = number(image[np.uint64((volume + begin + x) * channels + c)])
                        if weights is not None:
                            k = line + ((a * kh + b) * kw + d if by_tap else begin + x)
                            k = k * width_of_row + (c if width_of_row > 1 else 0)
                            value *= number(weights[np.uint64(k)])
                        # In raster order the first of equals, or the first NaN, stands.
                        if winner < 0 or (_exceeds(value, best) and best == best):
                            best = value
                            winner = begin + x
    return best, winner


@functools.cache
def max_windows(weighted: bool, indexed: bool) -> Any:
    """Return the kernel that takes the maximum over `count` windows, in raster order.

    A thread takes one channel of one window; neighbours take neighbouring channels, then columns.
    The arguments are those of :func:`window_maximum`; `rows_of_weights` are used again from the
    start where there are fewer, `first` is the first window, `outputs` are the windows of a volume
    along each axis, `out` and `indices` flat (batch, plane, row, column, channel), and `fill` is
    the value of a window without a position. Only if `weighted` are `weights` looked at, and only
    if `indexed` are `indices`.
    """

    @cuda_kernel()
    def visit_windows(
        image: Any,
        size: Any,
        weights: Any,
        share: Any,
        rows_of_weights: int,
        first: int,
        count: int,
        window: Any,
        outputs: Any,
        one: Any,
        fill: Any,
        out: Any,
        indices: Any,
    ) -> None:
        planes, rows, columns = outputs
        depth, height, width, channels = size
        (kd, kh, kw), _, _, _ = window
        number = out.dtype.type
        per_item = kd * kh * kw if share[0] else depth * height * width
        for i in range(cuda.grid(1), count * channels, cuda.gridsize(1)):
            task, c = divmod(i, channels)
            rest, column = divmod(first + task, columns)
            rest, row = divmod(rest, rows)
            batch, plane = divmod(rest, planes)
            place = (batch, plane, row, column, c)
            if weighted:
                line = (task if share[0] else batch) * per_item % rows_of_weights
                best, winner = window_maximum(image, size, weights, line, share, place, window, one)
            else:
                best, winner = window_maximum(image, size, None, 0, share, place, window, one)
            at = np.uint64(first * channels + i)
            out[at] = fill if winner < 0 else number(best)
            if indexed:
                indices[at] = winner

    return visit_windows


@cuda_kernel()
def max_rows(
    image: Any, size: Any, items: int, window: Any, outputs: Any, one: Any, fill: Any, out: Any
) -> None:
    """Take the maximum over all windows of `items` images.

    Blocks are laid along rows, which saves divisions.
    """
    planes, rows, columns = outputs
    channels = size[3]
    for item in range(cuda.blockIdx.z, items * planes, cuda.gridDim.z):
        batch, plane = divmod(item, planes)
        for row in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
            begin = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
            for i in range(begin, columns * channels, cuda.gridDim.x * cuda.blockDim.x):
                column, c = divmod(i, channels)
                place = (batch, plane, row, column, c)
                best, winner = window_maximum(image, size, None, 0, (False, 1), place, window, one)
                at = np.uint64((item * rows + row) * columns * channels + i)
                out[at] = fill if winner < 0 else best


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

    Its arguments: the image, flat, and its `size` as (batch, plane, row, column * channel);
    weights, flat, of `weight_items` images; `channels`, those of a pixel, and `shared`,
    how many of them a weight serves; (kernel, stride, dilation, origin); `lowest`, the identity;
    the outputs of a tile, (rows, columns * channels); `out`, flat, and its `grid`, (plane, row,
    column * channel); and `flags`, which is set where a weight is not finite. Only if `weighted`
    are weights and flags looked at. Every window must have a position inside the volume.
    """
    kind = from_dtype(dtype)
    number = dtype.type

    @cuda_kernel(registers=128)
    def pool_tiles(
        image: Any,
        size: Any,
        weights: Any,
        weight_items: int,
        channels: int,
        shared: int,
        window: Any,
        lowest: Any,
        tile: Any,
        out: Any,
        grid: Any,
        flags: Any,
    ) -> None:
        (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
        batches, depth, height, line = size
        planes, rows, length = grid
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
                    space[np.uint32(result + i)] = lowest
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
                            at = ((batch * depth + z) * height + y) * line + x
                            value = number(image[np.uint64(at)])
                            if weighted:
                                at = ((batch % weight_items * depth + z) * height + y) * line + x
                                weight = weights[np.uint64(at // shared)]
                                strays = _add_stray(strays, weight)
                                value *= number(weight)
                        space[np.uint32(i)] = value
                    cuda.syncthreads()
                    for i in range(thread, in_rows * tile_line, threads):
                        j, k = divmod(i, tile_line)
                        column, c = divmod(k, channels)
                        begin = j * in_line + column * sw * channels + c
                        best = space[np.uint32(begin)]
                        for d in range(1, kw):
                            value = space[np.uint32(begin + d * dw * channels)]
                            if _exceeds(value, best):
                                best = value
                        space[np.uint32(pooled + i)] = best
                    cuda.syncthreads()
                    for i in range(thread, tile_rows * tile_line, threads):
                        j, k = divmod(i, tile_line)
                        best = space[np.uint32(result + i)]
                        for b in range(kh):
                            value = space[np.uint32(pooled + (j * sh + b * dh) * tile_line + k)]
                            if _exceeds(value, best):
                                best = value
                        space[np.uint32(result + i)] = best
                    # The next plane is loaded over what this one's rows no longer need; its rows
                    # are pooled after another barrier.
                for i in range(thread, tile_rows * tile_line, threads):
                    j, k = divmod(i, tile_line)
                    if top + j < rows and left + k < length:
                        at = (item * rows + top + j) * length + left + k
                        out[np.uint64(at)] = space[np.uint32(result + i)]
                cuda.syncthreads()
        if weighted and strays != 0:
            flags[0] = 1

    return pool_tiles
