"""Windows of a size of their own at each pixel, on a regular grid."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from adapool._backends import Array, Pooled, Triple
from adapool._checks import places
from adapool._kernels import Kernels
from adapool._layout import Layout, to_triple
from adapool._plans.base import Gradients, Kept, PooledGrid, to_winners, whole_of
from adapool._plans.operands import Box, Grid, Operand
from adapool._windows import (
    covering_limits,
    ellipse_widths,
    is_turned,
    kernel_limits,
    size_columns,
)


@dataclass(frozen=True)
class DynamicPlan(PooledGrid):
    """The maximum over windows whose sizes are an operand.

    Attributes
    ----------
    volume : triple of int
        Shape of the image.
    step : triple of int
        Pixels between windows.
    most : triple of int
        What sizes are clipped to.
    centered : bool
        Whether a window is centered on its pixel; otherwise it begins there.
    ellipses : bool
        Whether windows are ellipses, which are centered; otherwise boxes.
    sizes : Grid
    box : box
        The part of the output grid that is wanted.
    """

    ndim: int
    volume: Triple
    step: Triple
    most: Triple
    centered: bool
    ellipses: bool
    sizes: Grid
    box: Box
    reads: Box

    name = "dynamic-pooling"
    filters = None
    differentiable: ClassVar[tuple[str, ...]] = ("feature_map",)

    @classmethod
    def of(
        cls,
        layout: Layout,
        network: Any,
        step: tuple[int, ...],
        max_kernel_size: Any,
        centered: bool,
        ellipses: bool,
        with_indices: bool,
    ) -> DynamicPlan:
        """Check the sizes and their limit."""
        if layout.lazy:
            places.needed_on_dask("max_kernel_size", max_kernel_size)
        ndim = layout.ndim
        steps = to_triple(step, 1)
        widths = ellipse_widths(ndim) if ellipses else (1, ndim, 2 * ndim)
        return cls(
            ndim=ndim,
            volume=layout.volume,
            step=steps,
            most=to_triple(kernel_limits(max_kernel_size, ndim), 1),
            centered=centered,
            ellipses=ellipses,
            dtype=cls.dtype_of(layout),
            with_indices=with_indices,
            sizes=Grid.of("param_network", network, layout, layout.spatial, widths),
            box=whole_of(_grid(layout.volume, steps)),
            reads=whole_of(layout.volume),
        )

    @staticmethod
    def dtype_of(layout: Layout) -> np.dtype[Any]:
        """Return the dtype of the result: maxima keep theirs."""
        return layout.dtype

    @property
    def operands(self) -> tuple[Operand | None, ...]:
        """The sizes."""
        return (self.sizes,)

    @property
    def splits_channels(self) -> bool:
        """Networks see all channels."""
        return not self.sizes.predicts

    @property
    def outputs(self) -> Triple:
        """Shape of the output grid."""
        return _grid(self.volume, self.step)

    @property
    def indexed(self) -> Box:
        """Indices refer to the image."""
        return self.reads

    @property
    def kept(self) -> Box:
        """Of the grid over what is read, the windows that were asked for."""
        plane, row, column = (
            (start - low // s, stop - low // s)
            for (start, stop), (low, _), s in zip(self.box, self.reads, self.step, strict=True)
        )
        return plane, row, column

    def block(self, box: Box) -> DynamicPlan:
        """Return the plan of a block of windows."""
        axes = [self._along(axis, *box[axis]) for axis in range(3)]
        (pixels0, read0), (pixels1, read1), (pixels2, read2) = axes
        pixels, reads = (pixels0, pixels1, pixels2), (read0, read1, read2)
        return replace(self, sizes=self.sizes.on(pixels, reads), box=box, reads=reads)

    def _along(self, axis: int, start: int, stop: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the pixels that some outputs are made for, and what they read, along an axis.

        As an image in memory is cut by its grid: the pixels between the last output of a block
        and the first of the next one are this block's, for a network to see.
        """
        step, size, most = self.step[axis], self.volume[axis], self.most[axis]
        begin, end = start * step, min(stop * step, size)
        before = most // 2 if self.centered else 0
        # Rounded to the grid, so that the outputs of what is read are among those of the image.
        low = max(0, begin - before) // step * step
        # An ellipse of an even size reaches as far after its pixel as before it.
        after = most // 2 + 1 if self.ellipses else most - before
        last = (stop - 1) * step
        return (begin, end), (low, min(max(last + after, end), size))

    def compute(self, kernels: Kernels, image: Array, sizes: Array) -> Pooled:
        """Pool windows of these sizes."""
        columns = size_columns(self.ndim, sizes.shape[-1])
        if self.ellipses:
            turned = is_turned(self.ndim, sizes.shape[-1])
            return kernels.ellipse_pooling(
                image, sizes, columns, self.most, turned, self.step, self.with_indices
            )
        limits = covering_limits(self.most[-self.ndim :], image.shape[4 - self.ndim : 4])
        return kernels.dynamic_pooling(
            image, sizes, columns, limits, self.centered, self.step, self.with_indices
        )

    def forward(self, kernels: Kernels, image: Array, sizes: Array) -> tuple[Pooled, Kept]:
        """Pool; keep the winners."""
        pooled = replace(self, with_indices=True).compute(kernels, image, sizes)
        return self.shown(pooled), (pooled[1],)

    def backward(
        self,
        kernels: Kernels,
        kept: Kept,
        cotangent: Array,
        wanted: Collection[str],
        image: Array,
        sizes: Array,
    ) -> Gradients:
        """Hand values on to the winners."""
        if "feature_map" not in wanted:
            return {}
        return {"feature_map": to_winners(kernels, cotangent, kept[0], image)}


def _grid(volume: Triple, step: Triple) -> Triple:
    """Return how many windows, `step` apart, begin in a volume."""
    planes, rows, columns = (-(-n // s) for n, s in zip(volume, step, strict=True))
    return planes, rows, columns
