"""Rims of candidates for objects, where these fall and how steeply, and what is around them."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel, workers_for
from adapool.cpu.objects.blobs import _select, _square_root


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
    size = _square_root(across)
    return (along / size if size > 0 else size), size


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
    *,
    work: int,
) -> None:
    """Sum how steep two images are over the rim of each label, and over what grows around it.

    A label grows by a pixel at a time, where `inside` is positive and no label is, at most `most`
    (label) times. `grown` (flat) starts as a copy of the labels; `steps` (flat, zeros) gets when a
    pixel was reached; `sums` (label, step, 2), of the rim and of each step, the slope of `fine`
    along that of `coarse`, and that of `coarse`.
    """
    front = np.empty(labels.size, np.int32)
    _rims(
        fine,
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
    fine: Any,
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


def surround(
    values: Any,
    labels: Any,
    low: Any,
    high: Any,
    share: Any,
    least: Any,
    most: Any,
    out: Any,
    *,
    work: int,
) -> None:
    """Find a quantile of what has no label in each ellipsoid, inscribed from `low` to `high`.

    Boxes may leave the image: they are cut. Of one with more than `most` pixels, some are looked
    at, evenly spaced about its middle. Infinity where there are fewer than `least` of them.
    """
    if not len(low):
        return
    workers = workers_for(work, len(low))
    rooms = np.empty((workers, 4 * most), np.float32)
    widths = np.empty((workers, int((high - low)[:, 2].max())), np.int64)
    _surround(
        values,
        labels,
        low,
        high,
        np.float64(share),
        np.int64(least),
        np.int64(most),
        out,
        rooms,
        widths,
        work=work,
        tasks=workers,
    )


@kernel
def _surround(
    worker: int,
    values: Any,
    labels: Any,
    low: Any,
    high: Any,
    share: Any,
    least: Any,
    most: Any,
    out: Any,
    rooms: Any,
    widths: Any,
) -> None:
    planes, rows, columns = labels.shape
    around, across = rooms[worker], widths[worker]
    for index in range(worker, len(low), len(rooms)):
        z0, y0, x0 = low[index, 0], low[index, 1], low[index, 2]
        z1, y1, x1 = high[index, 0], high[index, 1], high[index, 2]
        volume = (z1 - z0) * (y1 - y0) * (x1 - x0)
        flat = z1 - z0 == 1
        stride = 1
        while volume > most * (stride * stride if flat else stride**3):
            stride += 1
        # Twice the distances of columns to the middle.
        wide = 0
        for x in range(max(x0, 0), min(x1, columns)):
            if (abs(2 * x - x0 - x1 + 1) // 2) % stride == 0:
                across[wide] = 2 * x - x0 - x1 + 1
                wide += 1
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
                reach = _square_root(max(rest, np.float64(0))) * (x1 - x0)
                for place in range(wide):
                    dx = across[place]
                    x = (dx + x0 + x1 - 1) // 2
                    if -reach <= dx <= reach and labels[z, y, x] == 0 and count < len(around):
                        around[count] = values[z, y, x]
                        count += 1
        if count < least:
            out[index] = np.inf
        else:
            out[index] = _select(around, count, int(share * (count - 1)))
