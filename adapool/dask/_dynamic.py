"""Windows of a size of their own on Dask arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool import _arguments, _eager, _place_arguments
from adapool._arguments import Array
from adapool._layout import Layout, Triple, to_triple
from adapool._networks import everywhere, grid_form, is_network
from adapool._windows import in_whole, kernel_limits
from adapool.dask._blocks import Blocks, meta
from adapool.dask._graph import Index, Interval, blockwise
from adapool.dask._predict import Box, Prediction, within


def dynamic_pooling(
    image: Any,
    layout: Layout,
    network: Any,
    strides: Triple,
    max_kernel_size: Any,
    centered: bool,
    with_indices: bool,
    network_halo: Any,
) -> Any:
    """Take the maximum over windows of a size of their own, block by block."""
    _place_arguments.needed_on_dask("max_kernel_size", max_kernel_size)
    most = to_triple(kernel_limits(max_kernel_size, layout.ndim), 1)
    halo = _arguments.integers("network_halo", network_halo, layout.ndim, least=0)
    volume = layout.volume
    planes, rows, columns = (-(-n // s) for n, s in zip(volume, strides, strict=True))
    outputs = (planes, rows, columns)
    predicts = is_network(network)
    blocks = Blocks.of(image, layout, outputs, strides, split_channels=not predicts)
    margin = to_triple(halo, 0) if predicts else (0, 0, 0)
    widths = (1, layout.ndim, 2 * layout.ndim)

    def pixels(axis: int, start: int, stop: int) -> Interval:
        # As an image in memory is cut by its grid: the pixels between the last output of a block
        # and the first of the next one are this block's, for a network to see.
        return start * strides[axis], min(stop * strides[axis], volume[axis])

    def reach(axis: int, start: int, stop: int) -> Interval:
        begin, end = pixels(axis, start, stop)
        before = min(most[axis] // 2 if centered else 0, begin)
        after = most[axis] - most[axis] // 2 if centered else most[axis]
        # Rounded to the grid, so that the outputs of the slice are among those of the image.
        low = max(0, begin - max(before, margin[axis]))
        low -= low % strides[axis]
        last = (stop - 1) * strides[axis]
        return low, min(max(last + after, end + margin[axis]), volume[axis])

    def place(index: Index) -> _Place:
        first, count = blocks.box(index)
        cut = [(f, f + n) for f, n in zip(first, count, strict=True)]
        return _Place(
            reach=tuple(reach(axis, *cut[axis]) for axis in range(3)),
            pixels=tuple(pixels(axis, *cut[axis]) for axis in range(3)),
            outputs=tuple(cut),
        )

    operands = [blocks.image(image, blocks.reach(reach))]
    if not predicts:
        sizes = _arguments.network_result("param_network", network)
        sizes = everywhere(sizes, layout.spatial, widths)
        lead, _ = grid_form("param_network", sizes.shape, layout, layout.spatial, widths)
        tail = sizes.shape[len(lead) + layout.ndim :]
        operands.append(blocks.points(sizes, lead, blocks.reach(pixels), tail))
    job = _Pooling(
        layout, Prediction("param_network", network if predicts else None, margin, layout, widths),
        strides, max_kernel_size, centered, with_indices,
    )  # fmt: skip
    metas = [meta(image, layout.dtype), meta(image, np.dtype(np.int64))][: 1 + with_indices]
    return blockwise("dynamic-pooling", job, blocks.chunks(), place, operands, metas)


@dataclass(frozen=True)
class _Place:
    """Where a block is, as intervals along plane, row, column of the whole image.

    What it reads; the pixels it was made for; and its outputs, on the grid of the strides.
    """

    reach: Box
    pixels: Box
    outputs: Box


@dataclass(frozen=True)
class _Pooling:
    """Pools the part of an image that the windows of a block reach."""

    layout: Layout
    prediction: Prediction
    strides: Triple
    max_kernel_size: Any
    centered: bool
    with_indices: bool

    def __call__(self, place: _Place, image: Array, *given: Array) -> Any:
        layout = self.layout.of_block(image.shape)
        known = self.prediction.on(image, layout, place.reach, place.pixels, *given)
        # Pixels that are read and not asked for get empty windows, which cost nothing.
        sizes = np.zeros_like(known, shape=(len(known), *layout.volume, known.shape[-1]))
        sizes[:, *within(place.pixels, place.reach)] = known
        pooled = _eager.dynamic_pooling(
            image, layout, sizes.reshape(len(sizes), *layout.spatial, -1), self.strides,
            self.max_kernel_size, self.centered, self.with_indices,
        )  # fmt: skip
        low = [begin // s for (begin, _), s in zip(place.reach, self.strides, strict=True)]
        cut = [
            slice(start - skipped, stop - skipped)
            for (start, stop), skipped in zip(place.outputs, low, strict=True)
        ]
        if not self.with_indices:
            return layout.crop(pooled, cut)
        values, indices = (layout.crop(array, cut) for array in pooled)
        (plane, _), (row, _), (column, _) = place.reach
        begin = (plane, row, column)
        return values, in_whole(indices, layout.volume, begin, self.layout.volume)
