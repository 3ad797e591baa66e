"""From an image to a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._checks import files
from adapool.io._image import Image
from adapool.io._whole import whole

# What OME-TIFF has, beside bool, which is written as bytes.
_OME_DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]

# Pixels of the chunks of a zarr, along rows and columns.
_CHUNK = 1024

# Bytes from which a file may be larger than what TIFF can address, its tables included.
_BIG = 2**32 - 2**25


def write(
    path: str | os.PathLike[str],
    image: Any,
    *,
    axes: str | None = None,
    spacing: float | Sequence[float] | None = None,
    overwrite: bool = False,
) -> None:
    """Write an image, or a label image, as OME-TIFF or OME-Zarr.

    Parameters
    ----------
    path : str or path
        Ends in ``.tif`` or ``.tiff``, for OME-TIFF, compressed without loss, or in ``.zarr``, for
        OME-Zarr 0.5 with one level. Folders that are missing are made.
    image : Image or array_like
        In memory or of Dask; of Dask it is computed page by page, or chunk by chunk.
    axes : str, optional
        A letter for each axis of an array, as `Image` has them; ``yx`` for two, ``zyx`` for three.
    spacing : sequence of float, optional
        Of an array: size of a pixel along each spatial axis, in micrometres.
    overwrite : bool, optional
        Whether to replace what is there.

    Raises
    ------
    FileExistsError
        If there is such a file, and it is not to be replaced.
    TypeError
        If OME-TIFF has no numbers of this dtype: integers of 64 bits, float16.
    ValueError
        If the suffix is another, or axes and spacing do not fit the array.
    ImportError
        If the libraries of the extra ``files`` are not installed.

    Notes
    -----
    A file is there whole or not at all: it is written beside its place under a hidden name, and
    then takes its own. OME-Zarr wants axes in the order ``tczyx``, OME-TIFF rows and columns last:
    they are put into it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import adapool
    >>> labels = np.zeros((20, 30), np.int32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     adapool.io.write(f"{folder}/labels.ome.zarr", labels, spacing=(0.5, 0.5))
    ...     adapool.io.read(f"{folder}/labels.ome.zarr")
    <Image (y: 20, x: 30) int32, spacing=(0.5, 0.5)>
    """
    where = Path(path)
    given = _as_image(image, axes, spacing)
    ordered = _in_order(given)
    kind = where.suffix.lower()
    writer = {".tif": _tiff, ".tiff": _tiff, ".zarr": _zarr}.get(kind)
    if writer is None:
        files.unwritten_format(where)
    with whole(where, overwrite) as temporary:
        try:
            writer(temporary, ordered)
        except ModuleNotFoundError as error:
            files.missing_module(error)


def _as_image(image: Any, axes: str | None, spacing: float | Sequence[float] | None) -> Image:
    if isinstance(image, Image):
        return image
    array = image if hasattr(image, "dask") else np.asarray(image)
    letters = {2: "yx", 3: "zyx"}.get(array.ndim, "") if axes is None else axes
    sizes: Any = spacing  # which an image makes a tuple of
    return Image(array, letters, sizes)


def _in_order(image: Image) -> Image:
    letters = "".join(axis for axis in files.AXES if axis in image.axes)
    if letters == image.axes:
        return image
    array = image.array.transpose([image.axes.index(axis) for axis in letters])
    return Image(array, letters, image.spacing, image.channels)


def _sizes(image: Image) -> dict[str, float]:
    return dict(zip(image.spatial_axes, image.spacing or (), strict=image.spacing is not None))


def _tiff(path: Path, image: Image) -> None:
    import tifffile

    dtype = np.dtype(np.uint8) if image.array.dtype == np.bool_ else image.array.dtype
    if dtype.name not in _OME_DTYPES:
        files.unwritten_dtype(dtype)
    about: dict[str, Any] = {"axes": image.axes.upper()}
    for axis, size in _sizes(image).items():
        about |= {f"PhysicalSize{axis.upper()}": size, f"PhysicalSize{axis.upper()}Unit": "µm"}
    if image.channels:
        about["Channel"] = {"Name": list(image.channels)}

    def pages() -> Iterator[Array]:
        for index in np.ndindex(image.array.shape[:-2]):
            yield np.asarray(image.array[index]).astype(dtype)

    tifffile.imwrite(
        path, pages(), shape=image.array.shape, dtype=dtype, ome=True, metadata=about,
        photometric="minisblack", compression="zlib",
        bigtiff=image.array.size * dtype.itemsize > _BIG,
    )  # fmt: skip


def _zarr(path: Path, image: Image) -> None:
    import dask.array as da
    import zarr
    from ome_zarr_models.v05 import Image as Metadata
    from ome_zarr_models.v05.axes import Axis
    from pydantic_zarr.v3 import ArraySpec

    lengths = _sizes(image)
    kinds = {"t": "time", "c": "channel"}
    axes = [
        Axis(
            name=axis,
            type=kinds.get(axis, "space"),
            unit="micrometer" if axis in lengths else None,
        )
        for axis in image.axes
    ]
    chunks = tuple(
        min(n, _CHUNK) if axis in "yx" else 1
        for axis, n in zip(image.axes, image.array.shape, strict=True)
    )
    empty = zarr.create_array(
        {}, shape=image.array.shape, chunks=chunks, dtype=image.array.dtype,
        dimension_names=list(image.axes),
    )  # fmt: skip
    metadata = Metadata.new(
        array_specs=[ArraySpec.from_zarr(empty)], paths=["0"], axes=axes,
        scales=[[lengths.get(axis, 1.0) for axis in image.axes]], translations=[None],
    )  # fmt: skip
    group = metadata.to_zarr(zarr.storage.LocalStore(path), path="")
    if image.channels:
        about = dict(group.attrs["ome"])
        about["omero"] = {"channels": [{"label": name} for name in image.channels]}
        group.attrs["ome"] = about
    da.store(da.asarray(image.array).rechunk(chunks), group["0"], lock=False)
