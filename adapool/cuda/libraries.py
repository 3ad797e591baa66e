"""The libraries that device arrays come from: their memory, their stream, their device.

Results are allocated from the pool of the caller's library, on its current stream: a pool orders
what it reuses by stream, so that temporaries may be dropped while kernels still run.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, Protocol

import numpy as np
from numba import config, cuda

SIMULATED = bool(config.ENABLE_CUDASIM)


class Library(Protocol):
    """What is asked of a library; one object for each device and stream."""

    device: int | None

    def describe(self, array: Any) -> dict[str, Any]:
        """Return the ``__cuda_array_interface__`` of an array."""

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes."""

    def give(self, array: Any) -> Any:
        """Return an array of this library over the memory that `array` describes."""

    def multiply(self, left: Any, right: Any, bias: Any, out: Any) -> bool:
        """Write ``left @ right + bias`` to `out`; return False where the library has no product."""

    def numba_stream(self) -> Any:
        """Return the caller's stream."""

    def on_device(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device current for numba."""


class _Device:
    """What the libraries have in common: a device, and a stream by its handle."""

    def __init__(self, device: int | None, stream: int) -> None:
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
        return cuda.external_stream(self.stream) if self.stream else cuda.default_stream()

    def on_device(self) -> contextlib.AbstractContextManager[Any]:
        """Make the device current, where it is known."""
        if self.device is None or SIMULATED:
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[Any] = cuda.gpus[self.device]
        return context


class Cupy(_Device):
    """CuPy: memory from its pool, on the stream that is current where adapool is called."""

    def __init__(self, array: Any) -> None:
        self.cupy = importlib.import_module("cupy")
        super().__init__(array.device.id, self.cupy.cuda.get_current_stream().ptr)

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes."""
        with self.cupy.cuda.Device(self.device):
            return self.cupy.empty(nbytes, np.uint8)

    def give(self, array: Any) -> Any:
        """Return an array of this library over memory that is there."""
        with self.cupy.cuda.Device(self.device):
            return self.cupy.asarray(array)

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
        self.torch = importlib.import_module("torch")
        self.place = array.device
        stream = self.torch.cuda.current_stream(array.device).cuda_stream
        super().__init__(array.device.index, stream)

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes."""
        return self.torch.empty(nbytes, dtype=self.torch.uint8, device=self.place)

    def give(self, array: Any) -> Any:
        """Return an array of this library over memory that is there."""
        return self.torch.as_tensor(array, device=self.place)

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
        # Version 3 of the interface names the stream that the array is ready on.
        stream = getattr(array, "__cuda_array_interface__", {}).get("stream")
        super().__init__(None, stream or 0)

    def describe(self, array: Any) -> dict[str, Any]:
        """Return the interface of an array."""
        if hasattr(array, "__cuda_array_interface__"):
            return super().describe(array)
        about: dict[str, Any] = array.__array_interface__  # the simulator's arrays
        return about

    def allocate(self, nbytes: int) -> Any:
        """Allocate bytes."""
        return cuda.device_array(nbytes, np.uint8)

    def give(self, array: Any) -> Any:
        """Return an array of this library over memory that is there."""
        return array.for_kernel()


_KNOWN: dict[str, type[Cupy] | type[Torch]] = {"cupy": Cupy, "torch": Torch}


def library_of(array: Any) -> Library:
    """Return the library of an array, by the module that its type is defined in."""
    known = _KNOWN.get(type(array).__module__.partition(".")[0], Numba)
    return known(array)
