"""Windows of one size on Dask arrays: maximum and attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool import _arguments, _eager
from adapool._arguments import Array
from adapool._layout import Layout, Triple
from adapool._networks import attention_form, counted_dtype, is_network
from adapool._windows import Windows, in_whole
from adapool.dask._blocks import Blocks, meta
from adapool.dask._graph import Index, Interval, blockwise
from adapool.dask._views import on_whole_rows


def max_pooling(image: Any, layout: Layout, windows: Windows, with_indices: bool) -> Any:
    """Take the maximum over windows of one size, block by block."""
    return _pool(image, layout, windows, _Pooling(layout, with_indices, None, False), True, [])


def attention_pooling(
    image: Any,
    layout: Layout,
    windows: Windows,
    network: Any,
    with_indices: bool,
    network_halo: Any,
) -> Any:
    """Take the maximum of value times weight, block by block."""
    _arguments.integers("network_halo", network_halo, layout.ndim, least=0)
    if is_network(network):
        job = _Pooling(layout, with_indices, network, True)
        return _pool(image, layout, windows, job, False, [])
    weights = _arguments.network_result("attention_network", network)
    form = attention_form(weights.shape, layout, windows)
    job = _Pooling(layout, with_indices, None, True)
    return _pool(image, layout, windows, job, True, [(weights, form)])


@dataclass(frozen=True)
class _Pooling:
    """Pools the block of an image that its windows reach."""

    layout: Layout
    with_indices: bool
    network: Any
    attention: bool

    def __call__(self, windows: Windows, image: Array, *weights: Array) -> Any:
        # Rows around the block are read only where that changes nothing: weights per window have
        # no rows of the image, and where indices are asked for, all weights given are checked.
        ndim = self.layout.ndim
        aligned = all(array.shape[:ndim] == image.shape[:ndim] for array in weights)
        if aligned and not (self.attention and (self.with_indices or self.network is not None)):
            arrays, windows = on_whole_rows([image, *weights], self.layout, windows)
            image, weights = arrays[0], tuple(arrays[1:])
        layout = self.layout.of_block(image.shape)
        if self.attention:
            network = weights[0] if weights else self.network
            pooled = _eager.attention_pooling(image, layout, windows, network, self.with_indices)
        else:
            pooled = _eager.max_pooling(image, layout, windows, self.with_indices)
        if not self.with_indices:
            return pooled
        values, indices = pooled
        return values, in_whole(indices, windows.volume, windows.begin, self.layout.volume)


def _pool(
    image: Any,
    layout: Layout,
    windows: Windows,
    job: _Pooling,
    split_channels: bool,
    weights: Sequence[Any],
) -> Any:
    blocks = Blocks.of(image, layout, windows.outputs, windows.stride, split_channels)

    def reach(axis: int, start: int, stop: int) -> Interval:
        first, outputs = _only(axis, start, 0), _only(axis, stop - start, 1)
        block, low = windows.block(first, outputs)
        return low[axis], low[axis] + block.volume[axis]

    def place(index: Index) -> Windows:
        return windows.block(*blocks.box(index))[0]

    read = blocks.reach(reach)
    operands = [blocks.image(image, read)]
    dtype = layout.dtype
    for array, form in weights:
        dtype = np.result_type(dtype, counted_dtype("attention_network", array))
        points = read if form.per_pixel else blocks.outputs
        kernel = () if form.per_pixel else windows.kernel[-layout.ndim :]
        operands.append(blocks.points(array, form.lead, points, kernel, bool(form.tail)))
    if job.network is not None:
        dtype = np.result_type(dtype, np.float32)
    metas = [meta(image, dtype), meta(image, np.dtype(np.int64))][: 1 + job.with_indices]
    name = "attention-pooling" if job.attention else "max-pooling"
    return blockwise(name, job, blocks.chunks(), place, operands, metas)


def _only(axis: int, value: int, others: int) -> Triple:
    plane, row, column = (value if i == axis else others for i in range(3))
    return plane, row, column
