"""``adapool info``: what a report of a fault has to say of the machine and its packages."""

from __future__ import annotations

import importlib.metadata
import platform

import adapool
from adapool.cli._parser import Commands

# What adapool needs, then what its extras bring; of these only what is installed is printed.
_REQUIRED = ("numpy", "scipy", "scikit-image", "numba", "llvmlite", "lazy_loader", "threadpoolctl")
_OPTIONAL = (
    "dask", "distributed", "xarray", "zarr", "tifffile", "imagecodecs", "imageio", "matplotlib",
    "napari", "torch", "cupy-cuda13x", "cupy-cuda12x", "numba-cuda",
)  # fmt: skip


def add_to(commands: Commands) -> None:
    """Say what the command takes."""
    info = commands.add_parser(
        "info",
        help="print versions, threads, cache and GPU, for a report of a fault",
        description="Print what a report of a fault has to say: versions, processor, threads, the\n"
        "folder of compiled code, and whether a GPU can be used.",
    )
    info.set_defaults(run=lambda options: _info())


def _info() -> int:
    rows = {
        "adapool": adapool.__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": f"{platform.platform()}, {platform.machine()}",
        **_compiled(),
        **{name: _version(name) or "missing" for name in _REQUIRED},
        **{name: version for name in _OPTIONAL if (version := _version(name))},
        "GPU": _gpu(),
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}")
    return 0


def _compiled() -> dict[str, str]:
    """Return how kernels are compiled, and on how many threads they run."""
    from adapool import _jit
    from adapool._native import cache, machine

    writable = "" if cache.writable_folder() else ", cannot be written to"
    return {
        "processor": machine.cpu()[0],
        "threads": f"{_jit.num_threads()} of {_jit.most_threads()}",
        "kernels": "shipped, translated for this processor" if _jit.NATIVE else "compiled by numba",
        "cache": f"{cache.folder()} ({len(list(cache.files()))} files{writable})",
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _gpu() -> str:
    """Return the name of the GPU, or why none can be used."""
    try:
        from adapool.cuda.target import cuda, why_unusable

        reason = why_unusable()
        if reason is not None:
            return f"not usable: {reason[0]}"
        name = cuda.get_current_device().name
    # A broken driver or toolkit raises whatever it likes, and this is the place to say what.
    except Exception as error:
        return f"not usable: {type(error).__name__}: {error}"
    return name.decode() if isinstance(name, bytes) else str(name)
