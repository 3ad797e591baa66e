"""Peaks of images from files: the sizes of their pixels go with them."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from adapool._backends import Array
from adapool.estimators import BlobSizes
from adapool.estimators.blobs.sample import PIXELS
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
    array = frame.array if hasattr(frame.array, "dask") else np.asarray(frame)
    seen = None
    if array.dtype.kind == "f" and array.size <= PIXELS:
        array = np.asarray(array)
        seen = _seen(array, frame.channel_axis)
    return peaks_and_objects(
        array,
        BlobSizes(spacing=frame.spacing, polarity=polarity, **knobs),
        labels=seen,
        spacing=frame.spacing,
        channel_axis=frame.channel_axis,
    )


def _seen(array: Array, channel_axis: int | None) -> Array | None:
    """Return where an image is finite in all channels: None for everywhere, or nowhere.

    Images that were registered or stitched have NaN where nothing was seen.
    """
    known: Array = np.isfinite(array)
    if known.all() or not known.any():
        return None
    if channel_axis is not None:
        known = np.asarray(known.all(axis=channel_axis))
    warnings.warn(
        f"{np.count_nonzero(~known)} of {known.size} pixels are NaN or infinity: they are left out",
        stacklevel=2,
    )
    return known
