"""Synthetic annotated images for the tests of the benchmark of quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage import io

Array = NDArray[Any]


def scene(seed: int, side: int = 128) -> tuple[Array, Array]:
    """Disks of several sizes, and their labels."""
    rng = np.random.default_rng(seed)
    row, column = np.indices((side, side))
    labels = np.zeros((side, side), int)
    for number in range(1, 13):
        r, c = rng.integers(8, side - 8, 2)
        labels[(row - r) ** 2 + (column - c) ** 2 < rng.integers(3, 9) ** 2] = number
    image = ndi.gaussian_filter(100.0 * (labels > 0), 1) + rng.normal(20, 3, labels.shape)
    return image, labels


def write(folder: Path, name: str, image: Array, labels: Array) -> None:
    """Write an annotated image as a user has it."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    io.imsave(folder / f"{name}_img.png", pixels, check_contrast=False)
    io.imsave(folder / f"{name}_labels.png", labels.astype(np.uint16), check_contrast=False)


def write_spots(folder: Path, name: str, image: Array, spots: Array) -> None:
    """Write an image with the places of its spots."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    io.imsave(folder / f"{name}_img.png", pixels, check_contrast=False)
    np.savetxt(folder / f"{name}_points.csv", spots, delimiter=",", header="row,col", comments="")
