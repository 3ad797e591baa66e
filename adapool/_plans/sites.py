"""Windows where per-pixel strides lead: an irregular set of sites, found before it is pooled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from adapool._backends import Array, Pooled, as_given
from adapool._checks import places
from adapool._kernels import Kernels
from adapool._layout import Layout, as_dtype
from adapool._plans.base import Gradients, Kept, by_site, to_winners
from adapool._plans.operands import Grid, Operand
from adapool._windows import kernel_limits, size_columns
from adapool.sites import Sites


class FoundSites(NamedTuple):
    """Sites in canonical arrays: values (n, channel), owner (plane, row, column)."""

    values: Array
    positions: Array
    sizes: Array
    strides: Array
    owner: Array


@dataclass(frozen=True)
class SitesPlan:
    """The maximum at the sites that strides lead to; sizes and strides are an operand."""

    ndim: int
    limits: tuple[int, ...]
    centered: bool
    dtype: np.dtype[Any]
    params: Grid

    name = "dynamic-stride-pooling"
    differentiable = ("feature_map",)

    @classmethod
    def of(cls, layout: Layout, network: Any, max_kernel_size: Any, centered: bool) -> SitesPlan:
        """Check the parameters and their limit."""
        if layout.lazy:
            places.needed_on_dask("max_kernel_size", max_kernel_size)
        widths = (2 * layout.ndim,)
        return cls(
            ndim=layout.ndim,
            limits=kernel_limits(max_kernel_size, layout.ndim),
            centered=centered,
            dtype=layout.dtype,
            params=Grid.of("param_network", network, layout, layout.spatial, widths),
        )

    @property
    def operands(self) -> tuple[Operand | None, ...]:
        """Sizes and strides."""
        return (self.params,)

    def without_arrays(self) -> SitesPlan:
        """Return the plan as it is sent to tasks, which are given parts of its arrays."""
        return replace(self, params=self.params.without_array())

    def compute(self, kernels: Kernels, image: Array, params: Array) -> FoundSites:
        """Find the sites, and pool at them."""
        positions, sizes, strides, owner = kernels.find_sites(params, self.limits)
        values = self.pool(kernels, image, positions, sizes)
        return FoundSites(values, positions, sizes, strides, owner)

    def pool(self, kernels: Kernels, image: Array, positions: Array, sizes: Array) -> Array:
        """Pool at sites that have been found."""
        return self._pool(kernels, image, positions, sizes, False)[0]

    def _pool(
        self, kernels: Kernels, image: Array, positions: Array, sizes: Array, with_indices: bool
    ) -> Pooled:
        columns = size_columns(self.ndim, 2 * self.ndim)
        return kernels.pool_sites(image, positions, sizes, columns, self.centered, with_indices)

    def forward(self, kernels: Kernels, image: Array, params: Array) -> tuple[FoundSites, Kept]:
        """Find the sites and pool at them; keep the winners."""
        positions, sizes, strides, owner = kernels.find_sites(params, self.limits)
        values, winners = self._pool(kernels, image, positions, sizes, True)
        return FoundSites(values, positions, sizes, strides, owner), (winners,)

    def backward(
        self,
        kernels: Kernels,
        kept: Kept,
        cotangent: Array,
        wanted: Collection[str],
        image: Array,
        params: Array,
    ) -> Gradients:
        """Hand values on to the winners."""
        if "feature_map" not in wanted:
            return {}
        winners = kept[0].reshape(cotangent.shape)
        return {"feature_map": to_winners(kernels, cotangent, winners, image)}

    def cotangent(self, layout: Layout, given: Array) -> Array:
        """Return the cotangent of the values as `backward` takes it: (1, site, channel)."""
        return by_site(layout, given)

    def restore(self, layout: Layout, computed: FoundSites) -> Sites:
        """Return the sites in the caller's kind of array."""
        values = computed.values
        values = values if layout.channel_axis is not None else values.reshape(-1)
        return Sites(
            values=as_given(as_dtype(values, self.dtype)),
            positions=as_given(computed.positions),
            sizes=as_given(computed.sizes),
            strides=as_given(computed.strides),
            owner=as_given(computed.owner.reshape(layout.spatial)),
            channel_axis=layout.channel_axis,
        )
