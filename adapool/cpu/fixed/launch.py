"""Windows of one size: allocate results, choose the kernel and its twin, launch it.

Arguments have been checked and arrays are canonical. What only a kernel can see (a value that is
not finite) is reported from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from adapool._backends import Array, Pooled, Triple, empty_value, lowest_value
from adapool._checks import predictions
from adapool._jit import workers_for
from adapool._weights import AttentionWeights, PixelWeights
from adapool._windows import Windows
from adapool.cpu.fixed import maximum, windows

# Flags that kernels set when a value is not finite: more than there are threads, so that chunks
# are shared out, and few enough to be looked at afterwards.
FLAGS = 64

# Bytes of a line of pixels that is pooled at a time. Longer ones are read faster than lines that
# fit a first-level cache: (1024, 1024, 64) took 25 ms in 16 KiB, 23 in 128 and 21 in 256.
_LINE_BYTES = 128 << 10

# Bytes of the band of rows that one thread pools overlapping windows in: half of a common L2
# cache, and what it may grow to before windows are so large that rows are passed over one by one.
_BAND_BYTES = 1 << 20
_MOST_BAND_BYTES = 16 << 20

# Output rows of a task that keeps no rows: enough to amortise its buffers, few enough to share out.
_BAND = 16


def max_pooling(image: Array, geometry: Windows, with_indices: bool) -> Pooled:
    """Pool a canonical image (batch, plane, row, column, channel)."""
    out, indices = _results(image, geometry, image.dtype, with_indices)
    if indices is None:
        _max_by_rows(image, None, geometry, image.dtype, out)
    else:
        span = (0, len(image) * geometry.count)
        _max_by_windows(image, None, False, span, geometry, image.dtype, out, indices)
    return out, indices


def attention_pooling(
    image: Array,
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
    out, indices = into or _results(image, geometry, computed, with_indices)
    for batch in weights:
        values = batch.values
        # Products are taken in float32 only where both factors are exact in it.
        product = _product_dtype(image.dtype, values.dtype)
        if isinstance(batch, PixelWeights):
            if indices is None:
                _max_by_rows(image, values, geometry, product, out)
                continue
            first, count = 0, len(image) * geometry.count
        else:
            first, count = batch.first, batch.count
        check_finite("attention_network", values)
        rows = values.reshape(-1, values.shape[-1])
        per_window = not isinstance(batch, PixelWeights)
        _max_by_windows(image, rows, per_window, (first, count), geometry, product, out, indices)
    return out, indices


def gather_windows(image: Array, geometry: Windows, first: int, n: int) -> Array:
    """Copy `n` windows, from `first` on, as networks see them: (n, taps * channels)."""
    out = np.empty((n, geometry.taps, image.shape[-1]), image.dtype)
    windows.gather_windows(
        image.reshape(-1),
        image.shape,
        first,
        n,
        _geometry(geometry),
        geometry.outputs,
        out.reshape(-1),
        work=out.size,
        tasks=_rows(geometry, first, n),
    )
    return out.reshape(n, -1)


def check_finite(name: str, array: Array) -> None:
    """Raise ValueError where an array holds NaN or infinity."""
    if array.dtype.kind == "f":
        finite = np.ones(FLAGS, np.bool_)
        windows.all_finite(array.reshape(-1), finite, tasks=FLAGS, work=array.size)
        if not finite.all():
            predictions.not_finite(name)


def _product_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    exact = all(np.can_cast(dtype, np.float32) for dtype in dtypes)
    return np.dtype(np.float32 if exact else np.float64)


def _results(image: Array, geometry: Windows, dtype: np.dtype[Any], with_indices: bool) -> Pooled:
    shape = (len(image), *geometry.outputs, image.shape[-1])
    return np.empty(shape, dtype), np.empty(shape, np.int64) if with_indices else None


def _geometry(geometry: Windows) -> tuple[Triple, Triple, Triple, Triple]:
    return geometry.kernel, geometry.stride, geometry.dilation, geometry.origin


def _max_by_rows(
    image: Array, weights: Array | None, geometry: Windows, product: np.dtype[Any], out: Array
) -> None:
    """Launch one of the two kernels that pool row by row."""
    channels = image.shape[-1]
    if weights is not None and not geometry.covers_volume:
        check_finite("attention_network", weights)
    finite = np.ones(FLAGS, np.bool_)
    by_row = None if weights is None else weights.reshape(*weights.shape[:3], -1)
    shared = weights is not None and weights.shape[-1] < channels
    doubles, tile = _tile(geometry, channels * product.itemsize)
    launch = maximum.max_bands if doubles else maximum.max_rows
    work = out.size * math.prod(geometry.kernel[:2]) + image.size
    batches, planes, rows, columns, _ = out.shape
    workers = workers_for(work, batches * planes * -(-rows // tile[0]) * -(-columns // tile[1]))
    # Two lines to slide along columns, and the rows that are doubled.
    lines = 2 + ((tile[0] - 1) * geometry.stride[1] + geometry.span[1] if doubles else 0)
    pixels = (tile[1] - 1) * geometry.stride[2] + geometry.span[2]
    launch(
        image.reshape(*image.shape[:3], -1),
        None if shared else by_row,
        by_row if shared else None,
        channels,
        _geometry(geometry),
        lowest_value(product),
        tile,
        out.reshape(*out.shape[:3], -1),
        finite,
        np.empty((workers, lines, pixels * channels), product),
        work=work,
        tasks=workers,
    )
    if not finite.all():
        predictions.not_finite("attention_network")
    for axis in range(3):
        for output in geometry.empty_outputs(axis):
            out[(slice(None),) * (1 + axis) + (output,)] = empty_value(out.dtype)


def _tile(geometry: Windows, pixel_bytes: int) -> tuple[bool, tuple[int, int]]:
    """Choose whether rows are doubled, and the outputs (rows, columns) of a task."""
    _, rows, _ = geometry.outputs
    stride, span = geometry.stride[1], geometry.span[1]
    if geometry.kernel[1] * geometry.kernel[0] > 3 * stride:
        # Input rows for one output row are the least that doubling needs.
        strip, line = _strip(geometry, pixel_bytes, _BAND_BYTES // (2 * span))
        if 2 * span * line <= _MOST_BAND_BYTES:
            used = max(_BAND_BYTES // line, 2 * span)
            return True, (min((used - span) // stride + 1, rows), strip)
    return False, (_BAND, _strip(geometry, pixel_bytes, _LINE_BYTES)[0])


def _strip(geometry: Windows, pixel_bytes: int, most: int) -> tuple[int, int]:
    """Return how many output columns have an input line of `most` bytes, and its bytes."""
    step, span = geometry.stride[2], geometry.span[2]
    # A line much longer than a window: neighbouring strips read what they share twice.
    pixels = max(most // pixel_bytes, 4 * span)
    strip = min((pixels - span) // step + 1, geometry.outputs[2])
    return strip, ((strip - 1) * step + span) * pixel_bytes


def _max_by_windows(
    image: Array,
    weights: Array | None,
    per_window: bool,
    span: tuple[int, int],
    geometry: Windows,
    product: np.dtype[Any],
    out: Array,
    indices: Array | None,
) -> None:
    """Launch the kernel that visits windows one by one: `span` is the first, and how many."""
    first, count = span
    work = count * geometry.taps * image.shape[-1]
    workers = workers_for(work, _rows(geometry, first, count))
    size = max(geometry.outputs[2] * image.shape[-1], geometry.taps)
    windows.max_windows(
        image.reshape(-1),
        image.shape,
        None if weights is None else weights.reshape(-1),
        (1, 1) if weights is None else weights.shape,
        per_window,
        first,
        count,
        _geometry(geometry),
        product.type(1),
        empty_value(out.dtype),
        geometry.outputs,
        out.reshape(-1),
        None if indices is None else indices.reshape(-1),
        np.empty((workers, 3, size), np.int64),
        np.empty((workers, 2, size), product),
        np.empty((workers, size), np.int32),
        work=work,
        tasks=workers,
    )


def _rows(geometry: Windows, first: int, count: int) -> int:
    """Return how many rows of outputs `count` windows from `first` on are in."""
    columns = geometry.outputs[2]
    return (first + count - 1) // columns - first // columns + 1
