"""Memory of a device, of any library: its description, and the way there and back.

CuPy, torch and numba describe their arrays by ``__cuda_array_interface__``. A `DeviceMemory` holds
such a description. What needs a kernel is in `DeviceMemory`, which adds it.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Sequence
from typing import Any, NoReturn, Self

import numpy as np

from adapool.cuda.libraries import Library, library_of
from adapool.cuda.target import SIMULATED, cuda, read, simulated_array


class DeviceMemory:
    """Elements in device memory, of any strides.

    Parameters
    ----------
    library : Library
        Whose array it is: where memory comes from, and which stream it is used on.
    owner : object
        Keeps the memory alive.
    pointer : int
        Address of the first element.
    shape : tuple of int
    strides : tuple of int, optional
        In bytes; C order where they are not given.
    dtype : dtype
    """

    __array_priority__ = 1000

    def __init__(
        self,
        library: Library,
        owner: Any,
        pointer: int,
        shape: Sequence[int],
        dtype: Any,
        strides: Sequence[int] | None = None,
    ) -> None:
        self.library = library
        self.owner = owner
        self.pointer = pointer
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        expected = c_strides(self.shape, self.dtype.itemsize)
        self.strides = expected if strides is None else tuple(strides)
        # Elements follow each other in C order; axes of length 1 may have any stride.
        self.is_contiguous = self.strides == expected or all(
            n == 1 or a == b for n, a, b in zip(self.shape, self.strides, expected, strict=True)
        )

    @classmethod
    def of(cls, array: Any) -> Self:
        """Describe an array of another library; nothing is copied."""
        if isinstance(array, cls):
            return array
        library = library_of(array)
        about = library.describe(array)
        return cls(
            library,
            array,
            about["data"][0],
            about["shape"],
            about["typestr"],
            about.get("strides"),
        )

    def empty(self, shape: Sequence[int], dtype: Any) -> Self:
        """Allocate an array beside this one, from the memory pool of the caller's library."""
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        owner = self.library.allocate(nbytes)
        pointer = self.library.describe(owner)["data"][0]
        return type(self)(self.library, owner, pointer, shape, dtype)

    def upload(self, array: np.ndarray[Any, Any]) -> Self:
        """Copy a host array to the device of this one."""
        result = self.empty(array.shape, array.dtype)
        if array.size == 0:  # a copy of nothing is none that drivers take
            return result
        with self.library.on_device():
            stream = self.library.numba_stream()
            result.for_numba().copy_to_device(np.ascontiguousarray(array), stream=stream)
            stream.synchronize()  # the host array may go away before the copy is made
        return result

    def to_host(self, pinned: bool = False) -> np.ndarray[Any, Any]:
        """Copy to the host, and wait for it: for flags, and for parameters that are scanned.

        To memory that is `pinned` the device writes by itself; otherwise the driver copies once
        more, which is nothing for a few bytes.
        """
        assert self.is_contiguous
        if self.size == 0:
            return np.empty(self.shape, self.dtype)
        if SIMULATED:
            return np.asarray(self.for_numba().copy_to_host()).reshape(self.shape)
        host = self._on_host() if pinned else np.empty(self.shape, self.dtype)
        with self.library.on_device():
            read(self.pointer, host, self.library.handle())
        return host

    def _on_host(self) -> np.ndarray[Any, Any]:
        """Allocate memory on the host that the device writes by itself."""
        nbytes = self.size * self.dtype.itemsize
        return self.library.pinned(nbytes).view(self.dtype).reshape(self.shape)

    def for_numba(self) -> Any:
        """Return numba's own array over the same memory."""
        if SIMULATED:
            return simulated_array(np.asarray(_HostView(self)))
        with self.library.on_device():
            return cuda.as_cuda_array(self.unordered(), sync=False)

    def as_given(self) -> Any:
        """Return an array of the caller's library over the same memory."""
        return self.library.give(self)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        """The description that other libraries read, version 3: it names the stream."""
        return self._interface(self.library.stream)

    def unordered(self) -> _Described:
        """Return the description for one who uses the stream of this array: it names none.

        With a stream, libraries would wait for it, some of them on the host.
        """
        return _Described(self._interface(None), self.owner)

    def _interface(self, stream: int | None) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, False),
            "strides": None if self.is_contiguous else self.strides,
            "stream": stream,
            "version": 3,
        }

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: NumPy would copy to the host without a word."""
        raise TypeError("an array in device memory was taken for a NumPy array")

    # --- geometry -------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    def __getitem__(self, part: slice) -> Self:
        """Take a range of the first axis."""
        begin, end, step = part.indices(self.shape[0])
        assert step == 1
        pointer = self.pointer + begin * self.strides[0]
        shape = (max(end - begin, 0), *self.shape[1:])
        return type(self)(self.library, self.owner, pointer, shape, self.dtype, self.strides)

    def columns(self, part: slice) -> Self:
        """Take a range of the second axis of two."""
        return self.transpose((1, 0))[part].transpose((1, 0))

    def transpose(self, order: Sequence[int]) -> Self:
        """Permute the axes. ``numpy.moveaxis`` calls this."""
        shape = [self.shape[axis] for axis in order]
        strides = [self.strides[axis] for axis in order]
        return type(self)(self.library, self.owner, self.pointer, shape, self.dtype, strides)

    def reshape(self, *shape: Any) -> Self:
        """Return another shape of what is in C order."""
        assert self.is_contiguous
        wanted = list(shape[0] if len(shape) == 1 and np.ndim(shape[0]) else shape)
        if -1 in wanted:
            at = wanted.index(-1)
            wanted[at] = self.size // math.prod(wanted[:at] + wanted[at + 1 :])
        assert math.prod(wanted) == self.size
        return type(self)(self.library, self.owner, self.pointer, wanted, self.dtype)

    def view(self, dtype: Any) -> Self:
        """Read the same bytes as another dtype of the same size."""
        assert np.dtype(dtype).itemsize == self.dtype.itemsize
        return type(self)(self.library, self.owner, self.pointer, self.shape, dtype, self.strides)


class _Described:
    """A description of memory, which it keeps alive: its owner, and no array that holds it."""

    def __init__(self, interface: dict[str, Any], owner: Any) -> None:
        self.__cuda_array_interface__ = interface
        self.owner = owner


class _HostView:
    """Memory of the simulator, as NumPy sees it."""

    def __init__(self, array: DeviceMemory) -> None:
        self.array = array

    @property
    def __array_interface__(self) -> dict[str, Any]:
        about = {**self.array.__cuda_array_interface__, "strides": self.array.strides}
        about.pop("stream")
        return about


@functools.lru_cache(maxsize=1024)
def c_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the strides of C order, in bytes."""
    strides = []
    step = itemsize
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


def in_order(first: DeviceMemory, *others: Any) -> contextlib.AbstractContextManager[Any]:
    """Order work on the stream of the first array after what the others are still waiting for.

    Of the others, those that are arrays count.
    """
    here = first.library.device, first.library.stream
    apart = [
        other.library
        for other in others
        if isinstance(other, DeviceMemory) and (other.library.device, other.library.stream) != here
    ]
    return first.library.waiting_for(apart) if apart else contextlib.nullcontext()
