"""A pyramid of block maxima, searched for windows that are too large for tables.

A window is covered by the largest blocks inside it and by smaller ones along its border, and a
block whose maximum cannot win is never entered.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adapool import _formulas
from adapool._jit import device, kernel
from adapool.cpu.dynamic.descent import (
    SHIFT,
    SIDE,
    next_block,
    put_aside,
    starting_level,
    touched_blocks,
    touched_children,
)
from adapool.cpu.dynamic.keys import KeyOrder, from_key, key_order, to_key
from adapool.cpu.dynamic.queries import (
    BEGIN,
    COLUMNS,
    END,
    LIMITS,
    STRIDE,
    VOLUME,
    enter_tile,
    find_row,
)

_to_size = device(_formulas.to_size)
_window_start = device(_formulas.window_start)


class Pyramid:
    """Block maxima of an image, level by level: `levels` are what kernels take."""

    def __init__(self, image: Any, order: KeyOrder, with_winners: bool) -> None:
        shapes = [image.shape[1:4]]
        while max(shapes[-1]) > 1:
            shapes.append(tuple(-(-n // SIDE) for n in shapes[-1]))
        self.shapes = np.array(shapes, np.int64)
        self.room = len(shapes) * SIDE**3  # blocks that may wait to be entered
        # The image is level 0 and not stored again.
        blocks = [0, *map(math.prod, shapes[1:])]
        self.offsets = np.cumsum([0, *blocks[:-1]]).astype(np.int64)
        size, bits = (image.shape[0], sum(blocks), image.shape[4]), image.dtype
        self.keys = np.empty(size, bits)
        self.winners = np.empty(size, np.int64) if with_winners else None
        source = image.reshape(image.shape[0], -1, image.shape[4])
        source_winners: Any = np.empty((0, 0, 0), np.int64)
        for level in range(1, len(shapes)):
            _reduce(
                source,
                source_winners if with_winners else None,
                self.shapes[level - 1],
                self.shapes[level],
                self.offsets[level - 1 : level + 1],
                order,
                self.keys,
                self.winners,
                tasks=len(source) * math.prod(shapes[level][:2]),
                work=len(source) * math.prod(shapes[level - 1]) * source.shape[2],
            )
            # Keys are integers already.
            source, source_winners = self.keys, self.winners
            order = key_order(bits, signed_zeros=True)


@kernel
def _reduce(
    task: int,
    source: Any,
    source_winners: Any,
    source_shape: Any,
    shape: Any,
    offsets: Any,
    order: KeyOrder,
    keys: Any,
    winners: Any,
) -> None:
    """Reduce blocks of (batch, cell, channel) to their maxima, one row of blocks.

    `shapes` and `offsets` are of the level that is reduced and of the one that is written.
    """
    planes, rows, columns = shape[0], shape[1], shape[2]
    depth, height, width = source_shape[0], source_shape[1], source_shape[2]
    rest, y = divmod(task, rows)
    batch, z = divmod(rest, planes)
    for x in range(columns):
        block = (z * rows + y) * columns + x + offsets[1]
        for channel in range(source.shape[2]):
            first = True
            best = keys[batch, block, channel]
            winner = 0
            for k in range(z * SIDE, min((z + 1) * SIDE, depth)):
                for j in range(y * SIDE, min((y + 1) * SIDE, height)):
                    for i in range(x * SIDE, min((x + 1) * SIDE, width)):
                        at = (k * height + j) * width + i
                        cell = at + offsets[0]
                        key = keys.dtype.type(to_key(source[batch, cell, channel], order))
                        if winners is None:
                            best = key if first else max(best, key)
                        else:
                            place = at
                            if source_winners.size > 0:
                                place = source_winners[batch, cell, channel]
                            if first or key > best or (key == best and place < winner):
                                best = key
                                winner = place
                        first = False
            keys[batch, block, channel] = best
            if winners is not None:
                winners[batch, block, channel] = winner


@device
def _search(
    image: Any,
    order: KeyOrder,
    keys: Any,
    winners: Any,
    shapes: Any,
    offsets: Any,
    batch: int,
    channel: int,
    box: Any,
    stack: Any,
) -> Any:
    """Return the largest key in a box that is not empty, and its place (-1 without `winners`).

    Parameters
    ----------
    image : (batch, plane, row, column, channel)
    keys, winners : (batch, block, channel)
        Of a pyramid; `winners` may be None.
    shapes, offsets
        Of the pyramid.
    box : (2, 3)
        First position and end.
    stack : (n, 4)
        Room for blocks (level, plane, row, column) that are still to be entered.
    """
    begin, end = box[0], box[1]
    level = starting_level(box, offsets.size)
    z0, y0, x0, z1, y1, x1 = touched_blocks(box, level)
    depth, height, width = shapes[0, 0], shapes[0, 1], shapes[0, 2]
    # Any value in the box will do as a first bound.
    best = keys.dtype.type(to_key(image[batch, begin[0], begin[1], begin[2], channel], order))
    place = -1 if winners is None else (begin[0] * height + begin[1]) * width + begin[2]
    waiting = 0
    while True:
        shift = SHIFT * level
        for z in range(z0, z1 + 1):
            for y in range(y0, y1 + 1):
                at = (z * shapes[level, 1] + y) * shapes[level, 2] + offsets[level]
                for x in range(x0, x1 + 1):
                    if level == 0:
                        key = keys.dtype.type(to_key(image[batch, z, y, x, channel], order))
                    else:
                        key = keys[batch, at + x, channel]
                    if winners is None:
                        if key <= best:
                            continue
                        other = -1
                    else:
                        other = at + x if level == 0 else winners[batch, at + x, channel]
                        if key < best or (key == best and other >= place):
                            continue
                    inside = (
                        z << shift >= begin[0]
                        and y << shift >= begin[1]
                        and x << shift >= begin[2]
                        and min((z + 1) << shift, depth) <= end[0]
                        and min((y + 1) << shift, height) <= end[1]
                        and min((x + 1) << shift, width) <= end[2]
                    )
                    if inside:
                        best = key
                        place = other
                    else:
                        waiting = put_aside(stack, waiting, level, z, y, x)
        waiting = next_block(
            keys, winners, shapes, offsets, batch, channel, best, place, stack, waiting
        )
        if waiting < 0:
            return best, place
        level = stack[waiting, 0] - 1
        z0, y0, x0, z1, y1, x1 = touched_children(box, stack[waiting])


@device
def search_tile(
    image: Any,
    params: Any,
    positions: Any,
    geometry: Any,
    centered: bool,
    order: KeyOrder,
    task: int,
    served: int,
    out: Any,
    indices: Any,
    keys: Any,
    winners: Any,
    shapes: Any,
    offsets: Any,
    stack: Any,
    scratch: Any,
) -> None:
    """Search for the maxima of one tile's windows longer than `served`."""
    state, box, site = scratch[:6], scratch[6:8], scratch[8]
    channels = image.shape[4]
    batch = enter_tile(task, geometry, state)
    stride_z, stride_y = geometry[STRIDE, 0], geometry[STRIDE, 1]
    for z in range(state[BEGIN, 0] + -state[BEGIN, 0] % stride_z, state[END, 0], stride_z):
        for y in range(state[BEGIN, 1] + -state[BEGIN, 1] % stride_y, state[END, 1], stride_y):
            n, slot, row, step = find_row(params, positions, geometry, state, batch, z, y)
            for i in range(n):
                site[0], site[1] = z, y
                site[2] = state[BEGIN, 2] + -state[BEGIN, 2] % step + i * step
                if positions is not None:
                    site[2] = positions[slot + i, geometry[COLUMNS, 2]]
                empty = large = False
                for axis in range(3):
                    size = 1
                    if geometry[COLUMNS, axis] >= 0:
                        value = params[row + i * step, geometry[COLUMNS, axis]]
                        size = _to_size(value, geometry[LIMITS, axis])
                    first = _window_start(site[axis], size, centered)
                    box[0, axis] = max(first, 0)
                    box[1, axis] = min(first + size, geometry[VOLUME, axis])
                    empty |= size < 1
                    large |= box[1, axis] - box[0, axis] > served
                if large and not empty:
                    for c in range(channels):
                        key, place = _search(
                            image, order, keys, winners, shapes, offsets, batch, c, box, stack
                        )
                        target = (slot + i) * channels + c
                        out[target] = from_key(key, order)
                        if indices is not None:
                            indices[target] = place
