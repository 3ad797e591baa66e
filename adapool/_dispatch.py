"""The only place that chooses: a way through by where the array is, a backend by its kind.

A way through is a module with the functions of :mod:`adapool._eager`, on checked arguments; a
backend is one with the functions of :mod:`adapool.cpu`, on canonical arrays.
"""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import numpy as np

from adapool import _place_arguments


def pipeline_for(name: str, array: Any, **others: Any) -> ModuleType:
    """Return the way through for this array: in memory at once, or block by block.

    `others` are the arguments that may be arrays too: all must be on one side.
    """
    given = {name: array, **others}
    on_device = [other for other in given if _place_arguments.chunks_on_device(given[other])]
    if on_device:
        rest = {argument: given[argument] for argument in given if argument not in on_device}
        on_host = [argument for argument, value in rest.items() if _is_array(value)]
        if on_host:
            _place_arguments.mixed_places(on_device, on_host)
        _require_cuda(name)
        _require_one_device({argument: given[argument] for argument in on_device})
    if _place_arguments.is_dask(array):
        from adapool import dask  # dask is imported here and not before

        return dask
    from adapool import _eager

    return _eager


def in_memory(name: str, array: Any) -> Any:
    """Return what is needed whole, on the host: a Dask array computed, anything else as it is."""
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
    """Whether an argument is an array, which is on some side; networks, and None, are on none."""
    return not (value is None or callable(value) or hasattr(value, "predict"))


def _require_cuda(name: str) -> None:
    """Raise unless device arrays can be computed on."""
    if importlib.util.find_spec("numba_cuda") is None:
        _place_arguments.no_cuda(name, "numba-cuda is not installed", "pip install 'adapool[cuda]'")
    from adapool.cuda.target import why_unusable

    reason = why_unusable()
    if reason is not None:
        _place_arguments.no_cuda(name, *reason)


def _require_one_device(arrays: dict[str, Any]) -> None:
    """Raise where arrays are on several GPUs; of a Dask array the chunks will be looked at."""
    from adapool.cuda.libraries import library_of

    devices = {
        name: library_of(array).device
        for name, array in arrays.items()
        if not _place_arguments.is_dask(array)
    }
    if len(set(devices.values())) > 1:
        _place_arguments.several_devices(devices)
