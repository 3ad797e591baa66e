"""Peaks of an image that is flipped or turned: the same pixels, flipped or turned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import adapool

Array = NDArray[Any]
Change = Callable[[Array], Array]


def crowd(shape: tuple[int, ...], count: int, seed: int, widest: float = 25) -> Array:
    """Gaussians of all sizes and heights, many on top of each other, in noise."""
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 8, shape)
    for _ in range(count):
        centre, sigma = rng.uniform(0, shape), rng.uniform(1.5, widest)
        lines = [
            np.exp(-((np.arange(length) - middle) ** 2) / (2 * sigma**2))
            for length, middle in zip(shape, centre, strict=True)
        ]
        image += rng.uniform(20, 200) * (
            np.multiply.outer(np.multiply.outer(lines[0], lines[1]), lines[2])
            if len(shape) == 3
            else np.multiply.outer(lines[0], lines[1])
        )
    return image.astype(np.float32)


def moved(image: Array, change: Change) -> int:
    """How many pixels are a peak of either the changed image or the image, changed, alone."""
    at, there = np.zeros(image.shape, bool), np.zeros(change(image).shape, bool)
    at[tuple(adapool.peak_local_max(image).T)] = True
    there[tuple(adapool.peak_local_max(np.ascontiguousarray(change(image))).T)] = True
    assert at.sum() >= 20
    return int((change(at) != there).sum())


FLAT: list[Change] = [np.flipud, np.fliplr, np.rot90, np.transpose]


@pytest.mark.parametrize("change", FLAT)
@pytest.mark.parametrize(("count", "seed"), [(50, 2), (50, 5), (800, 0)])
def test_a_crowd_in_noise(count: int, seed: int, change: Change) -> None:
    assert moved(crowd((512, 512), count, seed), change) == 0


@pytest.mark.parametrize("change", FLAT)
@pytest.mark.parametrize("step", [1, 8])
def test_few_grey_levels(step: int, change: Change) -> None:
    """Equal values everywhere, and sides of an odd and an even number of pixels."""
    image = crowd((333, 400), 200, 3)
    assert moved((image.clip(0, 255) / step).astype(np.uint8), change) == 0


@pytest.mark.parametrize("flipped", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_crowd_in_a_volume(flipped: tuple[int, ...]) -> None:
    """Planes stay planes: a microscope takes them one by one, and noise is measured in them."""
    image = crowd((30, 61, 70), 80, 1, widest=6)
    assert moved(image, lambda each: np.flip(each, flipped)) == 0
    assert moved(image, lambda each: np.flip(each, flipped).transpose(0, 2, 1)) == 0
