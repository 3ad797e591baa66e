"""The images of the demo, which scikit-image carries in its wheel: nothing is downloaded."""

# mypy: disallow-untyped-calls=False
# scikit-image says that it is typed, and is so in part.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from skimage import color, data

from adapool._backends import Array

Crop = tuple[slice, slice]


@dataclass(frozen=True)
class Sample:
    """An image, what it shows, and the part of it that is worth a closer look.

    Attributes
    ----------
    title : str
        Where the image comes from.
    image : (row, column) array of float32
        From 0 to 1.
    one, many : str
        What the objects in it are called.
    crop : tuple of slice
        The part of it.
    """

    title: str
    image: Array
    one: str
    many: str
    crop: Crop


def load(name: str) -> Sample:
    """Load one of `NAMES`, in float32 and scaled to 0 .. 1."""
    return _LOADERS[name]()


def _immunohistochemistry() -> Sample:
    # Nuclei are blue and membranes brown: unmixed, the blue stain is an image of nuclei alone.
    stain = color.rgb2hed(data.immunohistochemistry())[..., 0]
    return Sample(
        "skimage.data.immunohistochemistry(), the stain of the nuclei",
        _scaled(stain),
        "nucleus",
        "nuclei",
        (slice(232, 328), slice(176, 368)),
    )


def _coins() -> Sample:
    return Sample(
        "skimage.data.coins()",
        _scaled(data.coins()),
        "coin",
        "coins",
        (slice(88, 232), slice(94, 382)),
    )


def _scaled(image: Array) -> Array:
    """Stretch to 0 .. 1, letting the few extremes saturate."""
    low, high = np.percentile(image, (0.5, 99.5))
    return np.asarray(np.clip((image - low) / (high - low), 0, 1), np.float32)


_LOADERS: dict[str, Callable[[], Sample]] = {
    "immunohistochemistry": _immunohistochemistry,
    "coins": _coins,
}
NAMES = tuple(_LOADERS)
