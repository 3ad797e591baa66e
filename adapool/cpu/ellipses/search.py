"""Ellipses that are too large for tables: searched in a pyramid of block maxima.

As `adapool.cpu.dynamic.pyramid` searches boxes. A block is in an ellipse if its corners are; where
it certainly is not, or its maximum cannot win, it is never entered.
"""

from __future__ import annotations

from typing import Any

from adapool._jit import device
from adapool.cpu.dynamic.descent import (
    SHIFT,
    next_block,
    put_aside,
    starting_level,
    touched_blocks,
    touched_children,
)
from adapool.cpu.dynamic.keys import KeyOrder, from_key, to_key
from adapool.cpu.dynamic.queries import BEGIN, COLUMNS, END, STRIDE, VOLUME, enter_tile, find_row
from adapool.cpu.ellipses.formulas import covers, share, sheared, size_of
from adapool.cpu.ellipses.queries import WIDEST

# How far from the border blocks are told to be inside or outside: beyond any error of rounding.
_MARGIN = 1e-9

# What is known of a block.
_OUTSIDE, _PARTLY, _INSIDE = range(3)


@device
def _extremes(low: int, high: int) -> Any:
    """Return the smallest and the largest distance from 0 in an interval of integers."""
    near = low if low > 0 else -high if high < 0 else 0
    return near, max(-low, high)


@device
def _relation(block: Any, centre: Any, axes: Any) -> int:
    """Tell whether a block, first and last positions, is in an ellipse."""
    depth, height, width, shear = axes
    near_z, far_z = _extremes(block[0] - centre[0], block[1] - centre[0])
    low_y, high_y = block[2] - centre[1], block[3] - centre[1]
    low_x, high_x = block[4] - centre[2], block[5] - centre[2]
    near_y, _ = _extremes(low_y, high_y)
    # The shear moves the rows of the block; the corners of what comes out are at these.
    one, two = sheared(low_x, low_y, shear), sheared(low_x, high_y, shear)
    three, four = sheared(high_x, low_y, shear), sheared(high_x, high_y, shear)
    left, right = min(one, two), max(three, four)
    near_x = left if left > 0 else -right if right < 0 else 0.0
    nearest = share(near_z, depth) + share(near_y, height) + share(near_x, width)
    if nearest > 1 + _MARGIN:
        return _OUTSIDE
    upper = share(far_z, depth) + share(low_y, height)
    lower = share(far_z, depth) + share(high_y, height)
    above = max(abs(one), abs(three))
    below = max(abs(two), abs(four))
    farthest = max(upper + share(above, width), lower + share(below, width))
    return _INSIDE if farthest < 1 - _MARGIN else _PARTLY


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
    centre: Any,
    axes: Any,
    box: Any,
    stack: Any,
) -> Any:
    """Return the largest key in an ellipse, and its place (-1 without `winners`).

    Parameters
    ----------
    image : (batch, plane, row, column, channel)
    keys, winners : (batch, block, channel)
        Of a pyramid; `winners` may be None.
    shapes, offsets
        Of the pyramid.
    centre : triple
    axes : tuple
        Depth, height, width and shear.
    box : (2, 3)
        First position and end of the box around the ellipse.
    stack : (n, 4)
        Room for blocks (level, plane, row, column) that are still to be entered.
    """
    level = starting_level(box, offsets.size)
    z0, y0, x0, z1, y1, x1 = touched_blocks(box, level)
    depth, height, width = shapes[0, 0], shapes[0, 1], shapes[0, 2]
    # The centre is in the ellipse.
    best = keys.dtype.type(to_key(image[batch, centre[0], centre[1], centre[2], channel], order))
    place = -1 if winners is None else (centre[0] * height + centre[1]) * width + centre[2]
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
                    if level == 0:
                        inside = covers(
                            z - centre[0], y - centre[1], x - centre[2],
                            axes[0], axes[1], axes[2], axes[3],
                        )  # fmt: skip
                        relation = _INSIDE if inside else _OUTSIDE
                    else:
                        last_z = min((z + 1) << shift, depth) - 1
                        last_y = min((y + 1) << shift, height) - 1
                        last_x = min((x + 1) << shift, width) - 1
                        block = (
                            z << shift, last_z, y << shift, last_y, x << shift, last_x,
                        )  # fmt: skip
                        relation = _relation(block, centre, axes)
                    if relation == _INSIDE:
                        best = key
                        place = other
                    elif relation == _PARTLY:
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
    geometry: Any,
    most: Any,
    turned: bool,
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
    """Search for the maxima of one tile's ellipses that no table served."""
    state, box = scratch[:6], scratch[6:8]
    channels = image.shape[4]
    batch = enter_tile(task, geometry, state)
    stride_z, stride_y = geometry[STRIDE, 0], geometry[STRIDE, 1]
    of_width = 1 if turned else geometry[COLUMNS, 2]
    for z in range(state[BEGIN, 0] + -state[BEGIN, 0] % stride_z, state[END, 0], stride_z):
        for y in range(state[BEGIN, 1] + -state[BEGIN, 1] % stride_y, state[END, 1], stride_y):
            n, slot, row, step = find_row(params, None, geometry, state, batch, z, y)
            for i in range(n):
                x = state[BEGIN, 2] + -state[BEGIN, 2] % step + i * step
                at = row + i * step
                centre = (z, y, x)
                empty = large = False
                for axis in range(3):
                    here = z if axis == 0 else y if axis == 1 else x
                    size = size_of(params, at, geometry[COLUMNS, axis], most[axis])
                    empty |= not size > 0
                    large |= size >= 2 * (WIDEST // 2 + 1)
                    half = int(min(0.5 * size, float(geometry[VOLUME, axis])))
                    box[0, axis] = max(here - half, 0)
                    box[1, axis] = min(here + half + 1, geometry[VOLUME, axis])
                    large |= box[1, axis] - box[0, axis] > served
                if not large or empty:
                    continue
                axes = (
                    size_of(params, at, geometry[COLUMNS, 0], most[0]),
                    size_of(params, at, geometry[COLUMNS, 1], most[1]),
                    size_of(params, at, of_width, most[2]),
                    float(params[at, 2]) if turned else 0.0,
                )
                for c in range(channels):
                    key, place = _search(
                        image, order, keys, winners, shapes, offsets, batch, c, centre, axes,
                        box, stack,
                    )  # fmt: skip
                    target = (slot + i) * channels + c
                    out[target] = from_key(key, order)
                    if indices is not None:
                        indices[target] = place
