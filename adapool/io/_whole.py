"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapool._checks import files
from adapool.io._find import is_zarr


@contextmanager
def whole(path: Path, overwrite: bool) -> Iterator[Path]:
    """Yield a name beside a file to write to, which takes its name when all has been written.

    Raises
    ------
    FileExistsError
        If the file, or folder, is there already and must not be replaced, or is a folder of
        something else than a zarr: that would be lost.
    """
    if path.exists() and not overwrite:
        files.no_overwriting(path)
    if path.is_dir() and not is_zarr(path) and any(path.iterdir()):
        files.no_image(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # With the same suffix, which libraries go by; hidden, so that it is not taken for an image.
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        if path.is_dir():  # a folder can take the name of none but an empty one
            old = path.with_name(f".{os.getpid()}-old-{path.name}")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)
