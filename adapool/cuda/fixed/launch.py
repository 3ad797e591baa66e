"""Windows of one size on the device: allocate results, choose the kernel, launch it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from adapool._backends import Triple, empty_value
from adapool._checks import predictions
from adapool._weights import AttentionWeights, PixelWeights
from adapool._windows import Windows
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.fixed import maximum

Pooled = tuple[DeviceArray, DeviceArray | None]

# Outputs of a tile, rows and columns (times channels): the halo of a 5 x 5 window is then a
# quarter of what is loaded. Halved until the tile fits into shared memory.
_TILE = (32, 64)


def max_pooling(image: DeviceArray, geometry: Windows, with_indices: bool) -> Pooled:
    """Pool a canonical image (batch, plane, row, column, channel)."""
    out, indices = results(image, geometry, image.dtype, with_indices)
    pool_into(image, geometry, out, indices)
    return out, indices


def pool_into(
    image: DeviceArray, geometry: Windows, out: DeviceArray, indices: DeviceArray | None
) -> None:
    """Pool an image into arrays that are there already."""
    tile = None if indices is not None else _tile(image, geometry, image.dtype)
    if tile is not None:
        _pool_tiles(image, None, geometry, image.dtype, tile, out)
    elif indices is None:
        one, fill = image.dtype.type(1), empty_value(out.dtype)
        batch, planes, rows, columns, channels = out.shape
        grids.over_rows(
            maximum.max_rows, columns * channels, rows, batch * planes, image,
            image.reshape(-1), image.shape[1:], batch, _geometry(geometry), geometry.outputs,
            one, fill, out.reshape(-1),
        )  # fmt: skip
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
            tile = _tile(image, geometry, product)
            if tile is not None:
                _pool_tiles(image, values, geometry, product, tile, out)
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


def _geometry(geometry: Windows) -> tuple[Triple, Triple, Triple, Triple]:
    return geometry.kernel, geometry.stride, geometry.dilation, geometry.origin


def _tile(image: DeviceArray, geometry: Windows, dtype: np.dtype[Any]) -> tuple[int, int] | None:
    """Return the outputs (rows, columns * channels) of a tile, or None where none is of use.

    Windows that do not overlap read every value once anyway; those without any position need the
    fill that only the other kernels write.
    """
    if all(k <= s for k, s in zip(geometry.kernel[1:], geometry.stride[1:], strict=True)):
        return None
    if any(geometry.empty_outputs(axis) for axis in range(3)):
        return None
    channels = image.shape[-1]
    rows, columns = _TILE[0], max(1, _TILE[1] // channels)
    rows, columns = min(rows, geometry.outputs[1]), min(columns, geometry.outputs[2])
    while maximum.tile_elements(geometry, rows, columns, channels) > (
        grids.SHARED_BYTES // dtype.itemsize
    ):
        if rows == columns == 1:
            return None
        rows, columns = (-(-rows // 2), columns) if rows >= columns else (rows, -(-columns // 2))
    return rows, columns * channels


def _pool_tiles(
    image: DeviceArray,
    weights: DeviceArray | None,
    geometry: Windows,
    product: np.dtype[Any],
    tile: tuple[int, int],
    out: DeviceArray,
) -> None:
    channels = image.shape[-1]
    flags = None if weights is None else copying.zeros(image, 1)
    length = out.shape[3] * channels
    tiles = (-(-length // tile[1]), -(-out.shape[2] // tile[0]), len(out) * out.shape[1])
    shared = maximum.tile_elements(geometry, tile[0], tile[1] // channels, channels)
    lowest = product.type(-np.inf if product.kind == "f" else np.iinfo(product).min)
    grids.over_tiles(
        maximum.max_tiles(product, weights is not None),
        tiles,
        shared * product.itemsize,
        image,
        image.reshape(-1),
        (*image.shape[:3], image.shape[3] * channels),
        None if weights is None else weights.reshape(-1),
        1 if weights is None else len(weights),
        channels,
        1 if weights is None else channels // weights.shape[-1],
        _geometry(geometry),
        lowest,
        tile,
        out.reshape(-1),
        (*out.shape[1:3], length),
        flags,
    )
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
    grids.over_elements(
        maximum.max_windows(weights is not None, indices is not None),
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
