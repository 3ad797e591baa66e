"""Values that no argument should be, and arrays in forms that nobody expects."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import xarray
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from .lies import OnDevice

Array = NDArray[Any]

NUMBERS: list[Any] = [
    -1, 0, 1, 2, 100, 2**31 - 1, 2**31, 2**63, -(2**63), 2**70, 1.5, float("nan"), float("inf"),
    True, None, "2", (), (1, 2), (2, 1, 1), (1, -1), [2, 2], [[1, 1]], (1, 1.5), np.int8(2),
    np.float32(2), np.array([1, 2]), np.array(2), b"2", {}, object(), np.uint64(2**63),
]  # fmt: skip

# A window of 2**31 positions is a valid wish, and takes as long as it takes.
SMALL_NUMBERS = [n for n in NUMBERS if not (isinstance(n, int) and n == 2**31 - 1)]

VALUES: list[Any] = [
    None, 0, "image.png", [], [[1, 2], [3]], np.zeros(()), np.zeros((0, 4)), np.zeros((3, 0, 2)),
    np.zeros((2,) * 6), np.zeros((3, 3), complex), np.zeros((3, 3), object),
    np.zeros((3, 3), "M8[s]"), np.zeros((3, 3), np.longdouble), OnDevice(),
    np.ma.masked_array(np.zeros((3, 3)), True),
    xarray.DataArray(np.zeros((3, 3))), xarray.Dataset(), 3, (2, 3), np.float16(2.5), int,
    np.zeros((3, 3), [("a", "f4")]), np.array([["a", "b"]]), da.ones((3, 3)), float("nan"),
]  # fmt: skip


def zero_strides(array: Array) -> Array:
    return np.broadcast_to(array[tuple(slice(0, 1) for _ in array.shape)], array.shape)


def overlapping(array: Array) -> Array:
    """Each row, but for an element, is the next one."""
    if array.ndim < 2:
        return array
    flat = np.resize(array, sum(array.shape) + 1)
    return as_strided(flat, array.shape, (flat.itemsize,) * array.ndim, writeable=False)


def unaligned(array: Array) -> Array:
    if array.dtype.hasobject:  # references lie where they must
        return array
    held = np.zeros(array.nbytes + 1, np.uint8)
    moved = held[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def named(array: Array) -> Any:
    """As one of xarray, with coordinates along every other axis."""
    dims = [f"axis{number}" for number in range(array.ndim)]
    lengths = dict(zip(dims, array.shape, strict=True))
    coords = {dim: 0.5 * np.arange(lengths[dim]) for dim in dims[::2]}
    return xarray.DataArray(array, coords, dims)


def as_subclass(array: Array) -> Any:
    return array.view(np.matrix) if array.ndim == 2 else array.view(np.recarray)


SHAPERS = [
    zero_strides,
    overlapping,
    unaligned,
    as_subclass,
    named,
    named,
    lambda array: array[..., ::-1],
    lambda array: array.T,
    lambda array: array[..., :0],
    lambda array: array[1:],
    lambda array: array.tolist(),
    lambda array: array.astype(array.dtype.newbyteorder()),
]
