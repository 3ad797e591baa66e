"""Which source a kernel is made from, as a digest: code made from any other is never used."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]

# What takes part in every kernel: how it is compiled, and how arguments reach it.
_ALWAYS = [
    _PACKAGE / "_native" / f"{name}.py"
    for name in ("arguments", "frontend", "machine", "options", "parts")
]

# Modules that are compiled into kernels, as others import them.
_IMPORT = re.compile(r"^(?:from|import) (adapool[\w.]*)(?: import ([\w, ]+))?", re.MULTILINE)


@functools.cache
def digest(module: str) -> str:
    """Return the digest of the file of a kernel, and of those that it is compiled with."""
    files = sorted({*_ALWAYS, *_reached(module, set())})
    content = hashlib.sha256()
    for file in files:
        content.update(hashlib.sha256(_text(file)).digest())
    return content.hexdigest()[:16]


@functools.cache
def _text(file: Path) -> bytes:
    # Whatever ends the lines, as version control may have it.
    return file.read_bytes().replace(b"\r\n", b"\n")


def _reached(module: str, seen: set[str]) -> set[Path]:
    """Return the files of a module and of all modules with code for kernels that it imports."""
    file = _PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    if module in seen or not file.is_file():
        return set()
    seen.add(module)
    found = {file}
    for name, parts in _IMPORT.findall(_text(file).decode()):
        for other in (name, *(f"{name}.{part.strip()}" for part in parts.split(","))):
            if other == "adapool._formulas" or other.startswith("adapool.cpu."):
                found |= _reached(other, seen)
    return found
