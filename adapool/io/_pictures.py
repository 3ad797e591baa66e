"""PNG and JPEG, through imageio."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
from imageio.core.request import InitializationError

from adapool._checks import files
from adapool.io._source import Source


def open_picture(path: Path) -> Source:
    """Return the image of a file, without opacity."""
    # By its bytes: of a path that it cannot read, imageio leaves the file open.
    try:
        array = iio.imread(path.read_bytes(), extension=path.suffix.lower(), plugin="pillow")
    except OSError as error:
        if isinstance(error.__cause__, InitializationError):  # none of its formats
            files.no_picture()
        raise
    if array.ndim == 2:
        return Source(array, "yx", array.shape)
    if array.ndim != 3:
        raise ValueError(f"it is no still image, but of shape {array.shape}")
    if array.shape[-1] in (2, 4):  # the last of grey or of three colours is opacity
        array = array[..., :-1]
    return Source(array, "yxc", array.shape)
