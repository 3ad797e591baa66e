"""Peaks of images from files: the sizes of their pixels go with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapool._backends import Array
from adapool.estimators import BlobSizes
from adapool.io._image import Image
from adapool.peaks import peaks_and_objects


def peaks_of(
    frame: Image, knobs: dict[str, Any], dark: bool = False
) -> tuple[dict[str, NDArray[Any]], Any]:
    """Return the table of `peak_table` and labels of what it measures, of an image without time.

    The search has no form for lazy arrays: a frame is taken into memory.

    Parameters
    ----------
    frame : Image
    knobs : dict
        Keywords of `BlobSizes`.
    dark : bool
        Whether objects are darker than what is around them. They are looked for and measured in
        the inverse of the image, as bright ones; intensities, backgrounds and contrasts are those
        of the image.
    """
    image, channel_axis = np.asarray(frame), frame.channel_axis
    if dark:
        image = image if channel_axis is None else image.max(axis=channel_axis)
        image, top, channel_axis = *_inverse(image), None
    table, objects = peaks_and_objects(
        image,
        BlobSizes(spacing=frame.spacing, **knobs),
        spacing=frame.spacing,
        channel_axis=channel_axis,
    )
    if dark:
        for name in ("intensity", "background"):
            table[name] = top - table[name]
        table["contrast"] = -table["contrast"]
    return table, objects


def _inverse(image: Array) -> tuple[Array, float]:
    """Return the largest value less the image, and that value."""
    top = image.max()
    wide = image.dtype if image.dtype.kind in "uf" else np.float64  # of int8, it may be 255
    return np.subtract(top, image, dtype=wide), float(top)
