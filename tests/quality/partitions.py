"""Controls: ways to part an image into at most N sites. A partition is a label image from 1 on."""

from __future__ import annotations

import heapq

import numpy as np
from scipy import ndimage as ndi
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import slic, watershed

from .scores import Array

COMPACTNESSES = (0.05, 0.1, 0.2)
# Sides of blocks with hindsight, in units of the one that uses up the budget.
LARGER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_LEAST_SIDE = 2  # of a quadtree's leaf


def budget(shape: tuple[int, ...], side: int) -> int:
    """Return the number of whole blocks in an image: of at least one."""
    return max(1, int(np.prod([max(1, n // side) for n in shape])))


def side_of(shape: tuple[int, ...], most: int) -> int:
    """Return the side of the blocks that use up a budget: of those sides, the largest."""
    sides = range(1, max(shape) + 1)
    count = max(n for side in sides if (n := budget(shape, side)) <= most)
    return max(side for side in sides if budget(shape, side) == count)


def numbered(owner: Array) -> Array:
    """Number regions from 1 on without gaps; 0 stays."""
    values, ranks = np.unique(owner, return_inverse=True)
    first = 0 if values[0] == 0 else 1
    return np.asarray(ranks.reshape(owner.shape) + first)


def blocks(shape: tuple[int, ...], side: int) -> Array:
    """Equal blocks; what is left at the far border belongs to the last ones."""
    rows, columns = (np.minimum(np.arange(n) // side, max(1, n // side) - 1) for n in shape)
    return np.asarray(rows[:, np.newaxis] * (columns[-1] + 1) + columns + 1)


def quadtree(image: Array, most: int) -> Array:
    """Part the leaf with the largest sum of squared deviations in four, while the budget lasts."""
    values = image.astype(np.float64)
    heap: list[tuple[float, int, int, int, int]] = []

    def push(top: int, left: int, bottom: int, right: int) -> None:
        part = values[top:bottom, left:right]
        if part.size:
            heapq.heappush(heap, (-float(part.var()) * part.size, top, left, bottom, right))

    push(0, 0, *image.shape)
    leaves: list[tuple[int, int, int, int]] = []
    while heap and len(heap) + len(leaves) + 3 <= most:
        _, top, left, bottom, right = heapq.heappop(heap)
        if min(bottom - top, right - left) < 2 * _LEAST_SIDE:
            leaves.append((top, left, bottom, right))
            continue
        row, column = (top + bottom) // 2, (left + right) // 2
        push(top, left, row, column)
        push(top, column, row, right)
        push(row, left, bottom, column)
        push(row, column, bottom, right)
    owner = np.zeros(image.shape, np.int64)
    leaves += [each[1:] for each in heap]
    for number, (top, left, bottom, right) in enumerate(leaves, start=1):
        owner[top:bottom, left:right] = number
    return owner


def superpixels(image: Array, most: int, compactness: float) -> Array:
    """SLIC, on values that span 0 to 1; asked for fewer segments while it gives too many."""
    values = image.astype(np.float64)
    values = (values - values.min()) / max(np.ptp(values), 1e-12)
    wanted = most
    while True:
        owner = slic(values, wanted, compactness, channel_axis=None, start_label=1)
        count = len(np.unique(owner))
        if count <= most or wanted == 1:
            return numbered(owner)
        wanted = max(1, min(wanted - 1, wanted * most // count))


def otsu_sites(image: Array, most: int) -> Array:
    """Otsu's threshold, distance transform, watershed: a site for each segment, then background."""
    smooth = ndi.gaussian_filter(image.astype(np.float64), 1)
    if smooth.max() == smooth.min():
        return with_background(np.zeros(image.shape, int), most)
    inside = smooth > threshold_otsu(smooth)
    depth = ndi.gaussian_filter(ndi.distance_transform_edt(inside), 1)
    peaks = peak_local_max(depth, min_distance=5, labels=inside.astype(int), exclude_border=False)
    markers = np.zeros(image.shape, int)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return with_background(watershed(-depth, markers, mask=inside), most)


def with_background(labels: Array, most: int) -> Array:
    """A site for each label, the largest ones where the budget is short; blocks of background.

    The blocks are the smallest squares that the rest of the budget allows.
    """
    labels = numbered(np.where(labels > 0, labels, 0))
    count = int(labels.max())
    room = most - bool((labels == 0).any())
    if count > room:
        areas = np.bincount(labels.ravel(), minlength=count + 1)
        areas[0] = 0
        kept = np.argsort(-areas, kind="stable")[:room]
        labels = numbered(np.where(np.isin(labels, kept), labels, 0))
        count = int(labels.max())
    outside = labels == 0
    if not outside.any():
        return labels

    def cut(side: int) -> Array:
        return np.asarray(blocks_of(labels.shape, side)[outside])

    low, high = 1, max(labels.shape)
    while low < high:  # the number of blocks falls as they grow, but for the cut at objects
        side = (low + high) // 2
        if len(np.unique(cut(side))) <= most - count:
            high = side
        else:
            low = side + 1
    while len(np.unique(cut(low))) > most - count:
        low += 1
    owner = labels.copy()
    owner[outside] = count + 1 + np.unique(cut(low), return_inverse=True)[1]
    return owner


def blocks_of(shape: tuple[int, ...], side: int) -> Array:
    """Blocks, with smaller ones at the far border."""
    rows, columns = (np.arange(n) // side for n in shape)
    return np.asarray(rows[:, np.newaxis] * (columns[-1] + 1) + columns)
