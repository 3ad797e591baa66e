"""Windows of fractional sizes: maxima over the whole sizes around each, mixed."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from adapool._backends import Array, Pooled
from adapool._kernels import Kernels
from adapool._layout import Layout
from adapool._plans.base import Gradients, Kept
from adapool._plans.dynamic import DynamicPlan
from adapool._windows import covering_limits, size_columns


@dataclass(frozen=True)
class FractionalPlan(DynamicPlan):
    """A size k + f gives (1 - f) times the maximum over k, and f times that over k + 1.

    Pooling is done for each corner: a choice of k or k + 1 for each of the sizes that a pixel has.
    """

    name = "fractional-pooling"
    differentiable: ClassVar[tuple[str, ...]] = ("feature_map", "param_network")

    @staticmethod
    def dtype_of(layout: Layout) -> np.dtype[Any]:
        """Return a float dtype: values are mixtures."""
        return np.result_type(layout.dtype, np.float32)

    def compute(self, kernels: Kernels, image: Array, sizes: Array) -> Pooled:
        """Pool at each corner, and mix."""
        total: Array | None = None
        for corner in range(1 << len(self._limits(sizes))):
            maxima, _ = self._at_corner(kernels, image, sizes, corner, False)
            total = self._added(kernels, sizes, corner, maxima, total)
        assert total is not None
        return total, None

    def forward(self, kernels: Kernels, image: Array, sizes: Array) -> tuple[Pooled, Kept]:
        """Pool; keep the winners of each corner."""
        total: Array | None = None
        winners = []
        for corner in range(1 << len(self._limits(sizes))):
            maxima, won = self._at_corner(kernels, image, sizes, corner, True)
            total = self._added(kernels, sizes, corner, maxima, total)
            winners.append(won)
        assert total is not None
        return (total, None), tuple(winners)

    def backward(
        self,
        kernels: Kernels,
        kept: Kept,
        cotangent: Array,
        wanted: Collection[str],
        image: Array,
        sizes: Array,
    ) -> Gradients:
        """Hand shares of the values on to the winners, and differences between them to sizes."""
        target = len(image), math.prod(image.shape[1:4]), image.shape[-1]
        limits = self._limits(sizes)
        of_image, of_sizes = None, None
        for corner, won in enumerate(kept):
            scaled, of_sizes = kernels.pull_corner(
                cotangent, image, won, sizes, limits, corner, self.step, of_sizes
            )
            if "feature_map" in wanted:
                of_image = kernels.scatter_winners(scaled, won, target, onto=of_image)
        found: Gradients = {"param_network": of_sizes}
        if of_image is not None:
            found["feature_map"] = of_image.reshape(image.shape)
        return found

    def _limits(self, sizes: Array) -> tuple[int, ...]:
        """Return where each size of a pixel has no fraction any more: one size may serve all.

        In the whole image, or the block of a Dask array would be mixed where the whole is not.
        """
        limits = covering_limits(self.most[-self.ndim :], self.volume[-self.ndim :])
        along = limits[-self.ndim :]
        return (max(along),) if sizes.shape[-1] == 1 else along

    def _at_corner(
        self, kernels: Kernels, image: Array, sizes: Array, corner: int, with_indices: bool
    ) -> Pooled:
        limits = self._limits(sizes)
        whole = kernels.corner_sizes(sizes, limits, corner)
        return kernels.dynamic_pooling(
            image,
            whole,
            size_columns(self.ndim, len(limits)),
            covering_limits(self.most[-self.ndim :], image.shape[4 - self.ndim : 4]),
            self.centered,
            self.step,
            with_indices,
        )

    def _added(
        self, kernels: Kernels, sizes: Array, corner: int, maxima: Array, total: Array | None
    ) -> Array:
        limits = self._limits(sizes)
        return kernels.add_corner(maxima, sizes, limits, corner, self.step, self.dtype, total)
