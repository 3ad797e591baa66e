"""Sites on Dask arrays: bands of whole rows, or planes, scanned in order; the rest side by side.

Whether a pixel is a site depends on every site before it in raster order. So the scan is a chain
of tasks, one for each band of chunks. Networks before it and pooling after it run in parallel.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from adapool._backends import Array, Triple, as_given, backend_of, empty_value
from adapool._checks import predictions
from adapool._jit import serial_kernels
from adapool._kernels import kernels_of
from adapool._layout import Layout, as_dtype
from adapool._plans.base import Interval, grown
from adapool._plans.operands import Box, Grid
from adapool._plans.sites import SitesPlan
from adapool.dask.blocks import Blocks, meta
from adapool.dask.graph import Axis, Index, Slices, blockwise, lazy_array, name_of_blocks
from adapool.dask.operands import operand_of_block
from adapool.dask.scan import Claims, Found, carried_values, painted, scan_band
from adapool.sites import Sites


@dataclass(frozen=True, eq=False)
class LazySites(Sites):
    """Sites whose fields are Dask arrays. The length of all but `owner` is not known beforehand."""

    painted: Any = field(kw_only=True)

    def _painted(self) -> Any:
        return self.painted


def run_sites(plan: SitesPlan, layout: Layout, image: Any, halo: Triple) -> LazySites:
    """Find sites band by band, and pool at them."""
    bands = _bands(image, layout)
    params = _params(plan, layout, image, bands, halo)
    cut = bands.outputs[0]

    token = uuid.uuid4().hex
    name, given = f"find-sites-{token}", name_of_blocks(params)
    scan: dict[Any, Any] = {}
    for number, (begin, end) in enumerate(cut):
        key = (given, *_at(layout, number))
        before = (_pick_after, (name, number - 1)) if number else Claims.none()
        last = end == layout.spatial[0]
        scan[(name, number)] = (_scan, key, before, begin, layout.volume, plan.limits, last)
    found = lazy_array(name, scan, ((1,) * len(cut),), np.empty(0, object), [params])

    values = _values(plan, layout, image, bands, found)
    unknown = (np.nan,) * len(cut)
    kind = meta(image, layout.dtype)
    fields = {
        field: _layer(
            f"{field}-{token}",
            [(_field, (name, number), field, kind) for number in range(len(cut))],
            (unknown, (layout.ndim,)),
            [found],
            meta(image, np.dtype(np.int64)),
        )
        for field in ("positions", "sizes", "strides")
    }
    owner = _layer(
        f"owner-{token}",
        [(_owner, (name, number), layout.ndim, kind) for number in range(len(cut))],
        (tuple(end - begin for begin, end in cut), *((n,) for n in layout.spatial[1:])),
        [found],
        meta(image, np.dtype(np.int32)),
    )
    return LazySites(
        values=values,
        **fields,
        owner=owner,
        channel_axis=layout.channel_axis,
        painted=_map(image, layout, bands, found, values, token),
    )


def _bands(image: Any, layout: Layout) -> Blocks:
    """Cut the image along its first spatial axis alone."""
    cut = Blocks.of(image, layout, layout.volume, (1, 1, 1), split_channels=False)
    whole = tuple(((0, n),) for n in layout.spatial[1:])
    return replace(cut, outputs=(cut.outputs[0], *whole))


def _at(layout: Layout, number: int) -> Index:
    """Return the index of a band among the blocks of the image."""
    ndim = layout.ndim + (layout.channel_axis is not None)
    return tuple(number if axis == layout.spatial_axes[0] else 0 for axis in range(ndim))


def _params(plan: SitesPlan, layout: Layout, image: Any, bands: Blocks, halo: Triple) -> Any:
    """Return lazy blocks of (1, plane, row, column, 2d) parameters, one for each band.

    They are on the host, where the scan is.
    """
    params = plan.params
    margin = halo if params.predicts else (0, 0, 0)

    def reach(axis: int, start: int, stop: int) -> Interval:
        return max(start - margin[axis], 0), min(stop + margin[axis], layout.volume[axis])

    read = bands.reach(reach)
    slices = [bands.image(image, read) if params.predicts else bands.points(params, read)]
    job = _Parameters(params.without_array(), layout, halo)
    kind = np.empty((0,) * image.ndim)
    return blockwise("site-params", job, bands.chunks((1,)), bands.box, slices, [kind])


@dataclass(frozen=True)
class _Parameters:
    params: Grid
    layout: Layout
    halo: Triple

    def __call__(self, box: Box, given: Array) -> Array:
        seen = grown(box, self.halo, self.layout.volume)
        known = operand_of_block(
            self.params.on(box), self.layout, self.halo, given, seen, iter([given])
        )
        return backend_of(known).to_host(known)


def _scan(
    params: Array,
    before: Claims,
    begin: int,
    volume: tuple[int, ...],
    limits: tuple[int, ...],
    last: bool,
) -> Found:
    with serial_kernels():
        found = scan_band(params, before, begin, volume, limits)
    if last and found.after.count == 0:
        predictions.no_sites("param_network")
    return found


def _values(plan: SitesPlan, layout: Layout, image: Any, bands: Blocks, found: Any) -> Any:
    """Return the lazy maxima at the sites of each band."""
    first, most = 3 - layout.ndim, plan.limits[0]
    before = most // 2 if plan.centered else 0

    def reach(axis: int, start: int, stop: int) -> Interval:
        if axis != first:
            return start, stop
        # A window is `most` long at most, and begins `before` pixels before its own, at most.
        return max(start - before, 0), min(stop - 1 + most - before, layout.volume[axis])

    def begin(index: Index) -> int:
        return reach(first, *bands.box(index)[first])[0]

    numbers = [(i, i + 1) for i in range(len(bands.outputs[0]))]
    slices = [
        bands.image(image, bands.reach(reach)),
        Slices(found, (Axis(layout.spatial_axes[0], numbers),)),
    ]
    kind = meta(image, layout.dtype)
    job = _Maxima(plan.without_arrays(), layout)
    blocks = blockwise("site-maxima", job, bands.chunks((layout.channels,)), begin, slices, [kind])
    tail = () if layout.channel_axis is None else ((layout.channels,),)
    name = name_of_blocks(blocks)
    return _layer(
        f"values-{name}",
        [(name, *_at(layout, number)) for number in range(len(numbers))],
        ((np.nan,) * len(numbers), *tail),
        [blocks],
        kind,
    )


@dataclass(frozen=True)
class _Maxima:
    plan: SitesPlan
    layout: Layout

    def __call__(self, begin: int, image: Array, found: Found) -> Array:
        layout = self.layout.of_block(image.shape)
        if len(found.positions) == 0:
            values = np.empty_like(image, shape=(0, layout.channels), dtype=layout.dtype)
        else:
            positions = found.positions.copy()
            positions[:, 0] -= begin
            canonical = layout.canonical(image)
            backend = backend_of(canonical)
            at, sizes = (backend.beside(each, canonical) for each in (positions, found.sizes))
            values = self.plan.pool(kernels_of(canonical), canonical, at, sizes)
            values = as_given(as_dtype(values, layout.dtype))
        return values if layout.channel_axis is not None else values[:, 0]


def _map(image: Any, layout: Layout, bands: Blocks, found: Any, values: Any, token: str) -> Any:
    """Return the lazy map of the values, which a chain of tasks carries from band to band."""
    name = f"site-values-{token}"
    tail = () if layout.channel_axis is None else (0,)
    lengths = () if layout.channel_axis is None else (layout.channels,)
    kind = meta(image, layout.dtype)
    nothing = np.empty_like(kind, shape=(0, *lengths))
    found_name, values_name = map(name_of_blocks, (found, values))
    graph: dict[Any, Any] = {}
    tasks = []
    for number in range(len(bands.outputs[0])):
        carried = (name, number - 1) if number else nothing
        inputs = ((found_name, number), (values_name, number, *tail), carried)
        graph[(name, number)] = (carried_values, *inputs)
        tasks.append((_paint, *inputs, layout))
    counts = ((1,) * len(tasks),)
    chain = lazy_array(name, graph, counts, np.empty(0, object), [found, values])
    own = f"site-map-{token}"
    keys = {(own, *_at(layout, number)): task for number, task in enumerate(tasks)}
    return lazy_array(own, keys, bands.chunks((layout.channels,)), kind, [found, values, chain])


def _paint(found: Found, values: Array, carried: Array, layout: Layout) -> Array:
    result = painted(found, values, carried, empty_value(layout.dtype))
    result = result.reshape(*result.shape[3 - layout.ndim : 3], *result.shape[3:])
    return result if layout.channel_axis is None else np.moveaxis(result, -1, layout.channel_axis)


def _layer(name: str, tasks: list[Any], chunks: Any, inputs: list[Any], kind: Array) -> Any:
    """Return a lazy array that is cut along its first axis, of one task for each chunk."""
    zeros = (0,) * (len(chunks) - 1)
    keys = {(name, number, *zeros): task for number, task in enumerate(tasks)}
    return lazy_array(name, keys, chunks, kind, inputs)


def _pick_after(found: Found) -> Claims:
    return found.after


def _field(found: Found, name: str, kind: Array) -> Any:
    return np.asarray(getattr(found, name), like=kind)


def _owner(found: Found, ndim: int, kind: Array) -> Any:
    return np.asarray(found.owner.reshape(found.owner.shape[3 - ndim :]), like=kind)
