"""Rims of candidates for objects: where an image falls most around them."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel
from adapool.cpu.objects.roots import square_root


@device
def _slope(coarse: Any, z: Any, y: Any, x: Any, spacing: Any) -> Any:
    """Return how steep an image is at a pixel."""
    across = np.float32(0)
    for axis in range(3):
        if coarse.shape[axis] > 1:
            dz, dy, dx = int(axis == 0), int(axis == 1), int(axis == 2)
            c, b, a = max(z - dz, 0), max(y - dy, 0), max(x - dx, 0)
            r = min(z + dz, coarse.shape[0] - 1)
            q = min(y + dy, coarse.shape[1] - 1)
            p = min(x + dx, coarse.shape[2] - 1)
            slope = (coarse[r, q, p] - coarse[c, b, a]) / spacing[axis]
            across += slope * slope
    return square_root(across)


def rims(
    coarse: Any,
    labels: Any,
    inside: Any,
    spacing: Any,
    most: Any,
    grown: Any,
    steps: Any,
    sums: Any,
    *,
    work: int,
) -> None:
    """Sum how steep an image is over the rim of each label, and over what grows around it.

    A label grows by a pixel at a time, where `inside` is positive and no label is, at most `most`
    (label) times. `grown` (flat) starts as a copy of the labels; `steps` (flat, zeros) gets when a
    pixel was reached; `sums` (label, step) gets the slopes of the rim and of each step.
    """
    front = np.empty(labels.size, np.int32)
    _rims(
        coarse,
        labels,
        inside.reshape(-1),
        spacing,
        most,
        grown,
        steps,
        sums,
        front,
        work=work,
    )


@kernel
def _rims(
    coarse: Any,
    labels: Any,
    inside: Any,
    spacing: Any,
    most: Any,
    grown: Any,
    steps: Any,
    sums: Any,
    front: Any,
) -> None:
    planes, rows, columns = labels.shape
    depth = inside
    count = 0
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
            sums[number, step] += _slope(coarse, z, y, x, spacing)
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
