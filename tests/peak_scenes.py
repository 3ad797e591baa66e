"""Images of disks and of spots, on which peaks are looked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Array = NDArray[Any]


def disks(shape: tuple[int, int], centres: list[tuple[int, int]], radii: list[int]) -> Array:
    """A label image of disks, the later ones in front."""
    row, column = np.indices(shape)
    image = np.zeros(shape, int)
    for number, ((r, c), radius) in enumerate(zip(centres, radii, strict=True), start=1):
        image[(row - r) ** 2 + (column - c) ** 2 < radius**2] = number
    return image


CENTRES = [(20, 20), (20, 46), (60, 30), (60, 75), (95, 20), (95, 70), (95, 84), (30, 90)]
RADII = [15, 12, 18, 14, 8, 7, 7, 20]


def noisy(labels: Array, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    image = ndi.gaussian_filter(100.0 * (labels > 0), 1) + rng.normal(10, 4, labels.shape)
    return np.asarray(image.clip(0, 255).astype(np.uint8))


def spots(centres: Array, heights: Array) -> Array:
    """Gaussian spots, and a little noise."""
    image = np.random.default_rng(1).normal(scale=0.5, size=(240, 240))
    row, column = np.indices(image.shape)
    for (r, c), height in zip(centres, heights, strict=True):
        image += height * np.exp(-((row - r) ** 2 + (column - c) ** 2) / (2 * 2.5**2))
    return image
