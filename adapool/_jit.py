"""The JIT policy: the only place that decides how code is compiled, cached and threaded.

A kernel is a plain function of loops, decorated with :func:`kernel`. If its first parameter is
called `task`, or `worker`, it is run once for each of a number of them, by threads or one after the
other, always without the GIL. It allocates nothing and raises nothing: arrays to work in are
arguments.

Where :mod:`adapool._native` has been tried, it makes and keeps the machine code. Elsewhere, and
where bounds are checked (``NUMBA_BOUNDSCHECK=1``), numba does, by its public interfaces alone.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from numba.extending import intrinsic

from adapool import _native
from adapool._native.arguments import fast_key
from adapool._native.options import OPTIONS

# Elementary operations below which threads cost more than they save: entering a parallel region
# takes some 10 us, in which one core does about this much.
PARALLEL_FROM = 1 << 15

# Threading layers that two Python threads may enter at once ("workqueue" aborts the process).
_THREAD_SAFE_LAYERS = ("omp", "tbb")

# Whether code is made by `_native`.
NATIVE = _native.is_usable()


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
    if not NATIVE:
        return numba.njit(no_cfunc_wrapper=True, **OPTIONS)(function)
    from adapool._native.parts import as_part

    return as_part(function)


def instruction(plain: Callable[..., Any]) -> Callable[[Any], Any]:
    """Make what numba has no Python for: its LLVM code, as of ``numba.extending.intrinsic``.

    `plain` does the same where kernels are Python, with ``NUMBA_DISABLE_JIT=1``.
    """
    return lambda generate: plain if numba.config.DISABLE_JIT else intrinsic(generate)


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


def workers_for(work: int, tasks: int) -> int:
    """Return how many workers, each with memory of its own, share out the tasks of a kernel."""
    return min(threads_for(work), tasks)


class Kernel:
    """A function of loops, compiled for each kind of arguments when it is first called with them.

    Parameters
    ----------
    function
        Its first parameter is `task` or `worker`, or it runs once.
    calls_kept
        Whether the functions that it calls stay functions unless LLVM prefers to inline them.
        Most kernels are faster as one large function.
    """

    def __init__(self, function: Callable[..., Any], calls_kept: bool = False) -> None:
        self._function = function
        first = next(iter(inspect.signature(function).parameters), "")
        self._has_tasks = first in ("task", "worker")
        self._calls_kept = calls_kept
        self._codes: dict[tuple[Any, ...], Any] = {}
        self._latest: Any = None
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any, work: int, tasks: int = 1) -> None:
        """Run the tasks; `work` counts the elementary operations, and chooses the threads."""
        threads = 1 if tasks <= 1 or work < PARALLEL_FROM else threads_for(work)
        if not NATIVE:
            self._by_numba.run(arguments, tasks, threads)
            return
        if threads == 1 or _Threads.thread_safe:
            self._run(arguments, tasks, threads)
            return
        with _Threads.lock:
            _Threads.started = True
            self._run(arguments, tasks, threads)
            _Threads.thread_safe = numba.threading_layer() in _THREAD_SAFE_LAYERS

    def _run(self, arguments: tuple[Any, ...], tasks: int, threads: int) -> None:
        code = self._latest
        words = None if code is None else code.pack(*arguments)
        if words is None:
            code = self._latest = self._find(arguments)
            words = code.pack(*arguments)
        if threads == 1:
            code.run(words, tasks)
        else:
            code.share(words, tasks, threads)

    def _find(self, arguments: tuple[Any, ...]) -> Any:
        """Return the code for arguments of other types than those of the call before."""
        from adapool._native import kernels

        key = fast_key(arguments)
        with kernels.lock:
            if key not in self._codes:
                source = kernels.Source(self._function, device, self._has_tasks, self._calls_kept)
                self._codes[key] = kernels.find(source, arguments)
            return self._codes[key]

    @functools.cached_property
    def _by_numba(self) -> Any:
        from adapool._by_numba import Loop

        return Loop(self._function, device, self._has_tasks)


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


def kernel(function: Callable[..., Any] | None = None, *, calls_kept: bool = False) -> Any:
    """Turn a function of loops into a :class:`Kernel`."""
    if function is None:
        return functools.partial(kernel, calls_kept=calls_kept)
    return Kernel(function, calls_kept)
