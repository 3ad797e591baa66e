"""Copies: strided arrays to C order, windows to rows. And the search for NaN and infinity."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._checks import predictions
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda import grids
from adapool.cuda.memory import DeviceMemory
from adapool.cuda.target import cuda

_add_stray = cuda_device(_formulas.add_stray)
_inside = cuda_device(_formulas.inside)

# Axes that the copying kernel takes.
_AXES = 4


@cuda_kernel()
def copy_elements(source: Any, out: Any) -> None:
    """Copy an array (a, b, c, d) of any strides to a flat one, converting its elements."""
    number = out.dtype.type
    _, second, third, fourth = source.shape
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        rest, d = divmod(i, fourth)
        rest, c = divmod(rest, third)
        a, b = divmod(rest, second)
        out[i] = number(source[a, b, c, d])


def copy_array(source: DeviceMemory, out: DeviceMemory) -> None:
    """Copy to a contiguous array of any dtype and the same number of elements."""
    shape, strides = merged(source.shape, source.strides)
    # More than four axes that do not merge (weights per window with every axis moved): the
    # leading ones are stepped through here.
    outer, inner = shape[:-_AXES], shape[-_AXES:]
    count = int(np.prod(inner))
    flat = out.reshape(-1)
    for number, place in enumerate(itertools.product(*map(range, outer))):
        begin = source.pointer + sum(i * s for i, s in zip(place, strides, strict=False))
        part = DeviceMemory(
            source.library, source.owner, begin, inner, source.dtype, strides[-_AXES:]
        )
        grids.over_elements(
            copy_elements, count, source, part, flat[number * count : (number + 1) * count]
        )


def merged(
    shape: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Merge neighbouring axes that one stride steps through; at least four axes are left."""
    sizes: list[int] = []
    steps: list[int] = []
    for size, step in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if sizes and steps[-1] == size * step:
            sizes[-1] *= size
            steps[-1] = step
        else:
            sizes.append(size)
            steps.append(step)
    missing = max(_AXES - len(sizes), 0)
    return (1,) * missing + tuple(sizes), (0,) * missing + tuple(steps)


@cuda_kernel()
def copy_windows(image: Any, first: int, window: Any, outputs: Any, out: Any) -> None:
    """Copy windows, from `first` on in raster order, to `out` (n, tap, channel); padding is 0."""
    (_, kh, kw), (sd, sh, sw), (dd, dh, dw), (od, oh, ow) = window
    _, depth, height, width, channels = image.shape
    planes, rows, columns = outputs
    taps = out.shape[1]
    zero = out.dtype.type(0)
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        rest, c = divmod(i, channels)
        number, tap = divmod(rest, taps)
        rest, column = divmod(first + number, columns)
        rest, row = divmod(rest, rows)
        batch, plane = divmod(rest, planes)
        rest, d = divmod(tap, kw)
        a, b = divmod(rest, kh)
        z = plane * sd + od + a * dd
        y = row * sh + oh + b * dh
        x = column * sw + ow + d * dw
        inside = _inside(z, depth) and _inside(y, height) and _inside(x, width)
        out[number, tap, c] = image[batch, z, y, x, c] if inside else zero


@cuda_kernel()
def find_strays(flat: Any, flags: Any) -> None:
    """Set ``flags[0]`` where an element is NaN or infinite."""
    strays = np.int32(0)
    for i in range(cuda.grid(1), flat.size, cuda.gridsize(1)):
        strays = _add_stray(strays, flat[i])
    if strays != 0:
        flags[0] = 1  # whichever thread comes last writes the same


def check_finite(name: str, array: DeviceMemory) -> None:
    """Raise ValueError where an array holds NaN or infinity. Waits for the device."""
    if array.dtype.kind == "f":
        flags = zeros(array, 1)
        grids.over_elements(find_strays, array.size, array, array.reshape(-1), flags)
        if flags.to_host().any():
            predictions.not_finite(name)


@cuda_kernel()
def clear(out: Any) -> None:
    """Set every element to 0."""
    for i in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        out[i] = 0


def zeros(like: DeviceMemory, count: int, dtype: Any = np.int32) -> DeviceMemory:
    """Return zeros on the device: flags that kernels may set. Queued, not waited for."""
    out = like.empty((count,), dtype)
    grids.over_elements(clear, count, out, out)
    return out
