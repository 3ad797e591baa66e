"""How far objects stand above what leads to higher ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.morphology import reconstruction
from skimage.segmentation import watershed

from adapool._peaks.measures import Measures, filled

Array = NDArray[Any]

# Half of the 26 neighbours of a pixel: the other half meets it from its own side.
_STEPS = [tuple(step) for step in (np.argwhere(np.ones((3, 3, 3))) - 1).tolist()][14:]


def prominences(image: Array, measures: Measures) -> Array:
    """Return how far the maximum of each object stands above what leads to a higher one.

    That is the highest saddle over which a higher object can be reached, or the background of the
    object where that is higher or there is none; the topographic prominence, among these objects.
    """
    count = len(measures.volumes)
    heights = ndi.maximum(image, measures.objects, np.arange(1, count + 1)).astype(np.float64)
    lowest = measures.backgrounds.copy()
    # Maxima that are no objects are levelled: no path is higher for leading over one.
    near = np.ones((3, 3, 3))
    values, _ = filled(image.astype(np.float64))
    seeds = np.where(measures.objects > 0, values, values.min())
    reached = reconstruction(seeds, values, footprint=near)
    basins = watershed(-reached, measures.objects, connectivity=near)
    top = np.arange(count)  # of the objects joined so far, the highest

    def highest(i: int) -> int:
        while top[i] != i:
            top[i] = top[top[i]]
            i = int(top[i])
        return i

    for first, second, saddle in _saddles(reached, basins):
        a, b = highest(first), highest(second)
        if a == b:
            continue
        lower = max(a, b, key=lambda i: (-heights[i], i))
        # An object need not hold the maximum that it lies on the slope of.
        lowest[lower] = max(lowest[lower], min(saddle, heights[lower]))
        top[lower] = a + b - lower
    return np.asarray(heights - lowest)


def _saddles(image: Array, basins: Array) -> Iterator[tuple[int, int, float]]:
    """Yield the highest saddle between each two basins that meet, the highest of all first."""
    pairs, levels = [], []
    for step in _STEPS:
        here, there = _shifted(image.shape, step, -1), _shifted(image.shape, step, 1)
        meet = basins[here] != basins[there]
        pairs.append(np.sort(np.stack([basins[here][meet], basins[there][meet]], axis=-1), axis=-1))
        levels.append(np.minimum(image[here][meet], image[there][meet]).astype(np.float64))
    pair, level = np.concatenate(pairs) - 1, np.concatenate(levels)
    falling = np.argsort(-level, kind="stable")
    _, first = np.unique(pair[falling], axis=0, return_index=True)
    for i in falling[np.sort(first)].tolist():
        yield int(pair[i, 0]), int(pair[i, 1]), float(level[i])


def _shifted(shape: tuple[int, ...], step: tuple[int, ...], sign: int) -> tuple[slice, ...]:
    """Return the pixels that a step leads from (sign -1), or those that it leads to (sign 1)."""
    return tuple(
        slice(max(0, sign * s), n - max(0, -sign * s)) for s, n in zip(step, shape, strict=True)
    )
