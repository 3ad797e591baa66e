"""Launches by the driver: arguments are packed here, and machine code is found by their kinds.

A launch by numba looks at the type of every argument, and wraps every array: with some thirty
numbers it kept the host for 150 us. Numba still compiles, with the types that it would have found.
"""

from __future__ import annotations

import ctypes
import struct
import threading
from typing import Any, NamedTuple

import numpy as np

from adapool.cuda.memory import DeviceMemory
from adapool.cuda.target import check, compiled, driver, from_dtype, types

# Words of eight bytes that the arguments of a kernel take at most.
_WORDS = 512

# How `struct` packs a scalar into a word, by its dtype.
_PACKED = {np.dtype(char): f"{char}{8 - np.dtype(char).itemsize}x" for char in "?bBhHiIqQfd"}


class _Arguments(threading.local):
    """Memory that arguments are packed into, of each thread, and the addresses of its words."""

    def __init__(self) -> None:
        self.words = (ctypes.c_uint64 * _WORDS)()
        begin = ctypes.addressof(self.words)
        self.places = (ctypes.c_uint64 * _WORDS)(*(begin + 8 * i for i in range(_WORDS)))
        self.address = ctypes.addressof(self.places)


_arguments = _Arguments()


class _Code(NamedTuple):
    """Machine code on a device, and how its arguments are packed."""

    handle: int
    pack: Any


# Codes by kernel, device and kinds of arguments.
_codes: dict[tuple[Any, ...], _Code] = {}


def launch(
    kernel: Any,
    grid: tuple[int, ...],
    block: tuple[int, ...],
    shared: int,
    device: int,
    stream: int,
    arguments: tuple[Any, ...],
) -> None:
    """Launch on the current device; None becomes a 0, which kernels do not look at."""
    kinds: list[Any] = [kernel, device]
    words: list[Any] = []
    for argument in arguments:
        _flatten(argument, kinds, words)
    key = tuple(kinds)
    code = _codes.get(key)
    if code is None:
        code = _codes[key] = _compile(kernel, arguments)
    code.pack(_arguments.words, 0, *words)
    (status,) = driver.cuLaunchKernel(
        code.handle, *grid, *block, shared, stream, _arguments.address, 0
    )
    check(status)


def _flatten(argument: Any, kinds: list[Any], words: list[Any]) -> None:
    """Append what kind an argument is of, and the numbers that it is made of."""
    kind = type(argument)
    if kind is int:
        kinds.append(int)
        words.append(argument)
    elif kind is tuple:
        kinds.append(len(argument))
        for part in argument:
            _flatten(part, kinds, words)
    elif isinstance(argument, DeviceMemory):
        kinds.append((argument.dtype, len(argument.shape), argument.is_contiguous))
        # As numba passes arrays; the first two are for arrays that count their references.
        words += (0, 0, argument.size, argument.dtype.itemsize, argument.pointer)
        words += argument.shape
        words += argument.strides
    elif argument is None:
        kinds.append(int)
        words.append(0)
    else:
        kinds.append(kind)
        words.append(argument)


def _compile(kernel: Any, arguments: tuple[Any, ...]) -> _Code:
    """Compile a kernel for arguments of these kinds, and load it on the current device."""
    formats: list[str] = []
    signature = tuple(_type_of(argument, formats) for argument in arguments)
    assert len(formats) <= _WORDS
    pack = struct.Struct("=" + "".join(formats)).pack_into
    return _Code(compiled(kernel, signature), pack)


def _type_of(argument: Any, formats: list[str]) -> Any:
    """Return numba's type of an argument, and append how its numbers are packed."""
    if isinstance(argument, DeviceMemory):
        ndim = len(argument.shape)
        formats += ["q"] * (5 + 2 * ndim)
        layout = "C" if argument.is_contiguous else "A"
        return types.Array(from_dtype(argument.dtype), ndim, layout)
    if isinstance(argument, tuple):
        return types.Tuple.from_types([_type_of(part, formats) for part in argument])
    dtype = np.dtype(np.int64 if argument is None else type(argument))
    formats.append(_PACKED[dtype])
    return from_dtype(dtype)
