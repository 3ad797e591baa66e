"""Regions of any shape: one value for each region of a partition of the image."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from adapool._backends import Array, as_given, backend_of, plain
from adapool._checks import predictions
from adapool._kernels import Kernels
from adapool._layout import Layout, as_dtype
from adapool._networks import counted_dtype, is_network
from adapool._plans.base import Gradients, Kept, by_site
from adapool._plans.operands import Grid, Operand
from adapool._regions import EXTREMA, Measured
from adapool.sites import Sites


class PooledRegions(NamedTuple):
    """Measurements in host memory, and owners (plane, row, column) where the image is."""

    measured: Measured
    middle: Array
    owner: Array


@dataclass(frozen=True)
class RegionsPlan:
    """An extremum, a mean or a sum for each region; labels are an operand, and weights.

    Attributes
    ----------
    reduction : {"max", "min", "mean", "sum"}
    product : numpy.dtype
        What values are computed in: that of the image, or of its products with weights.
    """

    reduction: str
    dtype: np.dtype[Any]
    product: np.dtype[Any]
    with_indices: bool
    labels: Grid
    weights: Grid | None

    name = "region-pooling"

    @classmethod
    def of(
        cls, layout: Layout, network: Any, attention: Any, reduction: str, with_indices: bool
    ) -> RegionsPlan:
        """Check the labels, and the weights where there are any."""
        labels = Grid.of("region_network", network, layout, layout.spatial, (1,), raw=True)
        if not is_network(network):
            assert labels.dtype is not None
            predictions.label_dtype("region_network", labels.dtype)
        dtype, weights = layout.dtype, None
        if attention is not None:
            name = "attention_network"
            widths = tuple(dict.fromkeys((1, layout.channels)))
            weights = Grid.of(name, attention, layout, layout.spatial, widths)
            dtype = np.result_type(dtype, counted_dtype(name, attention))
        product = np.dtype({"?": np.uint8, "e": np.float32}.get(dtype.char, dtype))
        if reduction not in EXTREMA:
            dtype, product = np.result_type(dtype, np.float32), np.dtype(np.float64)
        return cls(reduction, dtype, product, with_indices, labels, weights)

    @property
    def operands(self) -> tuple[Operand | None, ...]:
        """Labels, and weights where there are any."""
        return self.labels, self.weights

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The image, and weights where there are any."""
        return ("feature_map", *(() if self.weights is None else ("attention_network",)))

    def without_arrays(self) -> RegionsPlan:
        """Return the plan as it is sent to tasks, which are given parts of its arrays."""
        weights = self.weights and self.weights.without_array()
        return replace(self, labels=self.labels.without_array(), weights=weights)

    def compute(
        self, kernels: Kernels, image: Array, labels: Array, weights: Array | None = None
    ) -> PooledRegions:
        """Find the regions, and measure them."""
        numbers, owner = kernels.find_regions(checked_labels(labels))
        measured = self.measure(kernels, image, owner, len(numbers), weights)
        present = measured.areas > 0
        if not present.all():
            measured = measured.rows(present)
            owner = kernels.renumber_regions(
                owner, np.cumsum(present, dtype=np.int32) - np.int32(1)
            )
        return PooledRegions(measured, kernels.middle_pixels(owner, measured), owner)

    def measure(
        self, kernels: Kernels, image: Array, owner: Array, count: int, weights: Array | None
    ) -> Measured:
        """Measure regions that have been numbered."""
        return kernels.pool_regions(image, weights, owner, count, self.reduction, self.product)

    def forward(
        self, kernels: Kernels, image: Array, labels: Array, weights: Array | None = None
    ) -> tuple[PooledRegions, Kept]:
        """Measure the regions; keep where extrema are, how large regions are, and whose pixels."""
        pooled = self.compute(kernels, image, labels, weights)
        beside = backend_of(image).beside
        measured = pooled.measured
        return pooled, (beside(measured.where, image), beside(measured.areas, image), pooled.owner)

    def backward(
        self,
        kernels: Kernels,
        kept: Kept,
        cotangent: Array,
        wanted: Collection[str],
        image: Array,
        labels: Array,
        weights: Array | None = None,
    ) -> Gradients:
        """Hand an extremum on to where it was found.

        A sum goes to all pixels of its region: each of them is a result of its own, and won there.
        """
        where, areas, owner = kept
        backend = backend_of(image)
        shape = 1, math.prod(image.shape[1:4]), image.shape[-1]
        if self.reduction in EXTREMA:
            winners = where.reshape(1, *where.shape)
            each = cotangent
        else:
            if self.reduction == "mean":
                shares = 1 / backend.to_host(areas).reshape(1, -1, 1)
                whole = np.broadcast_to(shares.astype(cotangent.dtype), cotangent.shape)
                cotangent = kernels.times(cotangent, backend.beside(whole.copy(), image))
            owners = kernels.repeat_owners(owner, shape[-1])
            ones = backend.beside(np.ones(shape, cotangent.dtype), image)
            each = kernels.times_winners(ones, cotangent, owners)
            pixels = np.arange(shape[1])[:, np.newaxis].repeat(shape[2], axis=1)
            winners = backend.beside(pixels[np.newaxis], image)
        found = {}
        if "feature_map" in wanted:
            scaled = each if weights is None else kernels.times_winners(each, weights, winners)
            found["feature_map"] = kernels.scatter_winners(scaled, winners, shape)
        if weights is not None and "attention_network" in wanted:
            values = kernels.times_winners(each, image, winners)
            target = *shape[:2], weights.shape[-1]
            found["attention_network"] = kernels.scatter_winners(values, winners, target)
        return {
            name: array.reshape(*image.shape[:4], array.shape[-1]) for name, array in found.items()
        }

    def cotangent(self, layout: Layout, given: Array) -> Array:
        """Return the cotangent of the values as `backward` takes it: (1, region, channel)."""
        return by_site(layout, given)

    def restore(self, layout: Layout, computed: PooledRegions) -> Any:
        """Return the sites in the caller's kind of array, with indices where they are wanted."""
        measured, middle, owner = computed
        backend = backend_of(owner)

        def given(array: Array) -> Any:
            return as_given(backend.beside(array, owner))

        positions = np.stack(np.unravel_index(middle, layout.volume), axis=-1)
        values, where = self.fields(layout, measured)
        sizes = measured.high - measured.low + 1
        sites = Sites(
            values=given(values),
            positions=given(spatial_columns(positions, layout)),
            sizes=given(spatial_columns(sizes, layout)),
            strides=given(spatial_columns(sizes, layout)),
            owner=as_given(owner.reshape(layout.spatial)),
            channel_axis=layout.channel_axis,
        )
        return (sites, given(where)) if self.with_indices else sites

    def fields(self, layout: Layout, measured: Measured) -> tuple[Array, Array]:
        """Return the values in their dtype, and where they are, (n, C), or (n,) of no channels."""
        with np.errstate(over="ignore"):  # of float64 sums in float32: infinity
            values = as_dtype(measured.finished(self.reduction), self.dtype)
        where = measured.where
        if layout.channel_axis is not None:
            return values, where
        return values.reshape(-1), where.reshape(-1)


def checked_labels(labels: Array) -> Array:
    """Return labels (1, plane, row, column, 1), if they are integers, as (plane, row, column)."""
    predictions.label_dtype("region_network", labels.dtype)
    array: Array = plain(labels)
    return array.reshape(array.shape[1:4])


def spatial_columns(triples: Array, layout: Layout) -> Array:
    """Return (n, d) of (n, 3)."""
    return np.ascontiguousarray(triples[:, 3 - layout.ndim :])
