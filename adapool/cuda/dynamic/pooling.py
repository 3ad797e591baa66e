"""Maxima over boxes whose size is given for each pixel: tables of block maxima, and look-ups.

Each pass makes one table from another, for all positions; then a thread covers its window with a
few blocks (`tables` plans both). Tables hold values, or, where indices are asked
for, the positions of winners. They are of a slab: a band of rows of one image, and some of its
channels, so that they take bounded memory.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda

_exceeds = cuda_device(_formulas.exceeds)
_level_of = cuda_device(_formulas.level_of)
_to_size = cuda_device(_formulas.to_size)
_window_start = cuda_device(_formulas.window_start)
_wins = cuda_device(_formulas.wins)


@functools.cache
def load_slab(indexed: bool) -> Any:
    """Return the kernel that copies rows and channels from `origin` (row, channel) on to a table.

    `values` is (plane, row, column * channel); if `indexed`, `winners` gets the number of each
    element.
    """

    @cuda_kernel()
    def load(image: Any, batch: int, origin: Any, values: Any, winners: Any) -> None:
        planes, rows, line = values.shape
        channels = line // image.shape[3]
        for plane in range(cuda.blockIdx.z, planes, cuda.gridDim.z):
            for row in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
                begin = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
                for i in range(begin, line, cuda.gridDim.x * cuda.blockDim.x):
                    column, c = divmod(i, channels)
                    value = image[batch, plane, origin[0] + row, column, origin[1] + c]
                    values[plane, row, i] = value
                    if indexed:
                        winners[plane, row, i] = (plane * rows + row) * line + i

    return load


@cuda_device
def block_maximum(
    source: Any, values: Any, parts: Any, steps: Any, plane: int, row: int, i: int
) -> Any:
    """Return the maximum over blocks of a table, `parts` of them, `steps` apart."""
    planes, rows, line = source.shape
    best = source[plane, row, i]
    for a in range(parts[0]):
        z = plane + a * steps[0]
        for b in range(parts[1]):
            y = row + b * steps[1]
            for d in range(parts[2]):
                x = i + d * steps[2]
                # Blocks that leave the slab are never looked up: what they hold of it will do.
                if z < planes and y < rows and x < line:
                    other = source[np.uint64(z), np.uint64(y), np.uint64(x)]
                    if values is None:
                        if _exceeds(other, best):
                            best = other
                    elif _wins(values[np.uint64(other)], other, values[np.uint64(best)], best):
                        best = other
    return best


@functools.cache
def widen(indexed: bool) -> Any:
    """Return the kernel that makes a table: at each position the maximum over `parts` of another.

    They are `steps` apart; along a line these are in elements: pixels times channels. If `indexed`,
    the tables are of winners, which refer to `values`.
    """

    @cuda_kernel()
    def widen_table(source: Any, values: Any, parts: Any, steps: Any, target: Any) -> None:
        planes, rows, line = source.shape
        for plane in range(cuda.blockIdx.z, planes, cuda.gridDim.z):
            for row in range(cuda.blockIdx.y, rows, cuda.gridDim.y):
                begin = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
                for i in range(begin, line, cuda.gridDim.x * cuda.blockDim.x):
                    if indexed:
                        best = block_maximum(source, values, parts, steps, plane, row, i)
                    else:
                        best = block_maximum(source, None, parts, steps, plane, row, i)
                    target[plane, row, i] = best

    return widen_table


@cuda_device
def box_maximum(
    tables: Any, shape: Any, values: Any, low: Any, high: Any, plan: Any, pixel: int, c: int
) -> Any:
    """Return what the tables say of a box inside the slab that is not empty.

    Parameters
    ----------
    tables : flat; `shape` is (table, plane, row, column * channel)
    low, high : triples
        First position of the box, and the first one after it, in the slab.
    plan : (levels, weights, tied, shift)
    pixel : int
        Channels of a pixel, of which `c` is asked for.
    """
    levels, weights, tied, shift = plan
    depth, height, width = high[0] - low[0], high[1] - low[1], high[2] - low[2]
    first = _level_of(depth, shift, levels[0])
    second = _level_of(height, shift, levels[1])
    third = _level_of(width, shift, levels[2])
    least = third
    if tied[1]:
        least = min(least, second) if tied[2] else second
    if tied[0]:
        least = min(least, first)
    first = least if tied[0] else first
    second = least if tied[1] else second
    third = least if tied[2] else third
    number = least * (weights[0] if tied[0] else weights[1] if tied[1] else 0)
    number += 0 if tied[0] else first * weights[0]
    number += 0 if tied[1] else second * weights[1]
    number += 0 if tied[2] else third * weights[2]
    deep, tall, wide = 1 << (shift * first), 1 << (shift * second), 1 << (shift * third)
    _, planes, rows, line = shape
    table = number * planes
    at = ((table + low[0]) * rows + low[1]) * line + low[2] * pixel + c
    best = tables[np.uint64(at)]
    for z in range(low[0], high[0], deep):
        for y in range(low[1], high[1], tall):
            for x in range(low[2], high[2], wide):
                # The last block of a row is moved back to end where the window does.
                at = (table + min(z, high[0] - deep)) * rows + min(y, high[1] - tall)
                at = at * line + min(x, high[2] - wide) * pixel + c
                other = tables[np.uint64(at)]
                if values is None:
                    if _exceeds(other, best):
                        best = other
                elif _wins(values[np.uint64(other)], other, values[np.uint64(best)], best):
                    best = other
    return best


@cuda_device
def window_along(size: int, position: int, length: int, centered: bool) -> Any:
    """Return the first position of a window along an axis, and the first one after it."""
    start = _window_start(position, size, centered)
    return max(start, 0), min(start + size, length)


@cuda_device
def look_up(
    tables: Any, shape: Any, values: Any, box: Any, slab: Any, plan: Any, c: int, fill: Any
) -> Any:
    """Return the maximum over a box of the image, and its place in the slab (-1: empty).

    `slab` is (first row, rows, columns, channels); `values` is None where no place is asked for.
    """
    (low_z, high_z), (low_y, high_y), (low_x, high_x) = box
    row = slab[0]
    best = fill
    place = -1
    if low_z < high_z and low_y < high_y and low_x < high_x:
        low, high = (low_z, low_y - row, low_x), (high_z, high_y - row, high_x)
        found = box_maximum(tables, shape, values, low, high, plan, slab[3], c)
        if values is None:
            best = found
        else:
            best = values[np.uint64(found)]
            place = found
    return best, place


@functools.cache
def look_up_pixels(indexed: bool) -> Any:
    """Return the kernel that answers windows: output rows `band` (first, after the last).

    They are of image `batch`. `params` is (batch or 1, plane, row, column, P); `out` is (batch,
    plane, row, column, channel), of which those from `channel` on are in the slab. If `indexed`,
    the tables are of winners, which refer to `values`, and `indices` is as `out`.
    """

    @cuda_kernel(registers=128)
    def look_up_windows(
        tables: Any,
        shape: Any,
        values: Any,
        params: Any,
        batch: int,
        columns: Any,
        limits: Any,
        centered: bool,
        stride: Any,
        volume: Any,
        band: Any,
        slab: Any,
        channel: int,
        plan: Any,
        fill: Any,
        out: Any,
        indices: Any,
    ) -> None:
        depth, height, width = volume
        planes, line = out.shape[1], out.shape[3] * slab[3]
        item = batch % params.shape[0]
        for plane in range(cuda.blockIdx.z, planes, cuda.gridDim.z):
            for row in range(band[0] + cuda.blockIdx.y, band[1], cuda.gridDim.y):
                z, y = plane * stride[0], row * stride[1]
                begin = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
                for i in range(begin, line, cuda.gridDim.x * cuda.blockDim.x):
                    column, c = divmod(i, slab[3])
                    x = column * stride[2]
                    size = 1
                    if columns[0] >= 0:
                        size = _to_size(params[item, z, y, x, columns[0]], limits[0])
                    along_z = window_along(size, z, depth, centered)
                    size = _to_size(params[item, z, y, x, columns[1]], limits[1])
                    along_y = window_along(size, y, height, centered)
                    size = _to_size(params[item, z, y, x, columns[2]], limits[2])
                    along_x = window_along(size, x, width, centered)
                    box = along_z, along_y, along_x
                    if indexed:
                        best, place = look_up(tables, shape, values, box, slab, plan, c, fill)
                        here = in_volume(place, slab, height)
                        indices[batch, plane, row, column, channel + c] = here
                    else:
                        best, place = look_up(tables, shape, None, box, slab, plan, c, fill)
                    out[batch, plane, row, column, channel + c] = best

    return look_up_windows


@cuda_device
def in_volume(place: int, slab: Any, height: int) -> int:
    """Turn the number of an element of the slab into that of its pixel in the volume."""
    first, rows, width, channels = slab
    pixel = place // channels
    rest, x = divmod(pixel, width)
    z, y = divmod(rest, rows)
    return (z * height + first + y) * width + x if place >= 0 else -1


@functools.cache
def look_up_sites(indexed: bool) -> Any:
    """Return the kernel that answers the windows of those sites, (n, d), whose row is in the band.

    `out` is (n, C). If `indexed`, the tables are of winners, which refer to `values`, and `indices`
    is as `out`.
    """

    @cuda_kernel(registers=128 if indexed else 80)
    def look_up_positions(
        tables: Any,
        shape: Any,
        values: Any,
        positions: Any,
        sizes: Any,
        columns: Any,
        limits: Any,
        centered: bool,
        volume: Any,
        band: Any,
        slab: Any,
        channel: int,
        plan: Any,
        fill: Any,
        out: Any,
        indices: Any,
    ) -> None:
        depth, height, width = volume
        for i in range(cuda.grid(1), positions.shape[0] * slab[3], cuda.gridsize(1)):
            site, c = divmod(i, slab[3])
            y, x = positions[site, columns[1]], positions[site, columns[2]]
            if band[0] <= y and y < band[1]:
                z = 0
                size = 1
                if columns[0] >= 0:
                    z = positions[site, columns[0]]
                    size = min(sizes[site, columns[0]], limits[0])
                along_z = window_along(size, z, depth, centered)
                size = min(sizes[site, columns[1]], limits[1])
                along_y = window_along(size, y, height, centered)
                size = min(sizes[site, columns[2]], limits[2])
                along_x = window_along(size, x, width, centered)
                box = along_z, along_y, along_x
                if indexed:
                    best, place = look_up(tables, shape, values, box, slab, plan, c, fill)
                    indices[site, channel + c] = in_volume(place, slab, height)
                else:
                    best, place = look_up(tables, shape, None, box, slab, plan, c, fill)
                out[site, channel + c] = best

    return look_up_positions
