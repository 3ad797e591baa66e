"""Dtypes of an example, and values of each dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st

Elements = Callable[[np.dtype[Any]], st.SearchStrategy[Any]]

# The dtypes of an image and of what is predicted for it. Kernels are compiled for each combination,
# which takes seconds: these have every dtype of an image, and those that networks give. Images
# of one width share kernels of windows of their own size, so that they also share operands.
DTYPES = [
    ("float32", "float32"),
    ("float32", "float64"),
    ("float64", "float64"),
    ("float16", "float16"),
    ("bool", "float32"),
    ("uint8", "int64"),
    ("int8", "float32"),
    ("uint16", "int16"),
    ("int16", "int16"),
    ("int32", "float32"),
    ("uint32", "float64"),
    ("int64", "float64"),
    ("uint64", "uint8"),
]
FLOATS = ["float16", "float32", "float64"]

# Those whose convolutions multiply by matrices. Samples are taken in the same way whatever follows,
# and what follows sees the dtype of the result alone: for the others, products by channel do.
MATRIX_DTYPES = DTYPES[:6]


def dtypes_of_an_example() -> st.SearchStrategy[tuple[str, str]]:
    """One combination of dtypes for all that an example draws."""
    return st.shared(st.sampled_from(DTYPES), key="dtypes")


def operand_dtypes() -> st.SearchStrategy[str]:
    """The dtype of the example's weights, parameters, offsets and masks."""
    return dtypes_of_an_example().map(lambda pair: pair[1])


def width(dtype: np.dtype[Any]) -> Literal[16, 32, 64]:
    widths: dict[int, Literal[16, 32, 64]] = {2: 16, 4: 32, 8: 64}
    return widths[dtype.itemsize]


def whole(dtype: np.dtype[Any], low: int, high: int) -> st.SearchStrategy[int]:
    """Integers within bounds that the dtype can hold."""
    if dtype.kind == "b":
        return st.integers(0, 1)
    if dtype.kind == "f":
        return st.integers(low, high)
    limits = np.iinfo(dtype)
    return st.integers(max(low, int(limits.min)), min(high, int(limits.max)))


def any_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Everything that the dtype can hold, NaN and infinities included."""
    if dtype.kind == "f":
        return st.floats(width=width(dtype)) | whole(dtype, -3, 3)
    return whole(dtype, -(2**63), 2**64 - 1) | whole(dtype, -3, 3)


def finite_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Moderate values, of which no sum of products overflows."""
    if dtype.kind == "f":
        return st.floats(-100, 100, width=width(dtype))
    return whole(dtype, -(10**6), 10**6)


def unit_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Masks, from 0 to 1."""
    return st.floats(0, 1, width=width(dtype)) if dtype.kind == "f" else whole(dtype, 0, 1)


def small_whole(dtype: np.dtype[Any]) -> st.SearchStrategy[int]:
    """Whole numbers with which float32 computes without rounding."""
    return whole(dtype, -4, 4)


def small_whole_or_not_finite(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    if dtype.kind == "f":
        return small_whole(dtype) | st.sampled_from([np.nan, np.inf, -np.inf])
    return small_whole(dtype)


def size_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Window sizes: fractions, empty ones, and some far larger than any image."""
    if dtype.kind == "b":
        return st.booleans()
    largest = np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max
    sizes = whole(dtype, -1, 12) | whole(dtype, 1, 4) | st.just(largest)
    if dtype.kind == "f":
        sizes |= st.sampled_from([-0.5, 0.5, 0.9995, 1.5, 2.9995]) | st.just(-largest)
    return sizes


def stride_value(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    if dtype.kind == "b":
        return st.just(True)
    largest = np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max
    strides = whole(dtype, 1, 4) | st.just(largest)
    return strides | st.sampled_from([1.5, 2.9995]) if dtype.kind == "f" else strides


def exact_offset(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Whole numbers, halves and eighths, and some that lead far outside of any image."""
    if dtype.kind != "f":
        return whole(dtype, -5, 5)
    far = 6e4 if dtype.itemsize == 2 else 1e30
    eighths = st.integers(-32, 32).map(lambda n: n / 8)
    return whole(dtype, -3, 3) | eighths | st.sampled_from([-0.5, 0.5, far, -far])


def any_offset(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    if dtype.kind != "f":
        return exact_offset(dtype)
    return exact_offset(dtype) | st.floats(-5, 5, width=width(dtype))
