"""The libraries that device arrays come from: their memory, their stream, their device.

Results are allocated from the pool of the caller's library, on its current stream: a pool orders
what it reuses by stream, so that temporaries may be dropped while kernels still run.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from adapool.cuda.target import (
    DEFAULT_STREAM,
    LEGACY_STREAM,
    SIMULATED,
    cuda,
    device_of,
    is_current,
)

_NOTHING = contextlib.nullcontext()


class Library(Protocol):
    """What is asked of a library; one object for each device and stream."""

    device: int
    stream: int

    def describe(self, array: Any) -> dict[str, Any]:
        """Return the ``__cuda_array_interface__`` of an array."""

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes."""

    def pinned(self, nbytes: int) -> np.ndarray[Any, Any]:
        """Allocate bytes on the host that the device copies to without a stop in between."""

    def give(self, array: Any) -> Any:
        """Return an array of this library over the memory that `array` describes."""

    def multiply(self, left: Any, right: Any, bias: Any, out: Any) -> bool:
        """Write ``left @ right + bias`` to `out`; return False where the library has no product."""

    def numba_stream(self) -> Any:
        """Return the caller's stream."""

    def handle(self) -> int:
        """Return the caller's stream, as the driver takes it."""

    def on_device(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device current for numba."""

    def waiting_for(self, others: list[Any]) -> contextlib.AbstractContextManager[Any]:
        """Order what is queued inside between what the streams of others hold and will hold."""


class _Device:
    """What the libraries have in common: a device, and a stream by its handle."""

    def __init__(self, device: int, stream: int) -> None:
        self.device = device
        self.stream = stream

    def describe(self, array: Any) -> dict[str, Any]:
        """Return the interface of an array."""
        about: dict[str, Any] = array.__cuda_array_interface__
        return about

    def multiply(self, left: Any, right: Any, bias: Any, out: Any) -> bool:
        """Write ``left @ right + bias`` to `out`, if the library can."""
        return False

    def numba_stream(self) -> Any:
        """Return the stream, as numba takes it."""
        return _stream(self.device, self.stream)

    def handle(self) -> int:
        """Return the stream, as the driver takes it."""
        return 0 if self.stream == LEGACY_STREAM else self.stream

    def on_device(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device current."""
        if is_current(self.device):
            return _NOTHING
        context: contextlib.AbstractContextManager[Any] = cuda.gpus[self.device]
        return context

    @contextlib.contextmanager
    def waiting_for(self, others: list[_Device]) -> Iterator[None]:
        """Order work between streams by events: the host waits for none of them.

        What is queued inside begins after all that the other streams hold now; and what they get
        from then on begins after it, so that memory of theirs may be used again by them.
        """
        for other in others:
            if other.device != self.device:
                raise ValueError(
                    f"arrays must be on one GPU, got one on GPU {other.device} and feature_map on "
                    f"GPU {self.device}: let networks answer on the GPU that they were given"
                )
        mine = self.numba_stream()
        apart = {other.stream: other.numba_stream() for other in others}
        for stream in apart.values():
            _follow(mine, stream)
        yield
        for stream in apart.values():
            _follow(stream, mine)


@functools.lru_cache(maxsize=256)
def _stream(device: int, handle: int) -> Any:
    """Return a stream, as numba takes it: one object for each."""
    return cuda.default_stream() if handle == DEFAULT_STREAM else cuda.external_stream(handle)


def _follow(later: Any, earlier: Any) -> None:
    """Make a stream wait for what another holds now."""
    event = cuda.event(timing=False)
    event.record(earlier)
    event.wait(later)


class Cupy(_Device):
    """CuPy: memory from its pool, on the stream that is current where adapool is called."""

    def __init__(self, array: Any) -> None:
        self.cupy = sys.modules["cupy"]
        # Each device has a current stream of its own.
        with self.cupy.cuda.Device(array.device.id):
            stream = self.cupy.cuda.get_current_stream().ptr
        super().__init__(array.device.id, stream or LEGACY_STREAM)

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes."""
        with self.cupy.cuda.Device(self.device):
            return self.cupy.empty(nbytes, np.uint8)

    def pinned(self, nbytes: int) -> np.ndarray[Any, Any]:
        """Allocate bytes on the host, from CuPy's pool of them."""
        memory = self.cupy.cuda.alloc_pinned_memory(nbytes)
        return np.frombuffer(memory, np.uint8, nbytes)

    def give(self, array: Any) -> Any:
        """Return an array of this library over memory that is there."""
        with self.cupy.cuda.Device(self.device):
            return self.cupy.asarray(array.unordered())

    def multiply(self, left: Any, right: Any, bias: Any, out: Any) -> bool:
        """Write ``left @ right + bias`` to `out`, if the library can."""
        result = self.give(out)
        with self.cupy.cuda.Device(self.device):
            self.cupy.matmul(self.give(left), self.give(right), out=result)
            if bias is not None:
                result += self.give(bias)
        return True


class Torch(_Device):
    """PyTorch: memory from its caching allocator, on its current stream."""

    def __init__(self, array: Any) -> None:
        self.torch = sys.modules["torch"]
        self.place = array.device
        stream = self.torch.cuda.current_stream(array.device).cuda_stream
        super().__init__(array.device.index, stream or LEGACY_STREAM)

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes."""
        return self.torch.empty(nbytes, dtype=self.torch.uint8, device=self.place)

    def pinned(self, nbytes: int) -> np.ndarray[Any, Any]:
        """Allocate bytes on the host, from torch's cache of them."""
        memory = self.torch.empty(nbytes, dtype=self.torch.uint8, pin_memory=True)
        buffer: np.ndarray[Any, Any] = memory.numpy()
        return buffer

    def give(self, array: Any) -> Any:
        """Return an array of this library over memory that is there."""
        return self.torch.as_tensor(array.unordered(), device=self.place)

    def multiply(self, left: Any, right: Any, bias: Any, out: Any) -> bool:
        """Write ``left @ right + bias`` to `out`, if the library can."""
        # Rounded as the caller lets matrix products round: see torch.set_float32_matmul_precision.
        factors = self.give(left), self.give(right)
        if bias is None:
            self.torch.mm(*factors, out=self.give(out))
        else:
            self.torch.addmm(self.give(bias), *factors, out=self.give(out))
        return True


class Numba(_Device):
    """Numba, and every library that is not known by name: its results are numba's arrays."""

    def __init__(self, array: Any) -> None:
        about = self.describe(array)
        # Version 3 of the interface names the stream that the array is ready on.
        super().__init__(device_of(about["data"][0]), about.get("stream") or DEFAULT_STREAM)

    def describe(self, array: Any) -> dict[str, Any]:
        """Return the interface of an array."""
        if hasattr(array, "__cuda_array_interface__"):
            return super().describe(array)
        about: dict[str, Any] = array.__array_interface__  # the simulator's arrays
        return about

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes. Before it frees them, the driver waits for all kernels."""
        with self.on_device():
            return cuda.device_array(nbytes, np.uint8)

    def pinned(self, nbytes: int) -> np.ndarray[Any, Any]:
        """Allocate bytes on the host."""
        with self.on_device():
            buffer: np.ndarray[Any, Any] = cuda.pinned_array(nbytes, np.uint8)
        return buffer

    def give(self, array: Any) -> Any:
        """Return an array of this library over memory that is there; it names its stream."""
        if SIMULATED:
            return array.for_numba()
        with self.on_device():
            return cuda.as_cuda_array(array, sync=False)


_KNOWN: dict[str, type[Cupy] | type[Torch]] = {"cupy": Cupy, "torch": Torch}


def library_of(array: Any) -> Library:
    """Return the library of an array, by the module that its type is defined in."""
    known = _KNOWN.get(type(array).__module__.partition(".")[0], Numba)
    return known(array)
