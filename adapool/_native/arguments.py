"""The arguments of a kernel as a block of 64-bit words, which machine code reads.

A word is an integer, a boolean, a NumPy scalar, or the address of an array object. The code takes
data, shape and flags from that object itself, where NumPy's C interface has them (extensions are
compiled with these places in them), and checks what it was compiled for: dimensions, and C order.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# A scalar in a word: how `struct` writes it, by the kind and the size of its dtype.
_FORMATS = {
    "i1": "b7x", "i2": "h6x", "i4": "i4x", "i8": "q",
    "u1": "B7x", "u2": "H6x", "u4": "I4x", "u8": "Q",
    "f4": "f4x", "f8": "d",
}  # fmt: skip

# What a kernel returns: that all went well, that a body raised, that arrays are not what it takes.
FINE, RAISED, REFUSED = range(3)

# Where NumPy's C interface has the fields of an array, in words after Python's own.
_HEADER = object.__basicsize__ // 8
DATA, DIMENSIONS, SHAPE, FLAGS = _HEADER, _HEADER + 1, _HEADER + 2, _HEADER + 6
C_ORDER = 1  # NPY_ARRAY_C_CONTIGUOUS

# Returns None for arguments of other types than those that it was made for.
Packer = Callable[..., bytes | None]

_ARRAY = np.ndarray


def fast_key(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what tells calls apart that need different code.

    What it leaves out, dimensions and what is in tuples, does not change between the calls of a
    kernel with arguments of these types; the packer or the code refuses it if it does.
    """
    return tuple(
        [a.dtype if isinstance(a, np.generic | np.ndarray) else type(a) for a in arguments]
    )


def spell(argument: Any) -> str:
    """Spell the type of an argument: what code is made for, and found by."""
    match argument:
        case np.ndarray():
            if not argument.flags.c_contiguous or not argument.dtype.isnative:
                raise TypeError("kernels take arrays in C order and native byte order")
            return f"{argument.dtype.str[1:]}[{argument.ndim}]"
        case np.generic():
            return _scalar(argument)
        case None:
            return "none"
        case bool():
            return "bool"
        case int():
            return "int"
        case tuple():
            name = "" if type(argument) is tuple else type(argument).__name__
            return f"{name}({','.join(map(spell, argument))})"
    raise TypeError(f"kernels take no {type(argument).__name__}")


def _scalar(value: Any) -> str:
    name = str(value.dtype.str[1:])
    if name not in _FORMATS:
        raise TypeError(f"kernels take no scalars of {value.dtype}")
    return name


def packer(arguments: tuple[Any, ...]) -> Packer:
    """Write the function that packs arguments like these, and knows others.

    A function of its own for each kind of call: going through the arguments took five times as
    long, and a key of their types 2 to 4 us, of the 30 to 100 that calls on 8 x 8 pixels take.
    What it does not look at, integers and tuples, fails to be packed if it is anything else.
    """
    names = [f"a{i}" for i in range(len(arguments))]
    checks: list[str] = []
    lines: list[str] = []
    words: list[str] = []
    layout: list[str] = []
    scope: dict[str, Any] = {"array": np.ndarray}
    for name, argument in zip(names, arguments, strict=True):
        if isinstance(argument, np.ndarray):
            scope[f"dtype_{name}"] = argument.dtype
            checks.append(f"type({name}) is array and {name}.dtype == dtype_{name}")
            words.append(f"id({name})")
            layout.append("Q")
        elif isinstance(argument, tuple):
            count = iter(range(1 << 10))
            pattern = _pattern(name, argument, count)
            lines.append(f"    {pattern} = {name}")
            parts = list(_leaves(argument))
            words += [f"{name}_{i}" for i in range(len(parts))]
            layout += map(_format, parts)
        elif argument is None:
            checks.append(f"{name} is None")
        else:
            if type(argument) is not int:
                scope[f"type_{name}"] = type(argument)
                checks.append(f"type({name}) is type_{name}")
            words.append(name)
            layout.append(_format(argument))
    source = [
        f"def pack({', '.join(names)}):",
        f"    if not ({' and '.join(checks) or True}):",
        "        return None",
        *lines,
        f"    return write({', '.join(words)})",
    ]
    scope["write"] = struct.Struct("=" + "".join(layout)).pack
    exec("\n".join(source), scope)
    pack: Packer = scope["pack"]
    return pack


def _format(value: Any) -> str:
    if isinstance(value, bool):
        return "?7x"
    return "q" if isinstance(value, int) else _FORMATS[_scalar(value)]


def _pattern(name: str, value: tuple[Any, ...], count: Iterator[int]) -> str:
    """Return what a tuple is unpacked to."""
    inner = (
        _pattern(name, one, count) if isinstance(one, tuple) else f"{name}_{next(count)}"
        for one in value
    )
    return f"({', '.join(inner)},)"


def _leaves(value: tuple[Any, ...]) -> Iterator[Any]:
    for one in value:
        if isinstance(one, tuple):
            yield from _leaves(one)
        else:
            yield one


def can_read_arrays() -> bool:
    """Whether the fields of arrays are where the code looks for them, on this very Python."""
    array = np.zeros((2, 3, 5), np.int16)
    words = (ctypes.c_int64 * (FLAGS + 1)).from_address(id(array))
    shape = (ctypes.c_int64 * 3).from_address(words[SHAPE])
    return (
        words[DATA] == array.ctypes.data
        and words[DIMENSIONS] & 0xFFFFFFFF == array.ndim
        and tuple(shape) == array.shape
        and words[FLAGS] & C_ORDER == C_ORDER
    )
