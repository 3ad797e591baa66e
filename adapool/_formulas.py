"""Scalar formulas, each written once: compiled for the CPU and for the GPU alike.

Plain Python functions without decorators. A kernel module compiles those it needs for its target,
``exceeds = device(_formulas.exceeds)``, and a test can call them as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# The least number that no int64 holds; a float32 holds it.
_FAR = 2.0**63

# From here on a float32 rounds to infinity in float16.
_HALF_OVERFLOW = 65520.0

Scalar = Any  # a NumPy scalar, or what numba makes of it


def exceeds(value: Scalar, maximum: Scalar) -> bool:
    """Whether `value` replaces the running `maximum`, NaN counting as larger than any number.

    Written with comparisons only: ``max(a, b)`` ignores NaN on the GPU and not on the CPU.
    """
    return bool(value > maximum or value != value)


def wins(value: Scalar, index: int, maximum: Scalar, winner: int) -> bool:
    """Whether `value` at `index` wins over `maximum` at `winner`, in any order of comparison.

    NaN wins over numbers; among equals, and among NaNs, the smaller index wins. `winner` is -1
    where there is none yet.
    """
    if winner < 0:
        return True
    if value != value:
        return bool(maximum == maximum or index < winner)
    return bool(value > maximum or (value == maximum and index < winner))


def add_stray(strays: Scalar, value: Scalar) -> Any:
    """Return `strays`, and not 0 in any case where `value` is not finite.

    Loops that collect booleans are not vectorised: 17.0 ms for 32 MiB of float32, 1.2 with these
    numbers. That those stay in 32 bits halves the time of a weighted maximum.
    """
    return np.int32(strays | np.int32(value - value != 0))


def to_size(value: Scalar, limit: int) -> int:
    """Truncate a finite size toward zero, clipped to 0 .. `limit` without overflow.

    Compared with constants alone: float32 against an integer would be compared in float64.
    """
    if value < 1:
        return 0
    if value >= _FAR:
        return limit
    size = int(np.int64(value))  # of a uint64 alone it is one, and with an int64 that is a float
    return limit if size > limit else size


def size_is_free(value: Scalar, limit: int) -> bool:
    """Whether a finite size is neither empty nor clipped: a little more of it changes something."""
    return bool(value >= 1 and value < type(value)(limit))


def size_fraction(value: Scalar, limit: int) -> Scalar:
    """Return how far a finite size is beyond its whole part: 0 where it is empty or clipped."""
    if value < 1 or value >= type(value)(limit):
        return type(value)(0)
    return value - type(value)(np.int64(value))


def level_of(extent: int, shift: int, levels: int) -> int:
    """Return the largest level, of `levels`, whose blocks of ``2 ** (shift * level)`` fit."""
    level = 0
    while level + 1 < levels and extent >> (shift * (level + 1)) > 0:
        level += 1
    return level


def window_start(position: int, size: int, centered: bool) -> int:
    """First index of the window of `size` at `position`, before it is cut to the image."""
    return position - size // 2 if centered else position


def clip(value: Scalar, limit: Scalar) -> Scalar:
    """Clip to -limit .. limit; of the type of both, if they are of one."""
    value = value if value < limit else limit
    return value if value > -limit else -limit


def move_is_free(move: Scalar, limit: Scalar) -> bool:
    """Whether a displacement is not clipped, and would not be if it were a little larger."""
    return bool(move < limit and move >= -limit)


def fraction(move: Scalar, whole: Scalar, one: Scalar) -> Scalar:
    """Return ``move - whole`` in the type of `one`, subtracted in the wider of both.

    In float32 a displacement of -1e-10 would be a whole pixel off its floor.
    """
    return type(one)(move * one - whole * one)


def rounds_up(move: Scalar, whole: Scalar) -> bool:
    """Whether the pixel nearest to a displacement is the one after its floor, `whole`."""
    return bool(move - whole >= type(move)(0.5))


def truncated(tap: int, move: Scalar) -> Any:
    """Return ``int(tap + move)``, one sum in the type of the displacement."""
    return np.int32(type(move)(tap) + move)


def half_sum(tap: int, move: Scalar) -> Any:
    """Return ``int(float16(tap) + move)``, summed in float16; -1 where that overflows.

    Rounded from a sum in float32, which has the bits that make two roundings as good as one.
    """
    total = np.float32(np.float16(tap)) + np.float32(move)
    if total >= _HALF_OVERFLOW or total <= -_HALF_OVERFLOW:
        return np.int32(-1)
    return np.int32(np.float32(np.float16(total)))


def inside(index: int, size: int) -> bool:
    """Whether an index of any sign is one of 0 .. size - 1."""
    return bool(index >= 0 and index < size)


def into(index: int, size: int) -> int:
    """Move an index of any sign to the nearest one inside."""
    index = index if index > 0 else 0
    return index if index < size else size - 1
