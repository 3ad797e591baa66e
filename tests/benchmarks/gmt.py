"""Beside GMT's `grdfilter`, the one other tool that takes a width for each pixel."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import netcdf_file

import adapool

from .cases import Case, image, random_sizes

SIDE = 512


def gmt() -> Iterator[Case]:
    """Maxima over windows of widths up to k: discs there, boxes and discs here."""
    if shutil.which("gmt") is None:
        print("GMT is not installed (Debian's package gmt): its section is left out")
        return
    x = image(SIDE, SIDE)
    for k in (9, 33):
        sizes = random_sizes(x.shape, k)[..., 0]  # as wide as high, as discs are
        with tempfile.TemporaryDirectory() as folder:
            for name, values in (("image", x), ("widths", sizes)):
                _write(Path(folder, f"{name}.nc"), values)
            there: dict[str, Any] = {
                "GMT, discs, one thread, files read and written": partial(_filter, folder)
            }
            yield Case(
                f"dynamic_pooling, {SIDE} x {SIDE} float32, beside GMT",
                f"int16 sizes in 1..{k}, discs",
                partial(adapool.dynamic_pooling, x, sizes, footprint="ellipse", channel_axis=None),
                there,
                3.0,
            )
            yield Case(
                f"dynamic_pooling, {SIDE} x {SIDE} float32, beside GMT",
                f"int16 sizes in 1..{k}, center",
                partial(adapool.dynamic_pooling, x, sizes, anchor="center", channel_axis=None),
                there,
                3.0,
            )


def _filter(folder: str) -> None:
    command = ["gmt", "grdfilter", "image.nc", "-D0", "-Fuwidths.nc", "-Gout.nc"]
    subprocess.run(command, cwd=folder, check=True)


def _write(path: Path, values: Any) -> None:
    """Write an image as a grid of the classic netCDF format, a unit between pixels."""
    with netcdf_file(path, "w") as file:
        for name, length in zip("yx", values.shape, strict=True):
            file.createDimension(name, length)
            file.createVariable(name, "f8", (name,))[:] = np.arange(length)
        file.createVariable("z", "f4", ("y", "x"))[:] = values
