"""Calls of machine code: by this thread, or shared out among numba's.

What is internal to numba is the symbol `numba_parallel_for`, which its own parallel loops call, and
which it defines when it starts its threads.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import llvmlite.binding as llvm
import numba

from adapool._native.arguments import FINE, RAISED, Packer

_SIZE, _POINTER = ctypes.c_size_t, ctypes.c_void_p

# Both let go of the GIL.
_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, _SIZE, _SIZE)
_POOL = ctypes.CFUNCTYPE(None, *5 * [_POINTER], _SIZE, _SIZE, ctypes.c_int)


@functools.cache
def _pool() -> Any:
    """Start numba's threads; return what shares tasks out among them."""
    numba.get_num_threads()
    return _POOL(llvm.address_of_symbol("numba_parallel_for"))


class Code:
    """The machine code of a kernel for one kind of arguments, which `pack` makes words of."""

    def __init__(self, pack: Packer, addresses: tuple[int, int]) -> None:
        self.pack = pack
        self._kernel, self._share = _KERNEL(addresses[0]), addresses[1]

    def run(self, words: bytes, tasks: int) -> None:
        """Run tasks one after the other."""
        status = self._kernel(words, 0, tasks)
        if status != FINE:
            raise _error(status)

    def share(self, words: bytes, tasks: int, threads: int) -> None:
        """Run tasks on some of numba's threads."""
        block = ctypes.create_string_buffer(words)
        given = (_POINTER * 2)(ctypes.addressof(block), 0)  # the second counts tasks
        status = ctypes.c_int32(FINE)
        _pool()(
            self._share, given, (_SIZE * 1)(tasks), (_SIZE * 2)(0, 1), ctypes.byref(status),
            0, 2, threads,
        )  # fmt: skip
        if status.value != FINE:
            raise _error(status.value)


def _error(status: int) -> Exception:
    if status == RAISED:
        return RuntimeError("a kernel has raised an exception; NUMBA_BOUNDSCHECK=1 may tell which")
    return TypeError("a kernel was given an array that it has no code for")
