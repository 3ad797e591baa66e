"""Fractional sizes: maxima over whole sizes around each size, mixed by how near they are.

A size k + f lies between k and k + 1. A corner is a choice of one of the two for each size that a
pixel has, a bit for each; its share is the product of f where the bit is set and 1 - f elsewhere.
`bounds` are how many sizes a pixel has, and what each is clipped to, a triple.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device, kernel

_to_size = device(_formulas.to_size)
_size_fraction = device(_formulas.size_fraction)
_size_is_free = device(_formulas.size_is_free)

# Tasks of the loop over all pixels.
TASKS = 64


@kernel
def corner_sizes(
    task: int, params: Any, width: int, bounds: Any, corner: int, chunk: int, out: Any
) -> None:
    """Write the whole sizes of a corner, (pixel, size), of parameters (pixel, `width`)."""
    count, limits = bounds
    for pixel in range(task * chunk, min((task + 1) * chunk, params.size // width)):
        for a in range(count):
            size = _to_size(params[pixel * width + a], limits[a])
            out[pixel * count + a] = np.int32(size + (corner >> a & 1) if size > 0 else 0)


@device
def _share(params: Any, at: int, bounds: Any, corner: int, without: int, one: Any) -> Any:
    """Return the share of a corner, the factor of the size `without` (-1: none) left out."""
    share = one
    count, limits = bounds
    for a in range(count):
        if a != without:
            part = type(one)(_size_fraction(params[at + a], limits[a]))
            share *= part if corner >> a & 1 else one - part
    return share


@kernel
def add_corner(
    task: int, maxima: Any, params: Any, extent: Any, bounds: Any, corner: int, stride: Any,
    shape: Any, out: Any,
) -> None:  # fmt: skip
    """Add the share of a corner of a row of outputs; the first corner begins.

    `extent` is the shape of the parameters, (items or 1, plane, row, column, values of a pixel),
    and `shape` that of the results, (item, plane, row, column, channel).
    """
    lead, depth, height, width, values = extent
    count, limits = bounds
    _, planes, rows, columns, channels = shape
    number = out.dtype.type
    zero, one = number(0), number(1)
    rest, row = divmod(task, rows)
    item, plane = divmod(rest, planes)
    line = (item % lead * depth + plane * stride[0]) * height + row * stride[1]
    for column in range(columns):
        at = (line * width + column * stride[2]) * values
        begin = (task * columns + column) * channels
        if corner == 0:
            empty = False
            for a in range(count):
                empty |= _to_size(params[at + a], limits[a]) == 0
            for c in range(channels):
                out[begin + c] = number(np.nan) if empty else zero
        share = _share(params, at, bounds, corner, -1, one)
        if share != zero:
            for c in range(channels):
                out[begin + c] += share * number(maxima[begin + c])


@kernel
def pull_corner(
    task: int, cotangent: Any, image: Any, winners: Any, params: Any, extent: Any, bounds: Any,
    corner: int, stride: Any, shape: Any, scaled: Any, of_params: Any,
) -> None:  # fmt: skip
    """Scale the cotangent by the share of a corner, and add what its sizes change, for a row.

    A row of all items: they may share their parameters, whose gradients are added to here.
    """
    lead, depth, height, width, values = extent
    count, limits = bounds
    items, planes, rows, columns, channels = shape
    number = scaled.dtype.type
    zero, one = number(0), number(1)
    plane, row = divmod(task, rows)
    for item in range(items):
        line = (item % lead * depth + plane * stride[0]) * height + row * stride[1]
        pixels = item * depth * height * width
        for column in range(columns):
            at = (line * width + column * stride[2]) * values
            begin = (((item * planes + plane) * rows + row) * columns + column) * channels
            share = _share(params, at, bounds, corner, -1, one)
            total = zero
            for c in range(channels):
                winner = winners[begin + c]
                given = cotangent[begin + c]
                scaled[begin + c] = share * given if share != zero else zero
                if winner >= 0:
                    total += given * number(image[(pixels + winner) * channels + c])
            for a in range(count):
                if _size_is_free(params[at + a], limits[a]):
                    slope = _share(params, at, bounds, corner, a, one)
                    if slope != zero:
                        slope = slope if corner >> a & 1 else -slope
                        of_params[at + a] += slope * total
