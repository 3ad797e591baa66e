"""Gradients of a deformable convolution: from outputs to columns, and from columns to all else.

A block of outputs is taken in two steps. The first goes tile by tile: gradients of columns are
products with the weights, and give those of displacements, mask and weights at once. The second
adds the columns to the image, in bands of its rows that no two threads share: each goes through the
samples in their order, so that no sum depends on how many bands there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel
from adapool.cpu._memory import apart
from adapool.cpu.convolution.matrices import add_transposed, multiply_matrices
from adapool.cpu.convolution.places import (
    ABOVE,
    BACK,
    BELOW,
    CHUNK,
    COLUMNS,
    FRONT,
    LEFT,
    LINE,
    LINEAR,
    RIGHT,
    TABLES,
    locate,
)
from adapool.cpu.convolution.sampling import blend_narrow, blend_wide
from adapool.cpu.convolution.slopes import (
    EXTRA,
    MOVES,
    VALUES,
    combine,
    find_slopes,
    sum_narrow,
    sum_wide,
)

_load, _store = apart("adjoint")


@device
def _run(pixel: int, end: int, grid: Any, start: Any, stride: Any, most: int) -> Any:
    """Return how many pixels of a row to take at once, and where the first tap of the first is."""
    row = pixel // grid[2]
    x, y, z = pixel - row * grid[2], row % grid[1], row // grid[1]
    origin = (
        np.int32(z * stride[0] + start[0]),
        np.int32(y * stride[1] + start[1]),
        np.int32(x * stride[2] + start[2]),
    )
    return min(grid[2] - x, end - pixel, most), origin


@device
def _pull_columns(
    blas: Any, cotangent: Any, weights: Any, shape: Any, factors: Any, depth: int, places: Any,
    span: Any, pack: int, work: Any, columns: Any,
) -> None:  # fmt: skip
    """Write the gradients of the columns of a tile, `span` (first pixel of the block, pixels)."""
    first, pixels = span
    groups, filters, rows = shape
    width = groups * rows
    if factors is not None:
        channels = groups
        for p in range(first, first + pixels):
            at = p * width
            for group in range(0, channels, depth):
                for tap in range(rows):
                    for i in range(depth):
                        value = _load(cotangent, p * channels + group, i)
                        factor = _load(factors, tap * channels + group, i)
                        _store(columns, at, i, value * factor)
                    at += depth
    if weights is not None:
        if groups == 1:
            multiply_matrices(
                blas, cotangent, first * filters, weights, 0, columns, first * width,
                pixels, filters, rows, rows, 0,
            )  # fmt: skip
            return
        product = pack + pixels * filters
        for group in range(groups):
            for p in range(pixels):
                at = ((first + p) * groups + group) * filters
                for f in range(filters):
                    work[pack + p * filters + f] = cotangent[at + f]
            multiply_matrices(
                blas, work, pack, weights, group * filters * rows, work, product,
                pixels, filters, rows, rows, 0,
            )  # fmt: skip
            for p in range(pixels):
                for r in range(rows):
                    at = (first + p) * width + places[group, r]
                    columns[at] = work[product + p * rows + r]


@device
def _pull_weights(
    blas: Any, cotangent: Any, shape: Any, summed: bool, depth: int, places: Any, span: Any,
    pack: int, work: Any, total: Any, at: int,
) -> None:  # fmt: skip
    """Add what a tile gives to the gradient of the weights, which begins at `at` of `total`."""
    first, pixels = span
    groups, filters, rows = shape
    if summed:
        begin = COLUMNS
        for p in range(first, first + pixels):
            for group in range(0, groups, depth):
                for tap in range(rows):
                    place = at + tap * groups + group
                    for i in range(depth):
                        value = work[begin + i] * _load(cotangent, p * groups + group, i)
                        _store(total, place, i, total[place + i] + value)
                    begin += depth
        return
    if groups == 1:
        add_transposed(
            blas, work, COLUMNS, cotangent, first * filters, total, at, rows, pixels, filters
        )
        return
    packed = pack + pixels * filters
    for group in range(groups):
        for p in range(pixels):
            given = ((first + p) * groups + group) * filters
            for f in range(filters):
                work[pack + p * filters + f] = cotangent[given + f]
            for r in range(rows):
                place = COLUMNS + p * groups * rows + places[group, r]
                work[packed + p * rows + r] = work[place]
        begin = at + group * rows * filters
        add_transposed(blas, work, packed, work, pack, total, begin, rows, pixels, filters)


@kernel
def pull_tiles(
    worker: int, image: Any, offsets: Any, mask: Any, weights: Any, shape: Any, factors: Any,
    cotangent: Any, size: Any, grid: Any, part: Any, start: Any, stride: Any, rule: Any,
    limit: Any, depth: int, wide: Any, narrow: Any, table: Any, places: Any, tiling: Any,
    wanted: Any, at: Any, work: Any, columns: Any, of_offsets: Any, of_mask: Any,
    of_weights: Any, reach: Any, blas: Any,
) -> None:  # fmt: skip
    """Take the gradients of columns, displacements, mask and weights of a block of outputs.

    Parameters
    ----------
    image, offsets, mask : flat
        Of one image; where there is no mask it is CHUNK ones.
    weights, factors : flat (group, filter, row), and (tap, channel)
        One of them is None, as in the convolution; `shape` is that of the weights.
    cotangent : flat (pixel of the block, filter)
    size : that of the image, channels last
    grid : (planes, rows, columns, offsets of a pixel, samples of a pixel, whether there is a mask)
    part : (first pixel of the block in the grid, pixels)
    start, stride : where the first tap of the grid is, and the distance to the next
    rule : (interpolation, displacements of a tap)
    tiling : (pixels of a tile, slots, workers)
        Each slot sums the weights of some tiles, as many slots whatever the number of workers.
    wanted : (whether gradients of columns are, of weights, of displacements, of the mask)
    columns : flat (pixel of the block, column)
        What this gives to `push_columns`, and `reach`, (tile, 2): where the first and the last line
        of pixels begin that a tile looks at.
    of_offsets, of_mask, of_weights : flat
        Added to; the last for each slot.
    """
    interpolation, ndim = rule
    tile, slots, workers = tiling
    width, samples, masked = grid[3], grid[4], grid[5]
    first, count = part
    corners = 1 << ndim if interpolation == LINEAR else 1
    of_columns, of_factors, moving, masking = wanted
    indices, numbers = at[worker], work[worker]
    index, number = at.dtype.type, work.dtype.type
    steps = index(size[1] * size[2] * size[3]), index(size[2] * size[3]), index(size[3])
    length = table.size // TABLES
    extra = COLUMNS + tile * samples * depth
    pack = extra + EXTRA
    tiles = (count + tile - 1) // tile
    room = of_weights.size // slots
    for slot in range(worker * slots // workers, (worker + 1) * slots // workers):
        for t in range(slot * tiles // slots, (slot + 1) * tiles // slots):
            begin, end = t * tile, min((t + 1) * tile, count)
            span = begin, end - begin
            if of_columns != 0:
                _pull_columns(
                    blas, cotangent, weights, shape, factors, depth, places, span, pack, numbers,
                    columns,
                )  # fmt: skip
            least, most = index(size[0] * size[1] * size[2] * size[3]), index(0)
            pixel = begin
            while pixel < end:
                point = first + pixel
                run, origin = _run(point, first + end, grid, start, stride, length // samples)
                for done in range(0, run * samples, CHUNK):
                    n = min(CHUNK, run * samples - done)
                    here = pixel * samples + done
                    target = COLUMNS + (here - begin * samples) * depth
                    factor = (point * samples + done) * masked
                    for axis in range(3 - ndim, 3):
                        place = point * width + axis - (3 - ndim)
                        locate(
                            offsets, place, limit, table, done, n, axis,
                            (origin[axis], size[axis], steps[axis]), interpolation, indices,
                            numbers,
                        )  # fmt: skip
                        if moving != 0:
                            find_slopes(
                                offsets, place, limit, table, done, n, axis,
                                (origin[axis], size[axis]), numbers, extra,
                            )  # fmt: skip
                    if wide is not None and of_factors != 0:
                        blend_wide(
                            image, 0, mask, factor, n, depth, corners, indices, numbers, target
                        )
                    if narrow is not None and of_factors != 0:
                        for channel in range(depth):
                            line = target if depth == 1 else LINE
                            blend_narrow(
                                image, channel, mask, factor, n, corners, indices, numbers, line
                            )
                            if depth > 1:
                                for j in range(n):
                                    numbers[target + j * depth + channel] = numbers[LINE + j]
                    for j in range(n):
                        near = _load(indices, FRONT, j) + _load(indices, ABOVE, j)
                        far = near
                        if corners >= 4:
                            last = _load(indices, BACK if corners == 8 else FRONT, j)
                            far = last + _load(indices, BELOW, j)
                        least, most = min(least, near), max(most, far)
                    if moving != 0 or masking != 0:
                        for half in range(2 if corners == 8 else 1):
                            if wide is not None:
                                sum_wide(
                                    image, columns, here * depth, n, depth, half, indices,
                                    numbers, extra,
                                )  # fmt: skip
                            if narrow is not None:
                                sum_narrow(
                                    image, columns, here * depth, n, depth, half, indices,
                                    numbers, extra,
                                )  # fmt: skip
                            combine(n, half, numbers, extra)
                    if moving != 0:
                        for axis in range(3 - ndim, 3):
                            place = point * width + axis - (3 - ndim)
                            moves = extra + MOVES + axis * CHUNK
                            for j in range(n):
                                scale = number(mask[factor + j])
                                source = place + table[done + j]
                                of_offsets[source] += scale * numbers[moves + j]
                    if masking != 0:
                        for j in range(n):
                            of_mask[factor + j] += numbers[extra + VALUES + j]
                pixel += run
            reach[t, 0], reach[t, 1] = least, most
            if of_factors != 0:
                _pull_weights(
                    blas, cotangent, shape, factors is not None, depth, places, span, pack,
                    numbers, of_weights, slot * room,
                )  # fmt: skip


@kernel
def push_columns(
    task: int, columns: Any, offsets: Any, mask: Any, size: Any, grid: Any, part: Any,
    start: Any, stride: Any, rule: Any, limit: Any, depth: int, table: Any, tile: int,
    reach: Any, bands: Any, at: Any, work: Any, out: Any,
) -> None:  # fmt: skip
    """Add the gradients of columns to the pixels that they were sampled from, in one band.

    `bands` are where the first line of pixels of each band begins, and of what is after the last;
    the others are those of :func:`pull_tiles`. Tiles that do not reach the band are passed over.
    """
    interpolation, ndim = rule
    width, samples, masked = grid[3], grid[4], grid[5]
    first, count = part
    corners = 1 << ndim if interpolation == LINEAR else 1
    indices, numbers = at[task], work[task]
    index, number = at.dtype.type, work.dtype.type
    steps = index(size[1] * size[2] * size[3]), index(size[2] * size[3]), index(size[3])
    length = table.size // TABLES
    low, high = bands[task], bands[task + 1]
    for t in range(reach.shape[0]):
        if reach[t, 1] < low or reach[t, 0] >= high:
            continue
        pixel, end = t * tile, min((t + 1) * tile, count)
        while pixel < end:
            point = first + pixel
            run, origin = _run(point, first + end, grid, start, stride, length // samples)
            for done in range(0, run * samples, CHUNK):
                n = min(CHUNK, run * samples - done)
                source = (pixel * samples + done) * depth
                factor = (point * samples + done) * masked
                for axis in range(3 - ndim, 3):
                    locate(
                        offsets, point * width + axis - (3 - ndim), limit, table, done, n, axis,
                        (origin[axis], size[axis], steps[axis]), interpolation, indices, numbers,
                    )  # fmt: skip
                for j in range(n):
                    scale = number(mask[factor + j])
                    left, right = indices[LEFT + j], indices[RIGHT + j]
                    west, east = numbers[LEFT + j], numbers[RIGHT + j]
                    for corner in range(0, max(corners // 2, 1)):
                        half, side = corner // 2 * CHUNK, ABOVE + corner % 2 * CHUNK
                        line = indices[FRONT + half + j] + indices[side + j]
                        share = scale * numbers[FRONT + half + j] * numbers[side + j]
                        if share == 0 or line < low or line >= high:
                            continue
                        if share * west != 0:
                            _add(columns, source + j * depth, share * west, line + left, depth, out)
                        if share * east != 0:
                            _add(
                                columns, source + j * depth, share * east, line + right, depth, out
                            )
            pixel += run


@device
def _add(columns: Any, source: int, share: Any, target: int, depth: int, out: Any) -> None:
    """Add a share of the gradients of a sample to a pixel."""
    for i in range(depth):
        _store(out, target, i, out[target + i] + share * _load(columns, source, i))
