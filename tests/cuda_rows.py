"""A CUDA kernel with the types that it is launched with: a row of what the gate compiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import from_dtype, types

from adapool.cuda import grids

THREE = types.UniTuple(types.int64, 3)
FOUR = types.UniTuple(types.int64, 4)
FIVE = types.UniTuple(types.int64, 5)
SIX = types.UniTuple(types.int64, 6)
TWO = types.UniTuple(types.int64, 2)
WINDOW = types.UniTuple(THREE, 4)
SHARE = types.Tuple([types.boolean, types.int64])
INT = types.int64
NOTHING = INT  # what a kernel gets, and does not look at, where there is no array


@dataclass(frozen=True)
class Kernel:
    """A kernel, its signature, the threads of a block and its dynamic shared memory.

    `budget` is how many instructions an output may take on sm_90a, 0 where they are not counted:
    the sum over all loops, in their order, of the instructions of a loop, without those inside,
    times its `weight`. A loop that makes four outputs counts for a quarter. `traffic` is how many
    bytes of memory it moves for the same output, if each is moved once.
    """

    name: str
    function: Any
    signature: Any
    threads: int = grids.BLOCK
    dynamic: int = 0
    in_float64: bool = False  # by what it is to compute, whatever its arrays hold
    weights: tuple[float, ...] = ()
    budget: int = 0
    traffic: float = 0


def array(dtype: Any, ndim: int, layout: str = "C") -> Any:
    return types.Array(from_dtype(np.dtype(dtype)), ndim, layout)


def kernel(name: str, function: Any, *arguments: Any, **options: Any) -> Kernel:
    return Kernel(name, function, types.void(*arguments), **options)
