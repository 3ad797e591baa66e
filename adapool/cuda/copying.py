"""Copies: strided arrays to C order, windows to rows. And the search for NaN and infinity."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._checks import predictions
from adapool._jit import cuda_device, cuda_kernel
from adapool.cuda import grids, moving
from adapool.cuda.comparing import index_type
from adapool.cuda.memory import DeviceMemory, c_strides
from adapool.cuda.target import SIMULATED, cuda, fill

_add_stray = cuda_device(_formulas.add_stray)
_inside = cuda_device(_formulas.inside)

# Axes that the copying kernel takes.
_AXES = 4


def copy_array(source: DeviceMemory, out: DeviceMemory) -> None:
    """Copy to a contiguous array of any dtype and the same number of elements."""
    if source.is_contiguous:
        grids.over_elements(
            moving.convert, out.size, source, source.reshape(-1), out.reshape(-1), steps=4
        )
        return
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
        _copy_part(part, flat[number * count : (number + 1) * count])


def _copy_part(source: DeviceMemory, out: DeviceMemory) -> None:
    """Copy an array of four axes: in tiles, where one of them is dense that is not the last."""
    itemsize = source.dtype.itemsize
    steps = [stride // itemsize for stride in source.strides]
    dense = [axis for axis in range(3) if steps[axis] == 1 and source.shape[axis] > 1]
    whole = all(
        n == 1 or (stride > 0 and stride % itemsize == 0)
        for n, stride in zip(source.shape, source.strides, strict=True)
    )
    if not dense or steps[3] == 1 or not whole or source.shape[3] == 1:
        kernel = moving.copy_elements(index_type(source.size))
        grids.over_elements(kernel, source.size, source, source, out)
        return
    axes = [*(axis for axis in range(3) if axis != dense[0]), dense[0], 3]
    shape = tuple(source.shape[axis] for axis in axes)
    far = tuple(steps[axis] for axis in axes)
    strides = c_strides(source.shape, 1)
    away = tuple(strides[axis] for axis in axes)
    extent = 1 + sum((n - 1) * step for n, step in zip(source.shape, steps, strict=True))
    flat = DeviceMemory(source.library, source.owner, source.pointer, (extent,), source.dtype)
    short = shape[3] <= moving.SHORT
    kernel, tiles = moving.transpose(source.dtype, short), -(-shape[3] // moving.SIDE)
    if short:
        grids.over_rows(
            kernel, shape[2], shape[1], shape[0], out, flat, shape, far, away, tiles, out
        )
    else:
        blocks = (-(-shape[2] // moving.SIDE) * tiles, shape[1], shape[0])
        grids.over_tiles(
            kernel, blocks, (moving.SIDE, moving.DOWN), out, flat, shape, far, away, tiles, out
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
    i, step = np.int64(cuda.grid(1)), np.int64(cuda.gridsize(1))
    while i < out.size:
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
        i += step


@cuda_kernel()
def find_strays(flat: Any, flags: Any) -> None:
    """Set ``flags[0]`` where an element is NaN or infinite."""
    strays = np.int32(0)
    i, step = np.int64(cuda.grid(1)), np.int64(cuda.gridsize(1))
    while i < flat.size:
        strays = _add_stray(strays, flat[np.uint64(i)])
        i += step
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
    """Set every element to 0, where there is no driver that does."""
    i, step = np.int64(cuda.grid(1)), np.int64(cuda.gridsize(1))
    while i < out.size:
        out[i] = 0
        i += step


def zeros(like: DeviceMemory, count: int, dtype: Any = np.int32) -> DeviceMemory:
    """Return zeros on the device: flags that kernels may set. Queued, not waited for."""
    out = like.empty((count,), dtype)
    if SIMULATED:
        grids.over_elements(clear, count, out, out)
    elif count:
        with out.library.on_device():
            fill(out.pointer, count * out.dtype.itemsize, out.library.handle())
    return out
