"""Topographic prominence, by flooding an image level by level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Array = NDArray[Any]


def prominences(image: Array, objects: Array, backgrounds: Array) -> list[float]:
    """Return how far the maximum of each object is above what leads to a higher one.

    `objects` holds labels 1 to n; of two maxima of one height the first counts as the higher.
    """
    numbers = range(1, len(backgrounds) + 1)
    heights = [image[objects == number].max() for number in numbers]
    found = []
    for number, height, background in zip(numbers, heights, backgrounds, strict=True):
        lowest = background
        for level in np.unique(image)[::-1]:
            pieces, _ = ndi.label(image >= level, np.ones((3,) * image.ndim))
            mine = set(pieces[(objects == number) & (pieces > 0)].tolist())
            higher = any(
                (heights[other - 1], -other) > (height, -number)
                and mine & set(pieces[(objects == other) & (pieces > 0)].tolist())
                for other in numbers
            )
            if higher:
                lowest = max(lowest, level)
                break
        found.append(height - lowest)
    return found
