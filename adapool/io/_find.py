"""Which files are meant by folders and patterns."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from adapool._checks import files

# What the folder of a zarr has, by its version.
_MARKS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(path: Path) -> bool:
    """Whether a path is the folder of a zarr."""
    return path.is_dir() and any((path / mark).is_file() for mark in _MARKS)


def find_files(*paths: str | os.PathLike[str]) -> list[Path]:
    """Return the images that files, folders and patterns name.

    Parameters
    ----------
    *paths : str or path
        Files; folders, of which all images are taken, but not those of folders in them; and
        patterns with ``*``, ``?`` and ``**``, as `glob.glob` knows them. An OME-Zarr is a folder,
        and one image.

    Returns
    -------
    found : list of Path
        Each once, those of a folder or a pattern sorted by name, numbers in them by value.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or no image in a folder or under a pattern.
    ValueError
        If a file is of a format that is not read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import adapool
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ["a10.tif", "a9.tif", "notes.txt"]:
    ...         Path(folder, name).touch()
    ...     [path.name for path in adapool.io.find_files(folder)]
    ['a9.tif', 'a10.tif']
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if path.exists():
            found.update(dict.fromkeys(_of(path)))
        elif glob.has_magic(str(given)):
            matches = [Path(name) for name in glob.glob(str(given), recursive=True)]
            inside = {match for match in matches if any(map(is_zarr, match.parents))}
            images = [match for match in matches if _is_image(match) and match not in inside]
            if not images:
                files.nothing_found(str(given), folder=False)
            found.update(dict.fromkeys(_in_order(images)))
        else:
            files.missing(path)
    return list(found)


def _of(path: Path) -> list[Path]:
    if path.is_dir() and not is_zarr(path):
        images = [each for each in path.iterdir() if _is_image(each)]
        if not images:
            files.nothing_found(str(path), folder=True)
        return _in_order(images)
    if not _is_image(path):
        files.unknown_format(path)
    return [path]


def _is_image(path: Path) -> bool:
    """Whether a path looks like an image: by its suffix, or as a zarr; hidden ones do not."""
    if path.name.startswith("."):
        return False
    return is_zarr(path) or (
        path.suffix.lower() in files.TIFF + files.PICTURES and not path.is_dir()
    )


def _in_order(paths: Iterable[Path]) -> list[Path]:
    """Sort, so that image 10 comes after image 9."""

    def key(path: Path) -> list[str | int]:
        # Text and digits by turns, so that like is compared with like.
        parts = re.split(r"(\d+)", str(path))
        return [int(part) if i % 2 else part for i, part in enumerate(parts)]

    return sorted(paths, key=key)
