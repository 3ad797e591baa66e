"""Blocks that are views of one array in memory, such as ``da.from_array(array)`` gives: no copies.

Kernels take arrays in C order, which a block of a larger array is not. But whole rows of that array
are, and windows can say which part of the rows they are on. That saves copies on which memory-bound
kernels would spend most of their time: 2 x 2 pooling of an array, or a memory-mapped file, in
square chunks of 1024 takes half to a third of the time. Chunks that are read or computed gain
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from adapool._backends import Array
from adapool._layout import Layout
from adapool._plans.base import GridPlan
from adapool._plans.fixed import FixedPlan
from adapool._windows import Windows


def owner_of(array: Any) -> Any:
    """Return the array whose memory an array is a view of."""
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array


def side_by_side(
    parts: Sequence[Any], places: Sequence[tuple[int, ...]], shape: tuple[int, ...]
) -> Array | None:
    """Return parts that lie side by side in one array as a view of it, or None."""
    first = parts[0]
    if not isinstance(first, np.ndarray):
        return None
    owner = owner_of(first)
    origin = first.ctypes.data
    for part, place in zip(parts, places, strict=True):
        steps = sum(begin * stride for begin, stride in zip(place, first.strides, strict=True))
        alike = part.dtype == first.dtype and part.strides == first.strides
        beside = alike and part.ctypes.data - origin == steps
        if not (beside and owner_of(part) is owner):
            return None
    return _view(owner, origin - owner.ctypes.data, shape, first)


def in_place(
    plan: GridPlan, layout: Layout, arrays: Sequence[Array]
) -> tuple[GridPlan, Sequence[Array]]:
    """Return the plan and the arrays of a block as they are on whole rows, if that saves a copy.

    `arrays` are the image, and weights at its pixels; `layout` is that of the whole image. Along
    the first spatial axis nothing changes; the others become as long as in the whole image, so
    that windows are cut where that ends. Only plans that read nothing but their windows allow it:
    with indices all weights are looked at, and a network must see the windows of its block alone.
    """
    if not isinstance(plan, FixedPlan) or not plan.reads_windows_alone:
        return plan, arrays
    windows, ndim = plan.windows, layout.ndim
    wide = [_on_whole_rows(array, layout, windows) for array in arrays]
    found = [array for array in wide if array is not None]
    aligned = all(array.shape[:ndim] == arrays[0].shape[:ndim] for array in arrays)
    if len(found) < len(wide) or not aligned or not windows.covers_volume:
        return plan, arrays
    first = 3 - ndim
    volume, origin, begin = list(windows.volume), list(windows.origin), list(windows.begin)
    for axis in range(first + 1, 3):
        volume[axis] = layout.volume[axis]
        origin[axis] += begin[axis]
        begin[axis] = 0
    rows = replace(
        windows,
        volume=(volume[0], volume[1], volume[2]),
        origin=(origin[0], origin[1], origin[2]),
        begin=(begin[0], begin[1], begin[2]),
        partial=True,
    )
    return replace(plan, windows=rows), found


def _on_whole_rows(array: Array, layout: Layout, windows: Windows) -> Array | None:
    """Return a view of the whole rows that a block lies in, or None where that would be a copy."""
    ndim = layout.ndim
    tail = array.shape[ndim:]
    simple = layout.batch_axis is None and layout.channel_axis in (None, ndim)
    # Those on a device have no flags to ask; others are converted, and that is a copy.
    as_it_is = (
        isinstance(array, np.ndarray)
        and array.dtype.isnative
        and array.dtype != np.float16
        and array.flags.aligned
    )
    channels = tail in ((), (layout.channels,))
    if not (simple and as_it_is and channels) or array.flags.c_contiguous:
        return None
    shape = (array.shape[0], *layout.spatial[1:], *tail)
    steps = [array.dtype.itemsize]
    for length in shape[:0:-1]:
        steps.insert(0, steps[0] * length)
    if array.strides != tuple(steps):
        return None
    owner = owner_of(array)
    before = sum(b * step for b, step in zip(windows.begin[4 - ndim :], steps[1:], strict=False))
    return _view(owner, array.ctypes.data - owner.ctypes.data - before, shape, array)


def _view(owner: Array, begin: int, shape: tuple[int, ...], like: Array) -> Array | None:
    """Return a view of the memory of an array, from a byte on, with the strides of another."""
    if not owner.flags.c_contiguous or begin < 0:
        return None
    end = begin + sum((n - 1) * step for n, step in zip(shape, like.strides, strict=True))
    if end + like.itemsize > owner.nbytes:
        return None
    # NumPy checks the bounds again.
    return np.ndarray(shape, like.dtype, owner, begin, like.strides)
