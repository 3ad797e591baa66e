"""The JIT policy: the only place that decides how code is compiled, cached and threaded.

Kernels are written as plain loops over :func:`numba.prange` and decorated with :func:`kernel`.
Each one then has two twins, compiled on first use: a parallel one, and a serial one that releases
the GIL, for small work and for callers that bring their own threads.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba

# Elementary operations below which threads cost more than they save: entering a parallel region
# takes some 10 us, in which one core does about this much.
PARALLEL_FROM = 1 << 15

# Every option is safe for NaN: no fastmath anywhere. The NumPy error model drops the check for a
# zero divisor that would keep loops from being vectorised.
_OPTIONS = {"nogil": True, "error_model": "numpy"}

# Of all that numba can make parallel, the loops over prange alone. Array expressions inside them
# stay serial anyway, and looking at each doubles the time to compile.
_PARALLEL = {
    option: option == "prange"
    for option in (
        "prange",
        "comprehension",
        "fusion",
        "inplace_binop",
        "numpy",
        "reduction",
        "setitem",
        "stencil",
    )
}

# Threading layers that two Python threads may enter at once ("workqueue" aborts the process).
_THREAD_SAFE_LAYERS = ("omp", "tbb")

# What numba, or a file system that fills up or is taken away, raises around its cache files.
_CACHE_ERRORS = (EOFError, OSError, pickle.UnpicklingError)


def _source_digest() -> str:
    """Hash of all code that may be compiled into a kernel.

    numba notices a change in the file of a kernel, and not in the modules it calls into. The
    digest goes into the name of the cache files, so that none of them can be stale.
    """
    package = Path(__file__).parent
    files = [package / "_jit.py", package / "_formulas.py", *sorted(package.glob("cpu/*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


_DIGEST = _source_digest()


class _Threads:
    """What is known of numba's thread pool in this process."""

    wanted: int | None = None
    lock = threading.Lock()
    started = False
    thread_safe = False
    usable = True

    @classmethod
    def after_fork(cls) -> None:
        # A child that inherits a started OpenMP pool is killed on its first parallel kernel.
        cls.usable = not cls.started
        cls.lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_Threads.after_fork)


def device(function: Callable[..., Any]) -> Any:
    """Compile a formula or a helper that kernels call."""
    # Without the wrapper for C callers, which nobody needs: some of the time to compile. The one
    # for Python stays: without it, a call from Python jumps to address 0 and kills the process.
    return numba.njit(no_cfunc_wrapper=True, **_OPTIONS)(function)


def most_threads() -> int:
    """Return how many threads numba may start."""
    return int(numba.config.NUMBA_NUM_THREADS)


def num_threads() -> int:
    """Return how many threads a parallel kernel runs on."""
    if _Threads.wanted is not None:
        return _Threads.wanted
    affinity = getattr(os, "sched_getaffinity", None)  # Linux
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cpus, most_threads())


def use_threads(number: int | None) -> None:
    """Set how many threads parallel kernels run on; None means one for each CPU."""
    _Threads.wanted = number


class _Caller(threading.local):
    """What a Python thread has asked for."""

    serial = False


_caller = _Caller()


@contextmanager
def serial_kernels() -> Iterator[None]:
    """Run serial twins in this Python thread: for callers that bring threads of their own."""
    before, _caller.serial = _caller.serial, True
    try:
        yield
    finally:
        _caller.serial = before


def threads_for(work: int) -> int:
    """Return how many threads a kernel with so many elementary operations runs on."""
    if work < PARALLEL_FROM or _caller.serial or not _Threads.usable:
        return 1
    return num_threads()


class Kernel:
    """A function of loops, compiled on first use as a parallel and as a serial twin."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any, work: int) -> Any:
        """Run the kernel; `work` counts its elementary operations, and chooses the twin."""
        if threads_for(work) == 1:
            return self._run(False, arguments)
        if _Threads.thread_safe:
            return self._run(True, arguments)
        with _Threads.lock:
            _Threads.started = True
            result = self._run(True, arguments)
            _Threads.thread_safe = numba.threading_layer() in _THREAD_SAFE_LAYERS
            return result

    def _run(self, parallel: bool, arguments: tuple[Any, ...]) -> Any:
        if not parallel:
            return self._launch(False, arguments)
        # numba keeps this number for each Python thread, for all that runs in it.
        before = numba.get_num_threads()
        numba.set_num_threads(num_threads())
        try:
            return self._launch(True, arguments)
        finally:
            numba.set_num_threads(before)

    def _launch(self, parallel: bool, arguments: tuple[Any, ...]) -> Any:
        try:
            return (self._parallel if parallel else self._serial)(*arguments)
        except _CACHE_ERRORS:
            # Raised while compiling: nothing has run yet, so the call can simply be repeated.
            uncached = self._compile(parallel, cache=False)
            self.__dict__["_parallel" if parallel else "_serial"] = uncached
            return uncached(*arguments)

    @functools.cached_property
    def _parallel(self) -> Any:
        return self._compile(True, cache=True)

    @functools.cached_property
    def _serial(self) -> Any:
        return self._compile(False, cache=True)

    def _compile(self, parallel: bool, cache: bool) -> Any:
        source = self._function
        twin = types.FunctionType(
            source.__code__, source.__globals__, source.__name__, source.__defaults__
        )
        # The cache files are named by the qualified name alone: one name for each twin.
        suffix = "parallel" if parallel else "serial"
        twin.__qualname__ = f"{source.__qualname__}_{suffix}_{_DIGEST}"
        twin.__module__ = source.__module__
        options = {**_OPTIONS, "parallel": _PARALLEL if parallel else False}
        try:
            return numba.njit(cache=cache, **options)(twin)
        except RuntimeError:  # "cannot cache function": no writable place
            return numba.njit(**options)(twin)


def cuda_device(function: Callable[..., Any]) -> Any:
    """Compile a formula or a helper for the GPU, when a kernel that calls it is compiled."""
    from adapool.cuda.target import SIMULATED, cuda

    # A call passes tuples through the stack, and the simulator does not know the option.
    options = {} if SIMULATED else {"forceinline": True}
    return cuda.jit(device=True, **options)(function)


def cuda_kernel(registers: int = 80) -> Callable[[Callable[..., Any]], Any]:
    """Compile a kernel for the GPU on its first launch.

    With 80 registers three blocks of 256 threads share a multiprocessor, with 128 two; without a
    limit kernels took up to 170. Kernels ask for as many as it takes not to spill: the command
    ``tests.cuda_gate`` tells. No fastmath, as on the CPU; products and sums are contracted, which
    rounds once instead of twice. There is no cache on disk: none could be tested without a driver.
    """
    from adapool.cuda.target import SIMULATED, cuda

    options = {} if SIMULATED else {"max_registers": registers}
    decorator: Callable[[Callable[..., Any]], Any] = cuda.jit(**options)
    return decorator


def kernel(function: Callable[..., Any]) -> Kernel:
    """Turn loops over :func:`numba.prange` into a :class:`Kernel`."""
    return Kernel(function)
