"""Kernels as machine code of our own: written once by numba, kept, shipped, called without it.

numba is a compiler for calls from Python and for functions that anyone may call; a kernel is
neither, and most of the seconds of a first call went into what it does not need. Here numba only
turns the source of a kernel into LLVM code (`frontend`), which is simplified and names no CPU. For
the dtypes that people use that code is shipped with the package (`archive`). LLVM then optimises
it for this very CPU (`machine`), the machine code is kept in the user's cache folder (`cache`), and
it is called through a pointer (`calls`), by one thread or by numba's pool of threads.

What this takes of numba beyond its public interfaces is in `frontend`, `machine` and `calls`, and
it is used with the versions that it has been tried with alone. With any other, and on other
platforms, numba compiles and caches kernels by itself (:mod:`adapool._jit`).
"""

from __future__ import annotations

import platform
import sys

import llvmlite
import numba

from adapool._native.arguments import can_read_arrays

# The versions of numba that what is internal to it was tried with, and of llvmlite.
TRIED_NUMBA = ("0.67", "0.68")
TRIED_LLVMLITE = ("0.49", "0.50")
TRIED_PLATFORMS = ("linux-x86_64",)


def this_platform() -> str:
    """Return what code is compiled for, but for the CPU's model: the system and the processor."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{ {'amd64': 'x86_64'}.get(machine, machine) }"


def is_usable() -> bool:
    """Whether kernels may be compiled this way here, as it has been tried here."""
    return (
        _minor(numba.__version__) in TRIED_NUMBA
        and _minor(llvmlite.__version__) in TRIED_LLVMLITE
        and this_platform() in TRIED_PLATFORMS
        and sys.implementation.name == "cpython"
        and sys.maxsize > 1 << 32
        # What is asked of numba's own compiler: checks and debug information in kernels.
        and not numba.config.BOUNDSCHECK
        and not numba.config.DISABLE_JIT
        and not numba.config.DEBUGINFO_DEFAULT
        and can_read_arrays()
    )


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
