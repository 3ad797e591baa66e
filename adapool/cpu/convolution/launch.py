"""Deformable convolution, alone and fused with max pooling, by blocks of bounded memory."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from adapool._backends import Array, Pooled, Triple, plain
from adapool._checks import predictions
from adapool._convolution import ConvKernel, Sampling
from adapool._windows import Windows, in_whole
from adapool.cpu.convolution.blocks import deform_conv
from adapool.cpu.fixed.launch import check_finite, max_pooling

# Bytes of the convolution that a fused pooling holds at a time: enough for both cores to share
# out, few enough to stay in the last level of the cache.
_BLOCK_BYTES = 8 << 20


def deformable_conv(
    image: Array, kernel: ConvKernel, windows: Windows, sampling: Sampling, dtype: np.dtype[Any]
) -> Array:
    """Convolve a canonical image: (batch, plane, row, column, F)."""
    weights, bias = kernel.in_dtype(dtype)
    if weights.dtype != dtype:
        # Computed in float64 and rounded block by block: a pooling of single points.
        points = Windows.points(windows.outputs)
        return deformable_conv_and_pool(image, kernel, windows, sampling, dtype, points, False)[0]
    out = np.empty((len(image), *windows.outputs, weights.shape[-1]), dtype)
    whole = (0, 0, 0)
    if sampling.mask is None or len(sampling.mask) == len(sampling.offsets):
        _convolve(image, weights, bias, kernel.groups, windows, sampling, whole, out)
        return out
    # The kernel steps through offsets and mask together, and the images share only one of them.
    for item in range(len(image)):
        one, part = sampling.of_image(item), slice(item, item + 1)
        _convolve(image[part], weights, bias, kernel.groups, windows, one, whole, out[part])
    return out


def deformable_conv_and_pool(
    image: Array,
    kernel: ConvKernel,
    windows: Windows,
    sampling: Sampling,
    dtype: np.dtype[Any],
    pool: Windows,
    with_indices: bool,
) -> Pooled:
    """Convolve and pool image by image, block by block."""
    if not pool.covers_volume:
        # All of them, as points that no window covers are never computed.
        check_finite("offset_network", sampling.offsets)
        if sampling.mask is not None:
            check_finite("mask_network", sampling.mask)
    filters = kernel.weights.shape[-1]
    out = np.empty((len(image), *pool.outputs, filters), dtype)
    indices = np.empty(out.shape, np.int64) if with_indices else None
    weights, bias = kernel.in_dtype(dtype)
    most = max(1, _BLOCK_BYTES // (filters * weights.itemsize))
    for item, (first, size) in itertools.product(range(len(image)), pool.blocks(most)):
        block, origin = pool.block(first, size)
        part = np.empty((1, *block.volume, filters), weights.dtype)
        one = sampling.of_image(item)
        _convolve(image[item : item + 1], weights, bias, kernel.groups, windows, one, origin, part)
        # Rounded before the maximum is taken, so that ties are those of the two steps alone.
        rounded = plain(part.astype(dtype, copy=False))
        values, winners = max_pooling(rounded, block, with_indices)
        begins = zip((item, *first), (1, *size), strict=True)
        where = tuple(slice(begin, begin + n) for begin, n in begins)
        out[where] = values
        if indices is not None and winners is not None:
            indices[where] = in_whole(winners, block.volume, origin, windows.outputs)
    return out, indices


def _convolve(
    image: Array,
    weights: Array,
    bias: Array | None,
    groups: int,
    windows: Windows,
    sampling: Sampling,
    origin: Triple,
    out: Array,
) -> None:
    """Compute the block of the output grid that begins at `origin` and has the shape of `out`."""
    offsets_finite, mask_finite = deform_conv(
        image,
        sampling.offsets,
        sampling.mask,
        weights,
        bias,
        windows,
        origin,
        groups,
        sampling.offset_groups,
        sampling.interpolation,
        sampling.max_offset,
        out,
    )
    if not offsets_finite:
        predictions.not_finite("offset_network")
    if not mask_finite:
        predictions.not_finite("mask_network")
