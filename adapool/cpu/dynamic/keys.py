"""Order-preserving integers, so that one integer maximum serves every dtype.

The bits of a float, its lower bits inverted where it is negative, compare as integers the way the
numbers do. With every NaN sent to one value above infinity, a maximum of such keys propagates NaN
and gives the same bits in whatever order it is taken; and float32, int32 and uint32 images share
their compiled kernels. Comparing floats directly takes two comparisons and a blend in place of one
instruction.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from adapool._jit import device


class KeyOrder(NamedTuple):
    """What tells the bits of one dtype from those of another: scalars of the keys' own dtype."""

    shift: Any  # bits inverted in any case: the highest one of an integer without a sign
    flip: Any  # bits inverted where the sign bit is set
    lowest: Any  # keys outside lowest .. highest are NaN
    highest: Any
    nan: Any  # the one key of every NaN
    minus_zero: Any  # this key is replaced by zero
    # An integer has no NaN, and its "minus zero" is 0. With a sign, it has nothing to invert, and
    # every step leaves it alone.


def key_dtype(dtype: np.dtype) -> np.dtype:
    """Return the integer dtype under which an image of `dtype` is viewed."""
    return np.dtype(f"i{dtype.itemsize}")


def key_order(dtype: np.dtype, *, signed_zeros: bool) -> KeyOrder:
    """Return how `dtype` is ordered, -0.0 below 0.0 or (where ties matter) equal to it."""
    bits = key_dtype(dtype)
    limits = np.iinfo(bits)
    scalar = bits.type
    zero = scalar(0)
    if dtype.kind != "f":
        shift = scalar(limits.min) if dtype.kind == "u" else zero
        return KeyOrder(shift, zero, scalar(limits.min), scalar(limits.max), zero, zero)
    infinity, nan = np.array([np.inf, np.nan], dtype).view(bits)
    return KeyOrder(
        zero,
        scalar(limits.max),
        scalar(~infinity),
        scalar(infinity),
        scalar(nan & limits.max),
        scalar(0 if signed_zeros else -1),
    )


@device
def to_key(bits: Any, order: KeyOrder) -> Any:
    """Turn the bits of a value into its key."""
    key = bits ^ order.shift
    key = key ^ order.flip if key < 0 else key
    if key == order.minus_zero:
        key ^= order.minus_zero
    return order.nan if key < order.lowest or key > order.highest else key


@device
def from_key(key: Any, order: KeyOrder) -> Any:
    """Turn a key back into the bits of its value."""
    return (key ^ order.flip if key < 0 else key) ^ order.shift
