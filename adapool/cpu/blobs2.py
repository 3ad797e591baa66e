"""Rims of candidates for objects: where these fall, and how steeply."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel


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
