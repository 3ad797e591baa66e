"""Kernels compiled and cached by numba itself, by its public interfaces alone.

Used where :mod:`adapool._native` has not been tried, and where bounds are checked. Python threads
share out the tasks of a kernel, which runs without the GIL. Numba's own parallel loops take no
tuples of tuples, and compile every body twice.
"""

from __future__ import annotations

import functools
import itertools
import os
import pickle
import threading
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba

from adapool._native import cache, notice, sources
from adapool._native.arguments import fast_key
from adapool._native.options import OPTIONS

# Raised around numba's cache files, by numba or by a file system that is full or gone.
_CACHE_ERRORS = (EOFError, OSError, pickle.UnpicklingError)

# numba takes the folder of its cache from its configuration, at the moment of decoration.
_configuration = threading.Lock()

# Placeholder for the body of a kernel: each kernel has copies of these functions, with globals of
# their own that hold it.
_body: Any = None


def _each_task(first: int, end: int, *arguments: Any) -> None:
    for task in range(first, end):
        _body(task, *arguments)


def _once(first: int, end: int, *arguments: Any) -> None:
    if first < end:
        _body(*arguments)


@functools.cache
def _threads(number: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(number, "adapool")


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_threads.cache_clear)


class Loop:
    """A kernel as a loop over some of its tasks, compiled on first use."""

    def __init__(
        self, function: Callable[..., Any], device: Callable[..., Any], has_tasks: bool
    ) -> None:
        self._function, self._device = function, device
        self._driver = _each_task if has_tasks else _once
        self._known: set[tuple[Any, ...]] = set()

    def run(self, arguments: tuple[Any, ...], tasks: int, threads: int) -> None:
        """Run the tasks."""
        key = fast_key(arguments)
        if key not in self._known:
            with notice.compiling(self._function.__name__.strip("_")):
                self._launch(0, 0, arguments)
            self._known.add(key)
        if threads == 1:
            self._launch(0, tasks, arguments)
            return
        bounds = [i * tasks // threads for i in range(threads + 1)]
        shares = itertools.pairwise(bounds)
        pool = _threads(threads)
        waiting = [pool.submit(self._launch, *share, arguments) for share in shares]
        for one in waiting:
            one.result()

    def _launch(self, first: int, end: int, arguments: tuple[Any, ...]) -> None:
        try:
            self._compiled(first, end, *arguments)
        except _CACHE_ERRORS:
            # Raised while compiling: nothing has run yet, so the call can simply be repeated.
            self._compiled = self._compile(cached=False)
            self._compiled(first, end, *arguments)

    @functools.cached_property
    def _compiled(self) -> Any:
        return self._compile(cached=True)

    def _compile(self, cached: bool) -> Any:
        scope = {**self._driver.__globals__, "_body": self._device(self._function)}
        loop = types.FunctionType(self._driver.__code__, scope, self._driver.__name__)
        # The cache files are named by the qualified name alone: one for each kernel.
        digest = sources.digest(self._function.__module__)
        loop.__qualname__ = f"{self._function.__qualname__}_{digest}"
        place = cache.writable_folder() if cached else None
        if place is None:
            return numba.njit(**OPTIONS)(loop)
        with _configuration:
            before = numba.config.CACHE_DIR
            numba.config.CACHE_DIR = str(place)
            try:
                return numba.njit(cache=True, **OPTIONS)(loop)
            finally:
                numba.config.CACHE_DIR = before
