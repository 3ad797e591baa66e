"""OME-Zarr 0.4 and 0.5: metadata through ome-zarr-models, pixels through zarr."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from ome_zarr_models.v04.multiscales import Multiscale as Multiscale04
from ome_zarr_models.v05.multiscales import Multiscale as Multiscale05

from adapool._backends import Array
from adapool.io._source import UNKNOWN, Source, micrometres


def open_zarr(path: Path) -> Source:
    """Return the finest level of the image of a folder."""
    group = zarr.open(path, mode="r")
    if isinstance(group, zarr.Array):
        names = group.metadata.dimension_names if group.metadata.zarr_format == 3 else None
        letters = [str(name).lower() for name in names or (None,) * group.ndim]
        return Source(_Pixels(group), _axes(letters), group.chunks)
    about: dict[str, Any] = dict(group.attrs)
    about = about.get("ome", about)
    if "multiscales" not in about:
        _no_image(group, about)
    model = Multiscale05 if "ome" in group.attrs else Multiscale04
    multiscale: Any = model.model_validate(about["multiscales"][0])
    finest = multiscale.datasets[0]
    level = group[finest.path]
    if not isinstance(level, zarr.Array):
        raise ValueError(f"{finest.path} is no array")
    steps = [*finest.coordinateTransformations, *(multiscale.coordinateTransformations or ())]
    scale = np.prod([step.scale for step in steps if step.type == "scale"], axis=0)
    sizes = {}
    for axis, size in zip(multiscale.axes, scale.tolist(), strict=True):
        length = micrometres(size, axis.unit)
        if axis.name in ("z", "y", "x") and length is not None:
            sizes[axis.name] = length
    shown = (about.get("omero") or {}).get("channels") or []
    names = tuple(str(each.get("label", "")) for each in shown)
    letters = [axis.name.lower() for axis in multiscale.axes]
    return Source(_Pixels(level), _axes(letters), level.chunks, sizes, names if any(names) else ())


def _axes(names: list[str]) -> str:
    return "".join(name if name in ("t", "c", "z", "y", "x") else UNKNOWN for name in names)


def _no_image(group: Any, about: dict[str, Any]) -> None:
    """Report what a folder holds instead of an image, with the path of one."""
    if "plate" in about:
        wells = about["plate"].get("wells", [{}])
        what, inside = "a plate", f"{wells[0].get('path', 'A/1')}/0"
    elif "bioformats2raw.layout" in about:
        what, inside = "several images", "0"
    elif "well" in about:
        what, inside = "a well", "0"
    else:
        raise ValueError("it has no metadata of an image (multiscales)")
    raise ValueError(f"it holds {what}: name an image in it, as {Path(group.store.root) / inside}")


@dataclass(frozen=True)
class _Pixels:
    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> Any:
        return self.array.dtype.newbyteorder("=")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, index: Any) -> Array:
        return np.asarray(self.array[index], self.dtype)
