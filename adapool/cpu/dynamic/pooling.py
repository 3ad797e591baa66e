"""Maxima over boxes whose size is given for each pixel, densely or at an irregular set of sites.

The image is cut into tiles. The windows of a tile are sorted by the powers of two that fit into
them (`queries`), the maxima over such powers are made by doubling, and each
window is looked up in them (`tables`). Windows too large for that are left to a
second step, which searches a pyramid of block maxima (`pyramid`).
"""

from __future__ import annotations

from typing import Any

from adapool._jit import kernel
from adapool.cpu.dynamic.alike import all_alike, pool_alike
from adapool.cpu.dynamic.keys import KeyOrder
from adapool.cpu.dynamic.pyramid import search_tile
from adapool.cpu.dynamic.queries import (
    CAPS,
    EMPTY,
    HIGH,
    LARGE,
    LOW,
    ORDER,
    REACH,
    STRIDE,
    collect,
    enter_tile,
    place_regularly,
    sort_queries,
)
from adapool.cpu.dynamic.tables import LOOK_UP, answer, choose_levels
from adapool.cpu.dynamic.tiles import (
    LONGEST,
    TABLE_BYTES,
    are_few,
    load_tile,
    part,
    store_tile,
)


@kernel(calls_kept=True)
def look_up_tiles(
    worker: int,
    image: Any,
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    order: KeyOrder,
    left: Any,
    out: Any,
    indices: Any,
    fill: Any,
    keys: Any,
    places: Any,
    queries: Any,
    line: Any,
    rows: Any,
    counts: Any,
    shares: Any,
    state: Any,
    packed: Any,
) -> None:
    """Answer the queries that tables serve.

    `packed`, if not None, says that keys hold their places.

    `left` gets, for each tile with larger windows, how long those that were served can be.
    """
    table, place = keys[worker], part(places, worker)
    query, count, share = queries[worker], counts[worker], shares[worker]
    run, here = rows[worker], state[worker]
    place_regularly(line[worker], geometry[STRIDE, 2])
    for task in range(worker, left.shape[0], keys.shape[0]):
        batch = enter_tile(task, geometry, here)
        if (
            positions is None
            and (indices is None or packed is not None)
            and all_alike(params, geometry, centered, batch, here)
            and pool_alike(image, order, batch, geometry, here, table, out, indices, packed)
        ):
            continue
        longest = LONGEST
        while True:
            for axis in range(3):
                here[CAPS, axis] = longest
            total = collect(
                params, positions, geometry, centered, batch, here, line[worker], run, query
            )
            row = max(here[HIGH, 2] - here[LOW, 2], 1)
            plane = max(here[HIGH, 1] - here[LOW, 1], 1) * row
            cells = max(max(here[HIGH, 0] - here[LOW, 0], 1) * plane, total)
            if cells <= table.shape[1] and (
                cells <= 2 * total or not are_few(query, total, (longest + 1) // 2)
            ):
                break
            longest //= 2
        base = (here[LOW, 0] - here[REACH, 0]) * plane + (here[LOW, 1] - here[REACH, 1]) * row
        sort_queries(query, total, count, plane, row, base + here[LOW, 2] - here[REACH, 2])
        if count[0, LARGE] > 0:
            left[task] = longest
        served = total - count[0, EMPTY] - count[0, LARGE]
        channels = image.shape[4]
        group = max(1, min(channels, TABLE_BYTES // (cells * table.itemsize)))
        if served > 0:
            size = cells * group * table.itemsize
            choose_levels(count, float(size), float(LOOK_UP * group * served), share)
        for channel in range(0, channels, group):
            some = min(group, channels - channel)
            if served > 0:
                load_tile(table, place, image, order, batch, here, channel, some, packed)
                answer(table, place, here, query, count, share, some)
            empty = query[ORDER, served:total]
            store_tile(
                out, indices, table, place, run, empty, fill, order, total, channels,
                channel, some, geometry, here, packed,
            )  # fmt: skip


@kernel
def search_tiles(
    worker: int,
    image: Any,
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    order: KeyOrder,
    left: Any,
    out: Any,
    indices: Any,
    keys: Any,
    winners: Any,
    shapes: Any,
    offsets: Any,
    stacks: Any,
    states: Any,
) -> None:
    """Answer the queries that :func:`look_up_tiles` has left."""
    for task in range(worker, left.shape[0], stacks.shape[0]):
        if left[task, 0] > 0:
            search_tile(
                image,
                params,
                positions,
                geometry,
                centered,
                order,
                task,
                left[task, 0],
                out,
                indices,
                keys,
                winners,
                shapes,
                offsets,
                stacks[worker],
                states[worker],
            )
