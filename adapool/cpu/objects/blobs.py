"""Candidates for objects: how they differ from what surrounds them, and which hold which."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from adapool._jit import device, kernel, workers_for


@intrinsic
def _square_root(typingctx: Any, value: Any) -> Any:
    """Take a square root by the instruction: numba calls a function outside of the kernel."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FloatType() if signature.args[0] == types.float32 else ir.DoubleType()
        suffix = "f32" if signature.args[0] == types.float32 else "f64"
        function = builder.module.declare_intrinsic(
            f"llvm.sqrt.{suffix}", fnty=ir.FunctionType(kind, [kind])
        )
        return builder.call(function, arguments)

    return value(value), generate


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
            best, own = values[z, y, x], (z * rows + y) * columns + x
            target = own
            if best <= 0:
                up[own] = -1
                continue
            for c in range(max(z - 1, 0), min(z + 2, planes)):
                for b in range(max(y - 1, 0), min(y + 2, rows)):
                    for a in range(max(x - 1, 0), min(x + 2, columns)):
                        index = (c * rows + b) * columns + a
                        value = values[c, b, a]
                        if value > best or (value == best and index < target):
                            best, target = value, index
            up[own] = target


@kernel
def basins(values: Any, up: Any, number: Any, share: Any, labels: Any) -> None:
    """Label what climbs to a maximum with a number, where it is above a share of it.

    `number` (flat) holds the numbers of maxima, from 1 on; all three are flat.
    """
    for index in range(len(up)):
        if up[index] >= 0:
            top = up[index]
            while up[top] != top:
                top = up[top]
            node = index
            while up[node] != top:
                up[node], node = top, up[node]
            if number[top] > 0 and values[index] > share * values[top]:
                labels[index] = number[top]


def meetings(order: Any, values: Any, highest: Any, *, work: int) -> None:
    """Find how high each maximum meets a higher one, on the way down through `order`.

    `order` holds pixels by falling value, above 0; `highest` (flat, zeros) gets, at the pixel of a
    maximum, the value at which what is around it grows together with what is around a higher one.
    """
    root = np.full(values.size, -1, np.int32)
    _meetings(order, values.reshape(-1), values.shape, root, highest, work=work)


@device
def _top(root: Any, node: Any) -> Any:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node


@kernel
def _meetings(order: Any, flat: Any, shape: Any, root: Any, highest: Any) -> None:
    planes, rows, columns = shape
    for i in range(order.size):
        pixel = order[i]
        z, rest = divmod(pixel, rows * columns)
        y, x = divmod(rest, columns)
        root[pixel] = own = pixel
        for c in range(max(z - 1, 0), min(z + 2, planes)):
            for b in range(max(y - 1, 0), min(y + 2, rows)):
                for a in range(max(x - 1, 0), min(x + 2, columns)):
                    other = (c * rows + b) * columns + a
                    if root[other] < 0 or other == pixel:
                        continue
                    top = _top(root, other)
                    if top == own:
                        continue
                    # The lower of two ends here; a pixel that has just come is no maximum.
                    higher = flat[top] >= flat[own]
                    lower = own if higher else top
                    if lower != pixel:
                        highest[lower] = flat[pixel]
                    own = top if higher else own
                    root[lower] = own


@device
def _select(values: Any, count: Any, rank: Any) -> Any:
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


def surround(
    values: Any, labels: Any, low: Any, high: Any, share: Any, least: Any, out: Any, *, work: int
) -> None:
    """Find a quantile of what has no label in each ellipsoid, inscribed from `low` to `high`.

    Boxes may leave the image: they are cut. Infinity where there are fewer than `least` pixels.
    """
    if len(low):
        boxes = np.minimum(high, labels.shape) - np.maximum(low, 0)
        workers = workers_for(work, len(low))
        rooms = np.empty((workers, int(boxes.prod(axis=1).max())), np.float32)
        _surround(values, labels, low, high, share, least, out, rooms, work=work, tasks=workers)


@kernel
def _surround(
    worker: int,
    values: Any,
    labels: Any,
    low: Any,
    high: Any,
    share: Any,
    least: Any,
    out: Any,
    rooms: Any,
) -> None:
    planes, rows, columns = labels.shape
    around = rooms[worker]
    for index in range(worker, len(low), len(rooms)):
        z0, y0, x0 = low[index, 0], low[index, 1], low[index, 2]
        z1, y1, x1 = high[index, 0], high[index, 1], high[index, 2]
        count = 0
        for z in range(max(z0, 0), min(z1, planes)):
            for y in range(max(y0, 0), min(y1, rows)):
                # Twice the distance to the middle, over twice the radius.
                across = ((2 * z - z0 - z1 + 1) / (z1 - z0)) ** 2
                across += ((2 * y - y0 - y1 + 1) / (y1 - y0)) ** 2
                for x in range(max(x0, 0), min(x1, columns)):
                    within = across + ((2 * x - x0 - x1 + 1) / (x1 - x0)) ** 2 <= 1
                    if within and labels[z, y, x] == 0:
                        around[count] = values[z, y, x]
                        count += 1
        if count < least:
            out[index] = np.inf
        else:
            out[index] = _select(around, count, int(share * (count - 1)))


@kernel
def edges(fine: Any, coarse: Any, labels: Any, spacing: Any, sums: Any) -> None:
    """Sum, over the rim of each label, how steep two images are where the coarser one falls.

    `sums` (label, 2): the slope of `fine` along that of `coarse`, and that of `coarse`.
    """
    planes, rows, columns = labels.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                number = labels[z, y, x] - 1
                if number < 0:
                    continue
                rim = False
                along, across = np.float32(0), np.float32(0)
                for axis in range(3):
                    if labels.shape[axis] > 1:
                        a = (
                            max(z - (axis == 0), 0),
                            max(y - (axis == 1), 0),
                            max(x - (axis == 2), 0),
                        )
                        b = (
                            min(z + (axis == 0), planes - 1),
                            min(y + (axis == 1), rows - 1),
                            min(x + (axis == 2), columns - 1),
                        )
                        rim |= labels[a] == 0 or labels[b] == 0
                        slope = (coarse[b] - coarse[a]) / spacing[axis]
                        along += slope * (fine[b] - fine[a]) / spacing[axis]
                        across += slope * slope
                if rim and across > 0:
                    size = _square_root(across)
                    sums[number, 0] += along / size
                    sums[number, 1] += size


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
