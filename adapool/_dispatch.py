"""The only place that chooses: a pipeline by where the array is, a backend by its kind.

A pipeline is a module with the functions of :mod:`adapool._eager`, on checked arguments; a
backend is one with the functions of :mod:`adapool.cpu`, on canonical arrays.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import numpy as np

from adapool import _install, _library_arguments, _place_arguments


def pipeline_for(name: str, array: Any, **others: Any) -> ModuleType:
    """Return the pipeline for this array: in memory at once, or block by block.

    `others` are the arguments that may be arrays too: all must be on one side.
    """
    array = _library_arguments.bare(name, array)
    given = {name: array, **{n: _library_arguments.bare(n, v) for n, v in others.items()}}
    on_device = [other for other in given if _place_arguments.chunks_on_device(given[other])]
    if on_device:
        rest = {argument: given[argument] for argument in given if argument not in on_device}
        on_host = [argument for argument, value in rest.items() if _is_array(value)]
        if on_host:
            _place_arguments.mixed_places(on_device, on_host)
        _require_cuda(name)
    if _place_arguments.is_dask(array):
        from adapool import dask  # dask is imported here and not before

        return dask
    from adapool import _eager

    return _eager


def in_memory(name: str, array: Any) -> Any:
    """Return what is needed whole, on the host: a Dask array computed, anything else as it is."""
    array = _library_arguments.bare(name, array)
    lazy = _place_arguments.is_dask(array)
    if _place_arguments.chunks_on_device(array):
        if lazy:
            kind, way = "Dask array of chunks on a GPU", ".map_blocks(cupy.asnumpy)"
        else:
            kind, way = "array on a GPU", "torch's .cpu()"
        _place_arguments.no_backend(name, kind, f"copy it to the host, as {way} does")
    return array.compute() if lazy else array


def backend_for(array: Any) -> ModuleType:
    """Return the backend that computes on this kind of array, imported when first needed."""
    if not isinstance(array, np.ndarray):
        from adapool import cuda

        return cuda
    from adapool import cpu  # numba is imported here and not before

    return cpu


def _is_array(value: Any) -> bool:
    """Whether an argument is an array, on some side; networks, numbers and None are on none."""
    number = isinstance(value, (bool, int, float, np.generic))
    return not (value is None or number or callable(value) or hasattr(value, "predict"))


def _require_cuda(name: str) -> None:
    """Raise unless device arrays can be computed on."""
    if importlib.util.find_spec("numba_cuda") is None:
        _place_arguments.no_cuda(name, "numba-cuda is not installed", _install.command("cuda"))
    from numba import cuda as driver

    if not driver.is_available():
        _place_arguments.no_cuda(
            name,
            "no CUDA driver was found",
            "install a driver that supports CUDA 13 (580 or newer), or pass a NumPy array",
        )
