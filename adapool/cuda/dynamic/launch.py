"""Windows of a size of their own on the device: tables, slab by slab, and look-ups; the sites."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool._backends import Triple, empty_value
from adapool._checks import predictions
from adapool._windows import size_limits
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.comparing import index_type
from adapool.cuda.dynamic import measuring, pooling
from adapool.cuda.dynamic.making import make_tables, slabs
from adapool.cuda.dynamic.tables import Plan, plan_tables
from adapool.cuda.fixed.launch import Pooled


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
    flat = out.reshape(-1), None if indices is None else indices.reshape(-1)
    params, width = sizes.reshape(-1), sizes.shape[-1]
    index = index_type(plan.count * image.size // batch, out.size, sizes.size, 2 * max(limits))
    for item in range(batch):
        begin = item % len(sizes) * math.prod(volume) * width
        for slab in slabs(image, largest[1], centered, plan, with_indices):
            band = (-(-slab.begin // rows), -(-slab.end // rows))
            if band[0] == band[1]:
                continue
            made = make_tables(image, item, slab, plan, with_indices)
            kernel = pooling.look_up_pixels(
                plan, columns, centered, channels == 1, with_indices, index
            )
            grids.over_rows(
                kernel, line * slab.channels, band[1] - band[0], planes, image,
                made.tables, made.values, made.shape, params, begin, width, limits, stride,
                tuple(volume), band, slab.geometry, slab.channel, (planes, line, channels, grid[1]),
                item * planes * grid[1], fill, *flat,
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
    kernel = pooling.look_up_sites(
        plan, columns, centered, with_indices,
        index_type(plan.count * image.size, 2 * max(limits)),
    )  # fmt: skip
    for slab in slabs(image, largest[1], centered, plan, with_indices):
        made = make_tables(image, 0, slab, plan, with_indices)
        grids.over_elements(
            kernel, len(positions) * slab.channels, image,
            made.tables, made.values, made.shape, positions, sizes, limits, volume,
            (slab.begin, slab.end), slab.geometry, slab.channel, fill, out, indices,
        )  # fmt: skip
    return out, indices


def _largest(params: DeviceArray, columns: Triple, limits: Triple) -> Triple:
    """Return the largest size along each axis; raise ValueError where one is not finite."""
    index = index_type(2 * max(limits))
    found = copying.zeros(params, 4, index)
    pixels, width = params.shape
    grids.over_elements(
        measuring.measure_sizes(columns, width, index), pixels, params,
        params.reshape(-1), pixels, limits, found, steps=32,
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
