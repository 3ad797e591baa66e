"""Arrays in every order of memory, of an example's dtypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from .elements import (
    Elements,
    any_offset,
    any_value,
    dtypes_of_an_example,
    exact_offset,
    finite_value,
    operand_dtypes,
    size_value,
    small_whole,
    stride_value,
    unit_value,
)

Array = NDArray[Any]
Shape = tuple[int, ...]
Answers = Callable[[Shape], st.SearchStrategy[Array]]


def _strided(array: Array) -> Array:
    every_other = (slice(None, None, 2),) * array.ndim
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    wide[every_other] = array
    return wide[every_other]


def _reversed(array: Array) -> Array:
    return np.ascontiguousarray(np.flip(array))[(slice(None, None, -1),) * array.ndim]


def _big_endian(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder(">"))


def memory_layouts() -> st.SearchStrategy[Callable[[Array], Array]]:
    """Ways to keep the same values in memory."""
    return st.sampled_from(
        [np.ascontiguousarray, _strided, _reversed, np.asfortranarray, _big_endian]
    )


@st.composite
def arrays(
    draw: st.DrawFn, shape: Shape, dtypes: Sequence[str], elements: Elements = finite_value
) -> Array:
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    values = np.array(draw(st.lists(elements(dtype), min_size=2, max_size=12)), dtype)
    spread = np.random.default_rng(draw(st.integers(0, 2**16)))
    array = draw(memory_layouts())(spread.choice(values, shape))
    array.flags.writeable = draw(st.booleans())
    return array


@st.composite
def pixels(draw: st.DrawFn, shape: Shape, elements: Elements = any_value) -> Array:
    """An image's values, in the example's dtype for them."""
    dtype, _ = draw(dtypes_of_an_example())
    return draw(arrays(shape, [dtype], elements))


@st.composite
def operands(draw: st.DrawFn, shape: Shape, elements: Elements = finite_value) -> Array:
    """Weights, parameters, offsets or masks."""
    return draw(arrays(shape, [draw(operand_dtypes())], elements))


def weights(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, finite_value)


def masks(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, unit_value)


def exact_weights(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, small_whole)


def sizes(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, size_value)


@st.composite
def sizes_and_strides(draw: st.DrawFn, shape: Shape) -> Array:
    half = (*shape[:-1], shape[-1] // 2)
    halves = [draw(operands(half, value)) for value in (size_value, stride_value)]
    return draw(memory_layouts())(np.concatenate(halves, axis=-1))


def exact_offsets(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, exact_offset)


def any_offsets(shape: Shape) -> st.SearchStrategy[Array]:
    return operands(shape, any_offset)
