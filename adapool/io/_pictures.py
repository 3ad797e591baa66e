"""PNG and JPEG, through imageio."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio

from adapool.io._source import Source


def open_picture(path: Path) -> Source:
    """Return the image of a file, without opacity."""
    # By its bytes: of a path that it cannot read, imageio leaves the file open.
    array = iio.imread(path.read_bytes(), extension=path.suffix.lower())
    if array.ndim == 2:
        return Source(array, "yx", array.shape)
    if array.ndim != 3:
        raise ValueError(f"it is no still image, but of shape {array.shape}")
    if array.shape[-1] in (2, 4):  # the last of grey or of three colours is opacity
        array = array[..., :-1]
    return Source(array, "yxc", array.shape)
