"""A deformable convolution, alone or followed by max pooling of its result."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapool._backends import Array, Pooled, Triple, plain
from adapool._checks import arguments, convolution, places
from adapool._convolution import ConvKernel, ConvWanted, Sampling, as_summed
from adapool._kernels import Kernels
from adapool._layout import Layout, to_triple
from adapool._networks import counted_dtype, is_network
from adapool._plans.base import Gradients, Kept, PooledGrid, begin_of, box_of, lengths_of
from adapool._plans.operands import Box, Grid, Operand, Parameter
from adapool._windows import Windows

# Beyond any image: what displacements are cut to before they are rounded up.
_FAR = 1 << 31


@dataclass(frozen=True)
class ConvolutionPlan(PooledGrid):
    """A sum over taps, each of which looks where its offset leads.

    Attributes
    ----------
    spatial : tuple of int
        Shape of the image.
    windows : Windows
        Of the convolution.
    pool : Windows or None
        On its result, where that is pooled.
    groups, offset_groups : int
    per_channel : bool
        Whether the weights are one factor for each channel.
    interpolation : {"linear", "nearest", "truncate"}
    max_offset : tuple of float
        What displacements are clipped to along each spatial axis.
    weights, bias : Operand
    offsets, mask : Grid
    """

    spatial: tuple[int, ...]
    windows: Windows
    pool: Windows | None
    groups: int
    per_channel: bool
    offset_groups: int
    interpolation: str
    max_offset: tuple[float, ...]
    filters: int
    weights: Operand
    bias: Operand | None
    offsets: Grid
    mask: Grid | None

    splits_channels = False

    @classmethod
    def of(
        cls,
        layout: Layout,
        kernel: ConvKernel,
        windows: Windows,
        pool: Windows | None,
        offset_network: Any,
        mask_network: Any,
        offset_groups: Any,
        interpolation: Any,
        max_offset: Any,
        with_indices: bool,
    ) -> ConvolutionPlan:
        """Check how a convolution samples."""
        # The default stands for None alone: 0 and "" are wrong rules, to be refused.
        rule = kernel.default_interpolation if interpolation is None else interpolation
        number = convolution.offset_groups(offset_groups, layout.channels)
        ndim, taps = layout.ndim, number * windows.taps
        grid = windows.outputs[-ndim:]
        limits = arguments.displacements("max_offset", max_offset, ndim)
        if layout.lazy:
            _require_bounds(limits, grid, layout.spatial, offset_network, mask_network)
        dtype = np.result_type(layout.dtype, kernel.dtype)
        if mask_network is not None:
            dtype = np.result_type(dtype, counted_dtype("mask_network", mask_network))
        return cls(
            spatial=layout.spatial,
            windows=windows,
            pool=pool,
            dtype=dtype,
            with_indices=with_indices,
            groups=kernel.groups,
            per_channel=kernel.per_channel,
            offset_groups=number,
            interpolation=arguments.choice("interpolation", rule, arguments.INTERPOLATIONS),
            max_offset=limits,
            filters=kernel.weights.shape[-1],
            weights=Parameter("conv_weights", kernel.weights, given=kernel.given),
            bias=None if kernel.bias is None else Parameter("bias", kernel.bias),
            # In their own dtype, which decides how a sum is truncated.
            offsets=Grid.of(
                "offset_network", offset_network, layout, grid, (taps * ndim, ndim), raw=True
            ),
            mask=None
            if mask_network is None
            else Grid.of("mask_network", mask_network, layout, grid, (taps,)),
        )

    @property
    def name(self) -> str:
        """Of the method."""
        return "deformable-conv" if self.pool is None else "deformable-conv-and-pool"

    @property
    def operands(self) -> tuple[Operand | None, ...]:
        """Weights, bias, offsets, mask."""
        return self.weights, self.bias, self.offsets, self.mask

    @property
    def differentiable(self) -> tuple[str, ...]:
        """All that was given."""
        return ("feature_map", *(each.name for each in self.operands if each is not None))

    @property
    def outputs(self) -> Triple:
        """Shape of the output grid."""
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

    @property
    def reads(self) -> Box:
        """What taps can reach."""
        return box_of(self.windows.begin, self.windows.volume)

    @property
    def kept(self) -> Box:
        """All that is computed."""
        return box_of((0, 0, 0), self.outputs)

    @property
    def indexed(self) -> Box:
        """Indices refer to the grid of the convolution."""
        return box_of((0, 0, 0) if self.pool is None else self.pool.begin, self.windows.outputs)

    def block(self, box: Box) -> ConvolutionPlan:
        """Return the plan of a block of outputs."""
        first, outputs = begin_of(box), lengths_of(box)
        pool = None
        if self.pool is not None:
            pool, first = self.pool.block(first, outputs)
            outputs = pool.volume
        windows, _ = self.windows.block(first, outputs, self._reach())
        points = box_of(first, outputs)
        mask = None if self.mask is None else self.mask.on(points)
        return replace(self, windows=windows, pool=pool, offsets=self.offsets.on(points), mask=mask)

    def _reach(self) -> Triple:
        """Return how far from its own place a tap may look."""
        reach = (
            math.ceil(min(most, _FAR)) + self._rounding(most, size)
            for most, size in zip(self.max_offset, self.spatial, strict=True)
        )
        return to_triple(tuple(reach), 0)

    def _rounding(self, most: float, size: int) -> int:
        """Return by how many pixels a sum may be off that is taken in the dtype of the offsets.

        0 where the dtype holds every integer up to the end of the image.
        """
        if self.interpolation != "truncate":
            return 0
        # A network may give float16, the coarsest.
        dtype = self.offsets.dtype or np.dtype(np.float16)
        if dtype.kind != "f":
            return 0
        farthest = min(size + min(most, _FAR), float(np.finfo(dtype).max) * 0.99)
        step = float(np.spacing(dtype.type(farthest)))
        return math.ceil(step) if step > 1 else 0

    def compute(
        self,
        kernels: Kernels,
        image: Array,
        weights: Array,
        bias: Array | None,
        offsets: Array,
        mask: Array | None,
    ) -> Pooled:
        """Convolve, and pool the result where that is asked for."""
        kernel = ConvKernel(weights, bias, self.groups, self.per_channel)
        sampling = self._sampling(kernels, offsets, mask)
        if self.pool is None:
            result = kernels.deformable_conv(image, kernel, self.windows, sampling, self.dtype)
            return result, None
        return kernels.deformable_conv_and_pool(
            image, kernel, self.windows, sampling, self.dtype, self.pool, self.with_indices
        )

    def forward(
        self,
        kernels: Kernels,
        image: Array,
        weights: Array,
        bias: Array | None,
        offsets: Array,
        mask: Array | None,
    ) -> tuple[Pooled, Kept]:
        """Convolve and pool; keep the winners of the pooling."""
        pooled = replace(self, with_indices=self.pool is not None).compute(
            kernels, image, weights, bias, offsets, mask
        )
        return self.shown(pooled), () if self.pool is None else (pooled[1],)

    def backward(
        self,
        kernels: Kernels,
        kept: Kept,
        cotangent: Array,
        wanted: Collection[str],
        image: Array,
        weights: Array,
        bias: Array | None,
        offsets: Array,
        mask: Array | None,
    ) -> Gradients:
        """Carry values through the columns of the convolution."""
        kernel = ConvKernel(weights, bias, self.groups, self.per_channel)
        sampling = self._sampling(kernels, offsets, mask)
        pool = None if self.pool is None else (self.pool, kept[0])
        # Steps between pixels: a change of less moves nothing.
        fixed = self.interpolation != "linear"
        found = kernels.deformable_vjp(
            image, kernel, self.windows, sampling, self.dtype, cotangent, pool,
            ConvWanted(
                "feature_map" in wanted,
                "conv_weights" in wanted,
                "bias" in wanted,
                "offset_network" in wanted and not fixed,
                "mask_network" in wanted,
            ),
        )  # fmt: skip
        of_offsets = found.offsets
        if fixed and "offset_network" in wanted:
            of_offsets = kernels.zeros(image, offsets.shape, cotangent.dtype)
        return {
            "feature_map": found.image,
            "conv_weights": found.weights,
            "bias": found.bias,
            "offset_network": of_offsets,
            "mask_network": found.mask,
        }

    def _sampling(self, kernels: Kernels, offsets: Array, mask: Array | None) -> Sampling:
        """Return where the taps look, in what the kernels take."""
        rule, limits, half = self.interpolation, self.max_offset, offsets.dtype == np.float16
        if rule == "truncate" and kernels.TRUNCATES_ANY_SUM:
            if half:
                rule, limits = "truncate in float16", tuple(float(np.float16(m)) for m in limits)
        elif rule == "truncate" and (half or any(self.windows.begin)):
            offsets = as_summed(offsets, self.windows, limits, self.offset_groups)
            limits = (math.inf,) * len(limits)
        return Sampling(
            offsets=plain(offsets),
            mask=mask,
            offset_groups=self.offset_groups,
            ndim=len(limits),
            interpolation=rule,
            max_offset=to_triple(limits, np.inf),
        )


def _require_bounds(
    limits: tuple[float, ...],
    grid: tuple[int, ...],
    spatial: tuple[int, ...],
    offset_network: Any,
    mask_network: Any,
) -> None:
    """Raise unless it is known what part of an image a block needs, and its networks."""
    places.needed_on_dask("max_offset", None if math.inf in limits else limits)
    for name, network in (("offset_network", offset_network), ("mask_network", mask_network)):
        if is_network(network) and grid != spatial:
            places.networks_need_the_grid(name, grid, spatial)
