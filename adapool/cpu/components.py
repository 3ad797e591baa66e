"""Components of upper level sets: how deep a pixel lies in them, and which are objects.

The tree of components is that of Najman and Couprie, "Building the Component Tree in Quasi-Linear
Time", IEEE Transactions on Image Processing 15(11), 2006, in the array form of Carlinet and
Geraud, ibid. 23(9), 2014.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numba import prange

from adapool._jit import device, kernel

# Half of the neighbours of a position, (plane, row, column), the first that a raster scan meets.
BEFORE = np.array([step for step in itertools.product((-1, 0, 1), repeat=3) if step < (0, 0, 0)])


@kernel
def depths(values: Any, levels: Any, steps: Any, weights: Any, out: Any) -> None:
    """Distance from each pixel above a level to the nearest one that is not: (level, *volume).

    A chamfer distance: two scans, in which a pixel is a step farther than a neighbour. It is
    within 8 % of the Euclidean one, at a fifth of the time of SciPy's.
    """
    planes, rows, columns = values.shape
    far = np.float32(1e9)
    for index in prange(len(levels)):
        depth = out[index]
        for z in range(planes):
            for y in range(rows):
                for x in range(columns):
                    depth[z, y, x] = far if values[z, y, x] > levels[index] else 0
        for direction in (1, -1):
            for i in range(planes):
                z = i if direction > 0 else planes - 1 - i
                for j in range(rows):
                    y = j if direction > 0 else rows - 1 - j
                    for k in range(columns):
                        x = k if direction > 0 else columns - 1 - k
                        nearest = depth[z, y, x]
                        if nearest == 0:
                            continue
                        for s in range(len(steps)):
                            p = z + direction * steps[s, 0]
                            q = y + direction * steps[s, 1]
                            r = x + direction * steps[s, 2]
                            if 0 <= p < planes and 0 <= q < rows and 0 <= r < columns:
                                nearest = min(nearest, depth[p, q, r] + weights[s])
                        depth[z, y, x] = nearest


@device
def _root(above: Any, node: Any) -> Any:
    root = node
    while above[root] != root:
        root = above[root]
    while above[node] != root:
        above[node], node = root, above[node]
    return root


@kernel
def build_tree(order: Any, values: Any, shape: Any, parent: Any) -> None:
    """Find the parents, in the trees of components, of some pixels in order of falling value.

    Afterwards the parent of a pixel is the canonical pixel of its component, or, for a canonical
    one, that of the next larger component; the largest components are roots, their own parents.
    """
    planes, rows, columns = shape
    above = np.full(parent.size, -1, np.int32)
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


@kernel
def sum_moments(order: Any, parent: Any, shape: Any, moments: Any) -> None:
    """Sum 1, the coordinates and their products over each component: (pixel, 10)."""
    _, rows, columns = shape
    for i in range(order.size):
        pixel = order[i]
        z, rest = divmod(pixel, rows * columns)
        y, x = divmod(rest, columns)
        own = moments[pixel]
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
        if parent[pixel] != pixel:
            over = moments[parent[pixel]]
            for m in range(10):
                over[m] += own[m]


@kernel
def choose(order: Any, parent: Any, values: Any, score: Any, labels: Any) -> int:
    """Label the disjoint components whose scores have the largest sum; return their number."""
    inner = np.zeros(parent.size)  # the best sum within a component, from those that it holds
    kept = np.zeros(parent.size, np.bool_)
    for i in range(order.size):
        pixel = order[i]
        over = parent[pixel]
        if over == pixel or values[over] != values[pixel]:
            kept[pixel] = score[pixel] > 0 and score[pixel] >= inner[pixel]
            if over != pixel:
                inner[over] += score[pixel] if kept[pixel] else inner[pixel]
    count = 0
    for i in range(order.size - 1, -1, -1):
        pixel = order[i]
        over = parent[pixel]
        labels[pixel] = labels[over] if over != pixel else 0
        if labels[pixel] == 0 and kept[pixel]:
            count += 1
            labels[pixel] = count
    return count


@kernel
def darkest(values: Any, labels: Any, low: Any, high: Any, out: Any) -> None:
    """Find the lowest value without a label in each ellipsoid, inscribed from `low` to `high`.

    Boxes may leave the image: they are cut.
    """
    shape = labels.shape
    for index in prange(len(low)):
        middle = (low[index] + high[index] - 1) / 2
        radius = (high[index] - low[index]) / 2
        lowest = np.float32(np.inf)
        for z in range(max(low[index, 0], 0), min(high[index, 0], shape[0])):
            for y in range(max(low[index, 1], 0), min(high[index, 1], shape[1])):
                across = ((z - middle[0]) / radius[0]) ** 2 + ((y - middle[1]) / radius[1]) ** 2
                for x in range(max(low[index, 2], 0), min(high[index, 2], shape[2])):
                    within = across + ((x - middle[2]) / radius[2]) ** 2 <= 1
                    if within and labels[z, y, x] == 0:
                        lowest = min(lowest, values[z, y, x])
        out[index] = lowest


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
def free_boxes(points: Any, labels: Any, most: Any, half: Any) -> None:
    """Find the largest box about each point, up to `most`, that holds no other label.

    `most` and `half` (n, 3) are half the size along each axis; boxes keep their proportions.
    """
    for index in prange(len(points)):
        free = np.int64(0)
        taken = np.int64(most[index].max()) + 1
        while free + 1 < taken:
            middle = (free + taken) // 2
            for axis in range(3):
                half[index, axis] = most[index, axis] * middle // most[index].max()
            if _holds_another(labels, points[index], half[index]):
                taken = middle
            else:
                free = middle
        for axis in range(3):
            half[index, axis] = most[index, axis] * free // max(most[index].max(), 1)
