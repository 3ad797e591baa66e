"""Rims of candidates for objects: where an image falls most around them."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel
from adapool.cpu._roots import square_root
from adapool.cpu.objects.places import between


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


@device
def _is_rim(labels: Any, z: Any, y: Any, x: Any) -> Any:
    """Whether a labelled pixel is beside one without a label."""
    planes, rows, columns = labels.shape
    rim = y > 0 and labels[z, y - 1, x] == 0
    rim |= y + 1 < rows and labels[z, y + 1, x] == 0
    rim |= x > 0 and labels[z, y, x - 1] == 0
    rim |= x + 1 < columns and labels[z, y, x + 1] == 0
    rim |= z > 0 and labels[z - 1, y, x] == 0
    rim |= z + 1 < planes and labels[z + 1, y, x] == 0
    return rim


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
        coarse.reshape(-1),
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


@device
def _neighbour(index: Any, side: Any, shape: Any) -> Any:
    """Return the flat position of one of the six neighbours of a pixel; -1 beyond the image."""
    planes, rows, columns = shape
    z, rest = divmod(index, rows * columns)
    y, x = divmod(rest, columns)
    move = 2 * (side % 2) - 1
    z += move if side >= 4 else 0
    y += move if 2 <= side < 4 else 0
    x += move if side < 2 else 0
    if 0 <= z < planes and 0 <= y < rows and 0 <= x < columns:
        return (z * rows + y) * columns + x
    return -1


@device
def _owner(
    index: Any, shape: Any, step: Any, values: Any, most: Any, grown: Any, steps: Any
) -> Any:
    """Return which label a pixel goes to: that of its brightest neighbour that still grows.

    Not the first that comes along, or a flipped image would give another. 0 where two are equal.
    """
    owner, best = np.int32(0), np.float32(-np.inf)
    for side in range(6):
        other = _neighbour(index, side, shape)
        if other >= 0 and grown[other] > 0 and steps[other] == step:
            label = grown[other]
            if step < most[label - 1]:
                if values[other] > best:
                    owner, best = label, values[other]
                elif values[other] == best and label != owner:
                    owner = np.int32(0)
    return owner


@kernel
def _rims(
    coarse: Any,
    flat: Any,
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
    count = 0
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                if labels[z, y, x] > 0 and _is_rim(labels, z, y, x):
                    front[count] = (z * rows + y) * columns + x
                    count += 1
    start, step = 0, 0
    while start < count:
        stop = count
        for place in range(start, stop):
            index = front[place]
            number = grown[index] - 1
            if number < 0:
                continue
            z, rest = divmod(index, rows * columns)
            y, x = divmod(rest, columns)
            sums[number, step] += _slope(coarse, z, y, x, spacing)
            if step >= most[number]:
                continue
            for side in range(6):
                other = _neighbour(index, side, labels.shape)
                if other >= 0 and grown[other] == 0 and steps[other] == 0 and inside[other] > 0:
                    steps[other] = step + 1
                    front[count] = other
                    count += 1
        for place in range(stop, count):
            index = front[place]
            grown[index] = _owner(index, labels.shape, step, flat, most, grown, steps)
        start, step = stop, step + 1


def outlines(labels: Any, volume: int) -> Any:
    """Return the flat positions of labelled pixels beside pixels without a label, in raster order.

    `volume` pixels have a label.
    """
    places, count = np.empty(volume, np.int32), np.empty(1, np.int64)
    _outlines(labels, places, count, work=0)
    return places[: int(count[0])]


@kernel
def _outlines(labels: Any, places: Any, found: Any) -> None:
    planes, rows, columns = labels.shape
    count = 0
    for z in range(planes):
        for y in range(rows):
            line = labels[z, y]
            for x in range(columns):
                if line[x] > 0 and _is_rim(labels, z, y, x):
                    places[count] = (z * rows + y) * columns + x
                    count += 1
    found[0] = count


@kernel
def slopes(image: Any, rim: Any, spacing: Any, out: Any, places: Any) -> None:
    """Find the direction in which an image rises, of length 1, at flat positions: (n, 3).

    `places` (n, 3) gets the positions along each axis.
    """
    _, rows, columns = image.shape
    for index in range(len(rim)):
        z, rest = divmod(rim[index], rows * columns)
        y, x = divmod(rest, columns)
        places[index, 0], places[index, 1], places[index, 2] = z, y, x
        square = np.float64(0)
        for axis in range(3):
            out[index, axis] = 0
            if image.shape[axis] > 1:
                dz, dy, dx = int(axis == 0), int(axis == 1), int(axis == 2)
                c, b, a = max(z - dz, 0), max(y - dy, 0), max(x - dx, 0)
                r = min(z + dz, image.shape[0] - 1)
                q = min(y + dy, image.shape[1] - 1)
                p = min(x + dx, image.shape[2] - 1)
                rise = np.float64(image[r, q, p] - image[c, b, a])
                rise = rise / np.float64(r - c + q - b + p - a) / spacing[axis]
                out[index, axis] = rise
                square += rise * rise
        length = max(square_root(square), np.float64(1e-30))
        for axis in range(3):
            out[index, axis] /= length


@kernel
def follow(
    image: Any, grid: Any, shifts: Any, half: Any, uphill: Any, places: Any, heights: Any
) -> None:
    """Move each place, by one of some shifts uphill, to where an image falls most.

    `heights` becomes the difference between what is `half` uphill and what is `half` downhill.
    `grid` (3, axis): the first position, the step, and the size of a pixel of the finest image.
    """
    for index in range(len(places)):
        place, direction = places[index], uphill[index]
        best, found = np.float64(-np.inf), np.float64(0)
        for s in range(len(shifts)):
            fall = np.float64(0)
            for side in range(2):
                far = shifts[s] + (half if side == 0 else -half)
                z = ((place[0] + far * direction[0]) / grid[2, 0] - grid[0, 0]) / grid[1, 0]
                y = ((place[1] + far * direction[1]) / grid[2, 1] - grid[0, 1]) / grid[1, 1]
                x = ((place[2] + far * direction[2]) / grid[2, 2] - grid[0, 2]) / grid[1, 2]
                value = between(image, z, y, x)
                fall += value if side == 0 else -value
            if fall > best:
                best, found = fall, shifts[s]
        for axis in range(3):
            place[axis] += found * direction[axis]
        heights[index] = best
