"""What the tests of gradients share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import adapool

Array = NDArray[Any]


def whole(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Cotangents of small whole numbers, with which nothing is rounded."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float64)


def values_of(value: Any) -> Array:
    first = value[0] if isinstance(value, tuple) else value
    values: Array = first.values if isinstance(first, adapool.Sites) else first
    return values


def normal(*shape: int) -> Array:
    return np.random.default_rng(math.prod(shape)).normal(size=shape)


def uniform(low: float, high: float, *shape: int) -> Array:
    return np.random.default_rng(math.prod(shape)).uniform(low, high, shape)
