"""The only place that knows which array is whose.

A backend converts arrays of its kind; what it computes is in :mod:`adapool._kernels`. Kernels for
NumPy's arrays are in :mod:`adapool.cpu`, those for arrays on a GPU in :mod:`adapool.cuda`, each
imported when first needed. To add a backend, write its class and name it in `backend_of`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from adapool import _install
from adapool._checks import libraries, places

Array = NDArray[Any]
Triple = tuple[int, int, int]
Pooled = tuple[Array, Array | None]  # values, and where they were found


class Backend(Protocol):
    """A kind of array, and what there is to do with it."""

    @property
    def package(self) -> str:
        """The package of its kernels."""
        ...

    def describe(self, value: Any) -> Array:
        """Return an array, or a description with its methods, without copying."""
        ...

    def plain(self, array: Any) -> Array:
        """Return a read-only view or copy that kernels can take: C order, native, aligned.

        Booleans become bytes, which order alike; float16, in which no CPU computes, float32.
        """
        ...

    def as_given(self, array: Any) -> Any:
        """Return an array as the kind that the caller uses."""
        ...

    def protect(self, array: Any) -> None:
        """Make an array read-only, where arrays can be."""
        ...

    def holds(self, array: Any, dtype: np.dtype[Any]) -> bool:
        """Whether a dtype holds every value of an array, as far as that is known."""
        ...

    def to_host(self, array: Any) -> Array:
        """Return an array as one of NumPy."""
        ...

    def beside(self, array: Array, other: Any) -> Any:
        """Return an array of NumPy, or of this kind, as one of this kind where another one is."""
        ...

    def label(self, owner: Any) -> Any:
        """Return ``owner + 1``."""
        ...

    def paint(self, values: Any, owner: Any, channel_axis: int | None) -> Any:
        """Paint the value of its owner over each pixel, the empty value where there is none."""
        ...


class _NumPy:
    """Arrays of NumPy, and whatever NumPy can make an array of."""

    package = "adapool.cpu"

    def describe(self, value: Any) -> Array:
        return np.asarray(value)

    def plain(self, array: Any) -> Array:
        dtype, flags = array.dtype, array.flags
        # Most arrays are as they should be, and `numpy.require` takes 2 us to find that out.
        if not (dtype.isnative and dtype.char != "e" and flags.c_contiguous and flags.aligned):
            native = dtype.newbyteorder("=")
            dtype = np.dtype(np.float32) if native == np.float16 else native
            array = np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED"])
        array = array.view()
        if dtype == np.bool_:
            array = array.view(np.uint8)
        array.flags.writeable = False
        result: Array = array
        return result

    def as_given(self, array: Any) -> Any:
        return array

    def protect(self, array: Any) -> None:
        array.flags.writeable = False

    def holds(self, array: Any, dtype: np.dtype[Any]) -> bool:
        return np.can_cast(array.dtype, dtype) or bool((array.astype(dtype) == array).all())

    def to_host(self, array: Any) -> Array:
        host: Array = array
        return host

    def beside(self, array: Array, other: Any) -> Any:
        return array

    def label(self, owner: Any) -> Any:
        return owner + np.int32(1)

    def paint(self, values: Any, owner: Any, channel_axis: int | None) -> Any:
        painted = np.full(owner.shape + values.shape[1:], empty_value(values.dtype))
        owned = owner >= 0
        painted[owned] = values[owner[owned]]
        return painted if channel_axis is None else np.moveaxis(painted, -1, channel_axis)


NUMPY: Backend = _NumPy()


def backend_of(array: Any) -> Backend:
    """Return the backend of an array; whatever is on no device is NumPy's."""
    if type(array) is np.ndarray or not places.on_device(array):
        return NUMPY
    return cast(Backend, _on_gpu("backend").CUDA)


def plain(array: Any) -> Any:
    """Return what kernels can take: see `Backend.plain`."""
    return backend_of(array).plain(array)


def as_given(array: Any) -> Any:
    """Return an array as the kind that the caller uses."""
    return backend_of(array).as_given(array)


# --- values of dtypes ---------------------------------------------------------------------------


def empty_value(dtype: np.dtype[Any]) -> Any:
    """Return the value of a window without a valid position, as a scalar of `dtype`."""
    return dtype.type(np.nan) if dtype.kind == "f" else lowest_value(dtype)


def lowest_value(dtype: np.dtype[Any]) -> Any:
    """Return the identity of the maximum, as a scalar of `dtype`."""
    if dtype.kind == "f":
        return dtype.type(-np.inf)
    return np.False_ if dtype == np.bool_ else dtype.type(np.iinfo(dtype).min)


# --- where arrays are ---------------------------------------------------------------------------


def check_places(name: str, array: Any, **others: Any) -> None:
    """Raise unless all arrays are on the host, or all on one device that can be computed on.

    `others` are the arguments that may be arrays too.
    """
    if all(type(value) is np.ndarray or value is None for value in (array, *others.values())):
        return
    given = {n: libraries.bare(n, v) for n, v in {name: array, **others}.items()}
    on_device = [each for each in given if places.chunks_on_device(given[each])]
    if not on_device:
        return
    rest = {argument: given[argument] for argument in given if argument not in on_device}
    on_host = [argument for argument, value in rest.items() if _is_array(value)]
    if on_host:
        places.mixed_places(on_device, on_host)
    _require_cuda(name)
    _require_one_device({argument: given[argument] for argument in on_device})


def in_host_memory(name: str, array: Any) -> Any:
    """Return what is needed whole, on the host: a Dask array computed, anything else as it is."""
    array = on_host(name, array)
    return array.compute() if places.is_dask(array) else array


def on_host(name: str, array: Any) -> Any:
    """Return an array, or a Dask array of chunks, that is on the host."""
    array = libraries.bare(name, array)
    if places.chunks_on_device(array):
        if places.is_dask(array):
            kind, way = "Dask array of chunks on a GPU", ".map_blocks(cupy.asnumpy)"
        else:
            kind, way = "array on a GPU", "torch's .cpu()"
        places.no_backend(name, kind, f"copy it to the host, as {way} does")
    return array


def _is_array(value: Any) -> bool:
    """Whether an argument is an array; networks, numbers and None may go with any place."""
    number = isinstance(value, (bool, int, float, np.generic))
    return not (value is None or number or callable(value) or hasattr(value, "predict"))


def _require_cuda(name: str) -> None:
    """Raise unless device arrays can be computed on."""
    if importlib.util.find_spec("numba_cuda") is None:
        places.no_cuda(name, "numba-cuda is not installed", _install.command("cuda"))
    reason = _on_gpu("target").why_unusable()
    if reason is not None:
        places.no_cuda(name, *reason)


def _require_one_device(arrays: dict[str, Any]) -> None:
    """Raise where arrays are on several GPUs; of a Dask array the chunks will be looked at."""
    if len(arrays) == 1:
        return
    devices = {
        name: _on_gpu("libraries").library_of(array).device
        for name, array in arrays.items()
        if not places.is_dask(array)
    }
    if len(set(devices.values())) > 1:
        places.several_devices(devices)


@functools.cache  # of an import that was made 2 us are left, and there are ten in a call
def _on_gpu(module: str) -> Any:
    """Return a module of the GPU's backend, which imports this one, when it is first needed."""
    return importlib.import_module(f"adapool.cuda.{module}")
