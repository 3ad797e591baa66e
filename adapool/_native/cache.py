"""The folder that machine code is kept in: the user's, and safe to share, to damage, to delete."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import warnings
from pathlib import Path

_CHECKSUM = hashlib.sha256().digest_size


def folder() -> Path:
    """Return where compiled code is kept; the folder need not exist.

    ``NUMBA_CACHE_DIR``, if it is set, and otherwise the user's folder for caches: that of
    ``XDG_CACHE_HOME`` or ``~/.cache``, ``~/Library/Caches`` on macOS, ``LOCALAPPDATA`` on Windows.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    if not chosen:
        if sys.platform == "darwin":
            chosen = "~/Library/Caches"
        elif sys.platform == "win32":
            chosen = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
        else:
            chosen = "~/.cache"
    return Path(os.path.expanduser(chosen)).absolute() / "adapool"


@functools.cache
def writable_folder() -> Path | None:
    """Return the folder, made if it was not there, or None and a warning where none can be."""
    place = folder()
    try:
        if "~" in place.parts:
            raise OSError("there is no home")
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return place
    except OSError:
        warnings.warn(
            f"adapool cannot keep compiled code in {place}: each process will compile for itself. "
            "Set the environment variable NUMBA_CACHE_DIR to a folder that can be written to.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def read(name: str) -> bytes | None:
    """Return what was kept under a name; None if nothing was, or it is not whole."""
    try:
        data = (folder() / name).read_bytes()
    except OSError:
        return None
    content, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    return content if checksum == _checksum(name, content) else None


def _checksum(name: str, content: bytes) -> bytes:
    # With the name: under another one, whole as it is, a file is not what is looked for.
    return hashlib.sha256(name.encode() + b"\0" + content).digest()


def write(name: str, content: bytes) -> None:
    """Keep something under a name: all of it or, where there is no room, nothing."""
    place = writable_folder()
    if place is None:
        return
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".", delete=False) as file:
            temporary = file.name
            file.write(content + _checksum(name, content))
        os.replace(temporary, place / name)
        temporary = None
    except OSError:
        pass  # the next process compiles again
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def files() -> list[Path]:
    """Return the files that are kept, those of numba's own cache among them."""
    try:
        return [path for path in folder().rglob("*") if path.is_file()]
    except OSError:
        return []


def clear() -> tuple[int, int]:
    """Delete what is kept; return how many files and bytes that were."""
    count = size = 0
    for path in files():
        with contextlib.suppress(OSError):
            length = path.stat().st_size
            path.unlink()
            count, size = count + 1, size + length
    return count, size
