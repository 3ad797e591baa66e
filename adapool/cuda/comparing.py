"""What is larger, and the types that kernels count in."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device

_exceeds = cuda_device(_formulas.exceeds)
wins = cuda_device(_formulas.wins)

# Elements that 32 bits count, with room for one more step of a loop.
_SHORT = (1 << 31) - (1 << 24)


@cuda_device
def larger(first: Any, second: Any) -> Any:
    """Return the larger of two values: the first of equals, NaN before any number."""
    return second if _exceeds(second, first) else first


def index_type(*elements: int) -> Any:
    """Return the type that holds the number of any element of some arrays.

    Arithmetic in 64 bits takes two to four times the instructions.
    """
    return np.int32 if max(elements) < _SHORT else np.int64


@cuda_device
def clamped(position: Any, last: Any) -> Any:
    """Move a position to 0 .. `last`, in the type of both."""
    zero = type(last)(0)
    return min(max(position, zero), last)
