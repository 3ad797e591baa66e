"""The compiler for GPUs: the only module that imports it, so that a successor can take its place.

numba-cuda is in maintenance. Kernels find `cuda` as a global of their module, as the simulator
wants it, and take it from here.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from numba import config, cuda, from_dtype, int64, types

__all__ = [
    "DEFAULT_STREAM",
    "LEGACY_STREAM",
    "SIMULATED",
    "check",
    "compiled",
    "cuda",
    "device_of",
    "driver",
    "fill",
    "from_dtype",
    "int64",
    "is_current",
    "read",
    "simulated_array",
    "types",
    "uncontracted",
    "why_unusable",
]

SIMULATED = bool(config.ENABLE_CUDASIM)

# The driver's own functions; the simulator has none.
driver: Any = None if SIMULATED else importlib.import_module("cuda.bindings.driver")

# Handles of the streams that the driver has from the start: the one that waits for all others,
# and the one of each thread, which numba takes instead where it is told to.
LEGACY_STREAM, PER_THREAD_STREAM = 1, 2
PER_THREAD = bool(getattr(config, "CUDA_PER_THREAD_DEFAULT_STREAM", 0))
DEFAULT_STREAM = PER_THREAD_STREAM if PER_THREAD else LEGACY_STREAM


def _rounded(a: Any, b: Any) -> Any:
    return libdevice.dmul_rn(a, b)


def _plain(a: Any, b: Any) -> Any:
    return a * b


if SIMULATED:
    uncontracted = _plain
else:
    from numba.cuda import libdevice

    # A product of two float64, which the compiler may not contract with a sum that it goes into.
    uncontracted = _rounded


# Not empty once kernels have been found to run here: every call asks.
_checked: list[bool] = []


def why_unusable() -> tuple[str, str] | None:
    """Say why no kernel can run here, and what to do about it; None where one can."""
    if SIMULATED or _checked:
        return None
    if not cuda.is_available():
        return (
            "no CUDA driver was found",
            "install a driver that supports CUDA 13 (580 or newer), or pass a NumPy array",
        )
    try:
        # Imported with the first kernel that is compiled; numba-cuda 0.30 asks NumPy there for
        # `row_stack`, which NumPy 2.5 has not.
        importlib.import_module("numba.cuda.np.arrayobj")
    except AttributeError as error:
        return f"numba-cuda does not work with this NumPy ({error})", "pip install 'numpy<2.5'"
    _checked.append(True)
    return None


def device_of(pointer: int) -> int:
    """Return the number of the GPU that an address belongs to."""
    if SIMULATED or not pointer:
        return 0
    attribute = driver.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    status, device = driver.cuPointerGetAttribute(attribute, pointer)
    if status != driver.CUresult.CUDA_SUCCESS:
        raise ValueError(f"address {pointer:#x} is not in the memory of a GPU: {status.name}")
    return int(device)


def simulated_array(array: Any) -> Any:
    """Return an array of the simulator over memory of the host."""
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    return FakeCUDAArray(array)


def compiled(kernel: Any, signature: tuple[Any, ...]) -> int:
    """Compile a kernel for types of arguments; return its handle on the current device."""
    code = kernel.compile(signature)
    code.bind()
    return int(code._codelibrary.get_cufunc().handle)


def check(status: Any) -> None:
    """Raise what numba raises where a call of the driver fails."""
    if status:
        from numba.cuda.cudadrv.driver import CudaAPIError

        raise CudaAPIError(status, f"the driver refused: {status.name}")


def fill(pointer: int, nbytes: int, stream: int) -> None:
    """Set bytes to 0, on a stream of the current device."""
    check(driver.cuMemsetD8Async(pointer, 0, nbytes, stream)[0])


def read(pointer: int, host: Any, stream: int) -> None:
    """Copy to an array of NumPy, and wait for it."""
    check(driver.cuMemcpyDtoHAsync(host.ctypes.data, pointer, host.nbytes, stream)[0])
    check(driver.cuStreamSynchronize(stream)[0])


@functools.lru_cache(maxsize=64)
def _context_of(device: int) -> int:
    """Return the handle of the context of a device that libraries share."""
    with cuda.gpus[device]:
        return int(cuda.current_context().handle)


def is_current(device: int) -> bool:
    """Whether calls of the driver in this thread are of a device: a tenth of making it so."""
    if SIMULATED:
        return True
    status, context = driver.cuCtxGetCurrent()
    return not status and int(context) == _context_of(device)
