"""Deformable convolution on Dask arrays, alone and followed by max pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapool import _arguments, _eager, _place_arguments
from adapool._arguments import Array
from adapool._convolution import ConvKernel, SamplingPlan
from adapool._layout import Layout, Triple, to_triple
from adapool._networks import everywhere, grid_form, is_network
from adapool._windows import Windows, in_whole
from adapool.dask._blocks import Blocks, meta
from adapool.dask._graph import Index, Interval, blockwise
from adapool.dask._predict import Box, Prediction

_NETWORKS = ("offset_network", "mask_network")


def deformable_conv(
    image: Any,
    layout: Layout,
    kernel: ConvKernel,
    windows: Windows,
    plan: SamplingPlan,
    network_halo: Any,
) -> Any:
    """Convolve block by block, each tap looking where an offset leads."""
    plan = _with_arrays(plan)
    geometry = _Geometry.of(layout, windows, None, plan, network_halo)
    return _convolve(image, layout, kernel, plan, geometry, False)


def deformable_conv_and_pool(
    image: Any,
    layout: Layout,
    kernel: ConvKernel,
    windows: Windows,
    plan: SamplingPlan,
    pool: Windows,
    with_indices: bool,
    network_halo: Any,
) -> Any:
    """Convolve block by block, and take maxima over windows of the result."""
    plan = _with_arrays(plan)
    geometry = _Geometry.of(layout, windows, pool, plan, network_halo)
    return _convolve(image, layout, kernel, plan, geometry, with_indices)


def _with_arrays(plan: SamplingPlan) -> SamplingPlan:
    """Check what was predicted before, lists included, and make arrays of it."""
    checked: dict[str, Any] = {
        name: _arguments.network_result(name, getattr(plan, name))
        for name in _NETWORKS
        if getattr(plan, name) is not None and not is_network(getattr(plan, name))
    }
    return replace(plan, **checked)


@dataclass(frozen=True)
class _Place:
    """Where a block is: its windows, those of its pooling, and the points that it convolves."""

    windows: Windows
    pool: Windows | None
    points: Box


@dataclass(frozen=True)
class _Geometry:
    """The windows of a convolution, and of a pooling where there is one.

    `halo` is how far taps may be displaced or networks look, `margin` the latter alone.
    """

    windows: Windows
    pool: Windows | None
    halo: Triple
    margin: Triple

    @classmethod
    def of(
        cls,
        layout: Layout,
        windows: Windows,
        pool: Windows | None,
        plan: SamplingPlan,
        network_halo: Any,
    ) -> _Geometry:
        """Check what only Dask asks for, and return how far a block reaches."""
        unlimited = math.inf in plan.max_offset
        _place_arguments.needed_on_dask("max_offset", None if unlimited else plan.max_offset)
        margin = _arguments.integers("network_halo", network_halo, layout.ndim, least=0)
        grid = windows.outputs[-layout.ndim :]
        predicts = False
        for name in _NETWORKS:
            if is_network(getattr(plan, name)):
                predicts = True
                if grid != layout.spatial:
                    _place_arguments.networks_need_the_grid(name, grid, layout.spatial)
        reach = [
            math.ceil(min(most, _FAR)) + _rounding(plan, most, size)
            for most, size in zip(plan.max_offset, layout.spatial, strict=True)
        ]
        if predicts:
            reach = [max(pair) for pair in zip(reach, margin, strict=True)]
        return cls(windows, pool, to_triple(tuple(reach), 0), to_triple(margin, 0))

    @property
    def outputs(self) -> Triple:
        """Shape of the result along plane, row, column."""
        return self.windows.outputs if self.pool is None else self.pool.outputs

    @property
    def step(self) -> Triple:
        """Pixels between outputs."""
        if self.pool is None:
            return self.windows.stride
        plane, row, column = (
            a * b for a, b in zip(self.windows.stride, self.pool.stride, strict=True)
        )
        return plane, row, column

    def place(self, first: Triple, outputs: Triple) -> _Place:
        """Return where a block of outputs is."""
        pool = None
        if self.pool is not None:
            pool, first = self.pool.block(first, outputs)
            outputs = pool.volume
        block, _ = self.windows.block(first, outputs, self.halo)
        return _Place(block, pool, tuple((f, f + n) for f, n in zip(first, outputs, strict=True)))

    def along(self, axis: int, start: int, stop: int) -> _Place:
        """Return where a block is along one axis; whatever it is along the others."""
        first, outputs = [0, 0, 0], [1, 1, 1]
        first[axis], outputs[axis] = start, stop - start
        return self.place((first[0], first[1], first[2]), (outputs[0], outputs[1], outputs[2]))


# Beyond any image: what displacements are cut to before they are rounded up.
_FAR = 1 << 31


def _rounding(plan: SamplingPlan, most: float, size: int) -> int:
    """Return how far truncation of a sum in the dtype of the offsets leads astray.

    Not at all, where the dtype holds every integer up to the end of the image.
    """
    if plan.interpolation != "truncate":
        return 0
    offsets = plan.offset_network
    # A network may give float16, the coarsest.
    dtype = np.dtype(np.float16) if is_network(offsets) else offsets.dtype
    if dtype.kind != "f":
        return 0
    farthest = min(size + min(most, _FAR), float(np.finfo(dtype).max) * 0.99)
    step = float(np.spacing(dtype.type(farthest)))
    return math.ceil(step) if step > 1 else 0


def _convolve(
    image: Any,
    layout: Layout,
    kernel: ConvKernel,
    plan: SamplingPlan,
    geometry: _Geometry,
    with_indices: bool,
) -> Any:
    windows = geometry.windows
    blocks = Blocks.of(image, layout, geometry.outputs, geometry.step, split_channels=False)

    def reach(axis: int, start: int, stop: int) -> Interval:
        block = geometry.along(axis, start, stop).windows
        return block.begin[axis], block.begin[axis] + block.volume[axis]

    def points(axis: int, start: int, stop: int) -> Interval:
        begin, end = geometry.along(axis, start, stop).points[axis]
        return begin, end

    def place(index: Index) -> _Place:
        return geometry.place(*blocks.box(index))

    operands = [blocks.image(image, blocks.reach(reach)), blocks.whole(kernel.weights)]
    if kernel.bias is not None:
        operands.append(blocks.whole(kernel.bias))
    predictions: list[Prediction | None] = []
    grid = windows.outputs[-layout.ndim :]
    for name, widths in zip(_NETWORKS, plan.widths(windows), strict=True):
        network = getattr(plan, name)
        if network is None:
            predictions.append(None)
            continue
        predicts = is_network(network)
        predictions.append(
            Prediction(name, network if predicts else None, geometry.margin, layout, widths)
        )
        if not predicts:
            network = everywhere(network, grid, widths)
            lead, _ = grid_form(name, network.shape, layout, grid, widths)
            tail = network.shape[len(lead) + layout.ndim :]
            operands.append(blocks.points(network, lead, blocks.reach(points), tail))
    job = _Convolution(
        layout=layout,
        groups=kernel.groups,
        per_channel=kernel.per_channel,
        biased=kernel.bias is not None,
        plan=replace(plan, offset_network=None, mask_network=None),
        predictions=predictions,
        grid=windows.outputs,
        with_indices=with_indices,
    )
    filters = (kernel.weights.shape[-1],)
    dtype = np.result_type(layout.dtype, kernel.dtype, plan.dtype)
    metas = [meta(image, dtype), meta(image, np.dtype(np.int64))][: 1 + with_indices]
    name = "deformable-conv" if geometry.pool is None else "deformable-conv-and-pool"
    return blockwise(name, job, blocks.chunks(filters), place, operands, metas)


@dataclass(frozen=True)
class _Convolution:
    """Convolves the part of an image that the taps of a block reach.

    `grid` is the whole output grid of the convolution. `predictions` are those of the offsets and
    of the mask; the plan of the whole image gets what they give.
    """

    layout: Layout
    groups: int
    per_channel: bool
    biased: bool
    plan: SamplingPlan
    predictions: Sequence[Prediction | None]
    grid: Triple
    with_indices: bool

    def __call__(self, place: _Place, image: Array, weights: Array, *more: Array) -> Any:
        layout = self.layout.of_block(image.shape)
        given = iter(more)
        bias = next(given) if self.biased else None
        kernel = ConvKernel(weights, bias, self.groups, self.per_channel)
        block = place.windows
        reach = tuple((b, b + n) for b, n in zip(block.begin, block.volume, strict=True))
        known: list[Any] = []
        for prediction in self.predictions:
            if prediction is None:
                known.append(None)
                continue
            array = prediction.on(
                image,
                layout,
                reach,
                place.points,
                *([next(given)] if prediction.network is None else []),
            )
            grid = block.outputs[-layout.ndim :]
            known.append(array.reshape(len(array), *grid, array.shape[-1]))
        offsets, mask = known
        plan = replace(self.plan, offset_network=offsets, mask_network=mask)
        if place.pool is None:
            return _eager.deformable_conv(image, layout, kernel, block, plan)
        pooled = _eager.deformable_conv_and_pool(
            image, layout, kernel, block, plan, place.pool, self.with_indices
        )
        if not self.with_indices:
            return pooled
        values, indices = pooled
        return values, in_whole(indices, block.outputs, place.pool.begin, self.grid)
