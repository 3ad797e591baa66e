"""LLVM code that is shipped with the package: written here, checked, and used only if it fits.

A zip file with an entry for each kernel and kind of arguments, and a manifest: the system and
processor it is for, the LLVM that wrote it, and for each entry its checksum and a digest of the
source that it was made from. `python -m adapool._native.ship` makes it.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import lzma
import os
import zipfile
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from adapool._native import this_platform

PATH = Path(__file__).with_name("kernels.zip")
MANIFEST = "manifest.json"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]

# What is raised by files that are missing, cut off, or not what they should be.
_DAMAGE = (OSError, zipfile.BadZipFile, lzma.LZMAError, ValueError, KeyError, EOFError, TypeError)


def made_for() -> dict[str, Any]:
    """Return what code written here fits: LLVM reads no other version's for sure."""
    return {"platform": this_platform(), "llvm": llvm.llvm_version_info[0]}


class _Archive:
    """An open archive that fits."""

    def __init__(self, path: Path) -> None:
        # From memory: children of a fork would share the position in an open file.
        self._file = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
        manifest = json.loads(self._file.read(MANIFEST))
        if {name: manifest[name] for name in made_for()} != made_for():
            raise ValueError("the archive is for another LLVM or platform")
        self._entries: dict[str, dict[str, str]] = manifest["entries"]

    def find(self, name: str, digest: str) -> bytes | None:
        entry = self._entries.get(name)
        if entry is None or entry["source"] != digest:
            return None
        bitcode = lzma.decompress(self._file.read(name), lzma.FORMAT_RAW, filters=_FILTERS)
        return bitcode if hashlib.sha256(bitcode).hexdigest() == entry["sha256"] else None


@functools.cache
def _archive() -> _Archive | None:
    try:
        return _Archive(PATH)
    except _DAMAGE:
        return None


def find(name: str, digest: str) -> bytes | None:
    """Return the bitcode that was shipped under a name, if it was made from source of a digest.

    None also where ``ADAPOOL_SHIPPED=0`` says that nothing shipped is to be used.
    """
    if os.environ.get("ADAPOOL_SHIPPED") == "0":
        return None
    try:
        archive = _archive()
        return None if archive is None else archive.find(name, digest)
    except _DAMAGE:
        return None


def write(path: Path, kernels: dict[str, tuple[bytes, str]]) -> None:
    """Write an archive of bitcode and digests: the same bytes whenever and wherever it is made."""
    entries = {
        name: {"source": digest, "sha256": hashlib.sha256(bitcode).hexdigest()}
        for name, (bitcode, digest) in sorted(kernels.items())
    }
    manifest = json.dumps({**made_for(), "entries": entries}, indent=0, sort_keys=True)
    # Beside it first: other processes find the old archive or the new one, both whole.
    fresh = path.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as file:
        for name in entries:
            file.writestr(_entry(name), lzma.compress(
                kernels[name][0], lzma.FORMAT_RAW, filters=_FILTERS))  # fmt: skip
        file.writestr(_entry(MANIFEST), manifest, zipfile.ZIP_DEFLATED)
    fresh.replace(path)


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info
