"""Peaks of images from files: the sizes of their pixels go with them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from adapool.estimators import BlobSizes
from adapool.io._image import Image
from adapool.peaks import peaks_and_objects


def peaks_of(
    frame: Image, knobs: dict[str, Any], dark: bool = False
) -> tuple[dict[str, NDArray[Any]], Any]:
    """Return the table of `peak_table` and labels of what it measures, of an image without time.

    Of a large image that was read lazily a block at a time is in memory, and the labels are a Dask
    array; a smaller one is taken into memory.

    Parameters
    ----------
    frame : Image
    knobs : dict
        Keywords of `BlobSizes`.
    dark : bool
        Whether objects are darker than what is around them.
    """
    polarity: Literal["bright", "dark"] = "dark" if dark else "bright"
    return peaks_and_objects(
        frame.array if hasattr(frame.array, "dask") else np.asarray(frame),
        BlobSizes(spacing=frame.spacing, polarity=polarity, **knobs),
        spacing=frame.spacing,
        channel_axis=frame.channel_axis,
    )
