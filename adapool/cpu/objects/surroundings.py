"""Candidates for objects: how they differ from what surrounds them, and which hold which."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel, workers_for
from adapool.cpu.objects.roots import square_root


@device
def select(values: Any, count: Any, rank: Any) -> Any:
    """Return the value of a rank among the first `count`, which it moves about (quickselect)."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return values[rank]


@device
def sparsity(volume: Any, flat: Any, most: Any) -> Any:
    """Return how many pixels apart those of a box are looked at, so that at most `most` are."""
    stride = 1
    while volume > most * (stride * stride if flat else stride**3):
        stride += 1
    return stride


@device
def is_between(distance: Any, stride: Any) -> Any:
    """Whether a pixel is left out, `distance` half pixels along an axis from the box's middle."""
    return (abs(distance) // 2) % stride > 0


def surround(
    values: Any,
    labels: Any,
    low: Any,
    high: Any,
    shares: Any,
    least: Any,
    most: Any,
    out: Any,
    *,
    work: int,
) -> None:
    """Find quantiles of what has no label in each ellipsoid, inscribed from `low` to `high`.

    Boxes may leave the image: they are cut. Of one with more than `most` pixels, some are looked
    at, evenly spaced about its middle. Infinity where there are fewer than `least` of them. `out`
    is (share, label).
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
        shares.astype(np.float64),
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
    shares: Any,
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
        stride = sparsity((z1 - z0) * (y1 - y0) * (x1 - x0), z1 - z0 == 1, most)
        # Twice the distances of columns to the middle.
        wide = 0
        for x in range(max(x0, 0), min(x1, columns)):
            if not is_between(2 * x - x0 - x1 + 1, stride):
                across[wide] = 2 * x - x0 - x1 + 1
                wide += 1
        count = 0
        for z in range(max(z0, 0), min(z1, planes)):
            dz = 2 * z - z0 - z1 + 1
            if is_between(dz, stride):
                continue
            for y in range(max(y0, 0), min(y1, rows)):
                dy = 2 * y - y0 - y1 + 1
                if is_between(dy, stride):
                    continue
                rest = 1 - (dz / (z1 - z0)) ** 2 - (dy / (y1 - y0)) ** 2
                if rest < 0:
                    continue
                reach = square_root(rest) * (x1 - x0)
                for place in range(wide):
                    dx = across[place]
                    x = (dx + x0 + x1 - 1) // 2
                    if -reach <= dx <= reach and labels[z, y, x] == 0 and count < len(around):
                        around[count] = values[z, y, x]
                        count += 1
        for which in range(len(shares)):
            if count < least:
                out[which, index] = np.inf
            else:
                out[which, index] = select(around, count, int(shares[which] * (count - 1)))


def medians(values: Any, numbers: Any, count: int) -> Any:
    """Return the median of the values of each number; 0 where there is none."""
    sizes = np.bincount(numbers, minlength=count)
    ends, room = np.cumsum(sizes) - sizes, np.empty_like(values)
    out = np.empty(count, values.dtype)
    _medians(values, numbers, ends, room, out, work=0)
    return out


@kernel
def _medians(values: Any, numbers: Any, ends: Any, room: Any, out: Any) -> None:
    for index in range(len(values)):
        number = numbers[index]
        room[ends[number]] = values[index]
        ends[number] += 1
    start = np.int64(0)
    for number in range(len(ends)):
        count = ends[number] - start
        own = room[start:]
        out[number] = select(own, count, count // 2) if count > 0 else 0
        start = ends[number]


def sums_over(values: Any, labels: Any, sums: Any, *, work: int) -> None:
    """Sum 1, and the values, over each label: (label, 2)."""
    _sums_over(values.reshape(-1), labels.reshape(-1), sums, work=work)


@kernel
def _sums_over(flat: Any, numbers: Any, sums: Any) -> None:
    for index in range(len(flat)):
        if numbers[index] > 0:
            sums[numbers[index] - 1, 0] += 1
            sums[numbers[index] - 1, 1] += flat[index]


@kernel
def cores(depth: Any, labels: Any, deepness: Any, share: Any, sums: Any) -> None:
    """Sum the depth, and depth times coordinates, of pixels near the deepest: (label, 4)."""
    planes, rows, columns = labels.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                number = labels[z, y, x] - 1
                if number >= 0 and depth[z, y, x] >= share * deepness[number]:
                    weight = np.float64(depth[z, y, x])
                    sums[number, 0] += weight
                    sums[number, 1] += weight * z
                    sums[number, 2] += weight * y
                    sums[number, 3] += weight * x


@kernel
def majority(inner: Any, outer: Any, planes: Any, rows: Any, columns: Any, over: Any) -> None:
    """Find the label of a coarser image that more than half of each label lies in, or 0.

    `planes`, `rows` and `columns` map positions of the finer image. `over` is (label, 3): the
    label that leads (Boyer and Moore's vote), its lead, then how many pixels have it.
    """
    for turn in range(2):
        for z in range(inner.shape[0]):
            for y in range(inner.shape[1]):
                for x in range(inner.shape[2]):
                    number = inner[z, y, x] - 1
                    if number >= 0:
                        own = over[number]
                        value = outer[planes[z], rows[y], columns[x]]
                        if turn == 1:
                            own[2] += value == own[0]
                        elif own[1] == 0:
                            own[0], own[1] = value, 1
                        else:
                            own[1] += 1 if value == own[0] else -1


def outshone(
    positions: Any,
    contrasts: Any,
    diameters: Any,
    reach: Any,
    share: Any,
    most: Any,
    out: Any,
    *,
    work: int,
) -> None:
    """Count the objects that outshine each, among those within reach of it.

    One does whose contrast times a share, larger for larger ones and at most `most`, is higher.
    `out` is (object, 3): how many, their volume, and that of objects about as faint and as large.
    """
    numbers = (np.float64(reach), np.float64(share), np.float64(most))
    _outshone(positions, contrasts, diameters, *numbers, out, work=work, tasks=len(positions))


@kernel
def _outshone(
    task: int,
    positions: Any,
    contrasts: Any,
    diameters: Any,
    reach: Any,
    share: Any,
    most: Any,
    out: Any,
) -> None:
    i = task
    for j in range(len(positions)):
        far = np.float32(0)
        for axis in range(3):
            far += (positions[i, axis] - positions[j, axis]) ** 2
        ratio = diameters[j] / diameters[i]
        volume = diameters[j] ** 2
        near = far < (reach * diameters[j]) ** 2
        if near and contrasts[i] < min(share * ratio, most) * contrasts[j]:
            out[i, 0] += 1
            out[i, 1] += volume
        if far < (reach * max(diameters[i], diameters[j])) ** 2:
            alike = contrasts[j] < 3 * contrasts[i] and contrasts[i] < 3 * contrasts[j]
            if alike and 0.5 < ratio < 2:
                out[i, 2] += volume
