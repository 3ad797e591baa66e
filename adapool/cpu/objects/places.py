"""Values of an image between its pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device


@device
def held(place: Any, count: Any) -> Any:
    """Return a position along an axis, or, beyond the image, the first or the last one."""
    return min(max(place, np.float64(0)), np.float64(count - 1))


@device
def in_plane(image: Any, z: Any, y: Any, x: Any) -> Any:
    """Return the value of a plane between its pixels."""
    q, r = np.int64(y), np.int64(x)
    b, a = min(q + 1, image.shape[1] - 1), min(r + 1, image.shape[2] - 1)
    down, along = y - q, x - r
    above = image[z, q, r] + along * (image[z, q, a] - image[z, q, r])
    below = image[z, b, r] + along * (image[z, b, a] - image[z, b, r])
    return above + down * (below - above)


@device
def between(image: Any, z: Any, y: Any, x: Any) -> Any:
    """Return the value of an image between its pixels.

    Not the nearest: of two equally near a flipped image would give the other.
    """
    z, y, x = held(z, image.shape[0]), held(y, image.shape[1]), held(x, image.shape[2])
    p = np.int64(z)
    value = in_plane(image, p, y, x)
    if z > p:
        value += (z - p) * (in_plane(image, p + 1, y, x) - value)
    return value
