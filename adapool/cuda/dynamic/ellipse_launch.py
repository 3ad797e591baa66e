"""Ellipses with sizes of their own on the device: slabs, tables and look-ups."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapool._backends import Triple, empty_value
from adapool.cuda import copying, grids
from adapool.cuda.arrays import DeviceArray
from adapool.cuda.comparing import index_type
from adapool.cuda.dynamic import ellipses, measuring
from adapool.cuda.dynamic.launch import checked_largest, plan_for
from adapool.cuda.dynamic.making import make_tables, slabs
from adapool.cuda.fixed.launch import Pooled


def ellipse_pooling(
    image: DeviceArray,
    sizes: DeviceArray,
    columns: Triple,
    most: Triple,
    turned: bool,
    stride: Triple,
    with_indices: bool,
) -> Pooled:
    """Pool ellipses whose sizes are `sizes` (batch or 1, plane, row, column, P).

    As :func:`adapool.cpu.ellipses.launch.ellipse_pooling`.
    """
    given = params = sizes.reshape(-1, sizes.shape[-1])
    limits: Any = tuple(map(float, most))
    if turned:
        params = image.empty((len(given), 4), np.float64)
        least = np.float64(min(most[1:]))
        grids.over_elements(ellipses.turn, len(given), image, given, least, params)
        columns, limits = (-1, 0, 3), (np.inf, np.inf, np.inf)
    batch, *volume, channels = image.shape
    largest = _largest_box(given, params, columns, limits, tuple(volume))
    shaped = params.reshape(*sizes.shape[:-1], params.shape[-1])
    grid = [-(-n // s) for n, s in zip(volume, stride, strict=True)]
    out = image.empty((batch, *grid, channels), image.dtype)
    indices = image.empty(out.shape, np.int64) if with_indices else None
    fill = empty_value(image.dtype)
    # Not of squares: rows are looked up too.
    plan = plan_for(image, largest, (0, 1, 2))
    planes, rows, line = grid[0], stride[1], grid[2]
    for item in range(batch):
        for slab in slabs(image, largest[1], True, plan, True):
            made = make_tables(image, item, slab, plan, True)
            band = (-(-slab.begin // rows), -(-slab.end // rows))
            if band[0] == band[1]:
                continue
            grids.over_rows(
                ellipses.look_up_ellipses(plan, with_indices, turned, index_type(made.tables.size)),
                line * slab.channels, band[1] - band[0], planes, image,
                made.tables, made.shape, made.values, shaped, item, columns, limits, stride,
                tuple(volume), band, slab.geometry, slab.channel, fill, out, indices,
            )  # fmt: skip
    return out, indices


def _largest_box(
    given: DeviceArray, params: DeviceArray, columns: Triple, most: Any, volume: Any
) -> Triple:
    """Return the largest box along each axis; raise ValueError where a size is not finite."""
    found = copying.zeros(params, 4, np.int64)
    longest = tuple(2 * n + 1 for n in volume)
    grids.over_elements(
        measuring.measure_ellipses, len(params), params, given, params, columns, most, longest,
        found,
    )  # fmt: skip
    return checked_largest(found)
