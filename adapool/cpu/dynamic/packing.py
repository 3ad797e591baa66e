"""A key and where it is, in one integer: so that one maximum finds both.

The key is in the upper half of 64 bits, and in the lower half what is left to the last place: of
equal keys the one with the first place is the largest. A place is three fields of ten bits, plane,
row and column in a tile, which needs no division to be taken apart; -1 is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._jit import device

_LAST = np.int64((1 << 30) - 1)
_LOWER = np.int64((1 << 32) - 1)
_HALF = np.int64(32)


@device
def pack(key: Any, place: int) -> Any:
    """Return a key of at most 32 bits and its place as one integer."""
    return np.int64(key) << _HALF | (_LAST - place)


@device
def key_of(packed: Any) -> Any:
    """Return the key, in 64 bits."""
    return packed >> _HALF


@device
def place_of(packed: Any) -> Any:
    """Return the place."""
    return _LAST - (packed & _LOWER)
