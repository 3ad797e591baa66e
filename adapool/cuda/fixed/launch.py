"""Windows of one size on the device: allocate results, choose the kernel, launch it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from adapool._backends import Triple, empty_value, lowest_value
from adapool._checks import predictions
from adapool._weights import AttentionWeights, PixelWeights
from adapool._windows import Windows
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.comparing import index_type
from adapool.cuda.fixed import maximum, wide, windows

Pooled = tuple[DeviceArray, DeviceArray | None]

# Sides of windows that a thread reads whole: each pixel more costs it about 7 % of a copy. Beyond,
# two passes in shared memory load less. (On an H100, 4096 x 4096: 64 us at 5, 85 at 8; in two
# passes 262 at 9, 289 at 31.)
_SMALL = 12

# The same of values, or of numbers of elements, with 64 bits: registers would not do for more.
_SMALL_WIDE = 8

# Threads that a device holds: rows are shared out so that there are about as many.
_THREADS = 132 * 2048


def max_pooling(image: DeviceArray, geometry: Windows, with_indices: bool) -> Pooled:
    """Pool a canonical image (batch, plane, row, column, channel)."""
    out, indices = results(image, geometry, image.dtype, with_indices)
    pool_into(image, geometry, out, indices)
    return out, indices


def pool_into(
    image: DeviceArray, geometry: Windows, out: DeviceArray, indices: DeviceArray | None
) -> None:
    """Pool an image into arrays that are there already."""
    if indices is None and is_small(image, geometry, image.dtype):
        _pool_columns(image, None, geometry, image.dtype, out)
    elif indices is None and wide.is_wide(image, geometry, image.dtype):
        wide.pool_wide(image, geometry, out)
    else:
        span = (0, len(image) * geometry.count)
        _pool_windows(image, None, False, span, geometry, image.dtype, out, indices)


def attention_pooling(
    image: DeviceArray,
    weights: Iterable[AttentionWeights],
    geometry: Windows,
    dtype: np.dtype[Any],
    with_indices: bool,
    into: Pooled | None = None,
) -> Pooled:
    """Pool products with weights, batch by batch, into a result of `dtype`.

    `into` is what other batches of the same windows have been pooled into.
    """
    # float16 is a dtype of results only.
    computed = np.result_type(dtype, np.float32)
    out, indices = into or results(image, geometry, computed, with_indices)
    for batch in weights:
        values: Any = batch.values
        # Products are taken in float32 only where both factors are exact in it.
        exact = all(np.can_cast(array.dtype, np.float32) for array in (image, values))
        product = np.dtype(np.float32 if exact else np.float64)
        span = (0, len(image) * geometry.count)
        per_window = not isinstance(batch, PixelWeights)
        if not isinstance(batch, PixelWeights):
            span = (batch.first, batch.count)
        elif indices is None and geometry.covers_volume:
            if is_small(image, geometry, product):
                _pool_columns(image, values, geometry, product, out)
                continue
            if wide.is_wide(image, geometry, product):
                wide.pool_wide(_weighed(image, values, product), geometry, out)
                continue
        copying.check_finite("attention_network", values)
        rows = values.reshape(-1, values.shape[-1])
        _pool_windows(image, rows, per_window, span, geometry, product, out, indices)
    return out, indices


def gather_windows(image: DeviceArray, geometry: Windows, first: int, n: int) -> DeviceArray:
    """Copy `n` windows, from `first` on, as networks see them: (n, taps * channels)."""
    out = image.empty((n, geometry.taps, image.shape[-1]), image.dtype)
    grids.over_elements(
        copying.copy_windows, out.size, image,
        image, first, _geometry(geometry), geometry.outputs, out,
    )  # fmt: skip
    return out.reshape(n, -1)


def results(
    image: DeviceArray, geometry: Windows, dtype: np.dtype[Any], with_indices: bool
) -> Pooled:
    """Allocate maxima, and indices where they are asked for."""
    shape = (len(image), *geometry.outputs, image.shape[-1])
    return image.empty(shape, dtype), image.empty(shape, np.int64) if with_indices else None


def is_small(image: DeviceArray, geometry: Windows, dtype: np.dtype[Any]) -> bool:
    """Whether a thread reads all of its windows, none of which has a hole, in `dtype`."""
    short = dtype.itemsize < 8 and _index(image, geometry) is np.int32
    most = _SMALL if short else _SMALL_WIDE
    depth, height, width = geometry.kernel
    if geometry.span != geometry.kernel or max(depth, height, width) > most:
        return False
    return depth * width <= 3 * most


def _index(image: DeviceArray, geometry: Windows) -> Any:
    """Return the type that counts the elements of an image and of what is pooled from it."""
    return index_type(image.size, len(image) * geometry.count * image.shape[-1])


def _geometry(geometry: Windows) -> tuple[Triple, Triple, Triple, Triple]:
    return geometry.kernel, geometry.stride, geometry.dilation, geometry.origin


def _pool_columns(
    image: DeviceArray,
    weights: DeviceArray | None,
    geometry: Windows,
    product: np.dtype[Any],
    out: DeviceArray,
) -> None:
    """Launch the kernel whose threads go down the columns."""
    batch, planes, rows, columns, channels = out.shape
    flags = None if weights is None else copying.zeros(image, 1)
    marching = geometry.stride[1] == 1 and geometry.kernel[1] > 1
    last = (columns - 1) * geometry.stride[2] + geometry.origin[2] + geometry.kernel[2]
    padded = geometry.origin[2] < 0 or last > geometry.volume[2]
    kernel = windows.pool_columns(
        geometry.kernel, marching, channels == 1, padded, product, weights is not None,
        _index(image, geometry),
    )  # fmt: skip
    # A band is read with the rows above it: the longer, the less is read twice.
    enough = rows * columns * channels * batch * planes // _THREADS
    band = min(max(windows.AT_ONCE, enough // windows.AT_ONCE * windows.AT_ONCE), 32)
    grids.over_rows(
        kernel, columns * channels, -(-rows // band), batch * planes, image,
        image.reshape(-1), image.shape[1:], None if weights is None else weights.reshape(-1),
        (1, 1) if weights is None else (len(weights), weights.shape[-1]), batch * planes,
        geometry.stride, geometry.origin, geometry.outputs, band, lowest_value(product),
        out.reshape(-1), flags,
    )  # fmt: skip
    _check(flags)


def _weighed(image: DeviceArray, weights: DeviceArray, product: np.dtype[Any]) -> DeviceArray:
    """Return the products of pixels and weights; raise ValueError where one is not finite."""
    flags, out = copying.zeros(image, 1), image.empty(image.shape, product)
    shared = (weights.size, image.shape[-1] // weights.shape[-1])
    grids.over_elements(
        wide.weigh, out.size, image, image.reshape(-1), weights.reshape(-1), shared,
        product.type(1), out.reshape(-1), flags,
    )  # fmt: skip
    _check(flags)
    return out


def _check(flags: Any) -> None:
    """Raise ValueError where a kernel has seen a weight that is not finite. Waits."""
    if flags is not None and flags.to_host().any():
        predictions.not_finite("attention_network")


def _pool_windows(
    image: DeviceArray,
    weights: DeviceArray | None,
    per_window: bool,
    span: tuple[int, int],
    geometry: Windows,
    product: np.dtype[Any],
    out: DeviceArray,
    indices: DeviceArray | None,
) -> None:
    """Launch the kernel that visits windows one by one: `span` is the first, and how many."""
    first, count = span
    longest = 0 if weights is None else weights.size
    grids.over_elements(
        maximum.max_windows(
            weights is not None, indices is not None, index_type(image.size, out.size, longest)
        ),
        count * math.prod(image.shape[-1:]),
        image,
        image.reshape(-1),
        image.shape[1:],
        None if weights is None else weights.reshape(-1),
        (per_window, 1 if weights is None else weights.shape[1]),
        1 if weights is None else len(weights),
        first,
        count,
        _geometry(geometry),
        geometry.outputs,
        product.type(1),
        empty_value(out.dtype),
        out.reshape(-1),
        None if indices is None else indices.reshape(-1),
    )
