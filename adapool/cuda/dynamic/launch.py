"""Windows of a size of their own on the device: slabs, tables and look-ups; the sites."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapool._backends import Triple, empty_value
from adapool._checks import predictions
from adapool._windows import size_limits
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.dynamic import measuring, pooling
from adapool.cuda.dynamic.tables import Plan, plan_tables
from adapool.cuda.fixed.launch import Pooled

# Bytes that the tables of a slab may take. On an 80 GB device much more would do; a slab of this
# size already has thousands of blocks, and its halo is a small part of it.
_TABLE_BYTES = 512 << 20


def dynamic_pooling(
    image: DeviceArray,
    sizes: DeviceArray,
    columns: Triple,
    limits: Triple,
    centered: bool,
    stride: Triple,
    with_indices: bool,
) -> Pooled:
    """Pool windows of the size that `sizes` (batch or 1, plane, row, column, P) gives."""
    largest = _largest(sizes.reshape(-1, sizes.shape[-1]), columns, limits)
    batch, *volume, channels = image.shape
    grid = [-(-n // s) for n, s in zip(volume, stride, strict=True)]
    out = image.empty((batch, *grid, channels), image.dtype)
    indices = image.empty(out.shape, np.int64) if with_indices else None
    fill = empty_value(image.dtype)
    plan = plan_for(image, largest, columns)
    planes, rows, line = grid[0], stride[1], grid[2]
    for item in range(batch):
        for slab in slabs(image, largest[1], centered, plan, with_indices):
            tables, values = make_tables(image, item, slab, plan, with_indices)
            band = (-(-slab.begin // rows), -(-slab.end // rows))
            if band[0] == band[1]:
                continue
            grids.over_rows(
                pooling.look_up_pixels(with_indices),
                line * slab.channels, band[1] - band[0], planes, image,
                tables.reshape(-1), tables.shape, values, sizes, item, columns, limits, centered,
                stride, tuple(volume), band, slab.geometry, slab.channel, arguments_of(plan),
                fill, out, indices,
            )  # fmt: skip
    return out, indices


def pool_sites(
    image: DeviceArray,
    positions: DeviceArray,
    sizes: DeviceArray,
    columns: Triple,
    centered: bool,
    with_indices: bool = False,
) -> Pooled:
    """Pool a canonical image (1, plane, row, column, channel) at sites: (n, channel)."""
    out = image.empty((len(positions), image.shape[-1]), image.dtype)
    indices = image.empty(out.shape, np.int64) if with_indices else None
    volume: Any = image.shape[1:4]
    # Sizes have been clipped to what was asked for; here, to what the image holds.
    limits = size_limits(volume, None)
    largest = _largest(sizes, columns, limits)
    plan = plan_for(image, largest, columns)
    fill = empty_value(image.dtype)
    for slab in slabs(image, largest[1], centered, plan, with_indices):
        tables, values = make_tables(image, 0, slab, plan, with_indices)
        grids.over_elements(
            pooling.look_up_sites(with_indices), len(positions) * slab.channels, image,
            tables.reshape(-1), tables.shape, values, positions, sizes, columns, limits, centered,
            volume,
            (slab.begin, slab.end), slab.geometry, slab.channel, arguments_of(plan), fill, out,
            indices,
        )  # fmt: skip
    return out, indices


def _largest(params: DeviceArray, columns: Triple, limits: Triple) -> Triple:
    """Return the largest size along each axis; raise ValueError where one is not finite."""
    found = copying.zeros(params, 4, np.int64)
    grids.over_elements(
        measuring.measure_sizes, len(params), params, params, columns, limits, found
    )  # fmt: skip
    return checked_largest(found)


def checked_largest(found: Any) -> Triple:
    """Return what was found to be the largest; raise ValueError where a value was not finite."""
    plane, row, column, stray = map(int, found.to_host())
    if stray:
        predictions.not_finite("param_network")
    return plane, row, column


def plan_for(image: DeviceArray, largest: Triple, columns: Triple) -> Plan:
    """Plan the tables of an image for windows of up to some size."""
    first, second, third = (
        max(1, min(size, n)) for size, n in zip(largest, image.shape[1:4], strict=True)
    )
    return plan_tables((first, second, third), columns[1] == columns[2])


def arguments_of(plan: Plan) -> tuple[Any, ...]:
    """Return what kernels take of a plan."""
    return plan.levels, plan.weights, plan.tied, plan.shift


@dataclass(frozen=True)
class _Slab:
    """Rows `begin` .. `end` that are answered, those that are held, and the channels."""

    begin: int
    end: int
    first: int
    last: int
    columns: int
    channel: int
    channels: int

    @property
    def geometry(self) -> tuple[int, int, int, int]:
        """What kernels take: first row, rows, columns, channels."""
        return self.first, self.last - self.first, self.columns, self.channels


def slabs(
    image: DeviceArray, largest: int, centered: bool, plan: Plan, with_indices: bool
) -> Iterator[_Slab]:
    """Cut an image so that the tables of a slab take bounded memory."""
    _, depth, height, width, channels = image.shape
    before = largest // 2 if centered else 0
    after = largest - before
    cell = plan.count * (4 if with_indices else image.dtype.itemsize) * depth * width
    # At least as many rows are answered as are held beside them; of that, all channels that fit.
    least = min(2 * largest + 1, height)
    group = max(1, min(channels, _TABLE_BYTES // (cell * least)))
    rows = min(height, max(_TABLE_BYTES // (cell * group) - largest, largest, 1))
    for begin in range(0, height, rows):
        end = min(begin + rows, height)
        first, last = max(begin - before, 0), min(end + after, height)
        for channel in range(0, channels, group):
            yield _Slab(begin, end, first, last, width, channel, min(group, channels - channel))


def make_tables(
    image: DeviceArray, item: int, slab: _Slab, plan: Plan, with_indices: bool
) -> tuple[DeviceArray, DeviceArray | None]:
    """Make the tables of a slab; with the values that they refer to where they hold winners."""
    rows, line = slab.last - slab.first, slab.columns * slab.channels
    shape = (image.shape[1], rows, line)
    cells = math.prod(shape)
    winner = np.int32 if cells < 1 << 31 else np.int64
    dtype = winner if with_indices else image.dtype
    tables = image.empty((plan.count, *shape), dtype)
    whole = tables.reshape(plan.count, -1)
    first = tables[:1].reshape(shape)
    values = image.empty(shape, image.dtype) if with_indices else None
    origin = (slab.first, slab.channel)
    extent = (line, rows, image.shape[1])
    grids.over_rows(
        pooling.load_slab(with_indices), *extent, image,
        image, item, origin, first if values is None else values, None if values is None else first,
    )  # fmt: skip
    flat = None if values is None else values.reshape(-1)
    for step in plan.steps():
        source = whole[step.source : step.source + 1].reshape(shape)
        target = whole[step.target : step.target + 1].reshape(shape)
        steps = (*step.steps[:2], step.steps[2] * slab.channels)
        grids.over_rows(
            pooling.widen(with_indices), *extent, image, source, flat, step.parts, steps, target
        )
    return tables, flat
