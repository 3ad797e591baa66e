"""Spots: hot pixels taken down, the Laplacian, its maxima and how high they meet."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel


def despeckle(image: Any, floor: Any, steep: Any, out: Any, *, work: int) -> None:
    """Take down what is one pixel wide: a pixel far above its neighbours across some axis.

    `floor` is a height that noise may have; `steep` how many times the height of the higher of
    two opposite neighbours a pixel may have, above the lowest neighbour along the axes.
    """
    _despeckle(image, floor, steep, out, work=work, tasks=image.shape[1])


@kernel
def _despeckle(task: int, image: Any, floor: Any, steep: Any, out: Any) -> None:
    planes, rows, columns = image.shape
    y = task
    for z in range(planes):
        for x in range(columns):
            value = image[z, y, x]
            across, lowest = value, value
            for axis in range(3):
                if image.shape[axis] > 1:
                    dz, dy, dx = int(axis == 0), int(axis == 1), int(axis == 2)
                    # Beyond a border is what is on this side of it.
                    a = z - dz if z - dz >= 0 else z + dz
                    b = y - dy if y - dy >= 0 else y + dy
                    c = x - dx if x - dx >= 0 else x + dx
                    before = image[a, b, c]
                    a = z + dz if z + dz < planes else z - dz
                    b = y + dy if y + dy < rows else y - dy
                    c = x + dx if x + dx < columns else x - dx
                    after = image[a, b, c]
                    across = min(across, max(before, after))
                    lowest = min(lowest, min(before, after))
            speck = value - lowest > steep * (across - lowest) + floor
            out[z, y, x] = across if speck else value


@device
def _second(values: Any, z: Any, y: Any, x: Any, weights: Any) -> Any:
    """Second derivative, negated, with each axis weighed; what is beyond a border equals it."""
    planes, rows, columns = values.shape
    middle = values[z, y, x]
    total = np.float32(0)
    if planes > 1:
        total += weights[0] * (middle - values[max(z - 1, 0), y, x])
        total += weights[0] * (middle - values[min(z + 1, planes - 1), y, x])
    total += weights[1] * (middle - values[z, max(y - 1, 0), x])
    total += weights[1] * (middle - values[z, min(y + 1, rows - 1), x])
    total += weights[2] * (middle - values[z, y, max(x - 1, 0)])
    total += weights[2] * (middle - values[z, y, min(x + 1, columns - 1)])
    return total


def laplacian(values: Any, weights: Any, out: Any, *, work: int) -> None:
    """Write the negated second derivative of each pixel: high in the middle of a bright spot."""
    _laplacian(values, weights, out, work=work, tasks=values.shape[1])


@kernel
def _laplacian(task: int, values: Any, weights: Any, out: Any) -> None:
    for z in range(values.shape[0]):
        for x in range(values.shape[2]):
            out[z, task, x] = _second(values, z, task, x, weights)


def climb(values: Any, up: Any, *, work: int) -> None:
    """Point each positive pixel at its highest neighbour, a maximum at itself; others at -1.

    Of equal ones the first in raster order is the highest, so that a plateau has one maximum.
    """
    _climb(values, up, work=work, tasks=values.shape[1])


@kernel
def _climb(task: int, values: Any, up: Any) -> None:
    planes, rows, columns = values.shape
    y = task
    for z in range(planes):
        for x in range(columns):
            own = (z * rows + y) * columns + x
            if values[z, y, x] <= 0:
                up[own] = -1
                continue
            best, target = np.float32(0), own
            for c in range(max(z - 1, 0), min(z + 2, planes)):
                for b in range(max(y - 1, 0), min(y + 2, rows)):
                    line, start = values[c, b], (c * rows + b) * columns
                    for a in range(max(x - 1, 0), min(x + 2, columns)):
                        if line[a] > best:
                            best, target = line[a], start + a
            up[own] = target


@kernel
def settle(up: Any) -> None:
    """Point each positive pixel at the maximum that it climbs to."""
    for index in range(len(up)):
        if up[index] >= 0:
            top = up[index]
            while up[top] != top:
                top = up[top]
            node = index
            while up[node] != top:
                up[node], node = top, up[node]


@kernel
def basins(values: Any, tops: Any, number: Any, share: Any, labels: Any) -> None:
    """Label what climbs to a maximum with a number, where it is above a share of it.

    `number` holds the numbers of maxima, from 1 on, at their pixels; all are flat.
    """
    for index in range(len(tops)):
        top = tops[index]
        if top >= 0 and number[top] > 0 and values[index] > share * values[top]:
            labels[index] = number[top]


def meetings(values: Any, tops: Any, floor: Any, highest: Any) -> None:
    """Find how high each maximum meets a higher one, above a floor, which is not below 0.

    `tops` (flat) tells which maximum each pixel climbs to. `highest` (flat, zeros) gets, at the
    pixel of a maximum, the value at which what is around it grows together with what is around a
    higher one. Only where basins meet is there anything to see: on a tenth of the pixels or so.
    """
    flat = values.reshape(-1)
    marks, line = np.empty(flat.size, np.bool_), np.empty(values.shape[2], np.int32)
    _borders(values, tops.reshape(values.shape), np.float32(floor), marks, line, work=0)
    places = np.flatnonzero(marks).astype(np.int32)
    order = places[_falling(flat[places])]
    _meetings(order, flat, values.shape, tops, tops.copy(), highest, work=0)


def _falling(values: Any) -> Any:
    """Return the order of falling positive values, equal ones as they are.

    They have the order of their bits. NumPy sorts 16 of these by counting: twice that is six times
    as fast as to sort values.
    """
    bits = np.iinfo(np.int32).max - values.view(np.int32)
    order = np.argsort((bits & 0xFFFF).astype(np.uint16), kind="stable")
    return order[np.argsort((bits >> 16).astype(np.uint16)[order], kind="stable")]


@kernel
def _borders(values: Any, tops: Any, floor: Any, marks: Any, line: Any) -> None:
    """Mark the pixels above a floor beside one, not lower, that climbs to another maximum."""
    planes, rows, columns = values.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                line[x] = 0
            for c in range(max(z - 1, 0), min(z + 2, planes)):
                for b in range(max(y - 1, 0), min(y + 2, rows)):
                    for shift in range(-1, 2):
                        first, last = max(-shift, 0), columns - max(shift, 0)
                        value, top, own = values[z, y, first:], tops[z, y, first:], line[first:]
                        other = values[c, b, max(shift, 0) :]
                        its = tops[c, b, max(shift, 0) :]
                        for x in range(last - first):
                            own[x] |= (other[x] >= value[x]) & (its[x] != top[x])
            value, start = values[z, y], (z * rows + y) * columns
            for x in range(columns):
                marks[start + x] = line[x] != 0 and value[x] > floor


@device
def _top(root: Any, node: Any) -> Any:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node


@kernel
def _meetings(order: Any, flat: Any, shape: Any, tops: Any, root: Any, highest: Any) -> None:
    planes, rows, columns = shape
    for i in range(order.size):
        pixel = order[i]
        value = flat[pixel]
        z, rest = divmod(pixel, rows * columns)
        y, x = divmod(rest, columns)
        own = -1
        for c in range(max(z - 1, 0), min(z + 2, planes)):
            for b in range(max(y - 1, 0), min(y + 2, rows)):
                for a in range(max(x - 1, 0), min(x + 2, columns)):
                    other = (c * rows + b) * columns + a
                    # Of equal ones those come first that are first in raster order.
                    if flat[other] < value or (flat[other] == value and other >= pixel):
                        continue
                    top = _top(root, tops[other])
                    if own < 0:
                        own = top
                    elif top != own:
                        # The lower of two ends here.
                        higher = flat[top] >= flat[own]
                        lower = own if higher else top
                        highest[lower] = value
                        own = top if higher else own
                        root[lower] = own
