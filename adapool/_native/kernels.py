"""Machine code for a call: from the cache, from what was shipped, or from numba."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite.binding as llvm

from adapool._native import archive, cache, notice, sources, this_platform
from adapool._native.arguments import packer, spell
from adapool._native.calls import Code
from adapool._native.machine import assemble, cpu, load

# One compiles at a time.
lock = threading.RLock()

# Where bitcode goes, besides into code: what `ship` sets.
recorded: dict[str, tuple[bytes, str]] | None = None


class Source(NamedTuple):
    """A kernel before it is compiled."""

    body: Callable[..., Any]
    device: Callable[..., Any]  # compiles what kernels call
    with_task: bool  # whether the body takes the number of a task
    calls_kept: bool  # whether functions stay functions, where LLVM does not inline them itself


def find(source: Source, arguments: tuple[Any, ...]) -> Code:
    """Return code for arguments like these, compiled if need be; under `lock`."""
    spelled = ";".join(map(spell, arguments))
    name = f"{source.body.__name__.strip('_')}-{_hash(spelled)}"
    digest = sources.digest(source.body.__module__)
    file = f"{name}-{_hash(digest, this_platform(), llvm.llvm_version_info, cpu())}.o"
    bitcode = None if recorded is None else _bitcode(source, arguments, name, digest)
    code = cache.read(file)
    if code is None:
        with notice.compiling(source.body.__name__.strip("_")):
            code = assemble(bitcode or _bitcode(source, arguments, name, digest))
        cache.write(file, code)
    return Code(packer(arguments), load(code))


def _bitcode(source: Source, arguments: tuple[Any, ...], name: str, digest: str) -> bytes:
    bitcode = archive.find(name, digest)
    if bitcode is None:
        from adapool._native.frontend import write  # most of numba is imported here, not before

        bitcode = write(source.device, source.body, arguments, source.with_task, source.calls_kept)
    if recorded is not None:
        if recorded.get(name, (b"", digest))[1] != digest:
            raise RuntimeError(f"two kernels would be shipped as {name}: rename one of them")
        recorded[name] = bitcode, digest
    return bitcode


def _hash(*values: Any) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]
