"""Every pair of dtypes that an image and what goes with it may have, in as few calls as can be.

Thirteen kinds of elements, a prime: so in 13 x 13 calls, numbered (i, j), the kinds i, j, i + j,
i + 2j and i + 3j, modulo 13, of an image, its weights, offsets, mask and bias meet in every pair.
"""

from __future__ import annotations

import datetime
import itertools
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# All that an array may hold, and one in the other byte order.
KINDS = [
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
    "float16", "float32", "float64", np.dtype("float32").newbyteorder().str,
]  # fmt: skip

FUNCTIONS = [
    "max_pooling",
    "attention_pooling",
    "dynamic_pooling",
    "dynamic_stride_pooling",
    "region_pooling",
    "peak_local_max",
    "deformable_conv",
    "deformable_conv_and_pool",
]

# Kernels differ by these too. Which of them a case has follows from its number, so that each meets
# many pairs; to have each meet all would take hours.
INTERPOLATIONS = ["linear", "nearest", "truncate"]


@dataclass(frozen=True)
class Case:
    """A call of a function with kinds of elements, number (i, j)."""

    function: str
    i: int
    j: int

    def __str__(self) -> str:
        kinds = [self.kind(0), *([] if self.function == "max_pooling" else [self.kind(1)])]
        return f"{self.function}-{self.i}-{self.j}-{'-'.join(kinds)}"

    def kind(self, steps: int) -> str:
        """The kind of the image (0), or of an operand: weights 1, offsets 2, mask 3, bias 4."""
        number = [self.i, self.j, self.i + self.j, self.i + 2 * self.j, self.i + 3 * self.j][steps]
        return KINDS[number % len(KINDS)]

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Small whole numbers, with which every kind computes exactly."""
        rng = np.random.default_rng([self.i, self.j])
        turn = self.i + 3 * self.j  # which of the options that make other kernels

        def some(kind: str, *shape: int, least: int = 0) -> Array:
            return rng.integers(least, 3, shape).astype(kind)

        image, plain = some(self.kind(0), 3, 3), {"channel_axis": None}
        if self.function == "max_pooling":
            return (image, 2), {**plain, "stride": 1, "return_indices": bool(self.j % 2)}
        with_indices = {**plain, "return_indices": bool(turn % 2)}
        if self.function == "attention_pooling":
            weights = some(self.kind(1), *[(3, 3), (2, 2, 2, 2)][turn // 2 % 2])
            return (image, 2, weights), {**with_indices, "stride": 1}
        if self.function == "dynamic_pooling":
            sizes = some(self.kind(1), 3, 3, [1, 2][turn // 2 % 2])
            if turn // 4 % 2:
                return (image, sizes), {**with_indices, "footprint": "ellipse"}
            anchor = ["corner", "center"][turn % 2]
            return (image, sizes), {**with_indices, "anchor": anchor, "max_kernel_size": 3}
        if self.function == "dynamic_stride_pooling":
            params = some(self.kind(1), 3, 3, 4, least=1)
            return (image, params), {**plain, "max_kernel_size": 3}
        if self.function == "region_pooling":
            # Labels of floats and booleans are refused.
            kind = self.kind(2) if np.dtype(self.kind(2)).kind in "iu" else "int32"
            reduction = ["max", "min", "mean", "sum"][turn % 4]
            options = {"reduction": reduction, "attention_network": some(self.kind(1), 3, 3)}
            return (image, some(kind, 3, 3)), {**plain, **options}
        if self.function == "peak_local_max":
            return (image, some(self.kind(1), 3, 3, 2)), {"threshold": 0}
        return self._convolution(some, turn)

    def _convolution(self, some: Any, turn: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        by_channel = bool(turn // 3 % 2)
        shape, grid, taps = ((2,), (3, 3), 1) if by_channel else ((2, 2, 2, 2), (2, 2), 4)
        image, weights = some(self.kind(0), 3, 3, 2), some(self.kind(1), *shape)
        arguments: tuple[Any, ...] = (image, weights, some(self.kind(2), *grid, 2 * taps))
        options: dict[str, Any] = {
            "interpolation": INTERPOLATIONS[turn % 3],
            "mask_network": some(self.kind(3), *grid, taps),
            "bias": some(self.kind(4), 2),
            "max_offset": 2,
        }
        if self.function == "deformable_conv_and_pool":
            arguments = (*arguments, 2)
            options |= {"pool_stride": 1, "return_indices": bool(turn % 2)}
        return arguments, options


def cases(function: str) -> list[Case]:
    """All cases of a function: of the maximum over an image alone, one for each kind and output."""
    if function == "max_pooling":
        return [Case(function, i, j) for i in range(len(KINDS)) for j in range(2)]
    return [Case(function, i, j) for i, j in itertools.product(range(len(KINDS)), repeat=2)]


ALL = [case for function in FUNCTIONS for case in cases(function)]

# A case of each function, others on another day.
SEED = datetime.datetime.now(datetime.UTC).date().isoformat()
TODAY = [random.Random(SEED + function).choice(cases(function)) for function in FUNCTIONS]
