"""Regions on Dask arrays: chunks are measured side by side, and put together in a tree.

What has one label is one region, however many chunks it lies in. The centroids are known when all
has been measured; then the chunks are searched for the pixels nearest to them.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adapool._backends import Array, Triple, backend_of, empty_value
from adapool._jit import serial_kernels
from adapool._kernels import kernels_of
from adapool._layout import Layout
from adapool._plans.base import Interval, begin_of, grown, lengths_of, within
from adapool._plans.operands import Box, Grid
from adapool._plans.regions import RegionsPlan, checked_labels, spatial_columns
from adapool._regions import EXTREMA, Measured, together
from adapool._windows import in_whole
from adapool.dask.blocks import Blocks, meta
from adapool.dask.graph import Slices, blockwise, lazy_array, name_of_blocks
from adapool.dask.operands import operand_of_block
from adapool.dask.sites import LazySites

# Parts that are put together at a time.
_TOGETHER = 8


@dataclass(frozen=True)
class Part:
    """The regions of some chunks.

    Attributes
    ----------
    labels : (n,) array of uint64
        Of the regions, in their order.
    measured : Measured
        Coordinates and flat indices are those in the whole image.
    """

    labels: Array
    measured: Measured


@dataclass(frozen=True)
class Middles:
    """Candidates for the pixels nearest to centroids.

    Attributes
    ----------
    regions : (n,) array of int64
        Their numbers, which rise.
    whole, rest : (n,) array of int64
        The distances, see `adapool._formulas.from_centroid`.
    pixels : (n,) array of int64
        Flat indices into the image.
    """

    regions: Array
    whole: Array
    rest: Array
    pixels: Array


def run_regions(plan: RegionsPlan, layout: Layout, image: Any, halo: Triple) -> Any:
    """Measure regions chunk by chunk."""
    blocks = Blocks.of(image, layout, layout.volume, (1, 1, 1), split_channels=False)
    one = blocks.chunks((1,))
    nothing = np.empty(0, object)

    def around(margin: Triple) -> list[list[Interval]]:
        def reach(axis: int, start: int, stop: int) -> Interval:
            return max(start - margin[axis], 0), min(stop + margin[axis], layout.volume[axis])

        return blocks.reach(reach)

    def operand(grid: Grid) -> Slices:
        if grid.predicts:
            return blocks.image(image, around(halo))
        return blocks.points(grid, around((0, 0, 0)))

    job: Any = _Labels(plan.labels.without_array(), layout, halo)
    labels = blockwise(
        "region-labels", job, one, blocks.box, [operand(plan.labels)], [np.empty((0,) * image.ndim)]
    )
    own = blocks.image(labels, around((0, 0, 0)))

    margin = halo if plan.weights and plan.weights.predicts else (0, 0, 0)
    given = [own, blocks.image(image, around(margin))]
    if plan.weights is not None and not plan.weights.predicts:
        given.append(operand(plan.weights))
    job = _Measure(plan.without_arrays(), layout, margin)
    parts = blockwise("region-parts", job, one, blocks.box, given, [nothing])
    regions = _tree("regions", parts, functools.partial(_united, reduction=plan.reduction))

    # Every chunk takes all regions: an axis for each of the image.
    whole = blocks.whole(regions)
    job = _Nearest(layout.volume)
    near = blockwise("region-middles", job, one, blocks.box, [own, whole], [nothing])
    middles = _tree("region-positions", near, _nearest)
    owner_kind = meta(image, np.dtype(np.int32))
    pixels = tuple(axis for i, axis in enumerate(one) if i != layout.channel_axis)
    owned = blockwise("region-owners", _owners, one, blocks.box, [own, whole], [nothing])
    owner = _without_channels(owned, layout, pixels, owner_kind)
    return _sites(plan, layout, image, blocks, owned, owner, regions, middles)


def _sites(
    plan: RegionsPlan, layout: Layout, image: Any, blocks: Blocks, owned: Any, owner: Any,
    regions: Any, middles: Any,
) -> Any:  # fmt: skip
    """Return the lazy sites, and indices where they are wanted."""
    kind, whole_numbers = meta(image, plan.dtype), meta(image, np.dtype(np.int64))
    plan = plan.without_arrays()
    all_of, middle = (name_of_blocks(each) for each in (regions, middles))
    regions_key, middles_key = ((name, *(0,) * image.ndim) for name in (all_of, middle))
    tail = () if layout.channel_axis is None else ((layout.channels,),)
    unknown = (np.nan,)

    def field(name: str, task: Any, more: Any, like: Array) -> Any:
        key = f"region-{name}-{uuid.uuid4().hex}"
        chunks = (unknown, *more)
        return lazy_array(key, {(key, *(0,) * len(chunks)): task}, chunks, like, [regions, middles])

    sizes = (_extents, regions_key, layout, whole_numbers)
    along = ((layout.ndim,),)
    values = field("values", (_values, regions_key, plan, layout, kind), tail, kind)
    blocks_of = _Paint(layout, empty_value(plan.dtype))
    values_name = name_of_blocks(values)
    token = f"region-map-{uuid.uuid4().hex}"
    at = (values_name, *(0,) * (1 + len(tail)))
    owned_name = name_of_blocks(owned)
    chunks = blocks.chunks((layout.channels,))
    tasks = {
        (token, *index): (blocks_of, (owned_name, *index), at)
        for index in np.ndindex(*map(len, chunks))
    }
    sites = LazySites(
        values=values,
        positions=field(
            "positions", (_positions, middles_key, layout, whole_numbers), along, whole_numbers
        ),
        sizes=field("sizes", sizes, along, whole_numbers),
        strides=field("strides", sizes, along, whole_numbers),
        owner=owner,
        channel_axis=layout.channel_axis,
        painted=lazy_array(token, tasks, chunks, kind, [owned, values]),
    )
    if not plan.with_indices:
        return sites
    where = (_where, regions_key, plan, layout, whole_numbers)
    return sites, field("indices", where, tail, whole_numbers)


def _tree(name: str, parts: Any, join: Any) -> Any:
    """Return a lazy array of one element: all parts, joined in their order by a tree of tasks."""
    ndim, name = parts.ndim, f"{name}-{uuid.uuid4().hex}"
    first = name_of_blocks(parts)
    keys: list[Any] = [(first, *index) for index in np.ndindex(*parts.numblocks)]
    graph: dict[Any, Any] = {}
    level = 0
    while len(keys) > _TOGETHER:
        groups = [keys[i : i + _TOGETHER] for i in range(0, len(keys), _TOGETHER)]
        keys = [(f"{name}-{level}", number) for number in range(len(groups))]
        graph |= {key: (join, group) for key, group in zip(keys, groups, strict=True)}
        level += 1
    graph[(name, *(0,) * ndim)] = (join, keys)
    return lazy_array(name, graph, ((1,),) * ndim, np.empty(0, object), [parts])


# --- tasks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Labels:
    """Labels (plane, row, column) of a chunk, on the host."""

    labels: Grid
    layout: Layout
    halo: Triple

    def __call__(self, box: Box, given: Array) -> Array:
        seen = grown(box, self.halo, self.layout.volume)
        labels = operand_of_block(
            self.labels.on(box), self.layout, self.halo, given, seen, iter([given])
        )
        labels = checked_labels(labels)
        return backend_of(labels).to_host(labels)


@dataclass(frozen=True)
class _Measure:
    """The regions of a chunk."""

    plan: RegionsPlan
    layout: Layout
    halo: Triple

    def __call__(self, box: Box, labels: Array, image: Array, *weights: Array) -> Part:
        from adapool import cpu  # numba is imported here and not before

        seen = grown(box, self.halo, self.layout.volume)
        known = (
            None
            if self.plan.weights is None
            else operand_of_block(
                self.plan.weights.on(box), self.layout, self.halo, image, seen, iter(weights)
            )
        )
        part = self.layout.crop(image, within(box, seen))
        canonical = self.layout.of_block(part.shape).canonical(part)
        # How sums are cut depends on how many regions are measured, and so do their last bits.
        extrema = self.plan.reduction in EXTREMA
        numbers, owner = cpu.find_regions(labels, part=extrema)
        owner = backend_of(canonical).beside(owner, canonical)
        found = self.plan.measure(kernels_of(canonical), canonical, owner, len(numbers), known)
        present = found.areas > 0
        numbers, found = numbers[present].astype(np.uint64), found.rows(present)
        begin, volume = np.array(begin_of(box)), self.layout.volume
        return Part(
            numbers,
            replace(
                found,
                where=in_whole(found.where, lengths_of(box), begin_of(box), volume),
                sums=found.sums + found.areas[:, np.newaxis] * begin,
                low=found.low + begin,
                high=found.high + begin,
            ),
        )


def _united(parts: Sequence[Part], reduction: str) -> Part:
    labels = np.unique(np.concatenate([part.labels for part in parts]))
    rows = [np.searchsorted(labels, part.labels) for part in parts]
    measured = together([part.measured for part in parts], rows, len(labels), reduction)
    return Part(labels, measured)


@dataclass(frozen=True)
class _Nearest:
    """The pixels of a chunk that are nearest to the centroids of its regions."""

    volume: Triple

    def __call__(self, box: Box, labels: Array, regions: Part) -> Middles:
        from adapool import cpu

        numbers, owner = cpu.find_regions(labels)
        present = np.zeros(len(numbers), np.bool_)
        present[np.unique(owner[owner >= 0])] = True
        searched = np.flatnonzero(present)
        rows = np.searchsorted(regions.labels, numbers[searched].astype(np.uint64))
        areas = np.ones(len(numbers), np.int64)
        sums = np.zeros((len(numbers), 3), np.int64)
        areas[searched], sums[searched] = (
            regions.measured.areas[rows],
            regions.measured.sums[rows],
        )
        begin, last = np.array(begin_of(box)), np.array(lengths_of(box)) - 1
        low = np.clip(regions.measured.low[rows] - begin, 0, last)
        high = np.clip(regions.measured.high[rows] - begin, 0, last)
        boxes = np.concatenate([low, high], axis=1)
        whole, rest, pixels = cpu.nearest_pixels(owner, searched, areas, sums, begin_of(box), boxes)
        return Middles(
            rows, whole, rest, in_whole(pixels, lengths_of(box), begin_of(box), self.volume)
        )


def _nearest(parts: Sequence[Middles]) -> Middles:
    regions, whole, rest, pixels = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("regions", "whole", "rest", "pixels")
    )
    order = np.lexsort((pixels, -rest, whole, regions))
    first = order[np.r_[True, np.diff(regions[order]) > 0]] if len(order) else order
    return Middles(regions[first], whole[first], rest[first], pixels[first])


def _owners(box: Box, labels: Array, regions: Part) -> Array:
    """Return the owners (plane, row, column) of a chunk."""
    from adapool import cpu

    numbers, owner = cpu.find_regions(labels)
    if not len(numbers):
        return owner
    ranks = np.searchsorted(regions.labels, numbers.astype(np.uint64)).astype(np.int32)
    with serial_kernels():
        return cpu.renumber_regions(owner, ranks)


@dataclass(frozen=True)
class _Paint:
    """The values of the regions that own the pixels of a chunk."""

    layout: Layout
    fill: Any

    def __call__(self, owner: Array, values: Array) -> Array:
        layout = self.layout
        nobody = np.full_like(values, self.fill, shape=(1, *values.shape[1:]))
        everything = np.concatenate([values, nobody])
        place = np.where(owner < 0, len(values), owner)[(0,) * (3 - layout.ndim)]
        painted: Array = everything[np.asarray(place, like=values)]
        if layout.channel_axis is None:
            return painted
        return np.moveaxis(painted, -1, layout.channel_axis)


def _without_channels(owned: Any, layout: Layout, chunks: Any, kind: Array) -> Any:
    """Return owners (plane, row, column) in chunks of the image as an array of its pixels."""
    name, given = f"region-owner-{uuid.uuid4().hex}", name_of_blocks(owned)
    axes = layout.spatial_axes
    tasks = {}
    for index in np.ndindex(*map(len, chunks)):
        place = dict(zip(axes, index, strict=True))
        key = (given, *(place.get(axis, 0) for axis in range(owned.ndim)))
        tasks[(name, *index)] = (_of_pixels, key, layout.ndim, kind)
    return lazy_array(name, tasks, chunks, kind, [owned])


def _of_pixels(owner: Array, ndim: int, kind: Array) -> Any:
    return np.asarray(owner[(0,) * (3 - ndim)], like=kind)


def _values(regions: Part, plan: RegionsPlan, layout: Layout, kind: Array) -> Any:
    return np.asarray(plan.fields(layout, regions.measured)[0], like=kind)


def _where(regions: Part, plan: RegionsPlan, layout: Layout, kind: Array) -> Any:
    return np.asarray(plan.fields(layout, regions.measured)[1], like=kind)


def _extents(regions: Part, layout: Layout, kind: Array) -> Any:
    extents = regions.measured.high - regions.measured.low + 1
    return np.asarray(spatial_columns(extents, layout), like=kind)


def _positions(middles: Middles, layout: Layout, kind: Array) -> Any:
    positions = np.stack(np.unravel_index(middles.pixels, layout.volume), axis=-1)
    return np.asarray(spatial_columns(positions, layout), like=kind)
