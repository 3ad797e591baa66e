"""The images of the demo."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from skimage import color, data

from adapool._backends import Array


class Sample(NamedTuple):
    """An image (row, column) from 0 to 1, what it shows, and the part to look at closely."""

    title: str
    image: Array
    one: str  # what an object in it is called, and several
    many: str
    crop: tuple[slice, slice]


_IMAGES: dict[str, Callable[[], Sample]] = {
    # Nuclei are blue and membranes brown: unmixed, the blue stain is an image of nuclei alone.
    "immunohistochemistry": lambda: Sample(
        "skimage.data.immunohistochemistry(), the stain of the nuclei",
        color.rgb2hed(data.immunohistochemistry())[..., 0],
        *("nucleus", "nuclei", np.s_[232:328, 176:368]),
    ),
    "coins": lambda: Sample(
        "skimage.data.coins()", data.coins(), "coin", "coins", np.s_[88:232, 94:382]
    ),
}  # scikit-image carries them in its wheel: nothing is downloaded.
NAMES = tuple(_IMAGES)


def load(name: str) -> Sample:
    """Load one of `NAMES`, in float32 and scaled to 0 .. 1; the few extremes saturate."""
    sample = _IMAGES[name]()
    low, high = np.percentile(sample.image, (0.5, 99.5))
    return sample._replace(image=((sample.image - low) / (high - low)).clip(0, 1).astype("f4"))
