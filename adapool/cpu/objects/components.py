"""Components of upper level sets: which are objects.

The tree of components is that of Najman and Couprie, "Building the Component Tree in Quasi-Linear
Time", IEEE Transactions on Image Processing 15(11), 2006, in the array form of Carlinet and
Geraud, ibid. 23(9), 2014.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device, kernel


@kernel
def fall(values: Any, order: Any, starts: Any) -> None:
    """Sort the pixels that are not 0 by falling value, equal ones in raster order.

    By counting; `starts` holds zeros, one for each value that there may be.
    """
    for pixel in range(len(values)):
        starts[values[pixel]] += 1
    position = 0
    for value in range(len(starts) - 1, 0, -1):
        count = starts[value]
        starts[value] = position
        position += count
    for pixel in range(len(values)):
        value = values[pixel]
        if value > 0:
            order[starts[value]] = pixel
            starts[value] += 1


@device
def _root(above: Any, node: Any) -> Any:
    while above[node] != node:
        above[node] = above[above[node]]
        node = above[node]
    return node


def build_tree(order: Any, values: Any, shape: Any, parent: Any, *, work: int) -> None:
    """Find the parents, in the trees of components, of some pixels in order of falling value.

    Afterwards the parent of a pixel is the canonical pixel of its component, or, for a canonical
    one, that of the next larger component; the largest components are roots, their own parents.
    """
    above = np.full(parent.size, -1, np.int32)
    _build_tree(order, values, shape, parent, above, work=work)


@kernel
def _build_tree(order: Any, values: Any, shape: Any, parent: Any, above: Any) -> None:
    planes, rows, columns = shape
    for i in range(order.size):
        pixel = order[i]
        parent[pixel] = above[pixel] = pixel
        z, rest = divmod(pixel, rows * columns)
        y, x = divmod(rest, columns)
        for axis in range(3):
            for step in (-1, 1):
                p = z + step if axis == 0 else z
                q = y + step if axis == 1 else y
                r = x + step if axis == 2 else x
                if 0 <= p < planes and 0 <= q < rows and 0 <= r < columns:
                    other = (p * rows + q) * columns + r
                    if above[other] >= 0:
                        root = _root(above, other)
                        if root != pixel:
                            above[root] = parent[root] = pixel
    for i in range(order.size - 1, -1, -1):
        pixel = order[i]
        over = parent[pixel]
        if values[parent[over]] == values[over]:
            parent[pixel] = parent[over]


def number(order: Any, parent: Any, values: Any, node: Any, *, work: int) -> int:
    """Give components numbers, larger ones before those they hold; return how many there are.

    `node` becomes the number of the component of each pixel in `order`.
    """
    count = np.empty(1, np.int64)
    _number(order, parent, values, node, count, work=work)
    return int(count[0])


@kernel
def _number(order: Any, parent: Any, values: Any, node: Any, found: Any) -> None:
    count = 0
    for i in range(order.size - 1, -1, -1):
        pixel = order[i]
        over = parent[pixel]
        if over == pixel or values[over] != values[pixel]:
            node[pixel] = count
            count += 1
        else:
            node[pixel] = node[over]
    found[0] = count


@kernel
def sum_moments(order: Any, parent: Any, node: Any, shape: Any, moments: Any, over: Any) -> None:
    """Sum 1, the coordinates and their products over each component: (component, 10).

    `over` becomes the component that each lies in, or itself.
    """
    _, rows, columns = shape
    for i in range(order.size):
        pixel = order[i]
        z, rest = divmod(pixel, rows * columns)
        y, x = divmod(rest, columns)
        own = moments[node[pixel]]
        own[0] += 1
        own[1] += z
        own[2] += y
        own[3] += x
        own[4] += z * z
        own[5] += y * y
        own[6] += x * x
        own[7] += z * y
        own[8] += z * x
        own[9] += y * x
        if node[parent[pixel]] != node[pixel] or parent[pixel] == pixel:
            over[node[pixel]] = node[parent[pixel]]
    for index in range(len(over) - 1, -1, -1):
        if over[index] != index:
            for m in range(10):
                moments[over[index], m] += moments[index, m]


def choose(over: Any, score: Any, chosen: Any, *, work: int) -> int:
    """Choose disjoint components whose scores have the largest sum; return their number.

    `chosen` becomes the number, from 1 on, of what is chosen and holds each component, or 0.
    """
    inner = np.zeros(len(over))  # the best sum within a component, from those that it holds
    count = np.empty(1, np.int64)
    _choose(over, score, chosen, inner, count, work=work)
    return int(count[0])


@kernel
def _choose(over: Any, score: Any, chosen: Any, inner: Any, found: Any) -> None:
    for index in range(len(over) - 1, -1, -1):
        kept = score[index] > 0 and score[index] >= inner[index]
        chosen[index] = kept
        if over[index] != index:
            inner[over[index]] += score[index] if kept else inner[index]
    count = 0
    for index in range(len(over)):
        kept = chosen[index] != 0
        chosen[index] = chosen[over[index]] if over[index] != index else 0
        if chosen[index] == 0 and kept:
            count += 1
            chosen[index] = count
    found[0] = count


@kernel
def label(order: Any, node: Any, chosen: Any, labels: Any) -> None:
    """Draw what is chosen."""
    for i in range(len(order)):
        labels[order[i]] = chosen[node[order[i]]]


@device
def _holds_another(labels: Any, point: Any, half: Any) -> bool:
    """Whether the box of half its size `half` about a point holds another label than its own."""
    own = labels[point[0], point[1], point[2]]
    for z in range(max(point[0] - half[0], 0), min(point[0] + half[0] + 1, labels.shape[0])):
        for y in range(max(point[1] - half[1], 0), min(point[1] + half[1] + 1, labels.shape[1])):
            for x in range(
                max(point[2] - half[2], 0), min(point[2] + half[2] + 1, labels.shape[2])
            ):
                if labels[z, y, x] != 0 and labels[z, y, x] != own:
                    return True
    return False


@kernel
def deepest(labels: Any, depth: Any, peaks: Any, deepness: Any) -> None:
    """Find the deepest pixel of each label, the first of equals: (n, 3); `deepness` holds zeros."""
    planes, rows, columns = labels.shape
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                number = labels[z, y, x] - 1
                if number >= 0 and depth[z, y, x] > deepness[number]:
                    deepness[number] = depth[z, y, x]
                    peaks[number, 0], peaks[number, 1], peaks[number, 2] = z, y, x


@kernel
def paint(
    labels: Any,
    depth: Any,
    peaks: Any,
    deepness: Any,
    contrasts: Any,
    half: Any,
    response: Any,
    sizes: Any,
) -> None:
    """Draw the map of peaks, and windows that reach the peak of each pixel's own object."""
    planes, rows, columns = labels.shape
    # A hair below 1 beside the peak, so that the peak is alone at the top.
    below = np.float32(1 - 1e-6)
    for z in range(planes):
        for y in range(rows):
            for x in range(columns):
                number = labels[z, y, x] - 1
                response[z, y, x] = 0
                sizes[z, y, x, :] = 1
                if number >= 0:
                    peak = peaks[number]
                    share = min(depth[z, y, x] / deepness[number], below)
                    if z == peak[0] and y == peak[1] and x == peak[2]:
                        share = np.float32(1)
                    response[z, y, x] = contrasts[number] * share
                    sizes[z, y, x, 0] = 2 * max(abs(z - peak[0]), half[number, 0]) + 1
                    sizes[z, y, x, 1] = 2 * max(abs(y - peak[1]), half[number, 1]) + 1
                    sizes[z, y, x, 2] = 2 * max(abs(x - peak[2]), half[number, 2]) + 1


@kernel
def free_boxes(points: Any, labels: Any, most: Any, half: Any) -> None:
    """Find the largest box about each point, up to `most`, that holds no other label.

    `most` and `half` (n, 3) are half the size along each axis; boxes keep their proportions.
    """
    for index in range(len(points)):
        free = np.int64(0)
        largest = max(most[index, 0], most[index, 1], most[index, 2])
        taken = np.int64(largest) + 1
        while free + 1 < taken:
            middle = (free + taken) // 2
            for axis in range(3):
                half[index, axis] = most[index, axis] * middle // largest
            if _holds_another(labels, points[index], half[index]):
                taken = middle
            else:
                free = middle
        for axis in range(3):
            half[index, axis] = most[index, axis] * free // max(largest, 1)
