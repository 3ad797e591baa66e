"""Sites on Dask arrays: bands of whole rows, or planes, scanned in order; the rest side by side.

Whether a pixel is a site depends on every site before it in raster order. So the scan is a chain
of tasks, one for each band of chunks; networks before it and pooling after it are not.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph

from adapool import _arguments, _place_arguments
from adapool._arguments import Array
from adapool._dispatch import backend_for
from adapool._jit import serial_kernels
from adapool._layout import Layout, as_dtype, as_given, empty_value, plain
from adapool._networks import grid_form, is_network
from adapool._windows import kernel_limits, size_columns
from adapool.dask._blocks import Blocks, meta
from adapool.dask._graph import Axis, Index, Interval, Operand, blockwise
from adapool.dask._predict import Box, Prediction
from adapool.dask._scan import Claims, Found, carried_values, painted, scan_band
from adapool.sites import Sites


@dataclass(frozen=True, eq=False)
class LazySites(Sites):
    """Sites whose fields are Dask arrays; all but `owner` of a length that is not known before."""

    painted: Any

    def to_map(self) -> Array:
        """Paint each value over the pixels that its site owns, lazily."""
        result: Array = self.painted
        return result


def dynamic_stride_pooling(
    image: Any,
    layout: Layout,
    network: Any,
    max_kernel_size: Any,
    centered: bool,
    network_halo: Any,
) -> LazySites:
    """Take the maximum at the sites that strides lead to, band by band."""
    _place_arguments.needed_on_dask("max_kernel_size", max_kernel_size)
    limits = kernel_limits(max_kernel_size, layout.ndim)
    halo = _arguments.integers("network_halo", network_halo, layout.ndim, least=0)
    bands = _bands(image, layout)
    params = _params(image, layout, network, bands, halo)
    cut = bands.outputs[0]

    token = uuid.uuid4().hex
    name = f"find-sites-{token}"
    scan: dict[Any, Any] = {}
    for number, (begin, end) in enumerate(cut):
        key = (params.name, *_at(layout, number))
        before = (_pick_after, (name, number - 1)) if number else Claims.none()
        last = end == layout.spatial[0]
        scan[(name, number)] = (_scan, key, before, begin, layout.volume, limits, last)
    graph = HighLevelGraph.from_collections(name, scan, dependencies=[params])
    found = da.Array(graph, name, ((1,) * len(cut),), meta=np.empty(0, object))

    values = _values(image, layout, bands, found, limits, centered)
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


def _params(image: Any, layout: Layout, network: Any, bands: Blocks, halo: tuple[int, ...]) -> Any:
    """Return lazy blocks of (1, plane, row, column, 2d) parameters, one for each band.

    They are on the host, where the scan is.
    """
    widths = (2 * layout.ndim,)
    predicts = is_network(network)
    missing = 3 - layout.ndim
    margin = (0,) * missing + halo if predicts else (0, 0, 0)

    def points(axis: int, start: int, stop: int) -> Interval:
        return start, stop

    def reach(axis: int, start: int, stop: int) -> Interval:
        return max(start - margin[axis], 0), min(stop + margin[axis], layout.volume[axis])

    def place(index: Index) -> tuple[Box, Box]:
        first, outputs = bands.box(index)
        box = [(f, f + n) for f, n in zip(first, outputs, strict=True)]
        return tuple(reach(i, *box[i]) for i in range(3)), tuple(box)

    if predicts:
        operands = [bands.image(image, bands.reach(reach))]
    else:
        array = _arguments.network_result("param_network", network)
        lead, _ = grid_form("param_network", array.shape, layout, layout.spatial, widths)
        operands = [bands.points(array, lead, bands.reach(points), widths)]
    job = _Parameters(
        Prediction(
            "param_network", network if predicts else None,
            (margin[0], margin[1], margin[2]), layout, widths,
        )
    )  # fmt: skip
    kind = np.empty((0,) * image.ndim)
    return blockwise("site-params", job, bands.chunks((1,)), place, operands, [kind])


@dataclass(frozen=True)
class _Parameters:
    prediction: Prediction

    def __call__(self, place: tuple[Box, Box], given: Array) -> Array:
        reach, points = place
        layout = self.prediction.layout
        if is_network(self.prediction.network):
            predicted = self.prediction.on(given, layout.of_block(given.shape), reach, points)
        else:
            predicted = self.prediction.on(given, layout, reach, points, given)
        params: Any = plain(predicted)
        return params if isinstance(params, np.ndarray) else params.to_host(pinned=True)


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
        _arguments.no_sites("param_network")
    return found


def _values(
    image: Any, layout: Layout, bands: Blocks, found: Any, limits: tuple[int, ...], centered: bool
) -> Any:
    """Return the lazy maxima at the sites of each band."""
    first = 3 - layout.ndim
    before = limits[0] // 2 if centered else 0

    def reach(axis: int, start: int, stop: int) -> Interval:
        if axis != first:
            return start, stop
        # A window is `limits` long at most, and begins `before` pixels before its own, at most.
        return max(start - before, 0), min(stop - 1 + limits[0] - before, layout.volume[axis])

    def place(index: Index) -> int:
        start, stop = bands.outputs[0][index[layout.spatial_axes[0]]]
        return reach(first, start, stop)[0]

    numbers = [(i, i + 1) for i in range(len(bands.outputs[0]))]
    operands = [
        bands.image(image, bands.reach(reach)),
        Operand(found, (Axis(layout.spatial_axes[0], numbers),)),
    ]
    kind = meta(image, layout.dtype)
    blocks = blockwise(
        "site-maxima", _Maxima(layout, centered), bands.chunks((layout.channels,)), place,
        operands, [kind],
    )  # fmt: skip
    tail = () if layout.channel_axis is None else ((layout.channels,),)
    return _layer(
        f"values-{blocks.name}",
        [(blocks.name, *_at(layout, number)) for number in range(len(numbers))],
        ((np.nan,) * len(numbers), *tail),
        [blocks],
        kind,
    )


@dataclass(frozen=True)
class _Maxima:
    layout: Layout
    centered: bool

    def __call__(self, begin: int, image: Array, found: Found) -> Array:
        layout = self.layout.of_block(image.shape)
        if len(found.positions) == 0:
            values = np.empty_like(image, shape=(0, layout.channels), dtype=layout.dtype)
        else:
            positions = found.positions.copy()
            positions[:, 0] -= begin
            columns = size_columns(layout.ndim, 2 * layout.ndim)
            canonical: Any = layout.canonical(image)
            backend = backend_for(canonical)
            sites = [positions, found.sizes]
            if not isinstance(canonical, np.ndarray):
                sites = [canonical.upload(array) for array in sites]
            values = backend.pool_sites(canonical, *sites, columns, self.centered)
            values = as_given(as_dtype(values, layout.dtype))
        return values if layout.channel_axis is not None else values[:, 0]


def _map(image: Any, layout: Layout, bands: Blocks, found: Any, values: Any, token: str) -> Any:
    """Return the lazy map of the values, which a chain of tasks carries from band to band."""
    name = f"site-values-{token}"
    tail = () if layout.channel_axis is None else (0,)
    lengths = () if layout.channel_axis is None else (layout.channels,)
    kind = meta(image, layout.dtype)
    nothing = np.empty_like(kind, shape=(0, *lengths))
    graph: dict[Any, Any] = {}
    tasks = []
    for number in range(len(bands.outputs[0])):
        carried = (name, number - 1) if number else nothing
        inputs = ((found.name, number), (values.name, number, *tail), carried)
        graph[(name, number)] = (carried_values, *inputs)
        tasks.append((_paint, *inputs, layout))
    layers = HighLevelGraph.from_collections(name, graph, dependencies=[found, values])
    chain = da.Array(layers, name, ((1,) * len(tasks),), meta=np.empty(0, object))
    own = f"site-map-{token}"
    keys = {(own, *_at(layout, number)): task for number, task in enumerate(tasks)}
    layers = HighLevelGraph.from_collections(own, keys, dependencies=[found, values, chain])
    return da.Array(layers, own, bands.chunks((layout.channels,)), meta=kind)


def _paint(found: Found, values: Array, carried: Array, layout: Layout) -> Array:
    result = painted(found, values, carried, empty_value(layout.dtype))
    result = result.reshape(*result.shape[3 - layout.ndim : 3], *result.shape[3:])
    return result if layout.channel_axis is None else np.moveaxis(result, -1, layout.channel_axis)


def _layer(name: str, tasks: list[Any], chunks: Any, dependencies: list[Any], kind: Array) -> Any:
    """Return a lazy array that is cut along its first axis, of one task for each chunk.

    `kind` is an empty array of its kind and dtype, of any number of axes.
    """
    zeros = (0,) * (len(chunks) - 1)
    keys = {(name, number, *zeros): task for number, task in enumerate(tasks)}
    graph = HighLevelGraph.from_collections(name, keys, dependencies=dependencies)
    like = np.empty_like(kind, shape=(0,) * len(chunks))
    return da.Array(graph, name, chunks, meta=like)


def _pick_after(found: Found) -> Claims:
    return found.after


def _field(found: Found, name: str, kind: Array) -> Any:
    return np.asarray(getattr(found, name), like=kind)


def _owner(found: Found, ndim: int, kind: Array) -> Any:
    return np.asarray(found.owner.reshape(found.owner.shape[3 - ndim :]), like=kind)
