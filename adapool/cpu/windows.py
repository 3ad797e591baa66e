"""Loops that visit windows one by one: with indices, with weights of their own, and copied out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from adapool import _formulas
from adapool._jit import device, kernel

_add_stray = device(_formulas.add_stray)


@kernel
def max_windows(
    image: Any,
    weights: Any,
    per_window: bool,
    first: int,
    count: int,
    window: Any,
    one: Any,
    fill: Any,
    out: Any,
    indices: Any,
) -> None:
    """Take the maximum of ``value * weight`` over `count` windows from `first` on, raster order.

    Parameters
    ----------
    image : (batch, plane, row, column, channel)
    weights : None, or (rows, 1 or channel)
        Rows are pixels in raster order, or, `per_window`, the taps of the windows; they are used
        again from the start where there are fewer.
    window : (kernel, stride, dilation, origin), triples
    one, fill : scalars
        1 in the dtype that is computed in, and the value of a window without a valid position.
    out, indices : (batch, plane, row, column, channel); `indices` may be None
    """
    (kd, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    depth, height, width, channels = image.shape[1:]
    planes, rows, columns = out.shape[1:4]
    for index in prange(count):
        i = np.int64(index)  # prange counts in uint64, and that plus int64 is a float
        rest, column = divmod(first + i, columns)
        rest, row = divmod(rest, rows)
        batch, plane = divmod(rest, planes)
        number = type(one)
        for c in range(channels):
            best = number(0)
            winner = -1
            tap = -1
            for a in range(kd):
                z = plane * sd + od + a * dd
                for b in range(kh):
                    y = row * sh + oh + b * dh
                    for d in range(kw):
                        x = column * sw + ow + d * dw
                        tap += 1
                        if 0 <= z < depth and 0 <= y < height and 0 <= x < width:
                            pixel = (z * height + y) * width + x
                            value = number(image[batch, z, y, x, c])
                            if weights is not None:
                                if per_window:
                                    k = i * kd * kh * kw + tap
                                else:
                                    k = batch * depth * height * width + pixel
                                weight = weights[k % weights.shape[0], c % weights.shape[1]]
                                value *= number(weight)
                            # In raster order the first of equals, or the first NaN, stands.
                            if winner < 0 or value > best or (value != value and best == best):
                                best = value
                                winner = pixel
            out[batch, plane, row, column, c] = fill if winner < 0 else best
            if indices is not None:
                indices[batch, plane, row, column, c] = winner


@kernel
def gather_windows(image: Any, first: int, window: Any, outputs: Any, out: Any) -> None:
    """Copy windows, from `first` on in raster order, to `out` (n, tap, channel); padding is 0."""
    (_, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    depth, height, width, channels = image.shape[1:]
    planes, rows, columns = outputs
    for index in prange(out.shape[0]):
        i = np.int64(index)
        rest, column = divmod(first + i, columns)
        rest, row = divmod(rest, rows)
        batch, plane = divmod(rest, planes)
        for tap in range(out.shape[1]):
            rest, d = divmod(tap, kw)
            a, b = divmod(rest, kh)
            z = plane * sd + od + a * dd
            y = row * sh + oh + b * dh
            x = column * sw + ow + d * dw
            inside = 0 <= z < depth and 0 <= y < height and 0 <= x < width
            for c in range(channels):
                out[i, tap, c] = image[batch, z, y, x, c] if inside else 0


@kernel
def all_finite(flat: Any, finite: Any) -> None:
    """Set an element of `finite` to False where a chunk of `flat` has NaN or infinity."""
    chunk = -(-flat.size // finite.size)
    for index in prange(finite.size):
        task = np.int64(index)
        strays = np.int32(0)
        part = flat[task * chunk : (task + 1) * chunk]
        for i in range(part.size):
            strays = _add_stray(strays, part[i])
        finite[task] = strays == 0
