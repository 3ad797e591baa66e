"""Maxima over ellipses whose sizes are given for each pixel: boxes first, then rows.

The tables are those of boxes, of winners in any case: where the winner of the box around an
ellipse is in the ellipse, it is the answer. Otherwise each row of the ellipse is looked up.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.comparing import wins
from adapool.cuda.dynamic.pooling import box_maximum, in_volume
from adapool.cuda.dynamic.tables import Plan
from adapool.cuda.target import cuda, uncontracted

_times = cuda_device(uncontracted)


@cuda_device
def _root(value: Any) -> Any:
    return math.sqrt(value)


_compiled = _formulas.ellipse_formulas(cuda_device, _times, _root)
_share, _sheared, _chords = _compiled.share, _compiled.sheared, _compiled.chords


@cuda_kernel()
def turn(params: Any, most: Any, chords: Any) -> None:
    """Make height, width, shear and full width of ellipses (n, 4) from their axes and angle (n, 3).

    `most` is what axes are clipped to.
    """
    for i in range(cuda.grid(1), params.shape[0], cuda.gridsize(1)):
        major, minor = min(float(params[i, 0]), most), min(float(params[i, 1]), most)
        height, width, shear, whole = _chords(major, minor, float(params[i, 2]))
        chords[i, 0] = height
        chords[i, 1] = width
        chords[i, 2] = shear
        chords[i, 3] = whole


@cuda_device
def _around(size: Any, position: int, length: int) -> Any:
    """Return the first position of an ellipse along an axis, and the first one after it."""
    if not size > 0:
        return 0, 0
    half = int(min(0.5 * size, float(length)))
    return max(position - half, 0), min(position + half + 1, length)


@cuda_device
def row_ends(shares: Any, x: int, y: int, low: int, high: int, width: Any, shear: Any) -> Any:
    """Return the first pixel of an ellipse in a row, and the last one; or 0 and -1.

    `shares` are those of plane and row, `y` counts from the centre; `low` and `high` are where the
    box around it begins and ends. The ends are estimated, and then moved to where they are.
    """
    middle = x + _times(shear, float(y))
    inside = math.floor(min(max(middle + 0.5, float(low)), high - 0.5))
    if not shares + _share(_sheared(inside - x, y, shear), width) <= 1:
        return 0, -1
    reach = 0.5 * width * math.sqrt(max(1.0 - shares, 0.0))
    last = int(min(max(middle + reach, float(inside)), high - 1.0))
    while last + 1 < high and shares + _share(_sheared(last + 1 - x, y, shear), width) <= 1:
        last += 1
    while last > inside and not shares + _share(_sheared(last - x, y, shear), width) <= 1:
        last -= 1
    first = int(max(min(middle - reach, float(inside)), float(low)))
    while first > low and shares + _share(_sheared(first - 1 - x, y, shear), width) <= 1:
        first -= 1
    while first < inside and not shares + _share(_sheared(first - x, y, shear), width) <= 1:
        first += 1
    return first, last


@functools.cache
def ellipse_winner(plan: Plan, index: Any) -> Any:
    """Return the function that says which element of the slab wins in an ellipse; -1: empty.

    The axes are depth, height, width and shear, `whole` is how wide the box around it is.
    """
    box = box_maximum(plan, True, index)

    @cuda_device
    def winner(
        tables: Any, shape: Any, values: Any, centre: Any, axes: Any, whole: Any, volume: Any,
        slab: Any, c: int,
    ) -> Any:  # fmt: skip
        z, y, x = centre
        depth, height, width, shear = axes
        low_z, high_z = _around(depth, z, volume[0])
        low_y, high_y = _around(height, y, volume[1])
        low_x, high_x = _around(whole, x, volume[2])
        best = index(-1)
        if low_z < high_z and low_y < high_y and low_x < high_x:
            top, rows, columns, channels = slab
            low = index(low_z), index(low_y - top), index(low_x)
            high = index(high_z), index(high_y - top), index(high_x)
            value, best = box(tables, values, shape, low, high, channels, c)
            rest, column = divmod(best // channels, columns)
            plane, row = divmod(rest, rows)
            row += top - y
            shares = _share(plane - z, depth) + _share(row, height)
            if not shares + _share(_sheared(column - x, row, shear), width) <= 1:
                best = index(-1)
                for a in range(low_z, high_z):
                    for b in range(low_y, high_y):
                        shares = _share(a - z, depth) + _share(b - y, height)
                        if shares <= 1:
                            first, last = row_ends(shares, x, b - y, low_x, high_x, width, shear)
                            if first <= last:
                                low = index(a), index(b - top), index(first)
                                high = index(a + 1), index(b - top + 1), index(last + 1)
                                other, own = box(tables, values, shape, low, high, channels, c)
                                if best < 0 or wins(other, own, value, best):
                                    value, best = other, own
        return best

    return winner


@functools.cache
def look_up_ellipses(plan: Plan, indexed: bool, turned: bool, index: Any) -> Any:
    """Return the kernel that answers ellipses; as `pooling.look_up_pixels` does for boxes.

    If `turned`, `params` are what :func:`turn` makes.
    """
    winner_of = ellipse_winner(plan, index)

    @cuda_kernel(registers=168)
    def look_up_windows(
        tables: Any,
        shape: Any,
        values: Any,
        params: Any,
        batch: int,
        columns: Any,
        most: Any,
        stride: Any,
        volume: Any,
        band: Any,
        slab: Any,
        channel: int,
        fill: Any,
        out: Any,
        indices: Any,
    ) -> None:
        planes, line = out.shape[1], out.shape[3] * slab[3]
        item = batch % params.shape[0]
        for plane in range(cuda.blockIdx.z, planes, cuda.gridDim.z):
            for row in range(band[0] + cuda.blockIdx.y, band[1], cuda.gridDim.y):
                z, y = plane * stride[0], row * stride[1]
                begin = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
                for i in range(begin, line, cuda.gridDim.x * cuda.blockDim.x):
                    column, c = divmod(i, slab[3])
                    x = column * stride[2]
                    depth, shear = 1.0, 0.0
                    if columns[0] >= 0:
                        depth = min(float(params[item, z, y, x, columns[0]]), most[0])
                    height = min(float(params[item, z, y, x, columns[1]]), most[1])
                    whole = min(float(params[item, z, y, x, columns[2]]), most[2])
                    width = whole
                    if turned:
                        width = float(params[item, z, y, x, 1])
                        shear = float(params[item, z, y, x, 2])
                    winner = winner_of(
                        tables, shape, values, (z, y, x), (depth, height, width, shear), whole,
                        volume, slab, c,
                    )  # fmt: skip
                    best = fill
                    if winner >= 0:
                        best = values[np.uint64(winner)]
                    out[batch, plane, row, column, channel + c] = best
                    if indexed:
                        here = in_volume(winner, slab, volume[1], np.int64)
                        indices[batch, plane, row, column, channel + c] = here

    return look_up_windows
