"""Sample images: objects of many sizes on noise, made when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._backends import Array

LayerData = tuple[Array, dict[str, Any], str]


def discs() -> list[LayerData]:
    """Return a plane of discs from 4 to 60 pixels wide, pixels of 0.25 micrometres."""
    image = _balls((512, 512), 60, (2, 30), (1.0, 1.0), seed=2)
    return [(image, {"name": "discs", "scale": (0.25, 0.25), "units": ("um",) * 2}, "image")]


def volume() -> list[LayerData]:
    """Return a volume of balls whose planes are 1 micrometre apart, with pixels of 0.25."""
    image = _balls((32, 192, 192), 30, (5, 18), (4.0, 1.0, 1.0), seed=3)
    about = {"name": "balls", "scale": (1.0, 0.25, 0.25), "units": ("um",) * 3}
    return [(image, about, "image")]


def series() -> list[LayerData]:
    """Return a time series of five frames; choose the axes tyx in the widgets."""
    frames = [_balls((192, 192), 6 + 2 * i, (3, 12), (1.0, 1.0), seed=i) for i in range(5)]
    return [(np.stack(frames), {"name": "series"}, "image")]


def _balls(
    shape: tuple[int, ...],
    count: int,
    radii: tuple[float, float],
    voxel: tuple[float, ...],
    seed: int,
) -> Array:
    """Return balls of any brightness, small ones as often as large ones, on noise."""
    rng = np.random.default_rng(seed)
    image = np.full(shape, 100.0)
    places = np.ogrid[tuple(slice(0, n) for n in shape)]
    for _ in range(count):
        radius = np.exp(rng.uniform(*np.log(radii)))
        centre = [rng.uniform(0, n) for n in shape]
        distance = sum(
            ((place - c) * v) ** 2 for place, c, v in zip(places, centre, voxel, strict=True)
        )
        image = np.maximum(image, np.where(distance <= radius**2, 100 + rng.uniform(60, 300), 0))
    return np.asarray((image + rng.normal(0, 8, shape)).clip(0).astype(np.uint16))
