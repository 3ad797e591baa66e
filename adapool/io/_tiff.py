"""TIFF: OME, ImageJ and plain, through tifffile."""

from __future__ import annotations

import logging
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from adapool._backends import Array
from adapool.io._source import UNKNOWN, Source, micrometres

# Letters of tifffile that have one here; samples are colours, which are channels.
_LETTERS = {"T": "t", "C": "c", "S": "c", "Z": "z", "Y": "y", "X": "x"}

# Kinds of samples beside colours, of which there is one, that are opacity: (un)associated alpha.
_OPACITY = ((1,), (2,))

# Pixels of a page up to which it is fetched whole, and the side of what is fetched of others.
_PAGE, _SIDE = 1 << 24, 2048


def open_tiff(path: Path) -> Source:
    """Return the first image (of the first series of pages) of a file."""
    with complete(), tifffile.TiffFile(path) as file:
        series = file.series[0]
        if any(page is None for page in series.pages):
            raise ValueError("pages are missing")
        axes = "".join(_LETTERS.get(letter, UNKNOWN) for letter in series.axes)
        sizes, channels = _described(file)
        page = file.pages.first
        _warn_of_numbers(path, file)
        tiled = page.is_tiled and page.imagewidth * page.imagelength > _PAGE
        tile = {"y": page.tilelength, "x": page.tilewidth} if tiled else {}
        shape = tuple(series.shape)
        # A page at a time, or as many tiles as make a square of some million pixels.
        many = max(1, _SIDE // max(tile.values())) if tile else 1
        chunks = tuple(
            min(n, many * tile[a]) if a in tile else n if a in "yx" or letter == "S" else 1
            for a, letter, n in zip(axes, series.axes, shape, strict=True)
        )
        dtype = np.dtype(series.dtype).newbyteorder("=")
        pixels = _Pixels(path, shape, dtype, series.dataoffset)
        # Of whole planes, the fourth may well be a plane that was taken for opacity when written.
        if series.axes.endswith("S") and page.extrasamples in _OPACITY:
            pixels = pixels.without_alpha(len(shape) - 1, 1)
            chunks = tuple(map(min, chunks, pixels.shape))
    return Source(pixels, axes, chunks, sizes, channels)


@contextmanager
def complete() -> Iterator[None]:
    """Raise what tifffile only logs: it goes on with the pages that it finds."""
    found: list[str] = []
    own = threading.get_ident()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == own:  # another may be reading another file
                found.append(record.getMessage())

    collector = Collector(logging.ERROR)
    logger = logging.getLogger("tifffile")
    logger.addHandler(collector)
    try:
        yield
    finally:
        logger.removeHandler(collector)
    if found:
        raise ValueError(found[0])


@dataclass(frozen=True)
class _Pixels:
    """Pixels of the first series, fetched from the file when asked for: no file stays open."""

    path: Path
    shape: tuple[int, ...]
    dtype: Any
    offset: int | None  # of pixels that can be mapped into memory
    cut: tuple[slice, ...] = ()

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def without_alpha(self, axis: int, extra: int) -> _Pixels:
        """Return the same without the last samples, which are no colours."""
        shape = list(self.shape)
        shape[axis] -= extra
        cut = (*(slice(None),) * axis, slice(0, shape[axis]))
        return _Pixels(self.path, tuple(shape), self.dtype, self.offset, cut)

    def _check_length(self, offset: int) -> None:
        """Refuse a file that ends before its pixels do."""
        wanted = offset + math.prod(self.shape) * self.dtype.itemsize
        if self.path.stat().st_size < wanted:
            raise ValueError(f"it ends after {self.path.stat().st_size} of {wanted} bytes")

    def __getitem__(self, index: Any) -> Array:
        try:
            with complete():
                found = self._fetched(index)
        except (MemoryError, OSError):
            raise
        except Exception as error:  # codecs have errors of their own
            raise ValueError(f"cannot read {self.path}: {error}") from error
        return np.array(found, self.dtype)  # a copy of mapped memory, in native byte order

    def _fetched(self, index: Any) -> Array:
        if self.offset is not None:
            self._check_length(self.offset)
            mapped: Array = tifffile.memmap(self.path, mode="r")
            part: Array = mapped[self.cut or ...][index]
            return part
        if index is Ellipsis:
            with tifffile.TiffFile(self.path) as file:
                whole: Array = file.series[0].asarray()
            return whole[self.cut or ...]
        import zarr

        with tifffile.imread(self.path, aszarr=True, series=0, level=0) as store:
            # What is cut off is at the end, where no index reaches.
            return np.asarray(zarr.open(store, mode="r")[index])


def _warn_of_numbers(path: Path, file: tifffile.TiffFile) -> None:
    """Tell where what is read may not be what is meant, or seen elsewhere."""
    if len(file.series) > 1:
        _warn(path, f"has {len(file.series)} images: the first is read")
    if file.is_ome or file.is_imagej:
        return  # there a table of colours shows what was measured
    seen = file.pages.first.photometric
    if seen == tifffile.PHOTOMETRIC.PALETTE:
        _warn(path, "has a table of colours: the numbers are read that point into it")
    if seen == tifffile.PHOTOMETRIC.MINISWHITE:
        _warn(path, "is white where it is 0: what looks bright has the lowest numbers")


def _warn(path: Path, text: str) -> None:
    warnings.warn(f"{path} {text}", stacklevel=5)


def _described(file: tifffile.TiffFile) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return sizes of pixels and names of channels, where the file says them."""
    if file.is_ome:
        return _ome(file)
    if file.is_imagej:
        return _imagej(file), ()
    # Plain files say how large they are printed.
    return {}, ()


def _ome(file: tifffile.TiffFile) -> tuple[dict[str, float], tuple[str, ...]]:
    images = tifffile.xml2dict(file.ome_metadata or "")["OME"]["Image"]
    pixels = (images[0] if isinstance(images, list) else images)["Pixels"]
    sizes = {}
    for axis in "xyz":
        name = f"PhysicalSize{axis.upper()}"
        size = micrometres(pixels.get(name), pixels.get(f"{name}Unit", "µm"))
        if size is not None:
            sizes[axis] = size
    channels = pixels.get("Channel", [])
    channels = channels if isinstance(channels, list) else [channels]
    names = tuple(str(each.get("Name", "")) for each in channels)
    return sizes, names if any(names) else ()


def _imagej(file: tifffile.TiffFile) -> dict[str, float]:
    about = file.imagej_metadata or {}
    unit = str(about.get("unit", "")).replace("\\u00B5", "µ")
    tags = file.pages.first.tags
    found = {"z": micrometres(about.get("spacing"), unit)}
    for axis in "xy":
        tag = tags.get(f"{axis.upper()}Resolution")
        pixels, length = (0, 1) if tag is None else tag.value
        found[axis] = micrometres(length / pixels, unit) if pixels else None
    return {axis: size for axis, size in found.items() if size is not None}
