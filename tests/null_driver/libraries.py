"""Arrays in the memory of the driver that runs nothing: numba's, and stand-ins for CuPy and torch.

The stand-ins allocate from a pool that is ordered by stream, and free as those do: memory goes back
to the pool at once.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from adapool.cuda.target import device_of

Array = NDArray[Any]


class _Array:
    """What adapool uses of an array of either library."""

    @property
    def gpu(self) -> int:
        """Number of the device that its memory is on."""
        return device_of(self.memory.__cuda_array_interface__["data"][0])

    def __init__(self, memory: Any, stream: int | None = None) -> None:
        self.memory = memory
        self.stream = stream

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        about: dict[str, Any] = self.memory.__cuda_array_interface__
        return {**about, "stream": self.stream}

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.memory.shape
        return shape

    def __iadd__(self, other: Any) -> Any:
        return self


class CupyArray(_Array):
    """A CuPy array. Its interface names the stream that is current when it is asked for."""

    __module__ = "cupy"

    @property
    def device(self) -> Any:
        return types.SimpleNamespace(id=self.gpu)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        stream = _current["cupy", self.device.id]
        return {**self.memory.__cuda_array_interface__, "stream": stream}


class TorchArray(_Array):
    """A torch tensor, whose interface, of version 2, names no stream."""

    __module__ = "torch"

    @property
    def device(self) -> Any:
        return types.SimpleNamespace(
            index=device_of(self.memory.__cuda_array_interface__["data"][0])
        )


@dataclass
class Library:
    """How arrays get into a library and out of it, what they are, and its stream."""

    name: str
    send: Callable[[Array], Any]
    fetch: Callable[[Any], Array]
    kind: Any
    stream: int


# Current streams, by library and device.
_current: dict[tuple[str, int], int] = {}
CUPY_STREAM, TORCH_STREAM, NUMBA_STREAM = 0x7100, 0x7200, 0x7300


class _CupyDevice:
    """CuPy's current device, as a context."""

    current = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        self.before, _CupyDevice.current = _CupyDevice.current, self.number

    def __exit__(self, *_: Any) -> None:
        _CupyDevice.current = self.before


def _allocate(nbytes: int, device: int) -> Any:
    with cuda.gpus[device]:
        return cuda.device_array(nbytes, np.uint8)


def _over(described: Any) -> Any:
    about = described.__cuda_array_interface__
    if about.get("stream") is not None:
        raise AssertionError("the library would wait for the stream, on the host")
    return cuda.as_cuda_array(described, sync=False)


def _cupy() -> Any:
    cupy: Any = types.ModuleType("cupy")
    cupy.cuda = types.SimpleNamespace(
        Device=_CupyDevice,
        get_current_stream=lambda: types.SimpleNamespace(ptr=_current["cupy", _CupyDevice.current]),
        alloc_pinned_memory=lambda nbytes: cuda.pinned_array(nbytes, np.uint8),
    )
    cupy.ndarray = CupyArray
    cupy.asnumpy = lambda array: array.memory.copy_to_host()
    cupy.empty = lambda nbytes, dtype: CupyArray(_allocate(nbytes, _CupyDevice.current))
    cupy.asarray = lambda given: CupyArray(_over(given))
    cupy.matmul = lambda left, right, out: None
    return cupy


def _torch() -> Any:
    def empty(nbytes: int, dtype: Any, device: Any = None, pin_memory: bool = False) -> Any:
        if pin_memory:
            buffer = cuda.pinned_array(nbytes, np.uint8)
            return types.SimpleNamespace(numpy=lambda: buffer)
        return TorchArray(_allocate(nbytes, device.index))

    torch: Any = types.ModuleType("torch")
    torch.cuda = types.SimpleNamespace(
        current_stream=lambda device: types.SimpleNamespace(
            cuda_stream=_current["torch", device.index]
        )
    )
    torch.uint8 = np.uint8
    torch.Tensor = TorchArray
    torch.empty = empty
    torch.as_tensor = lambda given, device: TorchArray(_over(given))
    torch.mm = lambda left, right, out: None
    torch.addmm = lambda bias, left, right, out: None
    return torch


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Put the stand-ins where imports find them."""
    before = {name: sys.modules.get(name) for name in ("cupy", "torch")}
    sys.modules.update(cupy=_cupy(), torch=_torch())
    for device in range(len(cuda.gpus)):
        _current["cupy", device] = CUPY_STREAM + 16 * device
        _current["torch", device] = TORCH_STREAM + 16 * device
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name) if module is None else sys.modules.update({name: module})


def library(name: str, device: int = 0) -> Library:
    """Return a library by its name; arrays are sent to a device."""

    def on_device(array: Array) -> Any:
        with cuda.gpus[device]:
            return cuda.to_device(np.ascontiguousarray(array))

    if name == "cupy":
        return Library(name, lambda a: CupyArray(on_device(a)),
                       lambda a: a.memory.copy_to_host(), CupyArray,
                       CUPY_STREAM + 16 * device)  # fmt: skip
    if name == "torch":
        return Library(name, lambda a: TorchArray(on_device(a)),
                       lambda a: a.memory.copy_to_host(), TorchArray,
                       TORCH_STREAM + 16 * device)  # fmt: skip
    if name == "numba":
        return Library(name, lambda a: on_device(a).bind(cuda.external_stream(NUMBA_STREAM)),
                       lambda a: a.copy_to_host(stream=0), type(on_device(np.ones(1))),
                       NUMBA_STREAM)  # fmt: skip
    raise ValueError(name)
