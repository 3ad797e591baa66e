"""Fractional sizes on the device: see :mod:`adapool.cpu.dynamic.fractions`."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda.target import cuda

_size_fraction = cuda_device(_formulas.size_fraction)
_size_is_free = cuda_device(_formulas.size_is_free)
_to_size = cuda_device(_formulas.to_size)


@cuda_kernel()
def corner_sizes(params: Any, width: int, bounds: Any, corner: int, out: Any) -> None:
    """Write the whole sizes of a corner, (pixel, size), of parameters (pixel, `width`)."""
    count, limits = bounds
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        pixel, a = divmod(i, count)
        size = _to_size(params[np.uint64(pixel * width + a)], limits[a])
        out[np.uint64(i)] = np.int32(size + (corner >> a & 1) if size > 0 else 0)


@cuda_device
def share_of(params: Any, at: int, bounds: Any, corner: int, without: int, one: Any) -> Any:
    """Return the share of a corner, the factor of the size `without` (-1: none) left out."""
    share = one
    count, limits = bounds
    for a in range(count):
        if a != without:
            part = type(one)(_size_fraction(params[np.uint64(at + a)], limits[a]))
            share *= part if corner >> a & 1 else one - part
    return share


@cuda_device
def parameters_at(entry: int, shape: Any, extent: Any, stride: Any) -> Any:
    """Return the item of an output, and where the parameters of its pixel begin."""
    lead, depth, height, width, values = extent
    rest, column = divmod(entry, shape[3])
    rest, row = divmod(rest, shape[2])
    item, plane = divmod(rest, shape[1])
    line = (item % lead * depth + plane * stride[0]) * height + row * stride[1]
    return item, (line * width + column * stride[2]) * values


@cuda_kernel()
def add_corner(
    maxima: Any, params: Any, extent: Any, bounds: Any, corner: int, stride: Any, shape: Any,
    out: Any,
) -> None:  # fmt: skip
    """Add the share of a corner to each output; the first corner begins."""
    number = out.dtype.type
    zero, one = number(0), number(1)
    count, limits = bounds
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        _, at = parameters_at(i // shape[4], shape, extent, stride)
        total = zero
        if corner == 0:
            for a in range(count):
                if _to_size(params[np.uint64(at + a)], limits[a]) == 0:
                    total = number(np.nan)
        else:
            total = out[np.uint64(i)]
        share = share_of(params, at, bounds, corner, -1, one)
        if share != zero:
            total += share * number(maxima[np.uint64(i)])
        out[np.uint64(i)] = total


@cuda_kernel()
def pull_corner(
    cotangent: Any, image: Any, winners: Any, params: Any, extent: Any, bounds: Any, corner: int,
    stride: Any, shape: Any, scaled: Any, of_params: Any,
) -> None:  # fmt: skip
    """Scale the cotangent by the share of a corner, and add what its sizes change.

    A thread for each output of all channels. Items may share their parameters: sums are atomic.
    """
    number = scaled.dtype.type
    zero, one = number(0), number(1)
    count, limits = bounds
    channels = shape[4]
    pixels = extent[1] * extent[2] * extent[3]
    for entry in range(cuda.grid(1), scaled.size // channels, cuda.gridsize(1)):
        item, at = parameters_at(entry, shape, extent, stride)
        share = share_of(params, at, bounds, corner, -1, one)
        total = zero
        for i in range(entry * channels, (entry + 1) * channels):
            winner = winners[np.uint64(i)]
            given = cotangent[np.uint64(i)]
            scaled[np.uint64(i)] = share * given if share != zero else zero
            if winner >= 0:
                pixel = (item * pixels + winner) * channels + i - entry * channels
                total += given * number(image[np.uint64(pixel)])
        for a in range(count):
            if _size_is_free(params[np.uint64(at + a)], limits[a]):
                slope = share_of(params, at, bounds, corner, a, one)
                if slope != zero:
                    slope = slope if corner >> a & 1 else -slope
                    cuda.atomic.add(of_params, np.uint64(at + a), slope * total)
