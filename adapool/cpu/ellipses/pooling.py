"""Maxima over ellipses whose sizes are given for each pixel.

As in `adapool.cpu.dynamic`, of which this uses the tables: the maximum over the box around an
ellipse comes with its place, and where that is in the ellipse it is the answer. The others are
looked up row by row (`rows`), and those too large for tables are left to a search (`search`).
"""

from __future__ import annotations

from typing import Any

from adapool._jit import kernel
from adapool.cpu.dynamic.keys import KeyOrder
from adapool.cpu.dynamic.queries import (
    CAPS,
    EMPTY,
    HIGH,
    LARGE,
    LOW,
    ORDER,
    REACH,
    enter_tile,
    sort_queries,
)
from adapool.cpu.dynamic.tables import LOOK_UP, answer, choose_levels
from adapool.cpu.dynamic.tiles import LONGEST, TABLE_BYTES, are_few, part
from adapool.cpu.ellipses.queries import collect
from adapool.cpu.ellipses.search import search_tile
from adapool.cpu.ellipses.settle import settle
from adapool.cpu.ellipses.tiles import load_tile, store_tile


@kernel(calls_kept=True)
def look_up_tiles(
    worker: int,
    image: Any,
    params: Any,
    geometry: Any,
    most: Any,
    turned: bool,
    order: KeyOrder,
    left: Any,
    out: Any,
    indices: Any,
    fill: Any,
    keys: Any,
    places: Any,
    spans: Any,
    span_places: Any,
    queries: Any,
    line: Any,
    ends: Any,
    discs: Any,
    found: Any,
    rows: Any,
    counts: Any,
    shares: Any,
    state: Any,
) -> None:
    """Answer the queries that tables serve.

    `left` gets, for each tile with larger windows, how long those that were served can be.
    """
    ordered = indices is not None
    table, place = keys[worker], part(places, worker)
    span, span_place = spans[worker], part(span_places, worker)
    query, count, share = queries[worker], counts[worker], shares[worker]
    run, here = rows[worker], state[worker]
    for task in range(worker, left.shape[0], keys.shape[0]):
        batch = enter_tile(task, geometry, here)
        longest = LONGEST
        while True:
            for axis in range(3):
                here[CAPS, axis] = longest
            total = collect(params, geometry, most, batch, here, line[worker], run, query)
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
        group = max(1, min(channels, TABLE_BYTES // (cells * keys.itemsize)))
        if served > 0:
            size = cells * group * keys.itemsize
            choose_levels(count, float(size), float(LOOK_UP * group * served), share)
        for channel in range(0, channels, group):
            some = min(group, channels - channel)
            if served > 0:
                load_tile(
                    table, place, span, span_place, image, order, batch, here, channel, some,
                    ordered,
                )  # fmt: skip
                answer(table, place, here, query, count, share, some)
                settle(
                    params, geometry, most, turned, batch, here, query, table, place, span,
                    span_place, ends[worker], discs, found[worker], total, some, ordered,
                )  # fmt: skip
            empty = query[ORDER, served:total]
            store_tile(
                out, indices, table, place, run, empty, fill, order, total, channels,
                channel, some, geometry, here,
            )  # fmt: skip


@kernel
def search_tiles(
    worker: int,
    image: Any,
    params: Any,
    geometry: Any,
    most: Any,
    turned: bool,
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
        if left[task] > 0:
            search_tile(
                image, params, geometry, most, turned, order, task, left[task], out, indices,
                keys, winners, shapes, offsets, stacks[worker], states[worker],
            )  # fmt: skip
