"""From a file to an image."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adapool._checks import files
from adapool.io._find import is_zarr
from adapool.io._image import Image
from adapool.io._source import UNKNOWN, Source


def read(
    path: str | os.PathLike[str],
    *,
    channel: int | str | None = None,
    axes: str | None = None,
    spacing: float | Sequence[float] | None = None,
    lazy: bool = False,
) -> Image:
    """Read an image with its axes and the size of a pixel.

    Parameters
    ----------
    path : str or path
        A TIFF (OME, ImageJ or plain; also BigTIFF, and of either byte order), a PNG, a JPEG, or the
        folder of an OME-Zarr 0.4 or 0.5. Of a TIFF with several series the first is read, of a
        pyramid the finest level.
    channel : int or str, optional
        The channel to read, by its number from 0 on or its name. By default all of them.
    axes : str, optional
        A letter for each axis longer than 1, as `Image` has them, in place of what the file says.
        A plain TIFF of several pages does not say what they are: they are taken for planes
        (``zyx``), with a warning.
    spacing : float or sequence of float, optional
        Size of a pixel along each spatial axis, or along all, in place of what the file says.
    lazy : bool, optional
        Whether the pixels are a Dask array, which reads what is computed. By default they are
        read at once.

    Returns
    -------
    image : Image
        In the dtype of the file and native byte order. Axes of length 1, but for rows and
        columns, are left out; so is the opacity of colours. Spacing is in micrometres, and None
        where the file has no sizes or has them in pixels: a plain TIFF, a PNG or a JPEG
        tells how large it is printed, which is not taken.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, of a format that is not read, or the arguments do not fit it.
    ImportError
        If the libraries of the extra ``files`` are not installed.

    Warns
    -----
    UserWarning
        If the file does not say what its pages are, or how far planes are apart; if it has several
        images; if its numbers are not what is seen of it: they point into a table of colours, or
        are 0 where it is white. They are given as they are.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import adapool
    >>> image = adapool.io.Image(np.zeros((4, 30, 20), np.uint8), "zyx", spacing=(2, 0.5, 0.5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     adapool.io.write(f"{folder}/stack.ome.tif", image)
    ...     adapool.io.read(f"{folder}/stack.ome.tif")
    <Image (z: 4, y: 30, x: 20) uint8, spacing=(2.0, 0.5, 0.5)>
    """
    where = Path(path)
    if not where.exists():
        files.missing(where)
    opener = _opener(where)
    try:
        if where.is_file() and not where.stat().st_size:
            files.empty_file()
        source = opener(where)
        array = _lazy(source) if lazy else source.pixels[...]
    except (MemoryError, FileNotFoundError):
        raise
    except Exception as error:  # each library has errors of its own
        raise ValueError(f"cannot read {where}: {_reason(error, where)}") from error
    return _image(where, source, array, channel, axes, spacing)


def _opener(path: Path) -> Callable[[Path], Source]:
    kind = path.suffix.lower()
    try:
        if is_zarr(path):
            from adapool.io._zarr import open_zarr

            return open_zarr
        if kind in files.TIFF:
            from adapool.io._tiff import open_tiff

            return open_tiff
        if kind in files.PICTURES:
            from adapool.io._pictures import open_picture

            return open_picture
    except ModuleNotFoundError as error:
        files.missing_module(error)
    files.unknown_format(path)


def _lazy(source: Source) -> Any:
    try:
        import dask.array as da
    except ModuleNotFoundError as error:
        files.missing_module(error)
    return da.from_array(source.pixels, chunks=source.chunks, asarray=False, name=False)


def _reason(error: Exception, path: Path) -> str:
    """Return the first line of an error, which may name the path already."""
    if isinstance(error, struct.error):  # of a header that is cut off
        return f"it ends too early, after {path.stat().st_size} bytes"
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removeprefix(f"cannot read {path}: ")


def _image(
    path: Path,
    source: Source,
    array: Any,
    channel: int | str | None,
    axes: str | None,
    spacing: float | Sequence[float] | None,
) -> Image:
    """Leave out axes of length 1, and name the others."""
    letters = source.axes
    kept = [i for i, n in enumerate(array.shape) if n > 1 or letters[i] in "yx"]
    array = array[tuple(slice(None) if i in kept else 0 for i in range(array.ndim))]
    letters = "".join(letters[i] for i in kept)
    if axes is not None:
        files.axes(axes, array.shape)
        letters = axes
    letters = _named(path, letters, array.shape)
    image = Image(array, letters, channels=source.channels if "c" in letters else ())
    sizes = _spacing(path, image.spatial_axes, source.sizes, spacing)
    image = Image(array, letters, sizes, image.channels)
    if channel is None:
        return image
    count = array.shape[letters.index("c")] if "c" in letters else 1
    number = files.channel(channel, source.channels, count)
    return image.at("c", number) if "c" in letters else image


def _named(path: Path, letters: str, shape: tuple[int, ...]) -> str:
    """Name what the file does not: pages are planes."""
    if letters.count(UNKNOWN) == 1 and "z" not in letters:
        warnings.warn(
            f"{path} does not say what its {shape[letters.index(UNKNOWN)]} pages are: they are "
            "taken for the planes of a volume; axes='tyx' (--axes tyx) makes them a time series",
            stacklevel=4,
        )
        letters = letters.replace(UNKNOWN, "z")
    if UNKNOWN in letters or len(set(letters)) < len(letters):
        raise ValueError(
            f"{path} has axes {letters!r} of shape {shape}, some of which are not known or are "
            "there twice: name them, as in axes='tyx'"
        )
    return letters


def _spacing(
    path: Path, spatial: str, sizes: dict[str, float], given: float | Sequence[float] | None
) -> tuple[float, ...] | None:
    if given is not None:
        numbers = np.atleast_1d(np.asarray(given, np.float64)).tolist()
        return tuple(numbers * len(spatial) if len(numbers) == 1 else numbers)
    if not sizes.get("y") or not sizes.get("x"):
        return None
    if "z" in spatial and "z" not in sizes:
        warnings.warn(
            f"{path} does not say how far planes are apart: as far as rows, it is taken; "
            "spacing (--spacing) gives it",
            stacklevel=4,
        )
    return tuple(sizes.get(axis, sizes["y"]) for axis in spatial)
