"""Rims of candidates for objects, where these fall and how steeply, and what is around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from adapool._jit import device, kernel
from adapool.cpu.blobs import _select


@device
def _slopes(fine: Any, coarse: Any, z: Any, y: Any, x: Any, spacing: Any) -> Any:
    """Return the slope of `fine` along that of `coarse`, and that of `coarse`."""
    along, across = np.float32(0), np.float32(0)
    for axis in range(3):
        if fine.shape[axis] > 1:
            dz, dy, dx = int(axis == 0), int(axis == 1), int(axis == 2)
            c, b, a = max(z - dz, 0), max(y - dy, 0), max(x - dx, 0)
            r = min(z + dz, fine.shape[0] - 1)
            q = min(y + dy, fine.shape[1] - 1)
            p = min(x + dx, fine.shape[2] - 1)
            slope = (coarse[r, q, p] - coarse[c, b, a]) / spacing[axis]
            along += slope * (fine[r, q, p] - fine[c, b, a]) / spacing[axis]
            across += slope * slope
    size = np.sqrt(across)
    return (along / size if size > 0 else size), size


@kernel
def rims(
    fine: Any,
    coarse: Any,
    labels: Any,
    inside: Any,
    spacing: Any,
    most: Any,
    grown: Any,
    steps: Any,
    sums: Any,
) -> None:
    """Sum how steep two images are over the rim of each label, and over what grows around it.

    A label grows by a pixel at a time, where `inside` is positive and no label is, at most `most`
    (label) times. `grown` (flat) starts as a copy of the labels; `steps` (flat, zeros) gets when a
    pixel was reached; `sums` (label, step, 2), of the rim and of each step, the slope of `fine`
    along that of `coarse`, and that of `coarse`.
    """
    planes, rows, columns = labels.shape
    depth = inside.ravel()
    front, count = np.empty(labels.size, np.int32), 0
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if labels[z, y, x] > 0:
                    rim = y > 0 and labels[z, y - 1, x] == 0
                    rim |= y + 1 < rows and labels[z, y + 1, x] == 0
                    rim |= x > 0 and labels[z, y, x - 1] == 0
                    rim |= x + 1 < columns and labels[z, y, x + 1] == 0
                    rim |= z > 0 and labels[z - 1, y, x] == 0
                    rim |= z + 1 < planes and labels[z + 1, y, x] == 0
                    if rim:
                        front[count] = (z * rows + y) * columns + x
                        count += 1
    start, step = 0, 0
    while start < count:
        stop = count
        for place in range(start, stop):
            index = front[place]
            number = grown[index] - 1
            z, rest = divmod(index, rows * columns)
            y, x = divmod(rest, columns)
            along, across = _slopes(fine, coarse, z, y, x, spacing)
            sums[number, step, 0] += along
            sums[number, step, 1] += across
            if step >= most[number]:
                continue
            for side in range(6):
                move = 2 * (side % 2) - 1
                c, b, a = z, y, x
                if side < 2:
                    a += move
                elif side < 4:
                    b += move
                else:
                    c += move
                if 0 <= c < planes and 0 <= b < rows and 0 <= a < columns:
                    other = (c * rows + b) * columns + a
                    if grown[other] == 0 and depth[other] > 0:
                        steps[other] = step + 1
                        grown[other] = number + 1
                        front[count] = other
                        count += 1
        start, step = stop, step + 1


@kernel
def surround(
    values: Any, labels: Any, low: Any, high: Any, share: Any, least: Any, most: Any, out: Any
) -> None:
    """Find a quantile of what has no label in each ellipsoid, inscribed from `low` to `high`.

    Boxes may leave the image: they are cut. Of one with more than `most` pixels, some are looked
    at, evenly spaced about its middle. Infinity where there are fewer than `least` of them.
    """
    planes, rows, columns = labels.shape
    for index in prange(len(low)):
        z0, y0, x0 = low[index]
        z1, y1, x1 = high[index]
        volume = (z1 - z0) * (y1 - y0) * (x1 - x0)
        flat = z1 - z0 == 1
        stride = 1
        while volume > most * (stride * stride if flat else stride**3):
            stride += 1
        # Twice the distances of columns to the middle.
        across = np.empty(x1 - x0, np.int64)
        wide = 0
        for x in range(max(x0, 0), min(x1, columns)):
            if (abs(2 * x - x0 - x1 + 1) // 2) % stride == 0:
                across[wide] = 2 * x - x0 - x1 + 1
                wide += 1
        tall = min(y1, rows) - max(y0, 0)
        deep = min(z1, planes) - max(z0, 0)
        around = np.empty((deep // stride + 2) * (tall // stride + 2) * wide, np.float32)
        count = 0
        for z in range(max(z0, 0), min(z1, planes)):
            dz = 2 * z - z0 - z1 + 1
            if (abs(dz) // 2) % stride > 0:
                continue
            for y in range(max(y0, 0), min(y1, rows)):
                dy = 2 * y - y0 - y1 + 1
                if (abs(dy) // 2) % stride > 0:
                    continue
                rest = 1 - (dz / (z1 - z0)) ** 2 - (dy / (y1 - y0)) ** 2
                reach = np.sqrt(max(rest, 0.0)) * (x1 - x0)
                for place in range(wide):
                    dx = across[place]
                    x = (dx + x0 + x1 - 1) // 2
                    if -reach <= dx <= reach and labels[z, y, x] == 0:
                        around[count] = values[z, y, x]
                        count += 1
        if count < least:
            out[index] = np.inf
        else:
            out[index] = _select(around, count, int(share * (count - 1)))
