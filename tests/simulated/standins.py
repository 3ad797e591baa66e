"""Stand-ins for arrays of other libraries. The simulator's device memory is host memory."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

Array = NDArray[Any]


class Standin:
    """An array of a library that adapool does not know."""

    def __init__(self, array: Array, stream: int | None = None) -> None:
        self.array = array
        self.stream = stream

    def __iadd__(self, other: Standin) -> Standin:
        self.array += other.array
        return self

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        about = dict(self.array.__array_interface__)
        about.pop("descr")
        return about | {"version": 3, "stream": self.stream, "strides": self.array.strides}


class Torch(Standin):
    """What adapool uses of a torch tensor."""

    __module__ = "torch"
    device = types.SimpleNamespace(index=0)


class Cupy(Standin, NDArrayOperatorsMixin):
    """A CuPy array, as far as adapool and Dask use one; what is not here is refused.

    As CuPy does, it answers NumPy's functions by its own, takes no array of the host beside one of
    the device, and is never converted to one of the host without being asked.
    """

    __module__ = "cupy"
    __array_priority__ = 100
    device = types.SimpleNamespace(id=0)

    # Of the ufuncs and functions that CuPy has, those that are used.
    _UFUNCS = ("add", "multiply", "less", "divmod", "remainder")
    _FUNCTIONS = (
        "ascontiguousarray",
        "concatenate",
        "empty_like",
        "full_like",
        "moveaxis",
        "where",
        "zeros_like",
    )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed: use .get()")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or ufunc.__name__ not in self._UFUNCS:
            return NotImplemented
        if not all(isinstance(value, Cupy) or np.isscalar(value) for value in inputs):
            return NotImplemented
        return _wrapped(ufunc(*_unwrapped(inputs), **_unwrapped(options)))

    def __array_function__(self, func: Any, kinds: Any, args: Any, kwargs: Any) -> Any:
        if not all(kind in (Cupy, np.ndarray) for kind in kinds):
            return NotImplemented
        if func is np.asarray:  # with like=
            return as_cupy(*args, **kwargs)
        if func.__name__ not in self._FUNCTIONS:
            return NotImplemented
        return _wrapped(func(*_unwrapped(args), **_unwrapped(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        # An element is an array without axes, and not a scalar.
        return Cupy(self.array[_unwrapped(index)][...])

    def __setitem__(self, index: Any, value: Any) -> None:
        if not (isinstance(value, Cupy) or np.isscalar(value)):
            raise TypeError(f"unsupported type {type(value)}")
        self.array[_unwrapped(index)] = _unwrapped(value)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    def copy(self) -> Cupy:
        return Cupy(self.array.copy())

    def astype(self, dtype: Any, copy: bool = True) -> Cupy:
        return Cupy(self.array.astype(dtype, copy=copy))

    def reshape(self, *shape: Any) -> Cupy:
        return Cupy(self.array.reshape(*shape))

    def get(self) -> Array:
        """Copy to the host."""
        return self.array.copy()


def _unwrapped(value: Any) -> Any:
    """Take the arrays out of stand-ins; refuse those of the host."""
    if isinstance(value, Cupy):
        return value.array
    if isinstance(value, np.ndarray):
        raise TypeError("unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, (tuple, list)):
        return type(value)(map(_unwrapped, value))
    if isinstance(value, dict):
        return {name: _unwrapped(item) for name, item in value.items()}
    return value


def _wrapped(result: Any) -> Any:
    return tuple(map(Cupy, result)) if isinstance(result, tuple) else Cupy(result)


def wrap(kind: type[Standin]) -> Callable[..., Standin]:
    """Return what makes an array of a library over memory that is there."""

    def over(described: Any, **_: Any) -> Standin:
        return described if isinstance(described, kind) else kind(_view(described))

    return over


def as_cupy(given: Any) -> Any:
    """What ``cupy.asarray`` does: host arrays are copied, device arrays are not."""
    return Cupy(given.copy()) if isinstance(given, np.ndarray) else wrap(Cupy)(given)


def concatenate(arrays: Any, axis: int = 0) -> Cupy:
    return Cupy(np.concatenate(_unwrapped(list(arrays)), axis))


def _view(described: Any) -> Array:
    about = dict(described.__cuda_array_interface__)
    holder = types.SimpleNamespace(__array_interface__=about, keep=described)
    return np.asarray(holder)
