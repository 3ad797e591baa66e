"""Messages about files of images: names, axes, sizes of pixels, what is missing to read them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from adapool import _install
from adapool._checks import estimators

SPATIAL = "zyx"
AXES = "tczyx"

# What files are told by. OME-Zarr is a folder.
TIFF = (".tif", ".tiff", ".btf", ".tf8")
PICTURES = (".png", ".jpg", ".jpeg")
ZARR = (".zarr",)
READ = "TIFF (.tif, .tiff), OME-Zarr (.zarr), PNG (.png) and JPEG (.jpg, .jpeg)"

# Formats of microscopes, and of others that are often met.
_OTHERS = ".czi .nd2 .lif .lsm .oib .oif .vsi .ims .dv .h5 .hdf5 .n5 .mrc .dcm .svs .gif .bmp .webp"

# What the extra `files` brings, by the names that they are imported under.
_MODULES = ("tifffile", "imageio", "zarr", "numcodecs", "ome_zarr_models", "dask", "tqdm")


def missing_module(error: ModuleNotFoundError) -> NoReturn:
    """Report that a library for files is not installed."""
    name = (error.name or "").partition(".")[0]
    if name not in _MODULES:
        raise error
    raise ImportError(f"files need {name}: {_install.command('files')}") from error


# --- names --------------------------------------------------------------------------------------


def missing(path: Path) -> NoReturn:
    """Report that there is no such file, and name the one that was meant."""
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no file {path}: there is no folder {folder}")
    if path.is_symlink():
        raise FileNotFoundError(f"{path} is a link to {path.readlink()}, which is not there")
    near = difflib.get_close_matches(path.name, [each.name for each in folder.iterdir()], n=1)
    meant = f": did you mean {folder / near[0]}?" if near else ""
    raise FileNotFoundError(f"there is no file {path}{meant}")


def empty_file() -> NoReturn:
    """Report that a file has nothing in it."""
    raise ValueError("it is empty: 0 bytes")


def no_picture() -> NoReturn:
    """Report that a file is not what its suffix says."""
    raise ValueError("it is no PNG or JPEG, or is damaged")


def unknown_format(path: Path) -> NoReturn:
    """Report that files of this kind are not read."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: adapool.io.find_files({str(path)!r}) has its images")
    kind = path.suffix.lower() or "no suffix"
    advice = ""
    if kind in _OTHERS.split():
        advice = ": save it as OME-TIFF, as Fiji (Bio-Formats) and bioio do"
    raise ValueError(f"{path} has {kind}, and what can be read is {READ}{advice}")


def nothing_found(pattern: str, folder: bool) -> NoReturn:
    """Report that a folder or a pattern has no images."""
    what = f"the folder {pattern} holds" if folder else f"the pattern {pattern!r} finds"
    raise FileNotFoundError(f"{what} no image; what can be read is {READ}")


def no_overwriting(path: Path) -> NoReturn:
    """Report that a file is there already."""
    raise FileExistsError(f"{path} exists: overwrite=True, or --force, replaces it")


def no_image(path: Path) -> NoReturn:
    """Report that a folder is there, and that it is not one that an image would replace."""
    raise FileExistsError(f"{path} is a folder that holds no image: name another place to write to")


def unwritten_format(path: Path) -> NoReturn:
    """Report that files of this kind are not written."""
    raise ValueError(
        f"{path} must end in .tif or .tiff, for OME-TIFF, or .zarr, for OME-Zarr, to be written"
    )


def unwritten_dtype(dtype: Any) -> NoReturn:
    """Report that OME-TIFF has no such numbers."""
    raise TypeError(
        f"OME-TIFF has no {dtype}: convert the image with .astype, or write a .zarr, which has"
    )


# --- axes ---------------------------------------------------------------------------------------


def axes(letters: Any, shape: Sequence[int]) -> None:
    """Check the letters of the axes of an array."""
    known = isinstance(letters, str) and set(letters) <= set(AXES)
    if not known or len(set(letters)) != len(letters):
        raise ValueError(f"axes must be letters of {AXES!r}, each once at most, got {letters!r}")
    if not letters:
        raise ValueError(
            f"axes must be given for an array of {len(shape)} axes, whose shape is {tuple(shape)}: "
            "axes='tzyx', say"
        )
    if len(letters) != len(shape):
        raise ValueError(
            f"axes must have a letter for each of the {len(shape)} axes of an array of shape "
            f"{tuple(shape)}, got {letters!r}"
        )
    spatial = "".join(letter for letter in letters if letter in SPATIAL)
    if spatial not in ("yx", "zyx"):
        raise ValueError(
            f"axes must have y and x, and may have z, in the order zyx, got {letters!r}"
        )


def has_axis(axis: str, letters: str) -> None:
    """Check that an image has an axis, of which one index can be taken."""
    there = [letter for letter in letters if letter not in "yx"]
    if axis not in there:
        raise ValueError(f"axis must be one of {', '.join(there) or 'none'}, got {axis!r}")


def each(value: Any, spatial: str) -> Any:
    """Return a number, or a sequence of them, as a tuple with one for each spatial axis."""
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, Iterable):
        return tuple(value)
    return (value,) * len(spatial)


def spacing(value: tuple[float, ...] | None, spatial: str) -> None:
    """Check the sizes of a pixel: one number for each spatial axis."""
    if value is None:
        return
    if not isinstance(value, tuple) or len(value) != len(spatial):
        raise ValueError(
            f"spacing must have a number for each of the axes {spatial!r}, got {value!r}"
        )
    estimators.spacing(value)


def channel(value: int | str, names: Sequence[str], count: int) -> int:
    """Return the number of a channel, given by number or name."""
    if isinstance(value, str):
        if value in names:
            return list(names).index(value)
        if not value.lstrip("-").isdigit():
            known = f"the names are {', '.join(names)}" if names else "the file names none"
            raise ValueError(f"there is no channel {value!r}: {known}; numbers begin with 0")
        value = int(value)
    if not 0 <= value < count:
        raise ValueError(f"channel must be from 0 to {count - 1}, got {value}")
    return value
