"""The only place that chooses a backend.

A backend is a module with the functions of :mod:`adapool.cpu`, on canonical arrays.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from adapool import _arguments


def backend_for(name: str, array: Any) -> ModuleType:
    """Return the backend that computes on this kind of array, imported when first needed."""
    if hasattr(array, "__dask_graph__"):
        _arguments.no_backend(name, "Dask array", f"pass {name}.compute()")
    if hasattr(array, "__cuda_array_interface__"):
        _arguments.no_backend(name, "CUDA array", "copy it to the host, as torch's .cpu() does")
    from adapool import cpu  # numba is imported here and not before

    return cpu
