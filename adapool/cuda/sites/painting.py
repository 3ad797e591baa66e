"""What sites offer beside their values: the label image, and the map of values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import as_given, empty_value
from adapool._jit import cuda_kernel
from adapool.cuda import grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.target import cuda


@cuda_kernel()
def add_one(numbers: Any, out: Any) -> None:
    """Add one to each of some int32."""
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = numbers[i] + 1


@cuda_kernel()
def paint_values(values: Any, owner: Any, fill: Any, out: Any) -> None:
    """Write to each pixel the values (site, channel) of the site that owns it, or `fill`."""
    channels = out.shape[1]
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        pixel, c = divmod(i, channels)
        site = owner[pixel]
        out[pixel, c] = fill if site < 0 else values[site, c]


def label(owner: Any) -> Any:
    """Return ``owner + 1``, of the caller's kind."""
    numbers = DeviceArray.of(owner).contiguous()
    out = numbers.empty(numbers.shape, np.int32)
    grids.over_elements(add_one, out.size, out, numbers.reshape(-1), out.reshape(-1))
    return as_given(out)


def paint(values: Any, owner: Any, channel_axis: int | None) -> Any:
    """Return the map of values, its channels where the feature map has them."""
    numbers, given = DeviceArray.of(owner).contiguous(), DeviceArray.of(values).contiguous()
    # Bits are copied, so that every dtype of a width is one kernel.
    bits = np.dtype(f"u{given.dtype.itemsize}")
    fill = np.asarray(empty_value(given.dtype), given.dtype).view(bits)[()]
    out = numbers.empty(numbers.shape + given.shape[1:], given.dtype)
    rows = (given.shape[0], math.prod(given.shape[1:]))
    grids.over_elements(
        paint_values, out.size, out,
        given.view(bits).reshape(rows), numbers.reshape(-1), fill,
        out.view(bits).reshape((numbers.size, rows[1])),
    )  # fmt: skip
    painted: Any = out
    if channel_axis is not None:
        painted = np.moveaxis(painted, -1, channel_axis)
    return as_given(painted)
