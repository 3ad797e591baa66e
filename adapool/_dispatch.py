"""The only place that chooses: a way through by where the array is, a backend by its kind.

A way through is a module with the functions of :mod:`adapool._eager`, on checked arguments; a
backend is one with the functions of :mod:`adapool.cpu`, on canonical arrays.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from adapool import _arguments
from adapool._arguments import Array


def pipeline_for(name: str, array: Any) -> ModuleType:
    """Return the way through for this array: in memory at once, or block by block."""
    if _arguments.is_dask(array):
        from adapool import dask  # dask is imported here and not before

        return dask
    if hasattr(array, "__cuda_array_interface__"):
        _arguments.no_backend(name, "CUDA array", "copy it to the host, as torch's .cpu() does")
    from adapool import _eager

    return _eager


def backend_for(array: Array) -> ModuleType:
    """Return the backend that computes on this kind of array, imported when first needed."""
    from adapool import cpu  # numba is imported here and not before

    return cpu
