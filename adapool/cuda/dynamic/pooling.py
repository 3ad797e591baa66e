"""Maxima over boxes whose size is given for each pixel: look-ups in tables of block maxima.

A thread covers its window with a few blocks (`tables` plans them, `making` makes them). Tables hold
values, or, where indices are asked for, the positions of winners. They are of a slab: a band of
rows of one image, and some of its channels, so that they take bounded memory.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._backends import Triple
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.comparing import larger, wins
from adapool.cuda.dynamic.tables import Plan
from adapool.cuda.target import cuda

_to_size = cuda_device(_formulas.to_size)
_to_short_size = cuda_device(_formulas.to_short_size)
_window_start = cuda_device(_formulas.window_start)


@cuda_device
def _level(extent: Any, shift: int, levels: int) -> Any:
    """Return the largest level whose blocks fit; `levels` is a constant, and the loop unrolled."""
    level = np.int32(0)
    for each in range(1, levels):
        level = np.int32(level + (1 if extent >> (shift * each) > 0 else 0))
    return level


@functools.cache
def box_maximum(plan: Plan, indexed: bool, index: Any) -> Any:
    """Return the function that says what the tables of a plan hold of a box.

    Its arguments: the tables, flat, and the values that winners refer to; `shape` of a table,
    (planes, rows, column * channel); `low` and `high`, the first position of the box, which is not
    empty, and the first after it; `pixel`, channels of a pixel, of which `c` is asked for. It
    returns the maximum, and its place in the slab if `indexed`. Where the plan has one table, that
    is the image, and `values` are it too.
    """
    (level_z, level_y, level_x), (add_z, add_y, add_x) = plan.levels, plan.weights
    (tied_z, tied_y, tied_x), shift = plan.tied, plan.shift
    single = plan.count == 1
    parts = 1 << shift
    place = np.uint32 if index is np.int32 else np.uint64

    @cuda_device
    def fetch(tables: Any, values: Any, at: Any) -> Any:
        """Return what a table holds: a value, and its place if `indexed`."""
        if not indexed:
            return tables[place(at)], index(-1)
        own = index(at) if single else index(tables[place(at)])
        return values[place(own)], own

    @cuda_device
    def better(best: Any, own: Any, value: Any, other: Any) -> Any:
        """Return the larger of two values, and its place."""
        if not indexed:
            return larger(best, value), own
        if wins(value, other, best, own):
            return value, other
        return best, own

    @cuda_device
    def maximum(
        tables: Any, values: Any, shape: Any, low: Any, high: Any, pixel: Any, c: Any
    ) -> Any:
        planes, rows, line = shape
        first = _level(high[0] - low[0], shift, level_z)
        second = _level(high[1] - low[1], shift, level_y)
        third = _level(high[2] - low[2], shift, level_x)
        if tied_y and tied_x:
            second = third = min(second, third)
        if tied_z and tied_y:
            first = second = min(first, second)
        if tied_z and tied_x:
            first = third = min(first, third)
        if tied_y and tied_x:
            second = third
        number = index(first * add_z + second * add_y + third * add_x)
        deep, tall = index(1 << (shift * first)), index(1 << (shift * second))
        wide = index(1 << (shift * third))
        last = index(high[2] - wide)
        begin = index(number * planes)
        at = index(((begin + low[0]) * rows + low[1]) * line + low[2] * pixel + c)
        best, own = fetch(tables, values, at)
        z = index(low[0])
        while z < high[0]:
            # The last block of a row is moved back to end where the window does.
            back = index((begin + min(z, index(high[0] - deep))) * rows)
            y = index(low[1])
            while y < high[1]:
                row = index((back + min(y, index(high[1] - tall))) * line + c)
                x = index(low[2])
                while x < high[2]:
                    # Up to four loads, none of which waits for another.
                    v1 = v2 = v3 = best
                    p1 = p2 = p3 = own
                    v0, p0 = fetch(tables, values, index(row + min(x, last) * pixel))
                    at = index(x + wide)
                    if at < high[2]:
                        v1, p1 = fetch(tables, values, index(row + min(at, last) * pixel))
                    if parts > 2:
                        at = index(x + 2 * wide)
                        if at < high[2]:
                            v2, p2 = fetch(tables, values, index(row + min(at, last) * pixel))
                        at = index(x + 3 * wide)
                        if at < high[2]:
                            v3, p3 = fetch(tables, values, index(row + min(at, last) * pixel))
                    best, own = better(best, own, v0, p0)
                    best, own = better(best, own, v1, p1)
                    if parts > 2:
                        best, own = better(best, own, v2, p2)
                        best, own = better(best, own, v3, p3)
                    x = index(x + parts * wide)
                y = index(y + tall)
            z = index(z + deep)
        return best, own

    return maximum


@cuda_device
def window_along(size: Any, position: Any, length: Any, centered: bool, index: Any) -> Any:
    """Return the first position of a window along an axis, and the first one after it."""
    start = index(_window_start(position, size, centered))
    return index(max(start, 0)), index(min(start + size, length))


@cuda_device
def in_volume(own: Any, slab: Any, height: Any, index: Any) -> Any:
    """Turn the number of an element of the slab into that of its pixel in the volume.

    `slab` is (first row, rows, columns, channels).
    """
    first, rows, width, channels = slab
    pixel = index(own // channels)
    line = index(pixel // width)
    z = index(line // rows)
    y = index(line - z * rows + first)
    return (z * height + y) * width + index(pixel - line * width) if own >= 0 else -1


@functools.cache
def look_up_pixels(
    plan: Plan, columns: Triple, centered: bool, single: bool, indexed: bool, index: Any
) -> Any:
    """Return the kernel that answers windows: output rows `band` (first, after the last).

    `columns` says which of the parameters are the sizes along plane, row and column (-1: 1), and
    `single` that there is one channel. The arguments of the kernel: the tables, flat, and the
    `values` that winners refer to; `shape` of a table, (planes, rows, column * channel); the
    parameters, flat, of which those of a pixel are `step` apart and those of the image begin at
    `begin`; `limits`, `stride` and `volume`; the `slab`, (first row, rows, columns, channels), and
    its first channel; `grid`, (planes, columns, channels, rows) of the output, of which this image
    begins at row `target`; what an empty window gives; the output, flat, and the indices.
    """
    (in_z, in_y, in_x), place = columns, np.uint32 if index is np.int32 else np.uint64
    maximum = box_maximum(plan, indexed, index)
    to_size = _to_short_size if index is np.int32 else _to_size

    @cuda_kernel(registers=64)
    def look_up_windows(
        tables: Any, values: Any, shape: Any, params: Any, begin: int, step: int, limits: Any,
        stride: Any, volume: Any, band: Any, slab: Any, channel: int, grid: Any, target: int,
        fill: Any, out: Any, indices: Any,
    ) -> None:  # fmt: skip
        depth, height, width = index(volume[0]), index(volume[1]), index(volume[2])
        sizes = index(shape[0]), index(shape[1]), index(shape[2])
        part = index(slab[0]), index(slab[1]), index(slab[2]), index(slab[3])
        pixel = index(1) if single else part[3]
        i = index(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        column, c = i, index(0)
        if not single:
            column = index(place(i) // place(pixel))
            c = index(i - column * pixel)
        x = index(column * index(stride[2]))
        if column < grid[1]:
            plane = index(cuda.blockIdx.z)
            while plane < grid[0]:
                z = index(plane * index(stride[0]))
                row = index(band[0] + cuda.blockIdx.y)
                while row < band[1]:
                    y = index(row * index(stride[1]))
                    at = index(begin + index((z * height + y) * width + x) * index(step))
                    size = index(1)
                    if in_z >= 0:
                        size = index(to_size(params[place(at + in_z)], index(limits[0])))
                    low_z, high_z = window_along(size, z, depth, centered, index)
                    size = index(to_size(params[place(at + in_y)], index(limits[1])))
                    low_y, high_y = window_along(size, y, height, centered, index)
                    size = index(to_size(params[place(at + in_x)], index(limits[2])))
                    low_x, high_x = window_along(size, x, width, centered, index)
                    best, own = fill, index(-1)
                    if low_z < high_z and low_y < high_y and low_x < high_x:
                        low = low_z, index(low_y - part[0]), low_x
                        high = high_z, index(high_y - part[0]), high_x
                        best, own = maximum(tables, values, sizes, low, high, pixel, c)
                    rows = index(target + plane * grid[3] + row)
                    to = index((rows * index(grid[1]) + column) * index(grid[2]) + channel + c)
                    out[place(to)] = best
                    if indexed:
                        indices[place(to)] = in_volume(own, part, height, index)
                    row = index(row + cuda.gridDim.y)
                plane = index(plane + cuda.gridDim.z)

    return look_up_windows


@functools.cache
def look_up_sites(plan: Plan, columns: Triple, centered: bool, indexed: bool, index: Any) -> Any:
    """Return the kernel that answers the windows of those sites, (n, d), whose row is in the band.

    `out` is (n, C), of which the channels from `channel` on are in the slab. The rest is as in
    :func:`look_up_pixels`.
    """
    in_z, in_y, in_x = columns
    maximum = box_maximum(plan, indexed, index)

    @cuda_kernel(registers=80)
    def look_up_positions(
        tables: Any, values: Any, shape: Any, positions: Any, sizes: Any, limits: Any, volume: Any,
        band: Any, slab: Any, channel: int, fill: Any, out: Any, indices: Any,
    ) -> None:  # fmt: skip
        depth, height, width = index(volume[0]), index(volume[1]), index(volume[2])
        extent = index(shape[0]), index(shape[1]), index(shape[2])
        part = index(slab[0]), index(slab[1]), index(slab[2]), index(slab[3])
        i, step = np.int64(cuda.grid(1)), np.int64(cuda.gridsize(1))
        while i < positions.shape[0] * part[3]:
            site = np.uint64(i // part[3])
            c = index(i - np.int64(site) * part[3])
            y, x = index(positions[site, in_y]), index(positions[site, in_x])
            if band[0] <= y and y < band[1]:
                z, size = index(0), index(1)
                if in_z >= 0:
                    z = index(positions[site, in_z])
                    size = index(min(sizes[site, in_z], limits[0]))
                low_z, high_z = window_along(size, z, depth, centered, index)
                size = index(min(sizes[site, in_y], limits[1]))
                low_y, high_y = window_along(size, y, height, centered, index)
                size = index(min(sizes[site, in_x], limits[2]))
                low_x, high_x = window_along(size, x, width, centered, index)
                best, own = fill, index(-1)
                if low_z < high_z and low_y < high_y and low_x < high_x:
                    low = low_z, index(low_y - part[0]), low_x
                    high = high_z, index(high_y - part[0]), high_x
                    best, own = maximum(tables, values, extent, low, high, part[3], c)
                out[site, channel + c] = best
                if indexed:
                    indices[site, channel + c] = in_volume(own, part, height, index)
            i += step

    return look_up_positions
